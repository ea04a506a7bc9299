//! Threads panic while they hold the lock; the poisoned lock still orders their writes before the next holder's.
//@ needs: unwinding
use std::panic;
use std::sync::{Mutex, PoisonError};
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut VALUE: u64 = 0;

fn main() {
    panic::set_hook(Box::new(|_| ()));
    thread::scope(|s| {
        let panicking: Vec<_> = (0..4)
            .map(|_| {
                s.spawn(|| {
                    for _ in 0..50 {
                        let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
                        unsafe { VALUE += 1 };
                    }
                    let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
                    unsafe { VALUE += 1 };
                    panic!("poisons the lock");
                })
            })
            .collect();
        for thread in panicking {
            assert!(thread.join().is_err());
        }
    });
    assert!(LOCK.is_poisoned());
    LOCK.clear_poison();
    let _guard = LOCK.lock().unwrap();
    assert_eq!(unsafe { VALUE }, 204);
}
