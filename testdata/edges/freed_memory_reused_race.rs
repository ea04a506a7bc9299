//! A stale pointer writes into a block that was freed and given out again; both writes are to the new block.
use std::hint::black_box;
use std::thread;

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
    let first = Box::<[u64; 5]>::new_uninit();
    let stale = first.as_ptr() as usize;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            unsafe { (stale as *mut u64).write(2) }; // race: write
            step::reach(2);
        });
        drop(black_box(first));
        let mut others = Vec::with_capacity(1000);
        let mut second = Box::<[u64; 5]>::new_uninit();
        while black_box(second.as_mut_ptr()) as usize != stale && others.len() < 1000 {
            others.push(second);
            second = Box::new_uninit();
        }
        unsafe { second.as_mut_ptr().cast::<u64>().write(1) }; // race: write
        step::reach(1);
        step::wait(2);
        std::mem::forget(second);
    });
}
