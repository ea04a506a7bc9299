//! Mirrors of `std::sync::atomic`: each operation with its order, and fences.
//!
//! ```
//! use racecheck::sync::atomic::{AtomicU32, Ordering};
//!
//! static COUNT: AtomicU32 = AtomicU32::new(0);
//! COUNT.fetch_add(2, Ordering::Relaxed);
//! assert_eq!(COUNT.load(Ordering::Relaxed), 2);
//! ```
//!
//! `from_ptr`, which would make an atomic of foreign memory, is the one function that is left out: a mirror
//! is more than its value.

use std::fmt;
use std::panic::Location;

pub use std::sync::atomic::{Ordering, compiler_fence};

use racecheck_engine::{FenceOrder, Granule, LoadOrder, Mask, RmwOrder, StoreOrder};

use crate::rt::place::{Here, Place, Subject, Write};
use crate::rt::{Inner, Object, active, enter_engine};

fn load_order(order: Ordering) -> LoadOrder {
    match order {
        Ordering::Relaxed => LoadOrder::Relaxed,
        Ordering::Acquire => LoadOrder::Acquire,
        Ordering::SeqCst => LoadOrder::SeqCst,
        _ => panic!("there is no such thing as a release load"),
    }
}

fn store_order(order: Ordering) -> StoreOrder {
    match order {
        Ordering::Relaxed => StoreOrder::Relaxed,
        Ordering::Release => StoreOrder::Release,
        Ordering::SeqCst => StoreOrder::SeqCst,
        _ => panic!("there is no such thing as an acquire store"),
    }
}

fn rmw_order(order: Ordering) -> RmwOrder {
    match order {
        Ordering::Relaxed => RmwOrder::Relaxed,
        Ordering::Acquire => RmwOrder::Acquire,
        Ordering::Release => RmwOrder::Release,
        Ordering::AcqRel => RmwOrder::AcqRel,
        _ => RmwOrder::SeqCst,
    }
}

/// As the standard library's, for older crates; but where events are recorded, and so a turn of a waiting loop takes
/// longer, it lets another thread run.
#[deprecated = "use `std::hint::spin_loop`, as for the standard library's"]
pub fn spin_loop_hint() {
    if active() { std::thread::yield_now() } else { std::hint::spin_loop() }
}

/// As [`std::sync::atomic::fence`].
#[inline]
pub fn fence(order: Ordering) {
    let fence = match order {
        Ordering::Acquire => FenceOrder::Acquire,
        Ordering::Release => FenceOrder::Release,
        Ordering::AcqRel => FenceOrder::AcqRel,
        Ordering::SeqCst => FenceOrder::SeqCst,
        _ => panic!("there is no such thing as a relaxed fence"),
    };
    if let Some(mut e) = enter_engine() {
        let e = &mut *e;
        e.engine.fence(&mut e.thread, fence);
    }
    std::sync::atomic::fence(order);
}

/// What an atomic is apart from its value.
struct Meta {
    object: Object,
    made: Place,
    kind: &'static str,
}

impl Meta {
    #[track_caller]
    const fn new(kind: &'static str) -> Self {
        Meta { object: Object::new(), made: Location::caller(), kind }
    }

    /// Does `op` within the engine, by `within`, which is given the object's place in its shadow and the access's;
    /// or without it. `quick` may do it without the engine's locks.
    #[inline]
    fn record<T, R, F: FnOnce() -> R>(
        &self,
        value: *const T,
        place: Place,
        op: F,
        quick: impl FnOnce(&mut Inner, Bytes, F) -> Result<R, F>,
        within: impl FnOnce(&mut Inner, Bytes, Here, F) -> R,
    ) -> R {
        let Some(mut e) = enter_engine() else { return op() };
        let size = size_of::<T>() as u64;
        let Some(claim) = self.object.claim(size) else { return op() };
        let bytes = Bytes { address: claim.address(), size };
        let op = match quick(&mut e, bytes, op) {
            Ok(result) => return result,
            Err(op) => op,
        };
        let here = e.here(place);
        let result = within(&mut e, bytes, here, op);
        if !e.thread.races.is_empty() {
            e.subject_of_races(&Subject {
                virtual_address: bytes.address,
                real_address: value as u64,
                size,
                kind: self.kind,
                name: None,
                made: self.made,
            });
        }
        result
    }

    #[inline]
    fn load<T, R>(&self, value: *const T, order: Ordering, place: Place, op: impl Fn() -> R) -> R {
        let order = load_order(order);
        let quick = |e: &mut Inner, bytes: Bytes, op| match order {
            LoadOrder::Relaxed if bytes.is_known(e, Write::No) => {
                let value = look(&op);
                // Else what was read may be of a release: it is read once more, where that is seen.
                if bytes.spoke_meanwhile(e) { Err(op) } else { Ok(value) }
            }
            _ => Err(op),
        };
        self.record(value, place, op, quick, |e, bytes, here, op| {
            e.engine.load(&mut e.thread, bytes.address, bytes.size, order, here, op)
        })
    }

    #[inline]
    fn store<T>(&self, value: *const T, order: Ordering, place: Place, op: impl FnOnce()) {
        let order = store_order(order);
        let quick = |e: &mut Inner, bytes: Bytes, op| match order {
            StoreOrder::Relaxed if bytes.is_known(e, Write::Yes) => {
                done(op);
                Ok(())
            }
            _ => Err(op),
        };
        self.record(value, place, op, quick, |e, bytes, here, op| {
            e.engine.store(&mut e.thread, bytes.address, bytes.size, order, here, op);
        });
    }

    #[inline]
    fn rmw<T, R>(&self, value: *const T, order: Ordering, place: Place, op: impl FnOnce() -> R) -> R {
        let order = rmw_order(order);
        let quick = |e: &mut Inner, bytes: Bytes, op| match order {
            RmwOrder::Relaxed if bytes.is_known(e, Write::Yes) => {
                let value = done(op);
                if bytes.spoke_meanwhile(e) {
                    bytes.was_read(e);
                }
                Ok(value)
            }
            _ => Err(op),
        };
        self.record(value, place, op, quick, |e, bytes, here, op| {
            e.engine.read_modify_write(&mut e.thread, bytes.address, bytes.size, order, here, op)
        })
    }

    #[inline]
    fn cas<T, R>(
        &self,
        value: *const T,
        (success, failure): (Ordering, Ordering),
        place: Place,
        op: impl FnOnce() -> Result<R, R>,
    ) -> Result<R, R> {
        let failure = match failure {
            Ordering::Release => panic!("there is no such thing as a release failure ordering"),
            Ordering::AcqRel => panic!("there is no such thing as an acquire-release failure ordering"),
            order => load_order(order),
        };
        let success = rmw_order(success);
        self.record(
            value,
            place,
            op,
            |_, _, op| Err(op),
            |e, bytes, here, op| {
                let Bytes { address, size } = bytes;
                e.engine.compare_exchange(&mut e.thread, address, size, success, failure, here, op)
            },
        )
    }
}

/// Does an operation.
#[inline]
fn done<R>(op: impl FnOnce() -> R) -> R {
    op()
}

/// Does an operation that may be done once more.
#[inline]
fn look<R>(op: &impl Fn() -> R) -> R {
    op()
}

/// The virtual bytes of an atomic: at most one granule, from its start.
#[derive(Clone, Copy)]
struct Bytes {
    address: u64,
    size: u64,
}

impl Bytes {
    #[inline]
    fn granule(self) -> (Granule, Mask) {
        (Granule::of(self.address), Mask::span(0, self.size))
    }

    /// True if a relaxed operation has nothing to tell the engine.
    #[inline]
    fn is_known(self, e: &Inner, write: Write) -> bool {
        let (granule, mask) = self.granule();
        e.engine.relaxed_is_known(&e.thread, granule, mask, write == Write::Yes)
    }

    #[inline]
    fn spoke_meanwhile(self, e: &Inner) -> bool {
        let (granule, mask) = self.granule();
        e.engine.spoke_meanwhile(granule, mask)
    }

    #[cold]
    fn was_read(self, e: &mut Inner) {
        let (granule, mask) = self.granule();
        e.engine.relaxed_read(&mut e.thread, granule, mask);
    }
}

/// What all atomics have.
macro_rules! atomic {
    ($name:ident$(<$t:ident>)?, $std:ty, $value:ty, $label:literal) => {
        #[doc = concat!("Mirror of [`std::sync::atomic::", stringify!($name), "`].")]
        pub struct $name$(<$t>)? {
            value: $std,
            meta: Meta,
        }

        impl$(<$t>)? $name$(<$t>)? {
            #[doc = concat!("As [`std::sync::atomic::", stringify!($name), "::new`].")]
            #[track_caller]
            pub const fn new(value: $value) -> Self {
                $name { value: <$std>::new(value), meta: Meta::new($label) }
            }

            /// Exclusive access to the value, which is not recorded.
            pub fn get_mut(&mut self) -> &mut $value {
                self.value.get_mut()
            }

            /// The value.
            pub fn into_inner(self) -> $value {
                self.value.into_inner()
            }

            /// A pointer to the value. What is done through it is not recorded.
            pub const fn as_ptr(&self) -> *mut $value {
                self.value.as_ptr()
            }

            /// Loads the value.
            #[inline]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                let place = Location::caller();
                self.meta.load(self.as_ptr(), order, place, || self.value.load(order))
            }

            /// Stores a value.
            #[inline]
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                let place = Location::caller();
                self.meta.store(self.as_ptr(), order, place, || self.value.store(value, order));
            }

            /// Stores a value, and returns the one before.
            #[inline]
            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                let place = Location::caller();
                self.meta.rmw(self.as_ptr(), order, place, || self.value.swap(value, order))
            }

            /// Stores `new` if the value is `current`. The result holds the value before.
            #[inline]
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.meta.cas(self.as_ptr(), (success, failure), Location::caller(), || {
                    self.value.compare_exchange(current, new, success, failure)
                })
            }

            /// Stores `new` if the value is `current`. The value before.
            #[deprecated = "use `compare_exchange` or `compare_exchange_weak`, as for the standard library's"]
            #[inline]
            #[track_caller]
            pub fn compare_and_swap(&self, current: $value, new: $value, order: Ordering) -> $value {
                let failure = match order {
                    Ordering::Release => Ordering::Relaxed,
                    Ordering::AcqRel => Ordering::Acquire,
                    order => order,
                };
                match self.compare_exchange(current, new, order, failure) {
                    Ok(before) | Err(before) => before,
                }
            }

            /// As `compare_exchange`, but may fail although the value is `current`.
            #[inline]
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.meta.cas(self.as_ptr(), (success, failure), Location::caller(), || {
                    self.value.compare_exchange_weak(current, new, success, failure)
                })
            }

            /// Stores what `f` makes of the value, again and again until no other thread comes between; stops
            /// when `f` gives `None`.
            #[track_caller]
            pub fn fetch_update<F>(&self, set: Ordering, fetch: Ordering, mut f: F) -> Result<$value, $value>
            where
                F: FnMut($value) -> Option<$value>,
            {
                let mut before = self.load(fetch);
                while let Some(next) = f(before) {
                    match self.compare_exchange_weak(before, next, set, fetch) {
                        Ok(before) => return Ok(before),
                        Err(now) => before = now,
                    }
                }
                Err(before)
            }

            /// As `fetch_update`.
            #[track_caller]
            pub fn try_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                f: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.fetch_update(set, fetch, f)
            }

            /// Stores what `f` makes of the value, again and again until no other thread comes between. The value
            /// before.
            #[track_caller]
            pub fn update(&self, set: Ordering, fetch: Ordering, mut f: impl FnMut($value) -> $value) -> $value {
                let mut before = self.load(fetch);
                loop {
                    match self.compare_exchange_weak(before, f(before), set, fetch) {
                        Ok(before) => return before,
                        Err(now) => before = now,
                    }
                }
            }
        }

        impl$(<$t>)? fmt::Debug for $name$(<$t>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.value, f)
            }
        }

        impl$(<$t>)? From<$value> for $name$(<$t>)? {
            #[track_caller]
            fn from(value: $value) -> Self {
                $name::new(value)
            }
        }

        impl$(<$t>)? Default for $name$(<$t>)? {
            #[track_caller]
            fn default() -> Self {
                $name::new(<$std>::default().into_inner())
            }
        }
    };
}

/// Read-modify-writes with one operand.
macro_rules! fetch {
    ($name:ident, $value:ty: $($method:ident),*) => {
        impl $name {
            $(
                #[doc = concat!("As [`std::sync::atomic::", stringify!($name), "::", stringify!($method), "`].")]
                #[inline]
                #[track_caller]
                pub fn $method(&self, value: $value, order: Ordering) -> $value {
                    let place = Location::caller();
                    self.meta.rmw(self.as_ptr(), order, place, || self.value.$method(value, order))
                }
            )*
        }
    };
}

macro_rules! integers {
    ($($name:ident: $value:ty, $label:literal;)*) => {$(
        atomic!($name, std::sync::atomic::$name, $value, $label);
        fetch!($name, $value: fetch_add, fetch_sub, fetch_and, fetch_nand, fetch_or, fetch_xor, fetch_max, fetch_min);
    )*};
}

integers! {
    AtomicI8: i8, "AtomicI8";
    AtomicU8: u8, "AtomicU8";
    AtomicI16: i16, "AtomicI16";
    AtomicU16: u16, "AtomicU16";
    AtomicI32: i32, "AtomicI32";
    AtomicU32: u32, "AtomicU32";
    AtomicI64: i64, "AtomicI64";
    AtomicU64: u64, "AtomicU64";
    AtomicIsize: isize, "AtomicIsize";
    AtomicUsize: usize, "AtomicUsize";
}

atomic!(AtomicBool, std::sync::atomic::AtomicBool, bool, "AtomicBool");
fetch!(AtomicBool, bool: fetch_and, fetch_nand, fetch_or, fetch_xor);

impl AtomicBool {
    /// As [`std::sync::atomic::AtomicBool::fetch_not`].
    #[inline]
    #[track_caller]
    pub fn fetch_not(&self, order: Ordering) -> bool {
        let place = Location::caller();
        self.meta.rmw(self.as_ptr(), order, place, || self.value.fetch_not(order))
    }
}

atomic!(AtomicPtr<T>, std::sync::atomic::AtomicPtr<T>, *mut T, "AtomicPtr");

macro_rules! fetch_pointer {
    ($($method:ident),*) => {
        impl<T> AtomicPtr<T> {
            $(
                #[doc = concat!("As [`std::sync::atomic::AtomicPtr::", stringify!($method), "`].")]
                #[inline]
                #[track_caller]
                pub fn $method(&self, value: usize, order: Ordering) -> *mut T {
                    let place = Location::caller();
                    self.meta.rmw(self.as_ptr(), order, place, || self.value.$method(value, order))
                }
            )*
        }
    };
}
fetch_pointer!(fetch_ptr_add, fetch_ptr_sub, fetch_byte_add, fetch_byte_sub, fetch_or, fetch_and, fetch_xor);

impl<T> fmt::Pointer for AtomicPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Pointer::fmt(&self.value, f)
    }
}
