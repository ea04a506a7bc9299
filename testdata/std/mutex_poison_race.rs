//! A panicking thread writes once more while it unwinds, after its guard is gone; the lock, poisoned or not, orders only what came before.
//@ needs: unwinding
use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut VALUE: u64 = 0;

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

struct WriteOnDrop;

impl Drop for WriteOnDrop {
    fn drop(&mut self) {
        unsafe { VALUE = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    }
}

fn main() {
    panic::set_hook(Box::new(|_| ()));
    thread::scope(|s| {
        let panics = s.spawn(|| {
            let _late = WriteOnDrop;
            let _guard = LOCK.lock().unwrap();
            panic!("poisons the lock");
        });
        step::wait(1);
        let guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        let value = unsafe { VALUE }; // race: read
        assert_eq!(value, 1);
        step::reach(2);
        drop(guard);
        assert!(panics.join().is_err());
    });
}
