use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::channel::{self, Alarm, Case, Core, Patience, Receive, Send as Sending};
use crate::rt::misuse::{self, Kind, Misuse};
use crate::rt::parking::deadline_in;
use crate::rt::place::Place;

/// Go's `chan T`. Clones are the same channel. The default is a nil channel, at which everything blocks for
/// ever.
///
/// > A send on a channel is synchronized before the completion of the corresponding receive from that channel.
/// >
/// > The closing of a channel is synchronized before a receive that returns a zero value because the channel is
/// > closed.
/// >
/// > A receive from an unbuffered channel is synchronized before the completion of the corresponding send on
/// > that channel.
/// >
/// > The kth receive on a channel with capacity C is synchronized before the completion of the k+Cth send on
/// > that channel.
///
/// ```
/// use racecheck::go::Chan;
///
/// let c = Chan::make(2);
/// c.send(1);
/// c.send(2);
/// assert_eq!((c.len(), c.cap()), (2, 2));
/// c.close();
/// assert_eq!(c.iter().collect::<Vec<_>>(), [1, 2]);
/// assert_eq!(c.recv(), None);
/// ```
pub struct Chan<T>(Option<Arc<Core<T>>>);

impl<T> Chan<T> {
    /// Go's `make(chan T, n)`.
    pub fn make(capacity: usize) -> Self {
        Chan(Some(Arc::new(Core::new(capacity))))
    }

    /// A nil channel.
    pub const fn nil() -> Self {
        Chan(None)
    }

    /// True for a nil channel.
    pub fn is_nil(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn with_alarm(at: Instant, alarm: Alarm<T>) -> Self {
        Chan(Some(Arc::new(Core::with_alarm(at, alarm))))
    }

    fn core(&self) -> Option<&Core<T>> {
        self.0.as_deref()
    }

    /// Go's `c <- value`.
    ///
    /// # Panics
    /// If the channel is closed.
    #[track_caller]
    pub fn send(&self, value: T) {
        let place = Location::caller();
        let mut send = Sending::new(self.core(), value);
        let what = if self.is_nil() { "chan send (nil chan)" } else { "chan send" };
        channel::choose(&mut [&mut send], Patience::Endless, channel::waiting(what, place));
        self.check_sent(&send, place);
    }

    /// Go's `<-c`: `None` if the channel is closed and empty.
    #[track_caller]
    pub fn recv(&self) -> Option<T> {
        let mut receive = Receive::new(self.core());
        let what = if self.is_nil() { "chan receive (nil chan)" } else { "chan receive" };
        channel::choose(&mut [&mut receive], Patience::Endless, channel::waiting(what, Location::caller()));
        receive.value()
    }

    /// Go's `close(c)`.
    ///
    /// # Panics
    /// If it is closed already, or nil.
    #[track_caller]
    pub fn close(&self) {
        let place = Location::caller();
        let Some(core) = self.core() else {
            misuse::fail(Misuse::new(Kind::CloseOfNil, "close of nil channel").here("It is closed", place));
        };
        if let Err(first) = core.close(place) {
            misuse::fail(
                Misuse::new(Kind::CloseOfClosed, "close of closed channel")
                    .here("It is closed again", place)
                    .earlier("It was closed before", Some(first)),
            );
        }
    }

    /// Closes it if that was not done before.
    pub(super) fn close_once(&self) {
        // An error says that it was closed.
        let _ = self.core().map(|core| core.close(Location::caller()));
    }

    pub(super) fn is_closed(&self) -> bool {
        self.core().is_some_and(|core| core.closed().is_some())
    }

    /// How many values are in it.
    pub fn len(&self) -> usize {
        self.core().map_or(0, Core::len)
    }

    /// True if no value is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values have room in it.
    pub fn cap(&self) -> usize {
        self.core().map_or(0, Core::capacity)
    }

    /// Go's `for v := range c`: until the channel is closed and empty.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    fn check_sent(&self, send: &Sending<'_, T>, place: Place) {
        if send.refused {
            misuse::fail(
                Misuse::new(Kind::SendOnClosed, "send on closed channel")
                    .here("It is sent", place)
                    .earlier("It was closed", self.core().and_then(Core::closed)),
            );
        }
    }
}

/// The values of a channel, until it is closed and empty.
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Chan<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.recv()
    }
}

impl<'a, T> IntoIterator for &'a Chan<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> Clone for Chan<T> {
    fn clone(&self) -> Self {
        Chan(self.0.clone())
    }
}

impl<T> Default for Chan<T> {
    fn default() -> Self {
        Chan::nil()
    }
}

/// The same channel, or both nil.
impl<T> PartialEq for Chan<T> {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T> Eq for Chan<T> {}

impl<T> fmt::Debug for Chan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chan").field("len", &self.len()).field("cap", &self.cap()).finish()
    }
}

/// Go's `time.After`: a channel that gives the time once, after `time`.
///
/// ```
/// use racecheck::go::after;
/// use std::time::Duration;
///
/// assert!(after(Duration::from_millis(1)).recv().is_some());
/// ```
pub fn after(time: Duration) -> Chan<Instant> {
    match deadline_in(time) {
        Some(at) => Chan::with_alarm(at, Alarm::Send(at)),
        // So late that it can't be told.
        None => Chan::make(1),
    }
}

/// What [`select!`](crate::select!) is made of.
pub struct Select<'a> {
    cases: Vec<Box<dyn SelectCase + 'a>>,
    place: Place,
}

trait SelectCase {
    fn case(&mut self) -> &mut dyn Case;
    /// To be called for the chosen one.
    fn finish(&mut self, place: Place);
}

struct SendCase<'a, T> {
    chan: &'a Chan<T>,
    send: Sending<'a, T>,
}

impl<T> SelectCase for SendCase<'_, T> {
    fn case(&mut self) -> &mut dyn Case {
        &mut self.send
    }

    fn finish(&mut self, place: Place) {
        self.chan.check_sent(&self.send, place);
    }
}

struct ReceiveCase<'a, T> {
    receive: Receive<'a, T>,
    to: &'a std::cell::Cell<Option<T>>,
}

impl<T> SelectCase for ReceiveCase<'_, T> {
    fn case(&mut self) -> &mut dyn Case {
        &mut self.receive
    }

    fn finish(&mut self, _: Place) {
        self.to.set(self.receive.value());
    }
}

impl<'a> Select<'a> {
    /// Without cases.
    #[expect(clippy::new_without_default, reason = "it remembers the place of its caller")]
    #[track_caller]
    pub fn new() -> Self {
        Select { cases: Vec::new(), place: Location::caller() }
    }

    /// Adds a receive, whose value will be in `to`: `None` if the channel is closed and empty. Returns the
    /// number of the case.
    pub fn recv<T>(&mut self, chan: &'a Chan<T>, to: &'a std::cell::Cell<Option<T>>) -> usize {
        self.cases.push(Box::new(ReceiveCase { receive: Receive::new(chan.core()), to }));
        self.cases.len() - 1
    }

    /// Adds a send. Returns the number of the case.
    pub fn send<T>(&mut self, chan: &'a Chan<T>, value: T) -> usize {
        self.cases.push(Box::new(SendCase { chan, send: Sending::new(chan.core(), value) }));
        self.cases.len() - 1
    }

    /// Waits until one of the cases can go on, and carries it out.
    ///
    /// # Panics
    /// If it is a send on a closed channel.
    pub fn wait(self) -> usize {
        self.run(Patience::Endless).expect("an endless wait ends with a case")
    }

    /// Carries out a case if one can go on at once.
    ///
    /// # Panics
    /// If it is a send on a closed channel.
    pub fn try_now(self) -> Option<usize> {
        self.run(Patience::None)
    }

    fn run(mut self, patience: Patience) -> Option<usize> {
        let what = if self.cases.is_empty() { "select (no cases)" } else { "select" };
        let waiting = channel::waiting(what, self.place);
        let mut cases: Vec<&mut dyn Case> = self.cases.iter_mut().map(|case| case.case()).collect();
        let chosen = channel::choose(&mut cases, patience, waiting)?;
        self.cases[chosen].finish(self.place);
        Some(chosen)
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("cases", &self.cases.len()).finish_non_exhaustive()
    }
}

/// Go's `select`: carries out one of several channel operations, whichever can go on; with `default`, none if
/// none can.
///
/// ```
/// use racecheck::go::{Chan, after, select};
/// use std::time::Duration;
///
/// let (numbers, quit) = (Chan::make(1), Chan::<()>::make(0));
/// select! {
///     send(numbers, 7) => {},
///     recv(quit) -> _ => unreachable!(),
/// }
/// let got = select! {
///     recv(numbers) -> n => n,
///     default => None,
/// };
/// assert_eq!(got, Some(7));
/// let late = select! {
///     recv(numbers) -> _ => false,
///     recv(after(Duration::from_millis(1))) -> _ => true,
/// };
/// assert!(late);
/// ```
#[macro_export]
macro_rules! select {
    (@add $select:ident [$($done:tt)*] $default:tt recv($chan:expr) -> $value:pat => $body:expr, $($rest:tt)*) => {{
        let chan = &$chan;
        let to = ::std::cell::Cell::new(None);
        let mut select = $select;
        let at = select.recv(chan, &to);
        $crate::select!(@add select [$($done)* (at, recv to, $value, $body)] $default $($rest)*)
    }};
    (@add $select:ident [$($done:tt)*] $default:tt send($chan:expr, $value:expr) => $body:expr, $($rest:tt)*) => {{
        let chan = &$chan;
        let mut select = $select;
        let at = select.send(chan, $value);
        $crate::select!(@add select [$($done)* (at, send, $body)] $default $($rest)*)
    }};
    (@add $select:ident $done:tt [] default => $body:expr, $($rest:tt)*) => {
        $crate::select!(@add $select $done [$body] $($rest)*)
    };
    // A last arm may be without its comma, and a block needs none.
    (@add $select:ident $done:tt $default:tt recv($chan:expr) -> $value:pat => $body:block $($rest:tt)*) => {
        $crate::select!(@add $select $done $default recv($chan) -> $value => { $body }, $($rest)*)
    };
    (@add $select:ident $done:tt $default:tt send($chan:expr, $sent:expr) => $body:block $($rest:tt)*) => {
        $crate::select!(@add $select $done $default send($chan, $sent) => { $body }, $($rest)*)
    };
    (@add $select:ident $done:tt $default:tt default => $body:block $($rest:tt)*) => {
        $crate::select!(@add $select $done $default default => { $body }, $($rest)*)
    };
    (@add $select:ident $done:tt $default:tt recv($chan:expr) -> $value:pat => $body:expr) => {
        $crate::select!(@add $select $done $default recv($chan) -> $value => $body,)
    };
    (@add $select:ident $done:tt $default:tt send($chan:expr, $sent:expr) => $body:expr) => {
        $crate::select!(@add $select $done $default send($chan, $sent) => $body,)
    };
    (@add $select:ident $done:tt $default:tt default => $body:expr) => {
        $crate::select!(@add $select $done $default default => $body,)
    };
    (@add $select:ident [$($done:tt)*] []) => {{
        let chosen = $select.wait();
        $crate::select!(@run chosen $($done)*)
    }};
    (@add $select:ident [$($done:tt)*] [$default:expr]) => {
        match $select.try_now() {
            Some(chosen) => $crate::select!(@run chosen $($done)*),
            None => $default,
        }
    };
    (@run $chosen:ident ($at:ident, recv $to:ident, $value:pat, $body:expr) $($rest:tt)*) => {
        if $chosen == $at {
            let $value = $to.take();
            $body
        } else {
            $crate::select!(@run $chosen $($rest)*)
        }
    };
    (@run $chosen:ident ($at:ident, send, $body:expr) $($rest:tt)*) => {
        if $chosen == $at {
            $body
        } else {
            $crate::select!(@run $chosen $($rest)*)
        }
    };
    (@run $chosen:ident) => {
        unreachable!("select chose case {} of none", $chosen)
    };
    ($($arms:tt)*) => {{
        let select = $crate::go::Select::new();
        $crate::select!(@add select [] [] $($arms)*)
    }};
}
