//! `try_read` and `try_write` in a spin, used only when they succeed.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut STATE: u32 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                let mut done = 0;
                while done < 150 {
                    if let Ok(_guard) = LOCK.try_write() {
                        unsafe { STATE += 1 };
                        done += 1;
                    }
                    thread::yield_now();
                }
            });
            s.spawn(|| {
                let mut seen = 0;
                while seen < 300 {
                    if let Ok(_guard) = LOCK.try_read() {
                        seen = unsafe { STATE };
                    }
                    thread::yield_now();
                }
            });
        }
    });
    assert_eq!(unsafe { STATE }, 300);
}
