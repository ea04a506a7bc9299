use std::fmt;
use std::sync::{Arc, Mutex};

use super::{Chan, Context, WaitGroup, select};
use crate::rt::lock;

/// Go's `errgroup.Group`: threads that work on one task, of which the first error counts.
///
/// What a function of the group did is ordered before the return of [`wait`](Group::wait).
///
/// ```
/// use racecheck::go::Group;
///
/// let group = Group::new();
/// for n in 1..=3 {
///     group.go(move || if n == 2 { Err("two") } else { Ok(()) });
/// }
/// assert_eq!(group.wait(), Err("two"));
/// ```
pub struct Group<E> {
    waits: WaitGroup,
    error: Arc<Mutex<Option<E>>>,
    cancel: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Has a value for each thread that runs, if their number has a limit.
    running: Chan<()>,
}

impl<E: Send + 'static> Group<E> {
    /// Without threads.
    pub fn new() -> Self {
        Group { waits: WaitGroup::new(), error: Arc::default(), cancel: None, running: Chan::nil() }
    }

    /// A group and a context that is done at the first error, or when `wait` returns.
    pub fn with_context(parent: &Context) -> (Self, Context) {
        let (context, cancel) = parent.with_cancel();
        (Group { cancel: Some(Arc::new(cancel)), ..Group::new() }, context)
    }

    /// At most `limit` threads run at a time. To be called before the first `go`.
    pub fn set_limit(&mut self, limit: usize) {
        self.running = Chan::make(limit);
    }

    /// Runs `f` in a new thread, when the limit allows one.
    #[track_caller]
    pub fn go(&self, f: impl FnOnce() -> Result<(), E> + Send + 'static) {
        if !self.running.is_nil() {
            self.running.send(());
        }
        self.start(f);
    }

    /// Runs `f` in a new thread, if the limit allows one now.
    #[track_caller]
    pub fn try_go(&self, f: impl FnOnce() -> Result<(), E> + Send + 'static) -> bool {
        let may = self.running.is_nil()
            || select! {
                send(self.running, ()) => true,
                default => false,
            };
        if may {
            self.start(f);
        }
        may
    }

    #[track_caller]
    fn start(&self, f: impl FnOnce() -> Result<(), E> + Send + 'static) {
        /// Makes room for another thread, also if this one panics.
        struct Room(Chan<()>);
        impl Drop for Room {
            fn drop(&mut self) {
                if !self.0.is_nil() {
                    self.0.recv();
                }
            }
        }
        let (error, cancel, room) = (self.error.clone(), self.cancel.clone(), Room(self.running.clone()));
        self.waits.go(move || {
            let _room = room;
            if let Err(new) = f() {
                lock(&error).get_or_insert(new);
                if let Some(cancel) = cancel {
                    cancel();
                }
            }
        });
    }

    /// Waits for all threads. The first error, if there was one.
    #[track_caller]
    pub fn wait(&self) -> Result<(), E> {
        self.waits.wait();
        if let Some(cancel) = &self.cancel {
            cancel();
        }
        lock(&self.error).take().map_or(Ok(()), Err)
    }
}

impl<E: Send + 'static> Default for Group<E> {
    fn default() -> Self {
        Group::new()
    }
}

impl<E> fmt::Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("waits", &self.waits).finish_non_exhaustive()
    }
}
