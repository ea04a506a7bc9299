//! A state machine whose variants change under a lock.
use std::thread;

#[derive(Clone, Copy, PartialEq, Debug)]
enum State {
    Idle,
    Busy { job: u32 },
    Done(u8),
}
use std::sync::Mutex;

static STATE: Mutex<State> = Mutex::new(State::Idle);

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..150 {
                    let mut state = STATE.lock().unwrap();
                    *state = match *state {
                        State::Idle => State::Busy { job: 1 },
                        State::Busy { job } => State::Done(job as u8),
                        State::Done(code) => {
                            assert_eq!(code, 1);
                            State::Idle
                        }
                    };
                }
            });
        }
    });
    assert_eq!(*STATE.lock().unwrap(), State::Idle);
}
