//! How a thread waits. Everything in this crate that blocks does it here, so that it is known who waits for
//! what.
//!
//! A waiter puts itself on the list of a key (the real address of what it waits at), tries once more, and
//! sleeps. Whoever changes something wakes the key *after* the change. Either the waiter's last try sees
//! the change, or the waker sees the waiter on the list: both sides have a sequentially consistent fence
//! between their two steps.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::place::Place;
use super::{Locked, Quiet, deadlock, lock};

/// What a thread waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// In words, such as "chan receive".
    pub what: &'static str,
    pub place: Place,
    pub on: On,
}

/// Who can end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// The holders of the lock with this virtual address.
    Lock(u64),
    /// The end of this thread.
    Thread(u32),
    /// Anybody.
    Anybody,
}

/// Where a thread sleeps.
#[derive(Debug, Default)]
pub(crate) struct Parker {
    slot: Mutex<Slot>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct Slot {
    notified: bool,
    waiting: Option<Waiting>,
    /// Which of the thread's waits it is.
    wait: u64,
    doom: Option<String>,
}

impl Parker {
    /// What its thread waits for without a time limit, and the number of that wait: a thread that is seen in
    /// the same wait twice slept all the time between.
    pub(crate) fn waiting(&self) -> Option<(Waiting, u64)> {
        let slot = lock(&self.slot);
        slot.waiting.map(|waiting| (waiting, slot.wait))
    }

    fn notify(&self) {
        let mut slot = lock(&self.slot);
        slot.notified = true;
        slot.waiting = None;
        self.wake.notify_one();
    }

    /// It does not wait after all.
    pub(crate) fn cancel(&self) {
        lock(&self.slot).waiting = None;
    }

    /// Ends the wait with a panic of this text.
    pub(crate) fn doom(&self, text: &str) {
        let mut slot = lock(&self.slot);
        if slot.waiting.take().is_some() {
            slot.doom = Some(text.to_owned());
            self.wake.notify_one();
        }
    }
}

impl Locked<'_, Slot> {
    fn wait(self, wake: &Condvar) -> Self {
        let Locked { guard, quiet } = self;
        Locked { guard: wake.wait(guard).unwrap_or_else(PoisonError::into_inner), quiet }
    }

    fn wait_timeout(self, wake: &Condvar, time: Duration) -> Self {
        let Locked { guard, quiet } = self;
        let (guard, _) = wake.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner);
        Locked { guard, quiet }
    }
}

struct Entry {
    key: usize,
    parker: Arc<Parker>,
}

struct Bucket {
    waiters: AtomicUsize,
    list: Mutex<Vec<Entry>>,
}

const BUCKETS: usize = 128;
static TABLE: [Bucket; BUCKETS] =
    [const { Bucket { waiters: AtomicUsize::new(0), list: Mutex::new(Vec::new()) } }; BUCKETS];

fn bucket(key: usize) -> &'static Bucket {
    &TABLE[(key >> 3).wrapping_mul(0x9e37_79b9) >> 7 & (BUCKETS - 1)]
}

/// Places on the lists of one or more keys. Leaving passes a notification on that was not used.
struct Queued<'a> {
    keys: &'a [usize],
    parker: Arc<Parker>,
}

impl<'a> Queued<'a> {
    fn new(keys: &'a [usize], parker: &Arc<Parker>) -> Self {
        for &key in keys {
            let bucket = bucket(key);
            let mut list = lock(&bucket.list);
            bucket.waiters.fetch_add(1, Ordering::SeqCst);
            list.push(Entry { key, parker: parker.clone() });
        }
        fence(Ordering::SeqCst);
        Queued { keys, parker: parker.clone() }
    }

    /// Leaves the lists. The keys from which it was already taken by a waker are given to `f`.
    fn leave(&mut self, mut f: impl FnMut(usize)) {
        for &key in std::mem::take(&mut self.keys) {
            let bucket = bucket(key);
            let mut list = lock(&bucket.list);
            match list.iter().position(|e| e.key == key && Arc::ptr_eq(&e.parker, &self.parker)) {
                Some(at) => {
                    list.remove(at);
                    bucket.waiters.fetch_sub(1, Ordering::SeqCst);
                }
                None => {
                    drop(list);
                    f(key);
                }
            }
        }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        // Only when the wait ends with a panic, or by a last try that succeeded.
        self.leave(|key| wake(key, 1));
    }
}

/// Waits at `keys` until `ready` gives something or the deadline is over.
///
/// `ready` must not block, and must not call [`wake`] for a key that it waits at.
pub(crate) fn wait<R>(
    keys: &[usize],
    waiting: Waiting,
    deadline: Option<Instant>,
    mut ready: impl FnMut() -> Option<R>,
) -> Option<R> {
    let _quiet = Quiet::begin();
    let info = super::my_info();
    let parker = info.as_ref().map_or_else(Arc::default, |info| info.parker.clone());
    loop {
        lock(&parker.slot).notified = false;
        let mut queued = Queued::new(keys, &parker);
        if let Some(result) = ready() {
            return Some(result);
        }
        if deadline.is_none() {
            announce(&parker, info.as_ref(), &waiting);
        }
        let over = sleep(&parker, deadline);
        let mut taken = false;
        queued.leave(|key| {
            // One notification woke this thread; more than one are for others as well.
            if std::mem::replace(&mut taken, true) {
                wake(key, 1);
            }
        });
        if over {
            let last = ready();
            if last.is_none() && taken {
                keys.iter().for_each(|key| wake(*key, 1));
            }
            return last;
        }
    }
}

/// As [`wait`], without a deadline.
pub(crate) fn wait_for<R>(keys: &[usize], waiting: Waiting, ready: impl FnMut() -> Option<R>) -> R {
    wait(keys, waiting, None, ready).expect("a wait ends without a result only at its deadline")
}

/// True if the deadline is over.
fn sleep(parker: &Parker, deadline: Option<Instant>) -> bool {
    let mut slot = lock(&parker.slot);
    loop {
        if let Some(text) = slot.doom.take() {
            drop(slot);
            panic!("{text}");
        }
        if slot.notified {
            return false;
        }
        match deadline {
            None => slot = slot.wait(&parker.wake),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return true;
                }
                slot = slot.wait_timeout(&parker.wake, left);
            }
        }
    }
}

/// Wakes the `count` threads that have waited longest at `key`. To be called after the change.
#[inline]
pub(crate) fn wake(key: usize, count: usize) {
    let _quiet = Quiet::begin();
    fence(Ordering::SeqCst);
    if bucket(key).waiters.load(Ordering::SeqCst) != 0 {
        wake_waiters(key, count);
    }
}

/// Wakes all threads that wait at `key`.
#[inline]
pub(crate) fn wake_all(key: usize) {
    wake(key, usize::MAX);
}

#[cold]
fn wake_waiters(key: usize, count: usize) {
    let bucket = bucket(key);
    let mut list = lock(&bucket.list);
    let mut left = count;
    list.retain(|entry| {
        if entry.key != key || left == 0 {
            return true;
        }
        left -= 1;
        bucket.waiters.fetch_sub(1, Ordering::SeqCst);
        entry.parker.notify();
        false
    });
}

/// Waits at `key` for a notification, or the deadline. `before` runs between the queueing and the sleep, so
/// that whoever acts after it finds the waiter. True if a notification came.
pub(crate) fn wait_notified(
    key: usize,
    waiting: Waiting,
    deadline: Option<Instant>,
    before: impl FnOnce(),
) -> bool {
    let _quiet = Quiet::begin();
    let info = super::my_info();
    let parker = info.as_ref().map_or_else(Arc::default, |info| info.parker.clone());
    lock(&parker.slot).notified = false;
    let keys = [key];
    let mut queued = Queued::new(&keys, &parker);
    before();
    if deadline.is_none() {
        announce(&parker, info.as_ref(), &waiting);
    }
    sleep(&parker, deadline);
    let mut notified = false;
    queued.leave(|_| notified = true);
    notified
}

/// Says what the thread is about to wait for without a limit.
fn announce(parker: &Parker, info: Option<&Arc<super::Info>>, waiting: &Waiting) {
    let mut slot = lock(&parker.slot);
    if slot.notified {
        return;
    }
    slot.waiting = Some(*waiting);
    slot.wait += 1;
    drop(slot);
    if let Some(info) = info {
        deadlock::about_to_block(info, waiting);
    }
}

/// A time so far away that it can't be told is no deadline.
pub(crate) fn deadline_in(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
