//! Go's `sync` package, its channels, and what of Go's wider toolbox belongs to them.
//!
//! The names are Go's in Rust's spelling. Each type says which edges it makes, in the words of the page
//! [The Go Memory Model](https://go.dev/ref/mem); what that page doesn't promise is not recorded, even where
//! an implementation happens to give it. A thread stands for a goroutine.

mod atomic;
mod chan;
mod cond;
mod context;
mod errgroup;
mod map;
mod mutex;
mod once;
mod pool;
mod rwmutex;
mod semaphore;
mod singleflight;
mod waitgroup;

pub use self::atomic::{Bool, Int32, Int64, Pointer, Uint32, Uint64, Uintptr, Value};
pub use self::chan::{Chan, Iter, Select, after};
pub use self::cond::Cond;
pub use self::context::{Context, ContextError};
pub use self::errgroup::Group;
pub use self::map::Map;
pub use self::mutex::{Locker, Mutex, MutexGuard};
pub use self::once::{Once, once_func, once_value, once_values};
pub use self::pool::{Pool, collect_pools};
pub use self::rwmutex::{RLocker, RWMutex, RWReadGuard, RWWriteGuard};
pub use self::semaphore::Weighted;
pub use self::singleflight::{Flight, Shared};
pub use self::waitgroup::WaitGroup;
pub use crate::select;
