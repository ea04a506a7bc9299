//! Threads spin with `try_lock` until they hold the lock.
use std::sync::Mutex;
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut TOTAL: u64 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let mut done = 0;
                while done < 200 {
                    let Ok(_guard) = LOCK.try_lock() else {
                        thread::yield_now();
                        continue;
                    };
                    unsafe { TOTAL += 1 };
                    done += 1;
                }
            });
        }
    });
    assert_eq!(unsafe { TOTAL }, 600);
}
