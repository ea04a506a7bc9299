//! A writer downgrades its guard: readers that come in with it see all it wrote.
use std::sync::{RwLock, RwLockWriteGuard};
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut VERSION: u64 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..150 {
                    let writer = LOCK.write().unwrap();
                    let mine = unsafe {
                        VERSION += 1;
                        VERSION
                    };
                    let _reader = RwLockWriteGuard::downgrade(writer);
                    assert_eq!(unsafe { VERSION }, mine);
                }
            });
            s.spawn(|| {
                let mut last = 0;
                for _ in 0..150 {
                    let _reader = LOCK.read().unwrap();
                    let now = unsafe { VERSION };
                    assert!(now >= last);
                    last = now;
                }
            });
        }
    });
    assert_eq!(unsafe { VERSION }, 300);
}
