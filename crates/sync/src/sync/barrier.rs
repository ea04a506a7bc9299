use std::fmt;
use std::panic::Location;
use std::sync::Mutex;

use racecheck_engine::Channel;

use crate::channel::waiting;
use crate::rt::{Object, lock, parking};

/// Mirror of [`std::sync::Barrier`]: what each thread did before it is ordered before what all do after it.
///
/// ```
/// use racecheck::sync::Barrier;
/// use racecheck::thread;
///
/// let barrier = Barrier::new(2);
/// thread::scope(|s| {
///     s.spawn(|| barrier.wait());
///     barrier.wait();
/// });
/// ```
pub struct Barrier {
    object: Object,
    state: Mutex<State>,
    threads: usize,
}

struct State {
    arrived: usize,
    round: u64,
}

/// Mirror of [`std::sync::BarrierWaitResult`].
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// As [`std::sync::BarrierWaitResult::is_leader`].
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// As [`std::sync::Barrier::new`].
    pub const fn new(n: usize) -> Self {
        Barrier { object: Object::new(), state: Mutex::new(State { arrived: 0, round: 0 }), threads: n }
    }

    /// As [`std::sync::Barrier::wait`].
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let key = std::ptr::from_ref(self) as usize;
        let (round, leader) = {
            let mut state = lock(&self.state);
            let round = state.round;
            self.object.release_to(Channel::round(round));
            state.arrived += 1;
            let leader = state.arrived >= self.threads;
            if leader {
                state.arrived = 0;
                state.round += 1;
            }
            (round, leader)
        };
        if leader {
            parking::wake_all(key);
        } else {
            let wait = waiting("Barrier wait", Location::caller());
            parking::wait_for(&[key], wait, || (lock(&self.state).round != round).then_some(()));
        }
        self.object.acquire_from(Channel::round(round));
        BarrierWaitResult(leader)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult").field("is_leader", &self.0).finish()
    }
}
