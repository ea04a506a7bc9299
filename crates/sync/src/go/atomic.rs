use std::any::{Any, TypeId};
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex};

use crate::rt::misuse::{self, Kind, Misuse};
use crate::rt::place::Place;
use crate::rt::{Aloud, lock};
use crate::sync::atomic::{self as mirror, Ordering};

/// > The APIs in the `sync/atomic` package are collectively “atomic operations” that can be used to synchronize
/// > the execution of different goroutines. If the effect of an atomic operation A is observed by atomic
/// > operation B, then A is synchronized before B. All the atomic operations executed in a program behave as
/// > though executed in some sequentially consistent order.
macro_rules! typed {
    ($($name:ident($atomic:ident: $value:ty);)*) => {$(
        #[doc = concat!("Go's `atomic.", stringify!($name), "`. Every operation is sequentially consistent.")]
        ///
        /// ```
        #[doc = concat!("use racecheck::go::", stringify!($name), ";")]
        ///
        #[doc = concat!("let x = ", stringify!($name), "::new(6);")]
        /// assert_eq!(x.add(1), 7);
        /// assert!(x.compare_and_swap(7, 12));
        /// assert_eq!(x.and(4), 12);
        /// assert_eq!(x.or(1), 4);
        /// assert_eq!(x.load(), 5);
        /// ```
        #[derive(Debug, Default)]
        pub struct $name(mirror::$atomic);

        impl $name {
            /// With this value.
            #[track_caller]
            pub const fn new(value: $value) -> Self {
                $name(mirror::$atomic::new(value))
            }

            /// The value.
            #[track_caller]
            pub fn load(&self) -> $value {
                self.0.load(Ordering::SeqCst)
            }

            /// Stores a value.
            #[track_caller]
            pub fn store(&self, value: $value) {
                self.0.store(value, Ordering::SeqCst);
            }

            /// Stores a value, and returns the one before.
            #[track_caller]
            pub fn swap(&self, value: $value) -> $value {
                self.0.swap(value, Ordering::SeqCst)
            }

            /// Adds, and returns the new value.
            #[track_caller]
            pub fn add(&self, delta: $value) -> $value {
                self.0.fetch_add(delta, Ordering::SeqCst).wrapping_add(delta)
            }

            /// Stores `new` if the value is `old`; true if it was.
            #[track_caller]
            pub fn compare_and_swap(&self, old: $value, new: $value) -> bool {
                self.0.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            }

            /// Keeps the bits of `mask`, and returns the value before.
            #[track_caller]
            pub fn and(&self, mask: $value) -> $value {
                self.0.fetch_and(mask, Ordering::SeqCst)
            }

            /// Sets the bits of `mask`, and returns the value before.
            #[track_caller]
            pub fn or(&self, mask: $value) -> $value {
                self.0.fetch_or(mask, Ordering::SeqCst)
            }
        }
    )*};
}

typed! {
    Int32(AtomicI32: i32);
    Int64(AtomicI64: i64);
    Uint32(AtomicU32: u32);
    Uint64(AtomicU64: u64);
    Uintptr(AtomicUsize: usize);
}

/// Go's `atomic.Bool`.
///
/// ```
/// use racecheck::go::Bool;
///
/// let done = Bool::new(false);
/// assert!(done.compare_and_swap(false, true));
/// assert!(done.load());
/// ```
#[derive(Debug, Default)]
pub struct Bool(mirror::AtomicBool);

impl Bool {
    /// With this value.
    #[track_caller]
    pub const fn new(value: bool) -> Self {
        Bool(mirror::AtomicBool::new(value))
    }

    /// The value.
    #[track_caller]
    pub fn load(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Stores a value.
    #[track_caller]
    pub fn store(&self, value: bool) {
        self.0.store(value, Ordering::SeqCst);
    }

    /// Stores a value, and returns the one before.
    #[track_caller]
    pub fn swap(&self, value: bool) -> bool {
        self.0.swap(value, Ordering::SeqCst)
    }

    /// Stores `new` if the value is `old`; true if it was.
    #[track_caller]
    pub fn compare_and_swap(&self, old: bool, new: bool) -> bool {
        self.0.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

/// A place for a shared value: what [`Pointer`] and [`Value`] have in common. The number stands for the value
/// in the engine: operations on it are recorded under the lock that guards the value, so that they have the
/// same order.
struct Slot<T: ?Sized> {
    version: mirror::AtomicU64,
    value: Mutex<Option<(Arc<T>, Place)>>,
}

impl<T: ?Sized> Slot<T> {
    #[track_caller]
    const fn new() -> Self {
        Slot { version: mirror::AtomicU64::new(0), value: Mutex::new(None) }
    }

    /// What the operation is in the eyes of whoever records. The lock is held, which is nobody's business.
    #[track_caller]
    fn read_version(&self) {
        let _aloud = Aloud::begin();
        self.version.load(Ordering::SeqCst);
    }

    #[track_caller]
    fn write_version(&self) {
        let _aloud = Aloud::begin();
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    #[track_caller]
    fn load(&self) -> Option<Arc<T>> {
        let value = lock(&self.value);
        self.read_version();
        value.as_ref().map(|(value, _)| value.clone())
    }

    #[track_caller]
    fn swap(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
        let place = Location::caller();
        let mut value = lock(&self.value);
        self.write_version();
        std::mem::replace(&mut *value, new.map(|new| (new, place))).map(|(value, _)| value)
    }

    #[track_caller]
    fn compare_and_swap(&self, same: impl FnOnce(Option<&Arc<T>>) -> bool, new: Option<Arc<T>>) -> bool {
        let place = Location::caller();
        let mut value = lock(&self.value);
        let swaps = same(value.as_ref().map(|(value, _)| value));
        if swaps {
            self.write_version();
            *value = new.map(|new| (new, place));
        } else {
            self.read_version();
        }
        swaps
    }
}

/// Go's `atomic.Pointer[T]`: a pointer to a shared value, or nil.
///
/// ```
/// use racecheck::go::Pointer;
/// use std::sync::Arc;
///
/// let p = Pointer::new();
/// assert!(p.load().is_none());
/// let first = Arc::new(1);
/// p.store(Some(first.clone()));
/// assert!(p.compare_and_swap(Some(&first), Some(Arc::new(2))));
/// assert_eq!(p.load().as_deref(), Some(&2));
/// ```
pub struct Pointer<T>(Slot<T>);

impl<T> Pointer<T> {
    /// Nil.
    #[track_caller]
    pub const fn new() -> Self {
        Pointer(Slot::new())
    }

    /// The pointer.
    #[track_caller]
    pub fn load(&self) -> Option<Arc<T>> {
        self.0.load()
    }

    /// Stores a pointer.
    #[track_caller]
    pub fn store(&self, value: Option<Arc<T>>) {
        self.0.swap(value);
    }

    /// Stores a pointer, and returns the one before.
    #[track_caller]
    pub fn swap(&self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        self.0.swap(value)
    }

    /// Stores `new` if the pointer is `old`, the same one; true if it was.
    #[track_caller]
    pub fn compare_and_swap(&self, old: Option<&Arc<T>>, new: Option<Arc<T>>) -> bool {
        let same = |now: Option<&Arc<T>>| match (now, old) {
            (None, None) => true,
            (Some(now), Some(old)) => Arc::ptr_eq(now, old),
            _ => false,
        };
        self.0.compare_and_swap(same, new)
    }
}

impl<T> Default for Pointer<T> {
    #[track_caller]
    fn default() -> Self {
        Pointer::new()
    }
}

impl<T> fmt::Debug for Pointer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pointer").finish_non_exhaustive()
    }
}

/// Go's `atomic.Value`: holds a value of any type, but always of the same.
///
/// ```
/// use racecheck::go::Value;
///
/// let config = Value::new();
/// assert!(config.load::<String>().is_none());
/// config.store("a".to_owned());
/// assert_eq!(config.load::<String>().as_deref().map(String::as_str), Some("a"));
/// ```
pub struct Value(Slot<dyn Any + Send + Sync>);

impl Value {
    /// Without a value.
    #[track_caller]
    pub const fn new() -> Self {
        Value(Slot::new())
    }

    /// The value, if there is one of this type.
    #[track_caller]
    pub fn load<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.load()?.downcast().ok()
    }

    /// Stores a value.
    ///
    /// # Panics
    /// If the value before was of another type.
    #[track_caller]
    pub fn store<T: Any + Send + Sync>(&self, value: T) {
        self.check_type::<T>("store", Location::caller());
        self.0.swap(Some(Arc::new(value)));
    }

    /// Stores a value, and returns the one before.
    ///
    /// # Panics
    /// If the value before was of another type.
    #[track_caller]
    pub fn swap<T: Any + Send + Sync>(&self, value: T) -> Option<Arc<T>> {
        self.check_type::<T>("swap", Location::caller());
        self.0.swap(Some(Arc::new(value)))?.downcast().ok()
    }

    /// Stores `new` if the value equals `old`; true if it did.
    ///
    /// # Panics
    /// If the value before was of another type.
    #[track_caller]
    pub fn compare_and_swap<T: Any + Send + Sync + PartialEq>(&self, old: &T, new: T) -> bool {
        self.check_type::<T>("compare and swap", Location::caller());
        let same = |now: Option<&Arc<dyn Any + Send + Sync>>| {
            now.and_then(|now| now.downcast_ref::<T>()).is_some_and(|now| now == old)
        };
        self.0.compare_and_swap(same, Some(Arc::new(new)))
    }

    fn check_type<T: Any>(&self, what: &str, place: Place) {
        let now = lock(&self.0.value).as_ref().map(|(value, place)| ((**value).type_id(), *place));
        if let Some((id, first)) = now
            && id != TypeId::of::<T>()
        {
            let message = format!("sync/atomic: {what} of inconsistently typed value into Value");
            misuse::fail(
                Misuse::new(Kind::InconsistentType, &message)
                    .here("It is stored", place)
                    .earlier("A value of another type was stored", Some(first)),
            );
        }
    }
}

impl Default for Value {
    #[track_caller]
    fn default() -> Self {
        Value::new()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").finish_non_exhaustive()
    }
}
