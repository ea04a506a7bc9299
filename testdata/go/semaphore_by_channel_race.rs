//! A channel with two places as a semaphore lets two threads in at once; that is one too many for a write.
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

struct Semaphore {
    enter: SyncSender<()>,
    leave: Receiver<()>,
}

// SAFETY: only a thread that has sent receives; there is then a message for each of them.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    fn new(places: usize) -> Self {
        let (enter, leave) = sync_channel(places);
        Semaphore { enter, leave }
    }

    fn enter(&self) {
        self.enter.send(()).unwrap();
    }

    fn leave(&self) {
        self.leave.recv().unwrap();
    }
}

static mut INSIDE: u64 = 0;

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
    let semaphore = Semaphore::new(2);
    let semaphore = &semaphore;
    thread::scope(|s| {
        s.spawn(move || {
            semaphore.enter();
            step::reach(1);
            step::wait(2);
            unsafe { INSIDE = 2 }; // race: write
            step::reach(3);
            semaphore.leave();
        });
        step::wait(1);
        semaphore.enter();
        unsafe { INSIDE = 1 }; // race: write
        step::reach(2);
        step::wait(3);
        semaphore.leave();
    });
    assert_eq!(unsafe { INSIDE }, 2);
}
