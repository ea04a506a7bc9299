//! Readers look under the read lock, and write under the write lock.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut HITS: u64 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..150 {
                    let reader = LOCK.read().unwrap();
                    let seen = unsafe { HITS };
                    drop(reader);
                    let _writer = LOCK.write().unwrap();
                    unsafe {
                        assert!(HITS >= seen);
                        HITS += 1;
                    }
                }
            });
        }
    });
    assert_eq!(unsafe { HITS }, 600);
}
