//! Two writers and two readers under one RwLock; both halves always agree.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut PAIR: (u64, u64) = (0, 0);

fn main() {
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..200 {
                    let _guard = LOCK.write().unwrap();
                    unsafe {
                        PAIR.0 += 1;
                        PAIR.1 += 1;
                    }
                }
            });
            s.spawn(|| {
                for _ in 0..200 {
                    let _guard = LOCK.read().unwrap();
                    let (left, right) = unsafe { PAIR };
                    assert_eq!(left, right);
                }
            });
        }
    });
    assert_eq!(unsafe { PAIR }, (400, 400));
}
