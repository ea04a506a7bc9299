use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::Chan;
use crate::channel::Alarm;
use crate::rt::lock;
use crate::rt::parking::deadline_in;

/// Go's `context.Context`: tells those who work for somebody that the result is not wanted any more.
///
/// A cancellation is ordered before a receive from [`done`](Context::done) that returns because of it.
///
/// ```
/// use racecheck::go::{Context, ContextError};
/// use std::time::Duration;
///
/// let (ctx, cancel) = Context::background().with_cancel();
/// let (child, _cancel_child) = ctx.with_timeout(Duration::from_secs(3600));
/// assert_eq!(child.err(), None);
/// cancel();
/// child.done().recv();
/// assert_eq!(child.err(), Some(ContextError::Canceled));
/// ```
#[derive(Clone)]
pub struct Context {
    node: Option<Arc<Node>>,
}

struct Node {
    done: Chan<()>,
    error: Mutex<Option<ContextError>>,
    children: Mutex<Vec<Weak<Node>>>,
    deadline: Option<Instant>,
    /// Keeps those alive through which a cancellation comes.
    _parent: Option<Arc<Node>>,
}

/// Why a context is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextError {
    /// Somebody cancelled it.
    Canceled,
    /// Its time is over.
    DeadlineExceeded,
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextError::Canceled => "context canceled",
            ContextError::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl std::error::Error for ContextError {}

impl Node {
    fn cancel(&self, error: ContextError) {
        lock(&self.error).get_or_insert(error);
        self.done.close_once();
        let children = std::mem::take(&mut *lock(&self.children));
        children.iter().filter_map(Weak::upgrade).for_each(|child| child.cancel(error));
    }

    fn error(&self) -> Option<ContextError> {
        let error = *lock(&self.error);
        error.or_else(|| self.done.is_closed().then_some(ContextError::DeadlineExceeded))
    }
}

impl Context {
    /// One that is never done.
    pub const fn background() -> Self {
        Context { node: None }
    }

    /// A context that is done when this one is, or when the function is called.
    pub fn with_cancel(&self) -> (Context, impl Fn() + Clone + Send + Sync + use<>) {
        self.child(self.deadline())
    }

    /// As [`Context::with_cancel`], and at the latest at `deadline`.
    pub fn with_deadline(&self, deadline: Instant) -> (Context, impl Fn() + Clone + Send + Sync + use<>) {
        self.child(Some(self.deadline().map_or(deadline, |earlier| earlier.min(deadline))))
    }

    /// As [`Context::with_cancel`], and at the latest after `timeout`.
    pub fn with_timeout(&self, timeout: Duration) -> (Context, impl Fn() + Clone + Send + Sync + use<>) {
        self.child(deadline_in(timeout).into_iter().chain(self.deadline()).min())
    }

    fn child(&self, deadline: Option<Instant>) -> (Context, impl Fn() + Clone + Send + Sync + use<>) {
        let done = deadline.map_or_else(|| Chan::make(1), |at| Chan::with_alarm(at, Alarm::Close));
        let node = Arc::new(Node {
            done,
            error: Mutex::new(None),
            children: Mutex::default(),
            deadline,
            _parent: self.node.clone(),
        });
        if let Some(parent) = &self.node {
            lock(&parent.children).push(Arc::downgrade(&node));
            // It may have been cancelled before it knew of the child.
            if let Some(error) = parent.error() {
                node.cancel(error);
            }
        }
        let cancelled = node.clone();
        (Context { node: Some(node) }, move || cancelled.cancel(ContextError::Canceled))
    }

    /// A channel that is closed when the context is done; nil for one that never is.
    pub fn done(&self) -> Chan<()> {
        self.node.as_ref().map_or_else(Chan::nil, |node| node.done.clone())
    }

    /// Why it is done; `None` as long as it is not.
    pub fn err(&self) -> Option<ContextError> {
        self.node.as_ref()?.error()
    }

    /// When it will be done at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        self.node.as_ref()?.deadline
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("deadline", &self.deadline()).field("err", &self.err()).finish()
    }
}
