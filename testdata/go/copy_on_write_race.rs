//! A table is replaced by a changed copy; the writer goes on to change the copy after it has published it.
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

type Table = Vec<u64>;
static CURRENT: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());

fn publish(table: Table) -> *mut Table {
    let table = Box::into_raw(Box::new(table));
    CURRENT.store(table, Ordering::Release);
    table
}

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    let table = publish(vec![1, 2, 3]);
    thread::scope(|s| {
        s.spawn(|| {
            let table = unsafe { &*CURRENT.load(Ordering::Acquire) };
            step::wait(1);
            assert_eq!(table[2], 4); // race: read
        });
        let third = unsafe { (*table).as_mut_ptr().add(2) };
        unsafe { third.write(4) }; // race: write
        step::reach(1);
    });
    drop(unsafe { Box::from_raw(table) });
}
