//! A worker looks at a cancelled flag, relaxed, and takes the reason that was set with it.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

struct Context {
    cancelled: AtomicBool,
}

const LOOK: Ordering = Ordering::Relaxed;
static mut REASON: &str = "";

impl Context {
    fn cancel(&self, reason: &'static str) {
        unsafe { REASON = reason }; // race: write
        self.cancelled.store(true, Ordering::Release);
    }

    fn wait(&self) -> &'static str {
        while !self.cancelled.load(LOOK) {
            thread::yield_now();
        }
        unsafe { REASON } // race: read
    }
}

fn main() {
    let context = Context { cancelled: AtomicBool::new(false) };
    thread::scope(|s| {
        s.spawn(|| assert_eq!(context.wait(), "timeout"));
        context.cancel("timeout");
    });
}
