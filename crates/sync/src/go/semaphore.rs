use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::sync::Mutex;
use std::time::Duration;

use super::{Chan, Context, ContextError, select};
use crate::rt::misuse::{self, Kind, Misuse};
use crate::rt::{Object, lock};

/// Go's `semaphore.Weighted`: so much of something, of which each holder has a part. Those that wait get their
/// turn in the order in which they came.
///
/// A release is ordered before the acquires that it makes possible, and before later ones.
///
/// ```
/// use racecheck::go::Weighted;
///
/// let sem = Weighted::new(3);
/// sem.acquire(2);
/// assert!(!sem.try_acquire(2));
/// sem.release(2);
/// assert!(sem.try_acquire(3));
/// ```
pub struct Weighted {
    size: u64,
    state: Mutex<State>,
    object: Object,
}

#[derive(Default)]
struct State {
    held: u64,
    waiters: VecDeque<(u64, Chan<()>)>,
}

impl Weighted {
    /// A semaphore of this size.
    pub const fn new(size: u64) -> Self {
        let state = State { held: 0, waiters: VecDeque::new() };
        Weighted { size, state: Mutex::new(state), object: Object::new() }
    }

    /// Waits for `n`. More than there is at all is waited for without end.
    #[track_caller]
    pub fn acquire(&self, n: u64) {
        // The background is never done, so that there is no error.
        let _ = self.acquire_within(&Context::background(), n);
    }

    /// Waits for `n`, or until the context is done.
    #[track_caller]
    pub fn acquire_within(&self, ctx: &Context, n: u64) -> Result<(), ContextError> {
        let turn = {
            let mut state = lock(&self.state);
            if state.waiters.is_empty() && n <= self.size.saturating_sub(state.held) {
                state.held += n;
                drop(state);
                self.object.acquire();
                return Ok(());
            }
            if n > self.size {
                // It can never get its turn, and does not keep others from theirs.
                Chan::make(1)
            } else {
                let turn = Chan::make(1);
                state.waiters.push_back((n, turn.clone()));
                turn
            }
        };
        let done = ctx.done();
        let got = select! {
            recv(turn) -> _ => true,
            recv(done) -> _ => false,
        };
        if !got && !self.leave(&turn) {
            return Err(ctx.err().unwrap_or(ContextError::Canceled));
        }
        self.object.acquire();
        Ok(())
    }

    /// Gives up waiting. True if the turn came at the last moment.
    fn leave(&self, turn: &Chan<()>) -> bool {
        let mut state = lock(&self.state);
        if turn.is_closed() {
            return true;
        }
        state.waiters.retain(|(_, other)| other != turn);
        let next = Self::next_turns(self.size, &mut state);
        drop(state);
        next.iter().for_each(Chan::close_once);
        false
    }

    /// Takes `n` if they are there and nobody waits.
    pub fn try_acquire(&self, n: u64) -> bool {
        let mut state = lock(&self.state);
        let free = state.waiters.is_empty() && n <= self.size.saturating_sub(state.held);
        if free {
            state.held += n;
            drop(state);
            self.object.acquire();
        }
        free
    }

    /// Gives `n` back.
    ///
    /// # Panics
    /// If that is more than is held.
    #[track_caller]
    pub fn release(&self, n: u64) {
        self.object.release();
        let mut state = lock(&self.state);
        let Some(held) = state.held.checked_sub(n) else {
            drop(state);
            misuse::fail(
                Misuse::new(Kind::SemaphoreOverRelease, "semaphore: released more than held")
                    .here("It is released", Location::caller()),
            );
        };
        state.held = held;
        let next = Self::next_turns(self.size, &mut state);
        drop(state);
        next.iter().for_each(Chan::close_once);
    }

    fn next_turns(size: u64, state: &mut State) -> Vec<Chan<()>> {
        let mut next = Vec::new();
        while let Some((n, _)) = state.waiters.front()
            && *n <= size.saturating_sub(state.held)
        {
            if let Some((n, turn)) = state.waiters.pop_front() {
                state.held += n;
                next.push(turn);
            }
        }
        next
    }

    /// As [`Weighted::acquire`], for a limited time. True if it got them.
    #[track_caller]
    pub fn acquire_timeout(&self, n: u64, timeout: Duration) -> bool {
        let (ctx, _cancel) = Context::background().with_timeout(timeout);
        self.acquire_within(&ctx, n).is_ok()
    }
}

impl fmt::Debug for Weighted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = lock(&self.state).held;
        f.debug_struct("Weighted").field("size", &self.size).field("held", &held).finish_non_exhaustive()
    }
}
