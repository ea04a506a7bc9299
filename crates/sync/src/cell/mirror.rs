use std::cmp;
use std::fmt;
use std::panic::Location;

use super::Meta;
use crate::rt::place::{Place, Write};

/// Mirror of [`std::cell::UnsafeCell`]. `get` gives a pointer and can't know what is done through it: use
/// `with` and `with_mut` for accesses that are checked.
///
/// ```
/// use racecheck::cell::UnsafeCell;
///
/// let cell = UnsafeCell::new(1);
/// // SAFETY: no other reference to the value is there.
/// cell.with_mut(|value| unsafe { *value += 1 });
/// assert_eq!(cell.into_inner(), 2);
/// ```
pub struct UnsafeCell<T: ?Sized> {
    meta: Meta,
    value: std::cell::UnsafeCell<T>,
}

impl<T> UnsafeCell<T> {
    /// As [`std::cell::UnsafeCell::new`].
    #[track_caller]
    pub const fn new(value: T) -> Self {
        UnsafeCell { meta: Meta::new(None), value: std::cell::UnsafeCell::new(value) }
    }

    /// As [`std::cell::UnsafeCell::into_inner`].
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// As [`std::cell::UnsafeCell::get`]: not checked.
    pub const fn get(&self) -> *mut T {
        self.value.get()
    }

    /// As [`std::cell::UnsafeCell::get_mut`].
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline]
    fn record(&self, write: Write, place: Place) {
        // SAFETY: only the size is looked at, and that is fixed.
        let size = size_of_val(unsafe { &*self.value.get().cast_const() });
        self.meta.access::<Self>(self.value.get().cast_const().cast(), size, (0, size), write, place);
    }

    /// A read through the pointer, which is checked.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        self.record(Write::No, Location::caller());
        f(self.value.get())
    }

    /// A write through the pointer, which is checked.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        self.record(Write::Yes, Location::caller());
        f(self.value.get())
    }
}

impl<T: Default> Default for UnsafeCell<T> {
    #[track_caller]
    fn default() -> Self {
        UnsafeCell::new(T::default())
    }
}

impl<T> From<T> for UnsafeCell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        UnsafeCell::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for UnsafeCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsafeCell").finish_non_exhaustive()
    }
}

/// Mirror of [`std::cell::Cell`]. It can't be shared between threads, but it can be handed from one to the
/// other by means that the compiler doesn't see.
///
/// ```
/// use racecheck::cell::Cell;
///
/// let cell = Cell::new(1);
/// cell.set(cell.get() + 1);
/// assert_eq!(cell.replace(5), 2);
/// ```
pub struct Cell<T: ?Sized> {
    meta: Meta,
    value: std::cell::Cell<T>,
}

impl<T> Cell<T> {
    /// As [`std::cell::Cell::new`].
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Cell { meta: Meta::new(None), value: std::cell::Cell::new(value) }
    }

    fn record(&self, write: Write, place: Place) {
        let size = size_of::<T>();
        self.meta.access::<Self>(self.value.as_ptr().cast_const().cast(), size, (0, size), write, place);
    }

    /// As [`std::cell::Cell::set`].
    #[track_caller]
    pub fn set(&self, value: T) {
        self.record(Write::Yes, Location::caller());
        self.value.set(value);
    }

    /// As [`std::cell::Cell::replace`].
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        self.record(Write::Yes, Location::caller());
        self.value.replace(value)
    }

    /// As [`std::cell::Cell::swap`].
    #[track_caller]
    pub fn swap(&self, other: &Self) {
        self.record(Write::Yes, Location::caller());
        other.record(Write::Yes, Location::caller());
        self.value.swap(&other.value);
    }

    /// As [`std::cell::Cell::into_inner`].
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: Copy> Cell<T> {
    /// As [`std::cell::Cell::get`].
    #[track_caller]
    pub fn get(&self) -> T {
        self.record(Write::No, Location::caller());
        self.value.get()
    }

    /// As [`std::cell::Cell::update`].
    #[track_caller]
    pub fn update(&self, f: impl FnOnce(T) -> T) {
        self.set(f(self.get()));
    }
}

impl<T: ?Sized> Cell<T> {
    /// As [`std::cell::Cell::as_ptr`]: not checked.
    pub const fn as_ptr(&self) -> *mut T {
        self.value.as_ptr()
    }

    /// As [`std::cell::Cell::get_mut`].
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Cell<T> {
    /// As [`std::cell::Cell::take`].
    #[track_caller]
    pub fn take(&self) -> T {
        self.replace(T::default())
    }
}

impl<T: Copy> Clone for Cell<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        Cell::new(self.get())
    }
}

impl<T: Default> Default for Cell<T> {
    #[track_caller]
    fn default() -> Self {
        Cell::new(T::default())
    }
}

impl<T> From<T> for Cell<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Cell::new(value)
    }
}

impl<T: Copy + fmt::Debug> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("value", &self.value.get()).finish()
    }
}

impl<T: Copy + PartialEq> PartialEq for Cell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Copy + Eq> Eq for Cell<T> {}

impl<T: Copy + PartialOrd> PartialOrd for Cell<T> {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        self.get().partial_cmp(&other.get())
    }
}

impl<T: Copy + Ord> Ord for Cell<T> {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        self.get().cmp(&other.get())
    }
}
