//! Mirror of `std::sync::mpsc`.
//!
//! ```
//! use racecheck::sync::mpsc;
//! use racecheck::thread;
//!
//! let (to, from) = mpsc::channel();
//! thread::spawn(move || to.send(1).unwrap());
//! assert_eq!(from.iter().collect::<Vec<_>>(), [1]);
//! ```

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};

use crate::channel::{self, Core, Patience, Receive, Send as Sending, UNBOUNDED};
use crate::rt::parking::deadline_in;
use crate::rt::place::Place;

struct Shared<T> {
    core: Core<T>,
    senders: AtomicUsize,
}

impl<T> Shared<T> {
    fn new(capacity: usize) -> (Arc<Self>, Receiver<T>) {
        let shared = Arc::new(Shared { core: Core::new(capacity), senders: AtomicUsize::new(1) });
        (shared.clone(), Receiver { shared, not_sync: PhantomData })
    }

    fn send(&self, value: T, patience: Patience, place: Place) -> Result<(), TrySendError<T>> {
        let mut send = Sending::new(Some(&self.core), value);
        let wait = channel::waiting("mpsc send", place);
        let done = channel::choose(&mut [&mut send], patience, wait);
        match (done, send.refused, send.value()) {
            (Some(_), true, Some(value)) => Err(TrySendError::Disconnected(value)),
            (None, _, Some(value)) => Err(TrySendError::Full(value)),
            _ => Ok(()),
        }
    }

    fn receive(&self, patience: Patience, place: Place) -> Result<T, TryRecvError> {
        let mut receive = Receive::new(Some(&self.core));
        let wait = channel::waiting("mpsc receive", place);
        match channel::choose(&mut [&mut receive], patience, wait) {
            Some(_) => receive.value().ok_or(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    fn add_sender(self: &Arc<Self>) -> Arc<Self> {
        self.senders.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    fn drop_sender(&self) {
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // It is closed here only, once.
            let _ = self.core.close(Location::caller());
        }
    }
}

/// As [`std::sync::mpsc::channel`].
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (shared, receiver) = Shared::new(UNBOUNDED);
    (Sender { shared }, receiver)
}

/// As [`std::sync::mpsc::sync_channel`].
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let (shared, receiver) = Shared::new(bound);
    (SyncSender { shared }, receiver)
}

/// Mirror of [`std::sync::mpsc::Sender`].
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// Mirror of [`std::sync::mpsc::SyncSender`].
pub struct SyncSender<T> {
    shared: Arc<Shared<T>>,
}

/// Mirror of [`std::sync::mpsc::Receiver`].
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    not_sync: PhantomData<std::cell::Cell<()>>,
}

fn disconnected<T>(error: TrySendError<T>) -> SendError<T> {
    match error {
        TrySendError::Full(value) | TrySendError::Disconnected(value) => SendError(value),
    }
}

impl<T> Sender<T> {
    /// As [`std::sync::mpsc::Sender::send`].
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.shared.send(value, Patience::Endless, Location::caller()).map_err(disconnected)
    }
}

impl<T> SyncSender<T> {
    /// As [`std::sync::mpsc::SyncSender::send`].
    #[track_caller]
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.shared.send(value, Patience::Endless, Location::caller()).map_err(disconnected)
    }

    /// As [`std::sync::mpsc::SyncSender::try_send`].
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.shared.send(value, Patience::None, Location::caller())
    }
}

impl<T> Receiver<T> {
    /// As [`std::sync::mpsc::Receiver::recv`].
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.shared.receive(Patience::Endless, Location::caller()).map_err(|_| RecvError)
    }

    /// As [`std::sync::mpsc::Receiver::try_recv`].
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared.receive(Patience::None, Location::caller())
    }

    /// As [`std::sync::mpsc::Receiver::recv_timeout`].
    #[track_caller]
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        let patience = deadline_in(timeout).map_or(Patience::Endless, Patience::Until);
        self.shared.receive(patience, Location::caller()).map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    /// As [`std::sync::mpsc::Receiver::iter`].
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// As [`std::sync::mpsc::Receiver::try_iter`].
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

/// Mirror of [`std::sync::mpsc::Iter`].
#[derive(Debug)]
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Mirror of [`std::sync::mpsc::TryIter`].
#[derive(Debug)]
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

/// Mirror of [`std::sync::mpsc::IntoIter`].
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender { shared: self.shared.add_sender() }
    }
}

impl<T> Clone for SyncSender<T> {
    fn clone(&self) -> Self {
        SyncSender { shared: self.shared.add_sender() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
    }
}

impl<T> Drop for SyncSender<T> {
    fn drop(&mut self) {
        self.shared.drop_sender();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.core.abandon();
    }
}

macro_rules! debug_by_name {
    ($($name:ident),*) => {$(
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
debug_by_name!(Sender, SyncSender, Receiver);
