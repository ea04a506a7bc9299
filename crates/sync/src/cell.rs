//! Cells whose accesses are checked.
//!
//! [`RaceCell`] is the one to use for a value that your own protocol protects: each access is recorded at its
//! place. [`UnsafeCell`] and [`Cell`] mirror the standard library's.

use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::rt::place::{Place, Subject, Write};
use crate::rt::{Object, Quiet, enter_engine, instrumented, runtime_access};

/// What a cell is apart from its value.
struct Meta {
    object: Object,
    made: Place,
    name: Option<&'static str>,
}

impl Meta {
    #[track_caller]
    const fn new(name: Option<&'static str>) -> Self {
        Meta { object: Object::new(), made: Location::caller(), name }
    }

    /// Records an access to `size` of `whole` bytes, `offset` bytes into the value.
    #[inline]
    fn access<Owner: ?Sized>(
        &self,
        value: *const u8,
        whole: usize,
        (offset, size): (usize, usize),
        write: Write,
        place: Place,
    ) {
        let subject = |virtual_address| Subject {
            virtual_address,
            real_address: value as u64,
            size: whole as u64,
            kind: std::any::type_name::<Owner>(),
            name: self.name,
            made: self.made,
        };
        if instrumented() {
            return runtime_access(&subject(value as u64), offset as u64, size as u64, write);
        }
        let Some(mut e) = enter_engine() else { return };
        let Some(claim) = self.object.claim(whole as u64) else { return };
        // A value without a size still has a history.
        e.plain(&subject(claim.address()), offset as u64, size.max(1) as u64, write, place);
    }
}

/// Keeps the machine's accesses apart, so that a race in the program is a wrong value at worst and not
/// undefined behaviour. It orders nothing in the eyes of whoever records.
struct Latch(AtomicU32);

const WRITER: u32 = u32::MAX;

/// A held latch.
struct Latched<'a>(&'a AtomicU32, Write);

impl Latch {
    const fn new() -> Self {
        Latch(AtomicU32::new(0))
    }

    #[inline]
    fn hold(&self, write: Write) -> Latched<'_> {
        let _quiet = Quiet::begin();
        loop {
            let now = self.0.load(Ordering::Relaxed);
            let next = match write {
                Write::Yes if now == 0 => WRITER,
                Write::No if now < WRITER - 1 => now + 1,
                _ => {
                    std::thread::yield_now();
                    continue;
                }
            };
            if self.0.compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Latched(&self.0, write);
            }
        }
    }
}

impl Drop for Latched<'_> {
    #[inline]
    fn drop(&mut self) {
        let _quiet = Quiet::begin();
        match self.1 {
            Write::Yes => self.0.store(0, Ordering::Release),
            Write::No => _ = self.0.fetch_sub(1, Ordering::Release),
        }
    }
}

/// A value that several threads share and that the program says it protects by other means: whether it does
/// is checked at each access.
///
/// ```
/// use racecheck::cell::RaceCell;
/// use racecheck::thread;
///
/// let report = racecheck::check(|| {
///     let balance = RaceCell::named("balance", 0);
///     thread::scope(|s| {
///         s.spawn(|| balance.set(1));
///         s.spawn(|| balance.set(2));
///     });
/// });
/// assert_eq!(report.races.len(), 1);
/// ```
pub struct RaceCell<T: ?Sized> {
    meta: Meta,
    latch: Latch,
    value: std::cell::UnsafeCell<T>,
}

// SAFETY: accesses are kept apart by the latch; a value behind `&T` in two threads needs Sync.
unsafe impl<T: ?Sized + Send + Sync> Sync for RaceCell<T> {}

impl<T> RaceCell<T> {
    /// A cell with this value.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        RaceCell { meta: Meta::new(None), latch: Latch::new(), value: std::cell::UnsafeCell::new(value) }
    }

    /// A cell with a name for reports.
    #[track_caller]
    pub const fn named(name: &'static str, value: T) -> Self {
        RaceCell {
            meta: Meta::new(Some(name)),
            latch: Latch::new(),
            value: std::cell::UnsafeCell::new(value),
        }
    }

    /// The value, without a check: nobody else has the cell any more.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// A write.
    #[inline]
    #[track_caller]
    pub fn set(&self, value: T) {
        // The value before is dropped after the latch is given back.
        let _old = self.exchange(value, Location::caller());
    }

    /// A read and a write: the value before.
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        self.record(Write::No, Location::caller());
        self.exchange(value, Location::caller())
    }

    #[inline]
    fn exchange(&self, value: T, place: Place) -> T {
        self.record(Write::Yes, place);
        // Recorded above: once is enough.
        let _quiet = Quiet::begin();
        let _latched = self.latch.hold(Write::Yes);
        // SAFETY: the latch is held for writing.
        unsafe { std::mem::replace(&mut *self.value.get(), value) }
    }
}

impl<T: Copy> RaceCell<T> {
    /// A read.
    #[inline]
    #[track_caller]
    pub fn get(&self) -> T {
        self.record(Write::No, Location::caller());
        // Recorded above: once is enough.
        let _quiet = Quiet::begin();
        let _latched = self.latch.hold(Write::No);
        // SAFETY: the latch is held for reading.
        unsafe { *self.value.get() }
    }

    /// A read, and then a write of what `f` makes of it. Another thread may come between: that is the race
    /// of `x += 1`.
    #[track_caller]
    pub fn update(&self, f: impl FnOnce(T) -> T) {
        self.set(f(self.get()));
    }
}

impl<T: ?Sized> RaceCell<T> {
    #[inline]
    fn record(&self, write: Write, place: Place) {
        // SAFETY: only the size is looked at, and that is fixed.
        let size = size_of_val(unsafe { &*self.value.get().cast_const() });
        self.meta.access::<Self>(self.value.get().cast_const().cast(), size, (0, size), write, place);
    }

    /// A read of the whole value. `f` must not wait for another thread that writes it.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        self.record(Write::No, Location::caller());
        let _latched = self.latch.hold(Write::No);
        // SAFETY: the latch is held for reading.
        f(unsafe { &*self.value.get() })
    }

    /// A write of the whole value. `f` must not use the cell again, nor wait for another thread that does.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        self.record(Write::Yes, Location::caller());
        let _latched = self.latch.hold(Write::Yes);
        // SAFETY: the latch is held for writing.
        f(unsafe { &mut *self.value.get() })
    }

    /// Exclusive access, which needs no check.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for RaceCell<T> {
    #[track_caller]
    fn default() -> Self {
        RaceCell::new(T::default())
    }
}

impl<T> From<T> for RaceCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RaceCell::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for RaceCell<T> {
    /// Without the value: a look at it would be an access.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceCell").field("name", &self.meta.name).finish_non_exhaustive()
    }
}

/// Values in a row, of which each has its own history.
///
/// ```
/// use racecheck::cell::RaceSlice;
/// use racecheck::thread;
///
/// let report = racecheck::check(|| {
///     let row = RaceSlice::new(vec![0u8; 16]);
///     thread::scope(|s| {
///         s.spawn(|| row.fill(0..8, 1));
///         s.spawn(|| row.fill(8..16, 2));
///     });
///     assert_eq!(row.get(8), 2);
/// });
/// assert!(report.is_clean());
/// ```
pub struct RaceSlice<T> {
    meta: Meta,
    latch: Latch,
    values: std::cell::UnsafeCell<Box<[T]>>,
    len: usize,
}

// SAFETY: accesses are kept apart by the latch, and values are copied in and out.
unsafe impl<T: Send> Sync for RaceSlice<T> {}

impl<T: Copy> RaceSlice<T> {
    /// These values.
    #[track_caller]
    pub fn new(values: impl Into<Box<[T]>>) -> Self {
        let values = values.into();
        RaceSlice {
            meta: Meta::new(None),
            latch: Latch::new(),
            len: values.len(),
            values: std::cell::UnsafeCell::new(values),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A read of one.
    ///
    /// # Panics
    /// If there are not as many.
    #[track_caller]
    pub fn get(&self, at: usize) -> T {
        assert!(at < self.len, "index {at} in a slice of {}", self.len);
        self.read(at..=at, Location::caller(), |values| values[0])
    }

    /// A write of one.
    ///
    /// # Panics
    /// If there are not as many.
    #[track_caller]
    pub fn set(&self, at: usize, value: T) {
        assert!(at < self.len, "index {at} in a slice of {}", self.len);
        self.write(at..=at, Location::caller(), |values| values[0] = value);
    }

    /// A read of a range.
    #[track_caller]
    pub fn to_vec(&self, range: impl RangeBounds<usize>) -> Vec<T> {
        self.read(range, Location::caller(), <[T]>::to_vec)
    }

    /// A write of a range.
    #[track_caller]
    pub fn fill(&self, range: impl RangeBounds<usize>, value: T) {
        self.write(range, Location::caller(), |values| values.fill(value));
    }

    /// A write of as many as are given.
    ///
    /// # Panics
    /// If there are not as many from `at` on.
    #[track_caller]
    pub fn copy_from_slice(&self, at: usize, from: &[T]) {
        self.write(at..at + from.len(), Location::caller(), |values| values.copy_from_slice(from));
    }

    fn bounds(&self, range: impl RangeBounds<usize>) -> (usize, usize) {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len,
        };
        assert!(start <= end && end <= self.len, "range {start}..{end} in a slice of {}", self.len);
        (start, end)
    }

    fn record(&self, (start, end): (usize, usize), write: Write, place: Place) {
        if start < end {
            let size = size_of::<T>();
            // SAFETY: the pointer to the values is never changed.
            let values: *const [T] = unsafe { &raw const **self.values.get() };
            self.meta.access::<Self>(
                values.cast(),
                self.len * size,
                (start * size, (end - start) * size),
                write,
                place,
            );
        }
    }

    fn read<R>(&self, range: impl RangeBounds<usize>, place: Place, f: impl FnOnce(&[T]) -> R) -> R {
        let (start, end) = self.bounds(range);
        self.record((start, end), Write::No, place);
        let _quiet = Quiet::begin();
        let _latched = self.latch.hold(Write::No);
        // SAFETY: the latch is held for reading.
        f(unsafe { &(&*self.values.get())[start..end] })
    }

    fn write(&self, range: impl RangeBounds<usize>, place: Place, f: impl FnOnce(&mut [T])) {
        let (start, end) = self.bounds(range);
        self.record((start, end), Write::Yes, place);
        let _quiet = Quiet::begin();
        let _latched = self.latch.hold(Write::Yes);
        // SAFETY: the latch is held for writing.
        f(unsafe { &mut (&mut *self.values.get())[start..end] });
    }
}

impl<T> fmt::Debug for RaceSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RaceSlice").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Makes a struct of which each field is a [`RaceCell`] of its own, named `Struct.field` in reports, and its
/// `new`, which takes the fields in their order.
///
/// ```
/// racecheck::race_fields! {
///     /// Where money is.
///     pub struct Account {
///         pub number: u32,
///         pub balance: i64,
///     }
/// }
///
/// let report = racecheck::check(|| {
///     let account = Account::new(7, 100);
///     racecheck::thread::scope(|s| {
///         s.spawn(|| account.balance.set(90));
///         s.spawn(|| account.number.get()); // another field: no race
///         s.spawn(|| account.balance.set(80));
///     });
/// });
/// assert_eq!(report.races.len(), 1);
/// assert!(report.to_string().contains("Account.balance"));
/// ```
#[macro_export]
macro_rules! race_fields {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $crate::cell::RaceCell<$type>,)*
        }

        impl $name {
            /// Each value in a cell of its own.
            #[track_caller]
            $vis const fn new($($field: $type),*) -> Self {
                $name {
                    $($field: $crate::cell::RaceCell::named(
                        concat!(stringify!($name), ".", stringify!($field)),
                        $field,
                    ),)*
                }
            }
        }
    };
}

#[cfg(feature = "detect")]
mod mirror;

#[cfg(feature = "detect")]
pub use self::mirror::{Cell, UnsafeCell};
/// The standard library's own.
#[cfg(not(feature = "detect"))]
pub use std::cell::{Cell, UnsafeCell};

pub use std::cell::{BorrowError, BorrowMutError, LazyCell, OnceCell, Ref, RefCell, RefMut};
