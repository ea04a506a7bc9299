//! Copying, filling and comparing memory without libc.
//!
//! The compiler turns copies into calls of `memcpy` and its kin. In the runtime those must not come out at
//! the program's interceptors, so the runtime has its own, which packing makes private (feature `packed`).
//! They are written in assembly: a loop in Rust would be turned into a call of itself.

use core::arch::asm;

/// Copies `size` bytes.
///
/// # Safety
/// `from` can be read and `to` written for `size` bytes, and they do not overlap (or `to` is below `from`).
#[inline]
pub unsafe fn copy(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise; the direction flag is clear by the ABI.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") size => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// Copies `size` bytes that may overlap.
///
/// # Safety
/// `from` can be read and `to` written for `size` bytes.
#[inline]
pub unsafe fn copy_overlapping(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= size {
        // SAFETY: `to` is below `from`, or behind its end.
        return unsafe { copy(to, from, size) };
    }
    // SAFETY: the caller's promise; from the end downwards, and the direction flag is clear again afterwards.
    unsafe {
        asm!(
            "std", "rep movsb", "cld",
            inout("rcx") size => _,
            inout("rdi") to.wrapping_add(size).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(size).wrapping_sub(1) => _,
            options(nostack),
        );
    }
    to
}

/// Sets `size` bytes.
///
/// # Safety
/// `to` can be written for `size` bytes.
#[inline]
pub unsafe fn fill(to: *mut u8, byte: u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        asm!(
            "rep stosb",
            inout("rcx") size => _, inout("rdi") to => _, in("al") byte,
            options(nostack, preserves_flags),
        );
    }
    to
}

/// Compares byte by byte, as C's `memcmp`.
///
/// # Safety
/// Both can be read for `size` bytes.
#[inline]
pub unsafe fn compare(a: *const u8, b: *const u8, size: usize) -> i32 {
    for i in 0..size {
        // SAFETY: the caller's promise. Volatile, so that the loop is not turned into a call of itself.
        let (x, y) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
    }
    0
}

/// The names under which the compiler looks for them.
#[cfg(feature = "packed")]
mod names {
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
        // SAFETY: the compiler's own call.
        unsafe { super::copy(to, from, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
        // SAFETY: the compiler's own call.
        unsafe { super::copy_overlapping(to, from, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, byte: i32, size: usize) -> *mut u8 {
        // SAFETY: the compiler's own call.
        unsafe { super::fill(to, byte as u8, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, size: usize) -> i32 {
        // SAFETY: the compiler's own call.
        unsafe { super::compare(a, b, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, size: usize) -> i32 {
        // SAFETY: the compiler's own call.
        unsafe { super::compare(a, b, size) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const u8) -> usize {
        let mut length = 0;
        // SAFETY: the compiler's own call, for a string that ends with a zero byte.
        while unsafe { text.add(length).read_volatile() } != 0 {
            length += 1;
        }
        length
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn overlapping_copies_go_the_right_way() {
        for (from, to) in [(0usize, 3usize), (3, 0), (2, 2), (0, 16)] {
            let mut ours: Vec<u8> = (0..40).collect();
            let mut std = ours.clone();
            std.copy_within(from..from + 16, to);
            let start = ours.as_mut_ptr();
            // SAFETY: both ranges lie in the vector.
            unsafe { super::copy_overlapping(start.add(to), start.add(from), 16) };
            assert_eq!(ours, std);
        }
    }

    #[test]
    fn compare_is_unsigned() {
        // SAFETY: both arrays have two bytes.
        let order = |a: [u8; 2], b: [u8; 2]| unsafe { super::compare(a.as_ptr(), b.as_ptr(), 2) }.signum();
        assert_eq!((order([1, 200], [1, 3]), order([1, 3], [1, 200]), order([9, 9], [9, 9])), (1, -1, 0));
    }
}
