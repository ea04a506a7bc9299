//! The runtime of an instrumented program, as far as this crate calls it.
//!
//! In such a program the runtime records, and this crate tells it what it could not see by itself: which edges
//! a primitive promises, and which object a cell is. Everything else that the primitives do is their own
//! business: while a [`Quiet`] lives, neither the accesses nor the atomic operations of its thread are
//! looked at, so that the locks within the primitives order nothing between the program's threads. It has to be done
//! when the program runs, since most of this crate is generic and compiled as a part of the program's
//! own crates.
//!
//! The functions are looked up by name, so that this crate links against nothing.
//!
//! # Invariants
//! - Nothing here is called unless the mode is [`Mode::Instrumented`](super::Mode::Instrumented), and that is set
//!   after all functions were found.
//! - The table of functions is read and written by relaxed atomics: it must not order the program's threads.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::instrumented;
use super::os;
use super::place::{Subject, Write};

/// A function of the runtime.
struct Function {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Function {
    const fn new(name: &'static CStr) -> Self {
        Function { name, address: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn find(&self) -> bool {
        let address = os::symbol(self.name);
        self.address.store(address, Ordering::Relaxed);
        !address.is_null()
    }

    #[inline]
    fn get(&self) -> *mut c_void {
        self.address.load(Ordering::Relaxed)
    }
}

static ACQUIRE: Function = Function::new(c"__tsan_acquire");
static RELEASE: Function = Function::new(c"__tsan_release");
static LOOK_AWAY: Function = Function::new(c"__tsan_ignore_thread_begin");
static LOOK_AGAIN: Function = Function::new(c"__tsan_ignore_thread_end");
static READ: Function = Function::new(c"racecheck_rt_object_read");
static WRITE: Function = Function::new(c"racecheck_rt_object_write");
static CALL: Function = Function::new(c"racecheck_rt_object_call");

/// True if the program is linked with the runtime, and all of its functions are known from now on.
pub(super) fn find() -> bool {
    [&ACQUIRE, &RELEASE, &LOOK_AWAY, &LOOK_AGAIN, &READ, &WRITE, &CALL].iter().all(|f| f.find())
}

/// A function of the C ABI that takes and gives nothing.
type Signal = unsafe extern "C" fn();
type OnAddress = unsafe extern "C" fn(u64);
type OnObject = unsafe extern "C" fn(u64, u64, *const Described);
type OnCall = unsafe extern "C" fn(u64, u32) -> u32;

/// What was released at the address is ordered before what this thread does from now on.
pub(crate) fn acquire(address: u64) {
    // SAFETY: the function was found under this name, and `sanitizer/tsan_interface.h` gives its signature.
    unsafe { std::mem::transmute::<*mut c_void, OnAddress>(ACQUIRE.get())(address) }
}

/// What this thread did is ordered before whoever acquires at the address.
pub(crate) fn release(address: u64) {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<*mut c_void, OnAddress>(RELEASE.get())(address) }
}

/// An access to `size` bytes, `offset` bytes into the object.
#[inline]
pub(crate) fn access(object: &Subject, offset: u64, size: u64, write: Write) {
    let described = Described::of(object);
    let function = match write {
        Write::No => &READ,
        Write::Yes => &WRITE,
    };
    // SAFETY: the function was found under this name, and the runtime defines it with this signature.
    let function = unsafe { std::mem::transmute::<*mut c_void, OnObject>(function.get()) };
    // SAFETY: the description lives until the function has returned.
    unsafe { function(object.real_address + offset, size, &raw const described) }
}

/// A call of one of two kinds, where calls of different kinds have to be ordered with each other: true if one of
/// the other kind is not. `address` stands for what is called, and for nothing else.
pub(crate) fn call(address: u64, call: super::Call) -> bool {
    // SAFETY: as above.
    unsafe { std::mem::transmute::<*mut c_void, OnCall>(CALL.get())(address, call as u32) != 0 }
}

/// Text without an end mark, as the runtime takes it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Text {
    start: *const u8,
    length: usize,
}

impl Text {
    fn of(text: &'static str) -> Self {
        Text { start: text.as_ptr(), length: text.len() }
    }
}

/// What the runtime is told of an object. The same is in the runtime's `abi/object.rs`.
#[repr(C)]
struct Described {
    address: u64,
    size: u64,
    kind: Text,
    /// Empty for none.
    name: Text,
    file: Text,
    line: u32,
    column: u32,
}

impl Described {
    #[inline]
    fn of(object: &Subject) -> Self {
        Described {
            address: object.real_address,
            size: object.size,
            kind: Text::of(object.kind),
            name: Text::of(object.name.unwrap_or("")),
            file: Text::of(object.made.file()),
            line: object.made.line(),
            column: object.made.column(),
        }
    }
}

/// While it lives, the runtime of an instrumented program does not look at this thread. In any other program it is
/// nothing.
#[derive(Debug)]
pub(crate) struct Quiet {
    counts: bool,
    /// It belongs to the thread that made it.
    of_this_thread: PhantomData<*const ()>,
}

impl Quiet {
    #[inline]
    pub(crate) fn begin() -> Self {
        let counts = instrumented();
        if counts {
            signal(&LOOK_AWAY);
        }
        Quiet { counts, of_this_thread: PhantomData }
    }
}

impl Drop for Quiet {
    #[inline]
    fn drop(&mut self) {
        if self.counts {
            signal(&LOOK_AGAIN);
        }
    }
}

/// A value that is dropped quietly: one that shares a count of owners, of which the last would learn what the others
/// did although the primitive does not promise it.
#[derive(Debug)]
pub(crate) struct Quietly<T>(ManuallyDrop<T>);

impl<T> Quietly<T> {
    pub(crate) fn new(value: T) -> Self {
        Quietly(ManuallyDrop::new(value))
    }
}

impl<T: Clone> Clone for Quietly<T> {
    fn clone(&self) -> Self {
        Quietly::new(T::clone(self))
    }
}

impl<T> Deref for Quietly<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Quietly<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> Drop for Quietly<T> {
    #[inline]
    fn drop(&mut self) {
        let _quiet = Quiet::begin();
        // SAFETY: it is dropped here only.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}

/// While it lives, within exactly one [`Quiet`], the runtime looks.
pub(crate) struct Aloud(bool);

impl Aloud {
    pub(crate) fn begin() -> Self {
        let counts = instrumented();
        if counts {
            signal(&LOOK_AGAIN);
        }
        Aloud(counts)
    }
}

impl Drop for Aloud {
    fn drop(&mut self) {
        if self.0 {
            signal(&LOOK_AWAY);
        }
    }
}

#[cold]
fn signal(function: &Function) {
    // SAFETY: both functions that this is called for have this signature.
    unsafe { std::mem::transmute::<*mut c_void, Signal>(function.get())() }
}
