//! The families of `read` and `write`.

use core::ffi::c_int;

use super::super::intercept;
use super::super::real::real;
use super::{Buffer, Pieces, acquire, missing, release};
use crate::gate::enter;

real! {
    fn read(descriptor: c_int, buffer: *mut u8, size: usize) -> isize;
    fn __read_chk(descriptor: c_int, buffer: *mut u8, size: usize, limit: usize) -> isize;
    fn pread(descriptor: c_int, buffer: *mut u8, size: usize, offset: i64) -> isize;
    fn __pread_chk(descriptor: c_int, buffer: *mut u8, size: usize, offset: i64, limit: usize) -> isize;
    fn readv(descriptor: c_int, pieces: *const libc::iovec, count: c_int) -> isize;
    fn preadv(descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64) -> isize;
    fn preadv2(
        descriptor: c_int,
        pieces: *const libc::iovec,
        count: c_int,
        offset: i64,
        flags: c_int,
    ) -> isize;
    fn write(descriptor: c_int, buffer: *const u8, size: usize) -> isize;
    fn pwrite(descriptor: c_int, buffer: *const u8, size: usize, offset: i64) -> isize;
    fn writev(descriptor: c_int, pieces: *const libc::iovec, count: c_int) -> isize;
    fn pwritev(descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64) -> isize;
    fn pwritev2(
        descriptor: c_int,
        pieces: *const libc::iovec,
        count: c_int,
        offset: i64,
        flags: c_int,
    ) -> isize;
    fn sendfile(to: c_int, from: c_int, offset: *mut i64, size: usize) -> isize;
    fn splice(
        from: c_int,
        from_offset: *mut i64,
        to: c_int,
        to_offset: *mut i64,
        size: usize,
        flags: u32,
    ) -> isize;
    fn tee(from: c_int, to: c_int, size: usize, flags: u32) -> isize;
    fn vmsplice(descriptor: c_int, pieces: *const libc::iovec, count: usize, flags: u32) -> isize;
    fn copy_file_range(
        from: c_int,
        from_offset: *mut i64,
        to: c_int,
        to_offset: *mut i64,
        size: usize,
        flags: u32,
    ) -> isize;
}

/// Around a call that sends `size` bytes from `buffer`.
fn send(descriptor: c_int, buffer: *const u8, size: usize, pc: u64, call: impl FnOnce() -> isize) -> isize {
    enter(|rt, thread| {
        Buffer::new(buffer, size).sent(rt, thread, pc);
        release(rt, thread, descriptor);
    });
    call()
}

/// Around a call that receives into `buffer`, of which it fills what its result says.
fn receive(descriptor: c_int, buffer: *mut u8, _size: usize, pc: u64, call: impl FnOnce() -> isize) -> isize {
    let result = call();
    if let Ok(size) = usize::try_from(result) {
        enter(|rt, thread| {
            acquire(rt, thread, descriptor, result);
            Buffer::new(buffer, size).received(rt, thread, pc);
        });
    }
    result
}

/// As [`send`], from several buffers.
///
/// # Safety
/// As for `writev`.
unsafe fn send_pieces(
    descriptor: c_int,
    pieces: *const libc::iovec,
    count: c_int,
    pc: u64,
    call: impl FnOnce() -> isize,
) -> isize {
    // SAFETY: the caller's promise.
    let pieces = unsafe { Pieces::new(pieces, count as usize) };
    enter(|rt, thread| {
        pieces.buffers().for_each(|buffer| buffer.sent(rt, thread, pc));
        release(rt, thread, descriptor);
    });
    call()
}

/// As [`receive`], into several buffers.
///
/// # Safety
/// As for `readv`.
unsafe fn receive_pieces(
    descriptor: c_int,
    pieces: *const libc::iovec,
    count: c_int,
    pc: u64,
    call: impl FnOnce() -> isize,
) -> isize {
    let result = call();
    if result >= 0 {
        // SAFETY: the caller's promise.
        let pieces = unsafe { Pieces::new(pieces, count as usize) };
        enter(|rt, thread| {
            acquire(rt, thread, descriptor, result);
            pieces.first(result).buffers().for_each(|buffer| buffer.received(rt, thread, pc));
        });
    }
    result
}

/// Interceptors whose first three arguments are those of `read`, `write` and their kin. A line says which function
/// is called, what it takes beside those three, and the register behind its arguments.
macro_rules! transfers {
    ($around:ident($memory:ty, $size:ty): $(
        $interceptor:ident calls $function:ident($($more:ident: $type:ty),*), pc in $pc:literal;
    )*) => {$(
        intercept! {
            fn $interceptor(descriptor: c_int, memory: $memory, size: $size $(, $more: $type)*; pc in $pc) -> isize {
                $around(descriptor, memory, size, pc, || $function(descriptor, memory, size $(, $more)*))
            }
        }
    )*};
}

transfers! { receive(*mut u8, usize):
    racecheck_intercept_read calls read(), pc in "rcx";
    racecheck_intercept_pread calls pread(offset: i64), pc in "r8";
    racecheck_intercept_pread64 calls pread(offset: i64), pc in "r8";
    // What C code calls whose compiler knows the buffer's size.
    racecheck_intercept___read_chk calls __read_chk(limit: usize), pc in "r8";
    racecheck_intercept___pread_chk calls __pread_chk(offset: i64, limit: usize), pc in "r9";
    racecheck_intercept___pread64_chk calls __pread_chk(offset: i64, limit: usize), pc in "r9";
}

transfers! { send(*const u8, usize):
    racecheck_intercept_write calls write(), pc in "rcx";
    racecheck_intercept_pwrite calls pwrite(offset: i64), pc in "r8";
    racecheck_intercept_pwrite64 calls pwrite(offset: i64), pc in "r8";
}

transfers! { receive_pieces(*const libc::iovec, c_int):
    racecheck_intercept_readv calls readv(), pc in "rcx";
    racecheck_intercept_preadv calls preadv(offset: i64), pc in "r8";
    racecheck_intercept_preadv64 calls preadv(offset: i64), pc in "r8";
    racecheck_intercept_preadv2 calls preadv2(offset: i64, flags: c_int), pc in "r9";
    racecheck_intercept_preadv64v2 calls preadv2(offset: i64, flags: c_int), pc in "r9";
}

transfers! { send_pieces(*const libc::iovec, c_int):
    racecheck_intercept_writev calls writev(), pc in "rcx";
    racecheck_intercept_pwritev calls pwritev(offset: i64), pc in "r8";
    racecheck_intercept_pwritev64 calls pwritev(offset: i64), pc in "r8";
    racecheck_intercept_pwritev2 calls pwritev2(offset: i64, flags: c_int), pc in "r9";
    racecheck_intercept_pwritev64v2 calls pwritev2(offset: i64, flags: c_int), pc in "r9";
}

/// Bytes go from one descriptor to another: what was sent into the one is ordered before what is received
/// from the other. The order is handed on before the call, since the bytes may arrive before it returns.
fn passing(from: c_int, to: c_int) {
    enter(|rt, thread| {
        acquire(rt, thread, from, 1);
        release(rt, thread, to);
    });
}

/// After such a call: the thread knows that bytes have come.
fn passed(from: c_int, result: isize) -> isize {
    if result > 0 {
        enter(|rt, thread| acquire(rt, thread, from, result));
    }
    result
}

intercept! {
    fn racecheck_intercept_sendfile(to: c_int, from: c_int, offset: *mut i64, size: usize) -> isize {
        passing(from, to);
        passed(from, sendfile(to, from, offset, size))
    }
}

intercept! {
    fn racecheck_intercept_sendfile64(to: c_int, from: c_int, offset: *mut i64, size: usize) -> isize {
        passing(from, to);
        passed(from, sendfile(to, from, offset, size))
    }
}

intercept! {
    fn racecheck_intercept_splice(
        from: c_int, from_offset: *mut i64, to: c_int, to_offset: *mut i64, size: usize, flags: u32
    ) -> isize {
        passing(from, to);
        passed(from, splice(from, from_offset, to, to_offset, size, flags))
    }
}

intercept! {
    fn racecheck_intercept_tee(from: c_int, to: c_int, size: usize, flags: u32) -> isize {
        passing(from, to);
        passed(from, tee(from, to, size, flags))
    }
}

intercept! {
    fn racecheck_intercept_vmsplice(descriptor: c_int, pieces: *const libc::iovec, count: usize, flags: u32; pc in "r8") -> isize {
        let result = send_pieces(descriptor, pieces, c_int::try_from(count).unwrap_or(c_int::MAX), pc, || {
            vmsplice(descriptor, pieces, count, flags)
        });
        passed(descriptor, result)
    }
}

intercept! {
    fn racecheck_intercept_copy_file_range(
        from: c_int, from_offset: *mut i64, to: c_int, to_offset: *mut i64, size: usize, flags: u32
    ) -> isize {
        if addresses::copy_file_range.address() == 0 {
            return missing() as isize;
        }
        passing(from, to);
        passed(from, copy_file_range(from, from_offset, to, to_offset, size, flags))
    }
}
