//! Waiting for descriptors: `epoll`, `poll`, `select`.
//!
//! That a descriptor is ready is information as the byte itself is: what a thread did before it wrote is ordered
//! before the wait that the byte ends. And what it did before it registered a descriptor is ordered before
//! the wait that its event ends.
//!
//! An event of epoll does not tell its descriptor but a number that the program chose, so that number is kept
//! beside each registration.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ffi::{c_int, c_short};

use super::super::intercept;
use super::super::real::real;
use super::{Buffer, News, Object, acquire_object, missing, release, table};
use crate::gate::enter;
use crate::lock::SpinLock;
use crate::runtime::Runtime;
use crate::thread::ThreadState;

real! {
    fn epoll_create(size: c_int) -> c_int;
    fn epoll_create1(flags: c_int) -> c_int;
    fn epoll_ctl(epoll: c_int, operation: c_int, descriptor: c_int, event: *mut libc::epoll_event) -> c_int;
    fn epoll_wait(epoll: c_int, events: *mut libc::epoll_event, count: c_int, timeout: c_int) -> c_int;
    fn epoll_pwait(
        epoll: c_int,
        events: *mut libc::epoll_event,
        count: c_int,
        timeout: c_int,
        mask: *const libc::sigset_t,
    ) -> c_int;
    fn epoll_pwait2(
        epoll: c_int,
        events: *mut libc::epoll_event,
        count: c_int,
        timeout: *const libc::timespec,
        mask: *const libc::sigset_t,
    ) -> c_int;
    fn poll(descriptors: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int;
    fn __poll_chk(descriptors: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int, limit: usize) -> c_int;
    fn ppoll(
        descriptors: *mut libc::pollfd,
        count: libc::nfds_t,
        timeout: *const libc::timespec,
        mask: *const libc::sigset_t,
    ) -> c_int;
    fn select(
        count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *mut libc::timeval,
    ) -> c_int;
    fn pselect(
        count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *const libc::timespec,
        mask: *const libc::sigset_t,
    ) -> c_int;
}

/// Which descriptors an epoll watches, and what their events say.
struct Watched {
    data: BTreeMap<(Object, c_int), u64>,
    descriptors: BTreeSet<(Object, u64, c_int)>,
}

static WATCHED: SpinLock<Watched> =
    SpinLock::new(Watched { data: BTreeMap::new(), descriptors: BTreeSet::new() });

impl Watched {
    fn add(&mut self, epoll: Object, descriptor: c_int, data: u64) {
        self.remove(epoll, descriptor);
        self.data.insert((epoll, descriptor), data);
        self.descriptors.insert((epoll, data, descriptor));
    }

    fn remove(&mut self, epoll: Object, descriptor: c_int) {
        if let Some(data) = self.data.remove(&(epoll, descriptor)) {
            self.descriptors.remove(&(epoll, data, descriptor));
        }
    }

    /// The descriptors whose events say `data`.
    fn with(&self, epoll: Object, data: u64) -> impl Iterator<Item = c_int> {
        self.descriptors.range((epoll, data, c_int::MIN)..=(epoll, data, c_int::MAX)).map(|&(.., d)| d)
    }
}

/// No descriptor stands for `epoll` any more.
pub(super) fn forget(epoll: Object) {
    let mut watched = WATCHED.lock();
    while let Some((&(_, descriptor), _)) =
        watched.data.range((epoll, c_int::MIN)..=(epoll, c_int::MAX)).next()
    {
        watched.remove(epoll, descriptor);
    }
}

fn made(epoll: c_int) -> c_int {
    if epoll >= 0 {
        table::set(epoll, table::create());
    }
    epoll
}

intercept! {
    fn racecheck_intercept_epoll_create(size: c_int) -> c_int {
        made(epoll_create(size))
    }
}

intercept! {
    fn racecheck_intercept_epoll_create1(flags: c_int) -> c_int {
        made(epoll_create1(flags))
    }
}

intercept! {
    fn racecheck_intercept_epoll_ctl(
        epoll: c_int, operation: c_int, descriptor: c_int, event: *mut libc::epoll_event; pc in "r8"
    ) -> c_int {
        enter(|rt, thread| {
            Buffer::new(event, size_of::<libc::epoll_event>()).sent(rt, thread, pc);
            release(rt, thread, epoll);
            let Some(epoll) = table::object(epoll) else { return };
            // Before the call: the event may end a wait before it returns. An error leaves a registration too
            // much, which no event will ask for.
            match operation {
                libc::EPOLL_CTL_DEL => WATCHED.lock().remove(epoll, descriptor),
                _ if !event.is_null() => WATCHED.lock().add(epoll, descriptor, (*event).u64),
                _ => (),
            }
        });
        epoll_ctl(epoll, operation, descriptor, event)
    }
}

/// After a wait that returned `result` events.
unsafe fn waited(epoll: c_int, events: *const libc::epoll_event, result: c_int, pc: u64) -> c_int {
    if result > 0 {
        let count = result as usize;
        // SAFETY: the kernel has filled in that many.
        let filled = unsafe { core::slice::from_raw_parts(events, count) };
        enter(|rt, thread| {
            if let Some(epoll) = table::object(epoll) {
                acquire_object(rt, thread, epoll, News::Bytes);
                let watched = WATCHED.lock();
                for event in filled {
                    let news = news(event.events as c_short);
                    watched.with(epoll, event.u64).for_each(|descriptor| ready(rt, thread, descriptor, news));
                }
            }
            Buffer::new(events, size_of_val(filled)).received(rt, thread, pc);
        });
    }
    result
}

/// What can be read, or will never again be; the bits of `poll` and `epoll` are the same.
const READABLE: c_short = libc::POLLIN | libc::POLLPRI | END;
/// No more bytes will come.
const END: c_short = libc::POLLHUP | libc::POLLRDHUP;

/// What these bits tell of a descriptor.
fn news(events: c_short) -> Option<News> {
    match (events & READABLE, events & END) {
        (0, _) => None,
        (_, 0) => Some(News::Bytes),
        _ => Some(News::End),
    }
}

/// `descriptor` was found ready.
fn ready(rt: &Runtime, thread: &mut ThreadState, descriptor: c_int, news: Option<News>) {
    let object = table::object(descriptor).filter(|object| object.is_stream());
    if let (Some(object), Some(news)) = (object, news) {
        acquire_object(rt, thread, object, news);
    }
}

intercept! {
    fn racecheck_intercept_epoll_wait(
        epoll: c_int, events: *mut libc::epoll_event, count: c_int, timeout: c_int; pc in "r8"
    ) -> c_int {
        let result = epoll_wait(epoll, events, count, timeout);
        waited(epoll, events, result, pc)
    }
}

intercept! {
    fn racecheck_intercept_epoll_pwait(
        epoll: c_int, events: *mut libc::epoll_event, count: c_int, timeout: c_int, mask: *const libc::sigset_t;
        pc in "r9"
    ) -> c_int {
        let result = epoll_pwait(epoll, events, count, timeout, mask);
        waited(epoll, events, result, pc)
    }
}

intercept! {
    fn racecheck_intercept_epoll_pwait2(
        epoll: c_int, events: *mut libc::epoll_event, count: c_int, timeout: *const libc::timespec,
        mask: *const libc::sigset_t; pc in "r9"
    ) -> c_int {
        if addresses::epoll_pwait2.address() == 0 {
            return missing();
        }
        let result = epoll_pwait2(epoll, events, count, timeout, mask);
        waited(epoll, events, result, pc)
    }
}

/// After `poll` has filled in `count` descriptors.
unsafe fn polled(descriptors: *const libc::pollfd, count: libc::nfds_t, result: c_int) -> c_int {
    if result > 0 {
        // SAFETY: the kernel has filled in that many.
        let filled = unsafe { core::slice::from_raw_parts(descriptors, count as usize) };
        enter(|rt, thread| {
            filled.iter().for_each(|entry| ready(rt, thread, entry.fd, news(entry.revents)));
        });
    }
    result
}

intercept! {
    fn racecheck_intercept_poll(descriptors: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int {
        let result = poll(descriptors, count, timeout);
        polled(descriptors, count, result)
    }
}

intercept! {
    /// What C code calls whose compiler knows the array's size.
    fn racecheck_intercept___poll_chk(
        descriptors: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int, limit: usize
    ) -> c_int {
        let result = __poll_chk(descriptors, count, timeout, limit);
        polled(descriptors, count, result)
    }
}

intercept! {
    fn racecheck_intercept_ppoll(
        descriptors: *mut libc::pollfd, count: libc::nfds_t, timeout: *const libc::timespec,
        mask: *const libc::sigset_t
    ) -> c_int {
        let result = ppoll(descriptors, count, timeout, mask);
        polled(descriptors, count, result)
    }
}

/// After `select` has left the readable ones of `count` descriptors in `read`.
unsafe fn selected(count: c_int, read: *const libc::fd_set, result: c_int) -> c_int {
    if result > 0 && !read.is_null() {
        enter(|rt, thread| {
            let words = read.cast::<u64>();
            for descriptor in 0..count {
                // SAFETY: a set has a bit for each of `count` descriptors.
                let word = unsafe { words.add(descriptor as usize / 64).read() };
                if word >> (descriptor % 64) & 1 != 0 {
                    // A set does not tell an end from bytes.
                    ready(rt, thread, descriptor, Some(News::End));
                }
            }
        });
    }
    result
}

intercept! {
    fn racecheck_intercept_select(
        count: c_int, read: *mut libc::fd_set, write: *mut libc::fd_set, except: *mut libc::fd_set,
        timeout: *mut libc::timeval
    ) -> c_int {
        let result = select(count, read, write, except, timeout);
        selected(count, read, result)
    }
}

intercept! {
    fn racecheck_intercept_pselect(
        count: c_int, read: *mut libc::fd_set, write: *mut libc::fd_set, except: *mut libc::fd_set,
        timeout: *const libc::timespec, mask: *const libc::sigset_t
    ) -> c_int {
        let result = pselect(count, read, write, except, timeout, mask);
        selected(count, read, result)
    }
}
