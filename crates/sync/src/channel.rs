//! The channel behind Go's `chan` and the mirror of `std::sync::mpsc`.
//!
//! A channel with room for values is a queue; whoever can't go on waits at the channel's key and tries
//! again. A channel without room hands a value from one thread to the other: the one who comes first *posts*
//! a waiter, the other *answers* it. Posting and answering are done under one lock for all such channels,
//! so that a `select` that posted at several of them is answered at most once: its [`Claim`] is taken.
//!
//! # Edges
//! As on the page of Go's memory model, and no others:
//! - a send is ordered before the receive of its value: each value carries a sync object;
//! - the k-th receive of a channel with room for C is ordered before the end of the (k+C)-th send: place k mod C
//!   has a sync object, to which receivers release and from which senders acquire;
//! - on a channel without room the receive is ordered before the end of the send: the answer is acquired;
//! - a close is ordered before a receive that returns because of it.
//!
//! # Invariants
//! - The lock of all hand-overs comes before a channel's lock. No user code runs under either.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::rt::parking::{self, On, Waiting};
use crate::rt::place::Place;
use crate::rt::{Locked, Object, Quiet, lock};

/// Held while a hand-over is posted or answered.
static HAND_OVER: Mutex<()> = Mutex::new(());

/// What a select stands with at all its channels: taken by the first that answers, or by itself.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    /// 0, or the number of the chosen case plus one.
    chosen: AtomicUsize,
    /// The other side is gone for good.
    closed: AtomicUsize,
    /// What the poster released.
    posted: ObjectOnce,
    /// What the answerer released.
    answered: ObjectOnce,
}

/// An object that is made with `Default`.
#[derive(Debug)]
struct ObjectOnce(Object);

impl Default for ObjectOnce {
    fn default() -> Self {
        ObjectOnce(Object::new())
    }
}

impl Claim {
    fn take(&self, case: usize) -> bool {
        self.chosen.compare_exchange(0, case + 1, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn chosen(&self) -> Option<usize> {
        self.chosen.load(Ordering::Acquire).checked_sub(1)
    }

    fn key(self: &Arc<Self>) -> usize {
        Arc::as_ptr(self) as usize
    }
}

/// Somebody who waits at a channel without room.
#[derive(Debug)]
struct Posted<T> {
    claim: Arc<Claim>,
    case: usize,
    value: Arc<Mutex<Option<T>>>,
}

#[derive(Debug)]
struct Item<T> {
    value: T,
    sent: Object,
}

/// What a channel does on its own at a time.
#[derive(Debug)]
pub(crate) enum Alarm<T> {
    Send(T),
    Close,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<Item<T>>,
    sent: usize,
    received: usize,
    closed: Option<Place>,
    /// The mirror's receiver was dropped: values go back to their senders.
    abandoned: bool,
    senders: VecDeque<Posted<T>>,
    receivers: VecDeque<Posted<T>>,
    alarm: Option<(Instant, Alarm<T>)>,
}

/// A channel.
#[derive(Debug)]
pub(crate) struct Core<T> {
    state: Mutex<State<T>>,
    capacity: usize,
    /// What the receive of each place released; none if there is no bound.
    places: Box<[Object]>,
    close: Object,
}

/// A room without a bound.
pub(crate) const UNBOUNDED: usize = usize::MAX;

impl<T> Core<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let places = if capacity == UNBOUNDED { 0 } else { capacity };
        Core {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                sent: 0,
                received: 0,
                closed: None,
                abandoned: false,
                senders: VecDeque::new(),
                receivers: VecDeque::new(),
                alarm: None,
            }),
            capacity,
            places: (0..places).map(|_| Object::new()).collect(),
            close: Object::new(),
        }
    }

    pub(crate) fn with_alarm(at: Instant, alarm: Alarm<T>) -> Self {
        let core = Core::new(1);
        lock(&core.state).alarm = Some((at, alarm));
        core
    }

    pub(crate) fn len(&self) -> usize {
        self.state().queue.len()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Where it was closed.
    pub(crate) fn closed(&self) -> Option<Place> {
        self.state().closed
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self).cast::<u8>() as usize
    }

    /// The state, with an alarm that is due carried out.
    fn state(&self) -> Locked<'_, State<T>> {
        let mut state = lock(&self.state);
        if let Some((at, _)) = state.alarm
            && at <= Instant::now()
        {
            match state.alarm.take() {
                Some((_, Alarm::Send(value))) => {
                    state.sent += 1;
                    state.queue.push_back(Item { value, sent: Object::new() });
                }
                Some((_, Alarm::Close)) => {
                    state.closed.get_or_insert(std::panic::Location::caller());
                }
                None => {}
            }
        }
        state
    }

    fn alarm_at(&self) -> Option<Instant> {
        lock(&self.state).alarm.as_ref().map(|(at, _)| *at)
    }

    /// Closes it. `Err` with the place of the first close if it was closed.
    pub(crate) fn close(&self, place: Place) -> Result<(), Place> {
        let _quiet = Quiet::begin();
        let hand_over = lock(&HAND_OVER);
        let mut state = self.state();
        if let Some(first) = state.closed {
            return Err(first);
        }
        self.close.release();
        state.closed = Some(place);
        let waiters = state.receivers.drain(..).map(|p| (p.claim, p.case)).collect::<Vec<_>>();
        let senders = state.senders.drain(..).map(|p| (p.claim, p.case)).collect::<Vec<_>>();
        drop(state);
        end_all(waiters.into_iter().chain(senders));
        drop(hand_over);
        parking::wake_all(self.key());
        Ok(())
    }

    /// Nobody will receive any more: values that are there or come are given back or dropped.
    pub(crate) fn abandon(&self) {
        let hand_over = lock(&HAND_OVER);
        let mut state = self.state();
        state.abandoned = true;
        let queue = std::mem::take(&mut state.queue);
        let senders = state.senders.drain(..).map(|p| (p.claim, p.case)).collect::<Vec<_>>();
        drop(state);
        end_all(senders.into_iter());
        drop(hand_over);
        parking::wake_all(self.key());
        drop(queue);
    }
}

fn end_all(waiters: impl Iterator<Item = (Arc<Claim>, usize)>) {
    for (claim, case) in waiters {
        claim.closed.store(1, Ordering::Release);
        if claim.take(case) {
            parking::wake_all(claim.key());
        }
    }
}

/// How an attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Done,
    NotNow,
    /// Somebody else answered at another channel.
    Taken,
}

/// One way in which a select can go on.
pub(crate) trait Case {
    /// Tries to go on at once. `claim` is given if the select is posted elsewhere.
    fn attempt(&mut self, claim: Option<(&Claim, usize)>) -> Attempt;
    /// Posts at a channel without room.
    fn post(&mut self, claim: &Arc<Claim>, case: usize);
    fn withdraw(&mut self, claim: &Arc<Claim>);
    /// Somebody answered this case.
    fn answered(&mut self, claim: &Arc<Claim>);
    /// Where to wait for a change, for a channel with room.
    fn key(&self) -> Option<usize>;
    fn alarm_at(&self) -> Option<Instant>;
    fn hands_over(&self) -> bool;
    fn wake_others(&self);
}

/// A send, before or after it was done.
#[derive(Debug)]
pub(crate) struct Send<'a, T> {
    core: Option<&'a Core<T>>,
    value: Arc<Mutex<Option<T>>>,
    /// The value was not taken: nobody will ever receive it.
    pub refused: bool,
}

impl<'a, T> Send<'a, T> {
    pub(crate) fn new(core: Option<&'a Core<T>>, value: T) -> Self {
        Send { core, value: Arc::new(Mutex::new(Some(value))), refused: false }
    }

    /// The value, if it was not sent.
    pub(crate) fn value(&self) -> Option<T> {
        lock(&self.value).take()
    }

    fn take_value(&self) -> T {
        self.value().expect("a send has its value until it is done")
    }
}

impl<T> Case for Send<'_, T> {
    fn attempt(&mut self, claim: Option<(&Claim, usize)>) -> Attempt {
        let Some(core) = self.core else { return Attempt::NotNow };
        let mut state = core.state();
        let may = |claim: Option<(&Claim, usize)>| claim.is_none_or(|(claim, case)| claim.take(case));
        if state.closed.is_some() || state.abandoned {
            self.refused = true;
            return if may(claim) { Attempt::Done } else { Attempt::Taken };
        }
        if core.capacity == 0 {
            if claim.is_some() {
                return Attempt::NotNow;
            }
            while let Some(receiver) = state.receivers.pop_front() {
                if receiver.claim.take(receiver.case) {
                    receiver.claim.posted.0.acquire();
                    receiver.claim.answered.0.release();
                    *lock(&receiver.value) = Some(self.take_value());
                    parking::wake_all(receiver.claim.key());
                    return Attempt::Done;
                }
            }
            return Attempt::NotNow;
        }
        if state.queue.len() >= core.capacity {
            return Attempt::NotNow;
        }
        if !may(claim) {
            return Attempt::Taken;
        }
        if let Some(place) = core.places.get(state.sent.checked_rem(core.capacity).unwrap_or(0)) {
            place.acquire();
        }
        let sent = Object::new();
        sent.release();
        state.sent += 1;
        state.queue.push_back(Item { value: self.take_value(), sent });
        Attempt::Done
    }

    fn post(&mut self, claim: &Arc<Claim>, case: usize) {
        if let Some(core) = self.core.filter(|core| core.capacity == 0) {
            claim.posted.0.release();
            let posted = Posted { claim: claim.clone(), case, value: self.value.clone() };
            core.state().senders.push_back(posted);
        }
    }

    fn withdraw(&mut self, claim: &Arc<Claim>) {
        if let Some(core) = self.core {
            lock(&core.state).senders.retain(|p| !Arc::ptr_eq(&p.claim, claim));
        }
    }

    fn answered(&mut self, claim: &Arc<Claim>) {
        if claim.closed.load(Ordering::Acquire) != 0 {
            self.refused = true;
        } else {
            claim.answered.0.acquire();
        }
    }

    fn key(&self) -> Option<usize> {
        self.core.filter(|core| core.capacity > 0).map(Core::key)
    }

    fn alarm_at(&self) -> Option<Instant> {
        None
    }

    fn hands_over(&self) -> bool {
        self.core.is_some_and(|core| core.capacity == 0)
    }

    fn wake_others(&self) {
        self.key().into_iter().for_each(parking::wake_all);
    }
}

/// A receive, before or after it was done.
#[derive(Debug)]
pub(crate) struct Receive<'a, T> {
    core: Option<&'a Core<T>>,
    value: Arc<Mutex<Option<T>>>,
}

impl<'a, T> Receive<'a, T> {
    pub(crate) fn new(core: Option<&'a Core<T>>) -> Self {
        Receive { core, value: Arc::default() }
    }

    /// The value; `None` if the channel is closed and empty.
    pub(crate) fn value(&self) -> Option<T> {
        lock(&self.value).take()
    }
}

impl<T> Case for Receive<'_, T> {
    fn attempt(&mut self, claim: Option<(&Claim, usize)>) -> Attempt {
        let Some(core) = self.core else { return Attempt::NotNow };
        let mut state = core.state();
        let may = |claim: Option<(&Claim, usize)>| claim.is_none_or(|(claim, case)| claim.take(case));
        if !state.queue.is_empty() {
            if !may(claim) {
                return Attempt::Taken;
            }
            if let Some(item) = state.queue.pop_front() {
                item.sent.acquire();
                if let Some(place) = core.places.get(state.received.checked_rem(core.capacity).unwrap_or(0)) {
                    place.release();
                }
                state.received += 1;
                drop(state);
                *lock(&self.value) = Some(item.value);
            }
            return Attempt::Done;
        }
        if core.capacity == 0 && claim.is_none() {
            while let Some(sender) = state.senders.pop_front() {
                if sender.claim.take(sender.case) {
                    sender.claim.posted.0.acquire();
                    sender.claim.answered.0.release();
                    *lock(&self.value) = lock(&sender.value).take();
                    parking::wake_all(sender.claim.key());
                    return Attempt::Done;
                }
            }
        }
        if state.closed.is_some() {
            if !may(claim) {
                return Attempt::Taken;
            }
            core.close.acquire();
            return Attempt::Done;
        }
        Attempt::NotNow
    }

    fn post(&mut self, claim: &Arc<Claim>, case: usize) {
        if let Some(core) = self.core.filter(|core| core.capacity == 0) {
            claim.posted.0.release();
            let posted = Posted { claim: claim.clone(), case, value: self.value.clone() };
            core.state().receivers.push_back(posted);
        }
    }

    fn withdraw(&mut self, claim: &Arc<Claim>) {
        if let Some(core) = self.core {
            lock(&core.state).receivers.retain(|p| !Arc::ptr_eq(&p.claim, claim));
        }
    }

    fn answered(&mut self, claim: &Arc<Claim>) {
        match self.core {
            Some(core) if claim.closed.load(Ordering::Acquire) != 0 => core.close.acquire(),
            _ => claim.answered.0.acquire(),
        }
    }

    fn key(&self) -> Option<usize> {
        self.core.filter(|core| core.capacity > 0).map(Core::key)
    }

    fn alarm_at(&self) -> Option<Instant> {
        self.core?.alarm_at()
    }

    fn hands_over(&self) -> bool {
        self.core.is_some_and(|core| core.capacity == 0)
    }

    fn wake_others(&self) {
        self.key().into_iter().for_each(parking::wake_all);
    }
}

/// How long an operation may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    None,
    Until(Instant),
    Endless,
}

/// Carries out one of the cases, and tells which. `None` if none could be within the patience.
pub(crate) fn choose(cases: &mut [&mut dyn Case], patience: Patience, waiting: Waiting) -> Option<usize> {
    let _quiet = Quiet::begin();
    let chosen = choose_case(cases, patience, waiting)?;
    cases[chosen].wake_others();
    Some(chosen)
}

/// What the waiting thread is shown to wait for.
pub(crate) fn waiting(what: &'static str, place: Place) -> Waiting {
    Waiting { what, place, on: On::Anybody }
}

fn choose_case(cases: &mut [&mut dyn Case], patience: Patience, waiting: Waiting) -> Option<usize> {
    let hand_over = cases.iter().any(|case| case.hands_over()).then(|| lock(&HAND_OVER));
    // As in Go, none of several cases that are ready is preferred.
    let count = cases.len();
    let first = if count > 1 { some_number() % count } else { 0 };
    for at in (0..count).map(|i| (first + i) % count) {
        if cases[at].attempt(None) == Attempt::Done {
            return Some(at);
        }
    }
    if patience == Patience::None {
        return None;
    }
    let claim = Arc::new(Claim::default());
    if hand_over.is_some() {
        cases.iter_mut().enumerate().for_each(|(at, case)| case.post(&claim, at));
    }
    drop(hand_over);
    let limit = match patience {
        Patience::Until(limit) => Some(limit),
        _ => None,
    };
    let mut posted = Withdraw { cases, claim: &claim };
    let result = loop {
        let keys: Vec<usize> =
            posted.cases.iter().filter_map(|case| case.key()).chain([claim.key()]).collect();
        let alarm = posted.cases.iter().filter_map(|case| case.alarm_at()).min();
        let deadline = limit.into_iter().chain(alarm).min();
        let done = parking::wait(&keys, waiting, deadline, || posted.attempt());
        // An alarm that went off is looked at by the next round.
        if done.is_some() || limit.is_some_and(|limit| limit <= Instant::now()) {
            break done;
        }
    };
    // Whoever answers takes the claim first: if it can be taken now, nobody did.
    match result {
        None if !claim.take(usize::MAX - 1) => {
            claim.chosen().inspect(|at| posted.cases[*at].answered(&claim))
        }
        result => result,
    }
}

/// Takes the posts back, also if the wait ends with a panic.
struct Withdraw<'s, 'c> {
    cases: &'s mut [&'c mut dyn Case],
    claim: &'s Arc<Claim>,
}

impl Withdraw<'_, '_> {
    fn attempt(&mut self) -> Option<usize> {
        if let Some(at) = self.claim.chosen() {
            self.cases[at].answered(self.claim);
            return Some(at);
        }
        for at in 0..self.cases.len() {
            match self.cases[at].attempt(Some((self.claim, at))) {
                Attempt::Done => return Some(at),
                Attempt::NotNow => {}
                Attempt::Taken => {
                    let at = self.claim.chosen()?;
                    self.cases[at].answered(self.claim);
                    return Some(at);
                }
            }
        }
        None
    }
}

impl Drop for Withdraw<'_, '_> {
    fn drop(&mut self) {
        self.claim.take(usize::MAX - 1);
        self.cases.iter_mut().for_each(|case| case.withdraw(self.claim));
    }
}

fn some_number() -> usize {
    static NEXT: AtomicU32 = AtomicU32::new(0x9e37_79b9);
    let n = NEXT.fetch_add(0x9e37_79b9, Ordering::Relaxed);
    (n ^ n >> 15).wrapping_mul(0x85eb_ca6b) as usize >> 8
}
