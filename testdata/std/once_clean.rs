//! All threads go through `call_once`, one of them does the work.
use std::sync::Once;
use std::thread;

static INIT: Once = Once::new();
static mut CONFIG: u64 = 0;

fn main() {
    thread::scope(|s| {
        for i in 0..8 {
            s.spawn(move || {
                for _ in 0..50 {
                    INIT.call_once(|| unsafe { CONFIG = 40 + i });
                    assert!(unsafe { CONFIG } >= 40);
                }
                assert!(INIT.is_completed());
            });
        }
    });
}
