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

/// Before a call that sends from `buffer`.
fn sending(descriptor: c_int, buffer: Buffer, pc: u64) {
    enter(|rt, thread| {
        buffer.sent(rt, thread, pc);
        release(rt, thread, descriptor);
    });
}

/// After a call that received into `buffer`.
fn received(descriptor: c_int, buffer: *mut u8, result: isize, pc: u64) -> isize {
    if result >= 0 {
        enter(|rt, thread| {
            acquire(rt, thread, descriptor, result);
            Buffer::new(buffer, result as usize).received(rt, thread, pc);
        });
    }
    result
}

fn sending_pieces(descriptor: c_int, pieces: Pieces<'_>, pc: u64) {
    enter(|rt, thread| {
        pieces.buffers().for_each(|buffer| buffer.sent(rt, thread, pc));
        release(rt, thread, descriptor);
    });
}

fn received_pieces(descriptor: c_int, pieces: Pieces<'_>, result: isize, pc: u64) -> isize {
    if result >= 0 {
        enter(|rt, thread| {
            acquire(rt, thread, descriptor, result);
            pieces.first(result).buffers().for_each(|buffer| buffer.received(rt, thread, pc));
        });
    }
    result
}

intercept! {
    fn racecheck_intercept_read(descriptor: c_int, buffer: *mut u8, size: usize; pc in "rcx") -> isize {
        let result = read(descriptor, buffer, size);
        received(descriptor, buffer, result, pc)
    }
}

intercept! {
    /// What C code calls whose compiler knows the buffer's size.
    fn racecheck_intercept___read_chk(descriptor: c_int, buffer: *mut u8, size: usize, limit: usize; pc in "r8") -> isize {
        let result = __read_chk(descriptor, buffer, size, limit);
        received(descriptor, buffer, result, pc)
    }
}

intercept! {
    fn racecheck_intercept___pread_chk(
        descriptor: c_int, buffer: *mut u8, size: usize, offset: i64, limit: usize; pc in "r9"
    ) -> isize {
        let result = __pread_chk(descriptor, buffer, size, offset, limit);
        received(descriptor, buffer, result, pc)
    }
}

intercept! {
    fn racecheck_intercept___pread64_chk(
        descriptor: c_int, buffer: *mut u8, size: usize, offset: i64, limit: usize; pc in "r9"
    ) -> isize {
        let result = __pread_chk(descriptor, buffer, size, offset, limit);
        received(descriptor, buffer, result, pc)
    }
}

intercept! {
    fn racecheck_intercept_pread(descriptor: c_int, buffer: *mut u8, size: usize, offset: i64; pc in "r8") -> isize {
        let result = pread(descriptor, buffer, size, offset);
        received(descriptor, buffer, result, pc)
    }
}

intercept! {
    fn racecheck_intercept_pread64(descriptor: c_int, buffer: *mut u8, size: usize, offset: i64; pc in "r8") -> isize {
        let result = pread(descriptor, buffer, size, offset);
        received(descriptor, buffer, result, pc)
    }
}

intercept! {
    fn racecheck_intercept_write(descriptor: c_int, buffer: *const u8, size: usize; pc in "rcx") -> isize {
        sending(descriptor, Buffer::new(buffer, size), pc);
        write(descriptor, buffer, size)
    }
}

intercept! {
    fn racecheck_intercept_pwrite(descriptor: c_int, buffer: *const u8, size: usize, offset: i64; pc in "r8") -> isize {
        sending(descriptor, Buffer::new(buffer, size), pc);
        pwrite(descriptor, buffer, size, offset)
    }
}

intercept! {
    fn racecheck_intercept_pwrite64(descriptor: c_int, buffer: *const u8, size: usize, offset: i64; pc in "r8") -> isize {
        sending(descriptor, Buffer::new(buffer, size), pc);
        pwrite(descriptor, buffer, size, offset)
    }
}

intercept! {
    fn racecheck_intercept_readv(descriptor: c_int, pieces: *const libc::iovec, count: c_int; pc in "rcx") -> isize {
        let result = readv(descriptor, pieces, count);
        received_pieces(descriptor, Pieces::new(pieces, count as usize), result, pc)
    }
}

intercept! {
    fn racecheck_intercept_preadv(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64; pc in "r8"
    ) -> isize {
        let result = preadv(descriptor, pieces, count, offset);
        received_pieces(descriptor, Pieces::new(pieces, count as usize), result, pc)
    }
}

intercept! {
    fn racecheck_intercept_preadv64(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64; pc in "r8"
    ) -> isize {
        let result = preadv(descriptor, pieces, count, offset);
        received_pieces(descriptor, Pieces::new(pieces, count as usize), result, pc)
    }
}

intercept! {
    fn racecheck_intercept_preadv2(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64, flags: c_int; pc in "r9"
    ) -> isize {
        let result = preadv2(descriptor, pieces, count, offset, flags);
        received_pieces(descriptor, Pieces::new(pieces, count as usize), result, pc)
    }
}

intercept! {
    fn racecheck_intercept_preadv64v2(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64, flags: c_int; pc in "r9"
    ) -> isize {
        let result = preadv2(descriptor, pieces, count, offset, flags);
        received_pieces(descriptor, Pieces::new(pieces, count as usize), result, pc)
    }
}

intercept! {
    fn racecheck_intercept_writev(descriptor: c_int, pieces: *const libc::iovec, count: c_int; pc in "rcx") -> isize {
        sending_pieces(descriptor, Pieces::new(pieces, count as usize), pc);
        writev(descriptor, pieces, count)
    }
}

intercept! {
    fn racecheck_intercept_pwritev(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64; pc in "r8"
    ) -> isize {
        sending_pieces(descriptor, Pieces::new(pieces, count as usize), pc);
        pwritev(descriptor, pieces, count, offset)
    }
}

intercept! {
    fn racecheck_intercept_pwritev64(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64; pc in "r8"
    ) -> isize {
        sending_pieces(descriptor, Pieces::new(pieces, count as usize), pc);
        pwritev(descriptor, pieces, count, offset)
    }
}

intercept! {
    fn racecheck_intercept_pwritev2(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64, flags: c_int; pc in "r9"
    ) -> isize {
        sending_pieces(descriptor, Pieces::new(pieces, count as usize), pc);
        pwritev2(descriptor, pieces, count, offset, flags)
    }
}

intercept! {
    fn racecheck_intercept_pwritev64v2(
        descriptor: c_int, pieces: *const libc::iovec, count: c_int, offset: i64, flags: c_int; pc in "r9"
    ) -> isize {
        sending_pieces(descriptor, Pieces::new(pieces, count as usize), pc);
        pwritev2(descriptor, pieces, count, offset, flags)
    }
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
        sending_pieces(descriptor, Pieces::new(pieces, count), pc);
        let result = vmsplice(descriptor, pieces, count, flags);
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
