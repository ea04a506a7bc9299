//! Mirrors of `std::thread`: starting and joining threads order what they do.
//!
//! ```
//! use racecheck::thread;
//!
//! let answer = thread::spawn(|| 6 * 7);
//! assert_eq!(answer.join().unwrap(), 42);
//! ```

use std::cell::OnceCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use std::thread::{AccessError, LocalKey, Result, ThreadId, available_parallelism, panicking, yield_now};

use crate::channel::waiting;
use crate::rt::parking::{self, On, Waiting, deadline_in};
use crate::rt::place::Place;
use crate::rt::{self, Child, Object, Quiet, Quietly, advice, lock};

/// What a thread's handles share.
#[derive(Debug, Default)]
struct Shared {
    /// The closure has returned or panicked.
    finished: AtomicBool,
    end: ObjectOnce,
    token: AtomicBool,
    unpark: ObjectOnce,
}

#[derive(Debug)]
struct ObjectOnce(Object);

impl Default for ObjectOnce {
    fn default() -> Self {
        ObjectOnce(Object::new())
    }
}

thread_local! {
    static ME: OnceCell<Arc<Shared>> = const { OnceCell::new() };
}

fn me() -> Arc<Shared> {
    ME.with(|me| me.get_or_init(Arc::default).clone())
}

/// Mirror of [`std::thread::Thread`].
#[derive(Clone)]
pub struct Thread {
    inner: Quietly<std::thread::Thread>,
    shared: Quietly<Arc<Shared>>,
}

impl Thread {
    fn new(inner: std::thread::Thread, shared: Arc<Shared>) -> Self {
        Thread { inner: Quietly::new(inner), shared: Quietly::new(shared) }
    }

    /// As [`std::thread::Thread::id`].
    pub fn id(&self) -> ThreadId {
        self.inner.id()
    }

    /// As [`std::thread::Thread::name`].
    pub fn name(&self) -> Option<&str> {
        self.inner.name()
    }

    /// As [`std::thread::Thread::unpark`]: ordered before the return of the `park` that it ends.
    pub fn unpark(&self) {
        self.shared.unpark.0.release();
        self.shared.token.store(true, Ordering::Release);
        parking::wake_all(self.shared.park_key());
    }
}

impl Shared {
    fn park_key(&self) -> usize {
        &raw const self.token as usize
    }

    fn end_key(&self) -> usize {
        &raw const self.finished as usize
    }

    fn take_token(&self) -> Option<()> {
        let taken = self.token.swap(false, Ordering::Acquire);
        taken.then(|| self.unpark.0.acquire())
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// As [`std::thread::current`].
pub fn current() -> Thread {
    Thread::new(std::thread::current(), me())
}

/// As [`std::thread::park`].
#[track_caller]
pub fn park() {
    let me = me();
    parking::wait_for(&[me.park_key()], waiting("park", Location::caller()), || me.take_token());
}

/// As [`std::thread::park_timeout`].
#[track_caller]
pub fn park_timeout(timeout: Duration) {
    let me = me();
    let wait = waiting("park", Location::caller());
    parking::wait(&[me.park_key()], wait, deadline_in(timeout), || me.take_token());
}

/// As [`std::thread::sleep`].
pub fn sleep(time: Duration) {
    advice::slow_under_locks("a sleep");
    std::thread::sleep(time);
}

/// Runs in the new thread, around its closure.
struct Running(Quietly<Arc<Shared>>);

impl Running {
    fn begin(hand: Hand, shared: Arc<Shared>) -> Self {
        let _quiet = Quiet::begin();
        if let Some(child) = hand.take() {
            child.begin();
        }
        drop(hand);
        ME.with(|me| _ = me.get_or_init(|| shared.clone()));
        Running(Quietly::new(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.end.0.release();
        self.0.finished.store(true, Ordering::Release);
        parking::wake_all(self.0.end_key());
    }
}

/// Mirror of [`std::thread::JoinHandle`].
pub struct JoinHandle<T> {
    // It learns of the end of a thread that ended already, which is no promise of its own.
    inner: Quietly<Option<std::thread::JoinHandle<T>>>,
    thread: Thread,
    id: Option<u32>,
}

impl<T> JoinHandle<T> {
    /// As [`std::thread::JoinHandle::join`].
    ///
    /// # Panics
    /// If the thread waits for this one.
    #[track_caller]
    pub fn join(mut self) -> Result<T> {
        let inner = self.inner.take().expect("the handle is there until it is joined or dropped");
        self.thread.shared.wait_end(self.id, Location::caller());
        let result = inner.join();
        self.thread.shared.end.0.acquire();
        if let Some(id) = self.id.take() {
            rt::joined(id);
        }
        result
    }

    /// As [`std::thread::JoinHandle::thread`].
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// As [`std::thread::JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.inner.as_ref().is_none_or(std::thread::JoinHandle::is_finished)
    }
}

impl Shared {
    fn wait_end(&self, id: Option<u32>, place: Place) {
        let Some(id) = id else { return };
        let wait = Waiting { what: "join", place, on: On::Thread(id) };
        advice::slow_under_locks("the wait for a thread's end");
        parking::wait_for(&[self.end_key()], wait, || self.finished.load(Ordering::Acquire).then_some(()));
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            rt::detached(id);
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// As [`std::thread::spawn`].
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f).expect("failed to spawn thread")
}

/// Mirror of [`std::thread::Builder`].
#[must_use = "must eventually spawn the thread"]
#[derive(Debug)]
pub struct Builder {
    inner: std::thread::Builder,
    name: Option<String>,
}

impl Builder {
    /// As [`std::thread::Builder::new`].
    pub fn new() -> Self {
        Builder { inner: std::thread::Builder::new(), name: None }
    }

    /// As [`std::thread::Builder::name`].
    pub fn name(self, name: String) -> Self {
        Builder { inner: self.inner.name(name.clone()), name: Some(name) }
    }

    /// As [`std::thread::Builder::stack_size`].
    pub fn stack_size(self, size: usize) -> Self {
        Builder { inner: self.inner.stack_size(size), name: self.name }
    }

    /// As [`std::thread::Builder::spawn`].
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // What parent and child share to find each other orders no more than the creation does.
        let _quiet = Quiet::begin();
        let (child, shared) = (Hand::new(self.name, Location::caller()), Arc::new(Shared::default()));
        let (given, theirs) = (child.clone(), shared.clone());
        let made = self.inner.spawn(move || {
            let _running = Running::begin(given, theirs);
            f()
        });
        match made {
            Ok(inner) => {
                let thread = Thread::new(inner.thread().clone(), shared);
                Ok(JoinHandle { inner: Quietly::new(Some(inner)), thread, id: child.id })
            }
            Err(error) => {
                child.fail();
                Err(error)
            }
        }
    }

    /// As [`std::thread::Builder::spawn_scoped`].
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // What parent and child share to find each other orders no more than the creation does.
        let _quiet = Quiet::begin();
        let (child, shared) = (Hand::new(self.name, Location::caller()), Arc::new(Shared::default()));
        let (given, theirs) = (child.clone(), shared.clone());
        let made = self.inner.spawn_scoped(scope.inner, move || {
            let _running = Running::begin(given, theirs);
            f()
        });
        match made {
            Ok(inner) => {
                lock(&scope.children).push((child.id, shared.clone()));
                let thread = Thread::new(inner.thread().clone(), shared);
                Ok(ScopedJoinHandle { inner: Quietly::new(Some(inner)), thread, id: child.id })
            }
            Err(error) => {
                child.fail();
                Err(error)
            }
        }
    }
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

/// The state of a thread on its way into the thread, or back if that cannot be made.
#[derive(Clone)]
struct Hand {
    child: Arc<Mutex<Option<Child>>>,
    id: Option<u32>,
}

impl Hand {
    fn new(name: Option<String>, place: Place) -> Self {
        let child = Child::spawn(name, place);
        let id = child.as_ref().map(|child| child.info().id);
        Hand { child: Arc::new(Mutex::new(child)), id }
    }

    fn take(&self) -> Option<Child> {
        lock(&self.child).take()
    }

    fn fail(&self) {
        if let Some(child) = self.take() {
            child.fail();
        }
    }
}

/// Mirror of [`std::thread::Scope`].
pub struct Scope<'scope, 'env: 'scope> {
    inner: &'scope std::thread::Scope<'scope, 'env>,
    children: Children,
    env: PhantomData<&'env mut &'env ()>,
}

type Children = Arc<Mutex<Vec<(Option<u32>, Arc<Shared>)>>>;

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Mirror of [`std::thread::ScopedJoinHandle`].
pub struct ScopedJoinHandle<'scope, T> {
    inner: Quietly<Option<std::thread::ScopedJoinHandle<'scope, T>>>,
    thread: Thread,
    id: Option<u32>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// As [`std::thread::ScopedJoinHandle::join`].
    #[track_caller]
    pub fn join(mut self) -> Result<T> {
        let inner = self.inner.take().expect("the handle is there until it is joined or dropped");
        self.thread.shared.wait_end(self.id, Location::caller());
        let result = inner.join();
        self.thread.shared.end.0.acquire();
        if let Some(id) = self.id {
            rt::joined(id);
        }
        result
    }

    /// As [`std::thread::ScopedJoinHandle::thread`].
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// As [`std::thread::ScopedJoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.inner.as_ref().is_none_or(std::thread::ScopedJoinHandle::is_finished)
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// As [`std::thread::Scope::spawn`].
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        Builder::new().spawn_scoped(self, f).expect("failed to spawn thread")
    }
}

/// As [`std::thread::scope`].
///
/// # Panics
/// If a thread of the scope waits for this one.
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let place = Location::caller();
    let children = Children::default();
    let result = std::thread::scope(|inner| {
        /// Frees the scope that threads refer to, after all of them have ended.
        struct Keep<'scope, 'env>(*mut Scope<'scope, 'env>);
        impl Drop for Keep<'_, '_> {
            fn drop(&mut self) {
                // A panic may have begun while threads still use it: then it is left alone.
                if !std::thread::panicking() {
                    // SAFETY: it came from Box::into_raw, and `wait_all` has returned.
                    drop(unsafe { Box::from_raw(self.0) });
                }
            }
        }
        let scope = Scope { inner, children: children.clone(), env: PhantomData };
        let keep = Keep(Box::into_raw(Box::new(scope)));
        // SAFETY: it is freed by `keep` only, after all threads of the scope have ended.
        let result = f(unsafe { &*keep.0 });
        wait_all(&children, place);
        result
    });
    for (id, shared) in lock(&children).drain(..) {
        shared.end.0.acquire();
        if let Some(id) = id
            && !rt::joined(id)
        {
            rt::detached(id);
        }
    }
    result
}

/// Waits for the closures of all children; they may add more while this goes on.
fn wait_all(children: &Children, place: Place) {
    for at in 0.. {
        let Some((id, shared)) = lock(children).get(at).cloned() else { break };
        shared.wait_end(id, place);
    }
}
