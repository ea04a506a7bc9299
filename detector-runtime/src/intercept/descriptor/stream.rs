//! C's streams: the buffers that a call passes, and the descriptors that it opens and closes.
//!
//! libc reads and writes the descriptors of its streams by calls of its own, so that a byte that goes through
//! a stream hands on no order. The lock of a stream hands on none either.

use core::ffi::{c_char, c_int, c_void};

use super::super::intercept;
use super::super::real::real;
use super::{Buffer, table};
use crate::gate::enter;

real! {
    fn fread(buffer: *mut u8, size: usize, count: usize, stream: *mut c_void) -> usize;
    fn fwrite(buffer: *const u8, size: usize, count: usize, stream: *mut c_void) -> usize;
    fn fgets(buffer: *mut c_char, size: c_int, stream: *mut c_void) -> *mut c_char;
    fn fputs(text: *const c_char, stream: *mut c_void) -> c_int;
    fn puts(text: *const c_char) -> c_int;
    fn fclose(stream: *mut c_void) -> c_int;
    fn fileno(stream: *mut c_void) -> c_int;
    fn strlen(text: *const c_char) -> usize;
}

fn sending(buffer: Buffer, pc: u64) {
    enter(|rt, thread| buffer.sent(rt, thread, pc));
}

fn received(buffer: Buffer, pc: u64) {
    enter(|rt, thread| buffer.received(rt, thread, pc));
}

/// A string with its zero byte.
///
/// # Safety
/// `text` is null or a string.
unsafe fn string(text: *const c_char) -> Buffer {
    // SAFETY: the caller's promise.
    let size = if text.is_null() { 0 } else { 1 + unsafe { strlen(text) } };
    Buffer::new(text, size)
}

intercept! {
    fn racecheck_intercept_fread(buffer: *mut u8, size: usize, count: usize, stream: *mut c_void; pc in "r8") -> usize {
        let result = fread(buffer, size, count, stream);
        received(Buffer::new(buffer, result.saturating_mul(size)), pc);
        result
    }
}

intercept! {
    fn racecheck_intercept_fwrite(
        buffer: *const u8, size: usize, count: usize, stream: *mut c_void; pc in "r8"
    ) -> usize {
        sending(Buffer::new(buffer, size.saturating_mul(count)), pc);
        fwrite(buffer, size, count, stream)
    }
}

intercept! {
    fn racecheck_intercept_fgets(buffer: *mut c_char, size: c_int, stream: *mut c_void; pc in "rcx") -> *mut c_char {
        let result = fgets(buffer, size, stream);
        received(string(result), pc);
        result
    }
}

intercept! {
    fn racecheck_intercept_fputs(text: *const c_char, stream: *mut c_void; pc in "rdx") -> c_int {
        sending(string(text), pc);
        fputs(text, stream)
    }
}

intercept! {
    fn racecheck_intercept_puts(text: *const c_char; pc in "rsi") -> c_int {
        sending(string(text), pc);
        puts(text)
    }
}

intercept! {
    /// libc closes the descriptor by a call of its own.
    fn racecheck_intercept_fclose(stream: *mut c_void) -> c_int {
        if !stream.is_null() {
            let descriptor = fileno(stream);
            super::end(descriptor);
            table::forget(descriptor);
        }
        fclose(stream)
    }
}
