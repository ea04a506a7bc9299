//! The stacks of accesses behind a caught panic hold the frames that are there, and none of those that were unwound.
//@ needs: unwinding
use std::hint::black_box;
use std::panic;
use std::thread;

static mut DATA: u64 = 0;

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

#[inline(never)]
fn sink(depth: u32) -> u32 {
    if depth == 0 {
        panic::panic_any(7u32);
    }
    black_box(sink(black_box(depth - 1))) + 1
}

fn main() {
    panic::set_hook(Box::new(|_| ()));
    thread::scope(|s| {
        s.spawn(|| {
            assert!(panic::catch_unwind(|| sink(20)).is_err());
            step::wait(1);
            unsafe { DATA = 2 }; // race: write
        });
        assert!(panic::catch_unwind(|| sink(10)).is_err());
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { DATA }, 2);
}
