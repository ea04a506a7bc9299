//! Mirrors of `std::sync`: the same names, the same behaviour, and each event recorded.
//!
//! `Arc` and `Weak` are the standard library's own. Their counts would be edges only for a destructor that runs
//! in the last owner's thread and for `get_mut`, `try_unwrap` and the like; a mirror could not be made from
//! `Arc<dyn Trait>` or be a method's receiver. See `docs/shim.md` for what follows from that.

mod barrier;
mod condvar;
mod lazy;
mod mutex;
mod once;
mod rwlock;

pub mod atomic;
pub mod mpsc;

pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak};

pub use self::barrier::{Barrier, BarrierWaitResult};
pub use self::condvar::{Condvar, WaitTimeoutResult};
pub use self::lazy::{LazyLock, OnceLock};
pub use self::mutex::{Mutex, MutexGuard};
pub use self::once::{Once, OnceState};
pub use self::rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
