//! Which sync object a descriptor stands for.
//!
//! ```text
//! descriptor ──slot──▶ object ──address──▶ clock in the shadow
//!     0..65,536          0: all sockets, and whatever cannot be told apart
//!                        1..=1,024: files and named pipes, by device and inode
//!                        1,025: all signalfds
//!                        from 1,026: pipes, socket pairs, eventfds, timerfds and epolls, one each, counted
//! ```
//! A slot is one atomic word, so looking takes no lock. A number that nobody has told us of (inherited, or opened
//! by libc itself) is looked at when it is used for the first time.
//!
//! Two files may share an object, and so may all sockets: then more is ordered than the program says, and
//! a race may stay unseen, but none is invented.

use alloc::vec::Vec;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::gate::enter;
use crate::lock::SpinLock;
use crate::sys::syscall::{Number, syscall2};

/// Descriptors that have a slot; others are treated as sockets.
const SLOTS: usize = 1 << 16;
/// Objects for files.
const FILES: u32 = 1 << 10;
const SIGNALS: u32 = FILES + 1;
const FIRST_OWN: u32 = SIGNALS + 1;
const OBJECTS: usize = 1 << 15;

/// A sync object of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object(u32);

impl Object {
    /// All sockets, and whatever cannot be told apart.
    pub const SHARED: Object = Object(0);
    /// All descriptors that receive signals.
    pub const SIGNALS: Object = Object(SIGNALS);

    /// The address under which the engine knows it.
    pub fn address(self) -> u64 {
        &raw const ENTRIES[self.0 as usize].clock as u64
    }

    /// True if the end of what can be read says that somebody closed the other end.
    pub fn is_stream(self) -> bool {
        !(1..=FILES).contains(&self.0)
    }
}

/// Where an object is.
struct Entry {
    /// Never read or written: its address is the object's, and its shadow holds the clock.
    clock: AtomicU64,
    /// Descriptors that stand for the object, if it is counted.
    users: AtomicU32,
}

static ENTRIES: [Entry; OBJECTS] =
    [const { Entry { clock: AtomicU64::new(0), users: AtomicU32::new(0) } }; OBJECTS];

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot(u32);

impl Slot {
    /// Nobody has looked.
    const UNKNOWN: Slot = Slot(0);
    /// A terminal, a directory, a device: bytes from one thread do not come out at another.
    const QUIET: Slot = Slot(1);

    const fn of(object: Object) -> Slot {
        Slot(object.0 + 2)
    }

    fn object(self) -> Option<Object> {
        self.0.checked_sub(2).map(Object)
    }
}

static TABLE: [AtomicU32; SLOTS] = [const { AtomicU32::new(0) }; SLOTS];

fn cell(descriptor: c_int) -> Option<&'static AtomicU32> {
    TABLE.get(usize::try_from(descriptor).ok()?)
}

/// What `descriptor` stands for; `None` if it hands on no order.
#[inline]
pub fn object(descriptor: c_int) -> Option<Object> {
    let Some(cell) = cell(descriptor) else {
        return (descriptor >= 0).then_some(Object::SHARED);
    };
    match Slot(cell.load(Ordering::Relaxed)) {
        Slot::UNKNOWN => look(descriptor, cell),
        slot => slot.object(),
    }
}

#[cold]
fn look(descriptor: c_int, cell: &AtomicU32) -> Option<Object> {
    let mut status = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel fills one structure of this form, or fails.
    let status = unsafe {
        syscall2(Number(libc::SYS_fstat), descriptor as usize, status.as_mut_ptr() as usize).ok()?;
        status.assume_init()
    };
    let slot = match status.st_mode & libc::S_IFMT {
        libc::S_IFREG | libc::S_IFIFO => {
            let hash = (status.st_ino ^ status.st_dev.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            Slot::of(Object(1 + (hash >> 32) as u32 % FILES))
        }
        libc::S_IFCHR | libc::S_IFBLK | libc::S_IFDIR => Slot::QUIET,
        _ => Slot::of(Object::SHARED),
    };
    // Whoever was faster knows better.
    let _ = cell.compare_exchange(Slot::UNKNOWN.0, slot.0, Ordering::Relaxed, Ordering::Relaxed);
    slot.object()
}

/// Objects that were given back, and how many were ever handed out.
struct Pool {
    free: Vec<u32>,
    used: u32,
}

static POOL: SpinLock<Pool> = SpinLock::new(Pool { free: Vec::new(), used: FIRST_OWN });

/// An object for descriptors that are new; it is theirs once it was given to [`set`]. If there is none left, the
/// shared one.
pub fn create() -> Object {
    let taken = enter(|_, _| {
        let mut pool = POOL.lock();
        pool.free.pop().or_else(|| {
            let next = pool.used;
            pool.used += u32::from((next as usize) < OBJECTS);
            ((next as usize) < OBJECTS).then_some(next)
        })
    });
    taken.flatten().map_or(Object::SHARED, Object)
}

/// `descriptor` is a new number for `object`.
pub fn set(descriptor: c_int, object: Object) {
    if object.0 >= FIRST_OWN {
        ENTRIES[object.0 as usize].users.fetch_add(1, Ordering::Relaxed);
    }
    replace(descriptor, Slot::of(object));
}

/// `descriptor` is a new number for a thing through which no order is handed on.
pub fn set_quiet(descriptor: c_int) {
    replace(descriptor, Slot::QUIET);
}

/// `descriptor` is not in use any more, or for something unknown.
pub fn forget(descriptor: c_int) {
    replace(descriptor, Slot::UNKNOWN);
}

/// `copy` stands for what `descriptor` stands for.
pub fn duplicate(descriptor: c_int, copy: c_int) {
    match object(descriptor) {
        Some(object) => set(copy, object),
        None => forget(copy),
    }
}

fn replace(descriptor: c_int, slot: Slot) {
    let Some(cell) = cell(descriptor) else { return };
    let former = Slot(cell.swap(slot.0, Ordering::Relaxed));
    if let Some(object) = former.object().filter(|object| object.0 >= FIRST_OWN) {
        leave(object);
    }
}

/// One descriptor less stands for `object`.
fn leave(object: Object) {
    if ENTRIES[object.0 as usize].users.fetch_sub(1, Ordering::AcqRel) != 1 {
        return;
    }
    enter(|rt, _| {
        rt.engine.reset(object.address(), size_of::<u64>() as u64);
        super::epoll::forget(object);
        POOL.lock().free.push(object.0);
    });
}
