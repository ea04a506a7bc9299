//! A thread panics and its payload is read before it is joined, through a pointer it gave away.
//@ needs: unwinding
use std::panic;
use std::thread;

static mut REASON: u64 = 0;

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

struct WriteOnUnwind;

impl Drop for WriteOnUnwind {
    fn drop(&mut self) {
        assert!(thread::panicking());
        unsafe { REASON = 3 }; // race: write
        step::reach(1);
        step::wait(2);
    }
}

fn main() {
    panic::set_hook(Box::new(|_| ()));
    let child = thread::spawn(|| {
        let _unwind = WriteOnUnwind;
        panic::panic_any(3u64);
    });
    step::wait(1);
    let reason = unsafe { REASON }; // race: read
    step::reach(2);
    let payload = child.join().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&reason));
}
