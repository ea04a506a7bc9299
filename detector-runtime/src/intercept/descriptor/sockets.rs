//! Sockets: making them, and the families of `send` and `recv`.
//!
//! Two sockets that talk to each other are not known to belong together, so all share one object; a pair from
//! `socketpair` has its own. Descriptors that come in a message are looked at when they are used.

use core::ffi::{c_int, c_void};

use super::super::intercept;
use super::super::real::real;
use super::{Buffer, Object, Pieces, acquire, end, release, table};
use crate::gate::enter;

real! {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int;
    fn connect(descriptor: c_int, address: *const c_void, size: u32) -> c_int;
    fn accept(descriptor: c_int, address: *mut c_void, size: *mut u32) -> c_int;
    fn accept4(descriptor: c_int, address: *mut c_void, size: *mut u32, flags: c_int) -> c_int;
    fn shutdown(descriptor: c_int, how: c_int) -> c_int;
    fn recv(descriptor: c_int, buffer: *mut u8, size: usize, flags: c_int) -> isize;
    fn __recv_chk(descriptor: c_int, buffer: *mut u8, size: usize, limit: usize, flags: c_int) -> isize;
    fn __recvfrom_chk(
        descriptor: c_int,
        buffer: *mut u8,
        size: usize,
        limit: usize,
        flags: c_int,
        address: *mut c_void,
        address_size: *mut u32,
    ) -> isize;
    fn recvfrom(
        descriptor: c_int,
        buffer: *mut u8,
        size: usize,
        flags: c_int,
        address: *mut c_void,
        address_size: *mut u32,
    ) -> isize;
    fn recvmsg(descriptor: c_int, message: *mut libc::msghdr, flags: c_int) -> isize;
    fn recvmmsg(
        descriptor: c_int,
        messages: *mut libc::mmsghdr,
        count: u32,
        flags: c_int,
        timeout: *mut libc::timespec,
    ) -> c_int;
    fn send(descriptor: c_int, buffer: *const u8, size: usize, flags: c_int) -> isize;
    fn sendto(
        descriptor: c_int,
        buffer: *const u8,
        size: usize,
        flags: c_int,
        address: *const c_void,
        address_size: u32,
    ) -> isize;
    fn sendmsg(descriptor: c_int, message: *const libc::msghdr, flags: c_int) -> isize;
    fn sendmmsg(descriptor: c_int, messages: *mut libc::mmsghdr, count: u32, flags: c_int) -> c_int;
}

/// The socket is new, if there is one.
fn made(descriptor: c_int) -> c_int {
    if descriptor >= 0 {
        table::set(descriptor, Object::SHARED);
    }
    descriptor
}

intercept! {
    fn racecheck_intercept_socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
        made(socket(domain, kind, protocol))
    }
}

intercept! {
    fn racecheck_intercept_socketpair(
        domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int; pc in "r8"
    ) -> c_int {
        let result = socketpair(domain, kind, protocol, pair);
        if result == 0 {
            super::files::made_pair(pair, pc);
        }
        result
    }
}

intercept! {
    fn racecheck_intercept_connect(descriptor: c_int, address: *const c_void, size: u32; pc in "rcx") -> c_int {
        enter(|rt, thread| {
            Buffer::new(address, size as usize).sent(rt, thread, pc);
            release(rt, thread, descriptor);
        });
        connect(descriptor, address, size)
    }
}

/// After `accept`: what the other side did before it connected is ordered before what follows.
fn accepted(listener: c_int, descriptor: c_int) -> c_int {
    if descriptor >= 0 {
        enter(|rt, thread| acquire(rt, thread, listener, 1));
    }
    made(descriptor)
}

intercept! {
    fn racecheck_intercept_accept(descriptor: c_int, address: *mut c_void, size: *mut u32) -> c_int {
        let result = accept(descriptor, address, size);
        accepted(descriptor, result)
    }
}

intercept! {
    fn racecheck_intercept_accept4(descriptor: c_int, address: *mut c_void, size: *mut u32, flags: c_int) -> c_int {
        let result = accept4(descriptor, address, size, flags);
        accepted(descriptor, result)
    }
}

intercept! {
    fn racecheck_intercept_shutdown(descriptor: c_int, how: c_int) -> c_int {
        end(descriptor);
        shutdown(descriptor, how)
    }
}

/// After a call that received `result` bytes. With `MSG_TRUNC` the result may be more than the buffer holds.
fn received(descriptor: c_int, buffer: *mut u8, size: usize, result: isize, pc: u64) -> isize {
    if result >= 0 {
        enter(|rt, thread| {
            acquire(rt, thread, descriptor, result);
            Buffer::new(buffer, size.min(result as usize)).received(rt, thread, pc);
        });
    }
    result
}

intercept! {
    fn racecheck_intercept_recv(descriptor: c_int, buffer: *mut u8, size: usize, flags: c_int; pc in "r8") -> isize {
        let result = recv(descriptor, buffer, size, flags);
        received(descriptor, buffer, size, result, pc)
    }
}

intercept! {
    /// What C code calls whose compiler knows the buffer's size.
    fn racecheck_intercept___recv_chk(
        descriptor: c_int, buffer: *mut u8, size: usize, limit: usize, flags: c_int; pc in "r9"
    ) -> isize {
        let result = __recv_chk(descriptor, buffer, size, limit, flags);
        received(descriptor, buffer, size, result, pc)
    }
}

intercept! {
    fn racecheck_intercept___recvfrom_chk(
        descriptor: c_int, buffer: *mut u8, size: usize, limit: usize, flags: c_int, address: *mut c_void,
        address_size: *mut u32
    ) -> isize {
        let result = __recvfrom_chk(descriptor, buffer, size, limit, flags, address, address_size);
        received(descriptor, buffer, size, result, 0)
    }
}

intercept! {
    fn racecheck_intercept_recvfrom(
        descriptor: c_int, buffer: *mut u8, size: usize, flags: c_int, address: *mut c_void, address_size: *mut u32
    ) -> isize {
        let result = recvfrom(descriptor, buffer, size, flags, address, address_size);
        received(descriptor, buffer, size, result, 0)
    }
}

/// # Safety
/// `message` was filled in by the kernel, with a result of `result` bytes.
unsafe fn received_message(descriptor: c_int, message: &libc::msghdr, result: isize, pc: u64) {
    // SAFETY: the caller's promise.
    let pieces = unsafe { Pieces::new(message.msg_iov, message.msg_iovlen) };
    enter(|rt, thread| {
        acquire(rt, thread, descriptor, result);
        pieces.first(result).buffers().for_each(|buffer| buffer.received(rt, thread, pc));
        if !message.msg_name.is_null() {
            Buffer::new(message.msg_name, message.msg_namelen as usize).received(rt, thread, pc);
        }
        Buffer::new(message.msg_control, message.msg_controllen).received(rt, thread, pc);
    });
}

intercept! {
    fn racecheck_intercept_recvmsg(descriptor: c_int, message: *mut libc::msghdr, flags: c_int; pc in "rcx") -> isize {
        let result = recvmsg(descriptor, message, flags);
        if result >= 0 {
            received_message(descriptor, &*message, result, pc);
        }
        result
    }
}

intercept! {
    fn racecheck_intercept_recvmmsg(
        descriptor: c_int, messages: *mut libc::mmsghdr, count: u32, flags: c_int, timeout: *mut libc::timespec;
        pc in "r9"
    ) -> c_int {
        let result = recvmmsg(descriptor, messages, count, flags, timeout);
        for i in 0..usize::try_from(result).unwrap_or(0) {
            let message = &*messages.add(i);
            received_message(descriptor, &message.msg_hdr, message.msg_len as isize, pc);
        }
        result
    }
}

fn sending(descriptor: c_int, buffer: Buffer, pc: u64) {
    enter(|rt, thread| {
        buffer.sent(rt, thread, pc);
        release(rt, thread, descriptor);
    });
}

intercept! {
    fn racecheck_intercept_send(descriptor: c_int, buffer: *const u8, size: usize, flags: c_int; pc in "r8") -> isize {
        sending(descriptor, Buffer::new(buffer, size), pc);
        send(descriptor, buffer, size, flags)
    }
}

intercept! {
    fn racecheck_intercept_sendto(
        descriptor: c_int, buffer: *const u8, size: usize, flags: c_int, address: *const c_void, address_size: u32
    ) -> isize {
        sending(descriptor, Buffer::new(buffer, size), 0);
        sendto(descriptor, buffer, size, flags, address, address_size)
    }
}

/// # Safety
/// `message` is one that the program passes to be sent.
unsafe fn sending_message(descriptor: c_int, message: &libc::msghdr, pc: u64) {
    // SAFETY: the caller's promise.
    let pieces = unsafe { Pieces::new(message.msg_iov, message.msg_iovlen) };
    enter(|rt, thread| {
        pieces.buffers().for_each(|buffer| buffer.sent(rt, thread, pc));
        Buffer::new(message.msg_control, message.msg_controllen).sent(rt, thread, pc);
        release(rt, thread, descriptor);
    });
}

intercept! {
    fn racecheck_intercept_sendmsg(descriptor: c_int, message: *const libc::msghdr, flags: c_int; pc in "rcx") -> isize {
        if let Some(message) = message.as_ref() {
            sending_message(descriptor, message, pc);
        }
        sendmsg(descriptor, message, flags)
    }
}

intercept! {
    fn racecheck_intercept_sendmmsg(
        descriptor: c_int, messages: *mut libc::mmsghdr, count: u32, flags: c_int; pc in "r8"
    ) -> c_int {
        for i in 0..count as usize {
            sending_message(descriptor, &(*messages.add(i)).msg_hdr, pc);
        }
        sendmmsg(descriptor, messages, count, flags)
    }
}
