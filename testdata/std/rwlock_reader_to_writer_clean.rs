//! The writer is ordered after every reader's unlock.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut CONFIG: [u64; 4] = [0; 4];

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..200 {
                    let _guard = LOCK.read().unwrap();
                    let config = unsafe { CONFIG };
                    assert!(config.iter().all(|n| *n == config[0]));
                }
            });
        }
        for n in 1..=100 {
            let _guard = LOCK.write().unwrap();
            unsafe { CONFIG = [n; 4] };
        }
    });
    assert_eq!(unsafe { CONFIG }, [100; 4]);
}
