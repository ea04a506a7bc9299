//! A worker looks at a cancelled flag with acquire, and takes the reason that was set before it.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

struct Context {
    cancelled: AtomicBool,
}

const LOOK: Ordering = Ordering::Acquire;
static mut REASON: &str = "";

impl Context {
    fn cancel(&self, reason: &'static str) {
        unsafe { REASON = reason };
        self.cancelled.store(true, Ordering::Release);
    }

    fn wait(&self) -> &'static str {
        while !self.cancelled.load(LOOK) {
            thread::yield_now();
        }
        unsafe { REASON }
    }
}

fn main() {
    for _ in 0..60 {
        let context = Context { cancelled: AtomicBool::new(false) };
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| assert_eq!(context.wait(), "timeout"));
            }
            context.cancel("timeout");
        });
    }
}
