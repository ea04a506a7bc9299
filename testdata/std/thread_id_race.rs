//! Two threads tell themselves apart by id and name, which orders nothing.
use std::thread;
use std::thread::ThreadId;

static mut OWNER: Option<ThreadId> = None;

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let owner = unsafe { OWNER }; // race: read
            assert_ne!(owner, Some(thread::current().id()));
        });
        let me = thread::current().id();
        unsafe { OWNER = Some(me) }; // race: write
        step::reach(1);
    });
}
