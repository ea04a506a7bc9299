//! Where descriptors come from and where they go: opening, pipes, eventfds, timers, copies, closing.

use core::ffi::{c_char, c_int};

use super::super::intercept;
use super::super::real::real;
use super::{Buffer, Object, acquire, end, missing, release, table};
use crate::gate::enter;

real! {
    fn open(path: *const c_char, flags: c_int, mode: u32) -> c_int;
    fn __open_2(path: *const c_char, flags: c_int) -> c_int;
    fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: u32) -> c_int;
    fn creat(path: *const c_char, mode: u32) -> c_int;
    fn close(descriptor: c_int) -> c_int;
    fn close_range(first: u32, last: u32, flags: c_int) -> c_int;
    fn closefrom(first: c_int);
    fn dup(descriptor: c_int) -> c_int;
    fn dup2(descriptor: c_int, copy: c_int) -> c_int;
    fn dup3(descriptor: c_int, copy: c_int, flags: c_int) -> c_int;
    fn fcntl(descriptor: c_int, command: c_int, argument: usize) -> c_int;
    fn pipe(pair: *mut c_int) -> c_int;
    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int;
    fn eventfd(initial: u32, flags: c_int) -> c_int;
    fn eventfd_read(descriptor: c_int, value: *mut u64) -> c_int;
    fn eventfd_write(descriptor: c_int, value: u64) -> c_int;
    fn timerfd_create(clock: c_int, flags: c_int) -> c_int;
    fn timerfd_settime(
        descriptor: c_int,
        flags: c_int,
        new: *const libc::itimerspec,
        old: *mut libc::itimerspec,
    ) -> c_int;
    fn signalfd(descriptor: c_int, set: *const libc::sigset_t, flags: c_int) -> c_int;
    fn inotify_init1(flags: c_int) -> c_int;
    fn memfd_create(name: *const c_char, flags: u32) -> c_int;
}

/// A new number, for a thing that is looked at when it is used.
fn opened(descriptor: c_int) -> c_int {
    table::forget(descriptor);
    descriptor
}

intercept! {
    /// The mode is read by the real function if the flags ask for it.
    fn racecheck_intercept_open(path: *const c_char, flags: c_int, mode: u32) -> c_int {
        opened(open(path, flags, mode))
    }
}

intercept! {
    fn racecheck_intercept_open64(path: *const c_char, flags: c_int, mode: u32) -> c_int {
        opened(open(path, flags, mode))
    }
}

intercept! {
    /// What C code calls that passes no mode.
    fn racecheck_intercept___open_2(path: *const c_char, flags: c_int) -> c_int {
        opened(__open_2(path, flags))
    }
}

intercept! {
    fn racecheck_intercept___open64_2(path: *const c_char, flags: c_int) -> c_int {
        opened(__open_2(path, flags))
    }
}

intercept! {
    fn racecheck_intercept_openat(directory: c_int, path: *const c_char, flags: c_int, mode: u32) -> c_int {
        opened(openat(directory, path, flags, mode))
    }
}

intercept! {
    fn racecheck_intercept_openat64(directory: c_int, path: *const c_char, flags: c_int, mode: u32) -> c_int {
        opened(openat(directory, path, flags, mode))
    }
}

intercept! {
    fn racecheck_intercept_creat(path: *const c_char, mode: u32) -> c_int {
        opened(creat(path, mode))
    }
}

intercept! {
    fn racecheck_intercept_creat64(path: *const c_char, mode: u32) -> c_int {
        opened(creat(path, mode))
    }
}

intercept! {
    fn racecheck_intercept_memfd_create(name: *const c_char, flags: u32) -> c_int {
        opened(memfd_create(name, flags))
    }
}

intercept! {
    /// The slot is given up before the number is: afterwards it may be another thread's.
    fn racecheck_intercept_close(descriptor: c_int) -> c_int {
        end(descriptor);
        table::forget(descriptor);
        close(descriptor)
    }
}

/// Numbers that have a slot; libc's limit for the others is no concern of the table.
fn forget_range(first: u32, last: u32) {
    for descriptor in first..=last.min(u32::from(u16::MAX)) {
        table::forget(descriptor as c_int);
    }
}

intercept! {
    fn racecheck_intercept_close_range(first: u32, last: u32, flags: c_int) -> c_int {
        const CLOEXEC: c_int = 1 << 2;
        if addresses::close_range.address() == 0 {
            return missing();
        }
        if first <= last && flags & CLOEXEC == 0 {
            forget_range(first, last);
        }
        close_range(first, last, flags)
    }
}

intercept! {
    fn racecheck_intercept_closefrom(first: c_int) {
        forget_range(first.max(0) as u32, u32::MAX);
        closefrom(first)
    }
}

/// After a call that made `copy` stand for what `descriptor` stands for.
fn copied(descriptor: c_int, copy: c_int) -> c_int {
    if copy >= 0 && copy != descriptor {
        table::duplicate(descriptor, copy);
    }
    copy
}

intercept! {
    fn racecheck_intercept_dup(descriptor: c_int) -> c_int {
        copied(descriptor, dup(descriptor))
    }
}

intercept! {
    fn racecheck_intercept_dup2(descriptor: c_int, copy: c_int) -> c_int {
        if descriptor != copy {
            end(copy);
        }
        copied(descriptor, dup2(descriptor, copy))
    }
}

intercept! {
    fn racecheck_intercept_dup3(descriptor: c_int, copy: c_int, flags: c_int) -> c_int {
        if descriptor != copy {
            end(copy);
        }
        copied(descriptor, dup3(descriptor, copy, flags))
    }
}

/// # Safety
/// As for `fcntl`, whose argument is a number or an address.
unsafe fn control(descriptor: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the caller's promise.
    let result = unsafe { fcntl(descriptor, command, argument) };
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => copied(descriptor, result),
        _ => result,
    }
}

intercept! {
    fn racecheck_intercept_fcntl(descriptor: c_int, command: c_int, argument: usize) -> c_int {
        control(descriptor, command, argument)
    }
}

intercept! {
    fn racecheck_intercept_fcntl64(descriptor: c_int, command: c_int, argument: usize) -> c_int {
        control(descriptor, command, argument)
    }
}

/// After a call that made a pair of descriptors that belong together.
///
/// # Safety
/// `pair` holds the two numbers.
pub(super) unsafe fn made_pair(pair: *mut c_int, pc: u64) {
    let object = table::create();
    // SAFETY: the caller's promise.
    unsafe {
        table::set(*pair, object);
        table::set(*pair.add(1), object);
    }
    enter(|rt, thread| Buffer::new(pair, 2 * size_of::<c_int>()).received(rt, thread, pc));
}

intercept! {
    fn racecheck_intercept_pipe(pair: *mut c_int; pc in "rsi") -> c_int {
        let result = pipe(pair);
        if result == 0 {
            made_pair(pair, pc);
        }
        result
    }
}

intercept! {
    fn racecheck_intercept_pipe2(pair: *mut c_int, flags: c_int; pc in "rdx") -> c_int {
        let result = pipe2(pair, flags);
        if result == 0 {
            made_pair(pair, pc);
        }
        result
    }
}

/// A new number for a thing with an object of its own.
fn made(descriptor: c_int) -> c_int {
    if descriptor >= 0 {
        table::set(descriptor, table::create());
    }
    descriptor
}

intercept! {
    fn racecheck_intercept_eventfd(initial: u32, flags: c_int) -> c_int {
        made(eventfd(initial, flags))
    }
}

intercept! {
    fn racecheck_intercept_eventfd_read(descriptor: c_int, value: *mut u64; pc in "rdx") -> c_int {
        let result = eventfd_read(descriptor, value);
        if result == 0 {
            enter(|rt, thread| {
                acquire(rt, thread, descriptor, 1);
                Buffer::new(value, size_of::<u64>()).received(rt, thread, pc);
            });
        }
        result
    }
}

intercept! {
    fn racecheck_intercept_eventfd_write(descriptor: c_int, value: u64) -> c_int {
        enter(|rt, thread| release(rt, thread, descriptor));
        eventfd_write(descriptor, value)
    }
}

intercept! {
    fn racecheck_intercept_timerfd_create(clock: c_int, flags: c_int) -> c_int {
        made(timerfd_create(clock, flags))
    }
}

intercept! {
    /// Whoever learns that the time is up learns that somebody set it.
    fn racecheck_intercept_timerfd_settime(
        descriptor: c_int, flags: c_int, new: *const libc::itimerspec, old: *mut libc::itimerspec; pc in "r8"
    ) -> c_int {
        enter(|rt, thread| {
            Buffer::new(new, size_of::<libc::itimerspec>()).sent(rt, thread, pc);
            release(rt, thread, descriptor);
        });
        let result = timerfd_settime(descriptor, flags, new, old);
        if result == 0 {
            enter(|rt, thread| Buffer::new(old, size_of::<libc::itimerspec>()).received(rt, thread, pc));
        }
        result
    }
}

intercept! {
    fn racecheck_intercept_signalfd(descriptor: c_int, set: *const libc::sigset_t, flags: c_int) -> c_int {
        let result = signalfd(descriptor, set, flags);
        if result >= 0 {
            table::set(result, Object::SIGNALS);
        }
        result
    }
}

intercept! {
    /// What it tells is what the kernel saw; who did it is not known.
    fn racecheck_intercept_inotify_init1(flags: c_int) -> c_int {
        let result = inotify_init1(flags);
        if result >= 0 {
            table::set_quiet(result);
        }
        result
    }
}
