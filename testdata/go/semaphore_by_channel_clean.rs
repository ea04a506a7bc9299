//! A channel with one place as a lock: to send is to enter, to receive is to leave.
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

fn main() {
    let semaphore = Semaphore::new(1);
    let semaphore = &semaphore;
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(move || {
                for _ in 0..150 {
                    semaphore.enter();
                    unsafe { INSIDE += 1 };
                    semaphore.leave();
                }
            });
        }
    });
    assert_eq!(unsafe { INSIDE }, 450);
}
