//! A table is replaced by a changed copy, which is never changed after it was published.
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

fn main() {
    let mut tables = vec![publish(vec![0; 3])];
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let mut last = 0;
                while last < 100 {
                    let table = unsafe { &*CURRENT.load(Ordering::Acquire) };
                    assert!(table.iter().all(|n| *n == table[0]) && table[0] >= last);
                    last = table[0];
                    thread::yield_now();
                }
            });
        }
        for n in 1..=100 {
            tables.push(publish(vec![n; 3]));
        }
    });
    for table in tables {
        drop(unsafe { Box::from_raw(table) });
    }
}
