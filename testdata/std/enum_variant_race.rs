//! A state machine changes its variant while another thread matches on it.
use std::thread;

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Idle,
    Busy { job: u32 },
    Done(u8),
}

static mut STATE: State = State::Idle;

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
            let busy = unsafe { matches!(STATE, State::Busy { .. }) }; // race: read
            assert!(busy);
        });
        unsafe { STATE = State::Busy { job: 4 } }; // race: write
        step::reach(1);
    });
    assert_ne!(unsafe { STATE }, State::Done(1));
    match unsafe { STATE } {
        State::Busy { job } => assert_eq!(job, 4),
        State::Done(code) => unreachable!("{code}"),
        State::Idle => unreachable!(),
    }
}
