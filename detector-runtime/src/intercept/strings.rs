//! Memory and string functions: what they read and write, byte by byte.
//!
//! Extents are those that the call needs, not what a fast implementation may touch beside them: a comparison
//! reads up to the first difference, a search up to what it finds, a string up to its zero byte. An access
//! is reported at the place of the call.
//!
//! The formatted output family (`sprintf` and its kin) is not here: what it reads depends on the format.
//! Calls that libc makes within itself do not come here, those of other libraries do.

use core::ffi::{c_char, c_int};
use core::sync::atomic::Ordering;

use racecheck_engine::{Granule, Mask, Memory};

use super::real::{self, real};
use super::{intercept, memory};
use crate::ceiling::in_pieces;
use crate::gate::enter;
use crate::local::{Local, local};
use crate::runtime::runtime;

/// `wchar_t`.
type Wide = i32;

real! {
    fn memcmp(a: *const u8, b: *const u8, size: usize) -> c_int;
    fn bcmp(a: *const u8, b: *const u8, size: usize) -> c_int;
    fn memchr(block: *const u8, byte: c_int, size: usize) -> *mut u8;
    fn memrchr(block: *const u8, byte: c_int, size: usize) -> *mut u8;
    fn rawmemchr(block: *const u8, byte: c_int) -> *mut u8;
    fn memmem(block: *const u8, size: usize, part: *const u8, part_size: usize) -> *mut u8;
    fn strlen(text: *const c_char) -> usize;
    fn strnlen(text: *const c_char, limit: usize) -> usize;
    fn strcmp(a: *const c_char, b: *const c_char) -> c_int;
    fn strncmp(a: *const c_char, b: *const c_char, limit: usize) -> c_int;
    fn strcasecmp(a: *const c_char, b: *const c_char) -> c_int;
    fn strncasecmp(a: *const c_char, b: *const c_char, limit: usize) -> c_int;
    fn strchr(text: *const c_char, byte: c_int) -> *mut c_char;
    fn strchrnul(text: *const c_char, byte: c_int) -> *mut c_char;
    fn strrchr(text: *const c_char, byte: c_int) -> *mut c_char;
    fn strstr(text: *const c_char, part: *const c_char) -> *mut c_char;
    fn strcasestr(text: *const c_char, part: *const c_char) -> *mut c_char;
    fn strspn(text: *const c_char, set: *const c_char) -> usize;
    fn strcspn(text: *const c_char, set: *const c_char) -> usize;
    fn strpbrk(text: *const c_char, set: *const c_char) -> *mut c_char;
    fn strncpy(to: *mut c_char, from: *const c_char, size: usize) -> *mut c_char;
    fn stpncpy(to: *mut c_char, from: *const c_char, size: usize) -> *mut c_char;
    fn wcslen(text: *const Wide) -> usize;
    fn wcsnlen(text: *const Wide, limit: usize) -> usize;
    fn wcscmp(a: *const Wide, b: *const Wide) -> c_int;
    fn wcschr(text: *const Wide, unit: Wide) -> *mut Wide;
    fn wmemcmp(a: *const Wide, b: *const Wide, count: usize) -> c_int;
    fn wmemset(to: *mut Wide, unit: Wide, count: usize) -> *mut Wide;
    fn wmemchr(block: *const Wide, unit: Wide, count: usize) -> *mut Wide;
    fn __chk_fail() -> !;
}

/// One access of a call.
#[derive(Clone, Copy)]
enum Access {
    Read(u64, usize),
    Write(u64, usize),
}

fn read<T>(address: *const T, bytes: usize) -> Access {
    Access::Read(address as u64, bytes)
}

fn write<T>(address: *const T, bytes: usize) -> Access {
    Access::Write(address as u64, bytes)
}

impl Access {
    /// Longer accesses go to the engine without a look here.
    const SHORT: usize = 4096;

    /// True if the running thread did it in its current epoch already. This only looks, so it need not be
    /// inside of the runtime.
    #[inline(always)]
    fn is_known(self) -> bool {
        let (Access::Read(address, size) | Access::Write(address, size)) = self;
        // SAFETY: the block is the running thread's own; a state in it above GONE is alive.
        let (thread, write_key, read_key) = unsafe {
            let block = local();
            if size > Self::SHORT || (*block).state <= Local::GONE {
                return size == 0;
            }
            (&(*(*block).state).engine, (*block).write_key, (*block).read_key)
        };
        let engine = &runtime().engine;
        let part_is_known = |granule, mask| match self {
            Access::Read(..) => engine.read_is_known(thread, granule, mask),
            Access::Write(..) => engine.write_is_known(thread, granule, mask),
        };
        let (mut granule, mut left, first) = (Granule::of(address), size as u64, address & 7);
        if first != 0 && left != 0 {
            if !part_is_known(granule, Mask::span(first as u32, left)) {
                return false;
            }
            left = left.saturating_sub(8 - first);
            granule = granule.next();
        }
        while left >= 8 {
            let word = engine.memory().word(granule).load(Ordering::Relaxed);
            let is_read = || word as u8 == Mask::FULL.0 && (word >> 32) as u32 == read_key;
            if word as u32 != write_key && !(matches!(self, Access::Read(..)) && is_read()) {
                // It may still be in a read set.
                if !part_is_known(granule, Mask::FULL) {
                    return false;
                }
            }
            left -= 8;
            granule = granule.next();
        }
        left == 0 || part_is_known(granule, Mask::span(0, left))
    }
}

/// Tells the engine of the accesses of one call.
#[inline(always)]
fn touch<const N: usize>(pc: u64, accesses: [Access; N]) {
    for access in accesses {
        if !access.is_known() {
            return touch_new(pc, &accesses);
        }
    }
}

#[inline(never)]
fn touch_new(pc: u64, accesses: &[Access]) {
    enter(|rt, thread| {
        if thread.ignore != 0 {
            return;
        }
        for &access in accesses {
            let (Access::Read(address, size) | Access::Write(address, size)) = access;
            in_pieces(rt, thread, address, size as u64, |thread, address, size| {
                let (engine, here) = thread.at(pc);
                match access {
                    Access::Read(..) => rt.engine.read(engine, address, size, here),
                    Access::Write(..) => rt.engine.write(engine, address, size, here),
                }
            });
        }
    });
}

/// How many units a comparison looks at: up to the first pair that `goes_on` refuses, and not more than `limit`.
///
/// # Safety
/// Both can be read that far.
unsafe fn compared<T: Copy>(a: *const T, b: *const T, limit: usize, goes_on: impl Fn(T, T) -> bool) -> usize {
    for i in 0..limit {
        // SAFETY: the caller's promise. Volatile, so that it stays a loop.
        let (x, y) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
        if !goes_on(x, y) {
            return i + 1;
        }
    }
    limit
}

/// The same for blocks: eight bytes at a time.
///
/// # Safety
/// Both can be read for `size` bytes.
unsafe fn compared_bytes(a: *const u8, b: *const u8, size: usize) -> usize {
    let mut at = 0;
    while size - at >= 8 {
        // SAFETY: the caller's promise.
        let (x, y) =
            unsafe { (a.add(at).cast::<u64>().read_unaligned(), b.add(at).cast::<u64>().read_unaligned()) };
        if x != y {
            return at + (x ^ y).trailing_zeros() as usize / 8 + 1;
        }
        at += 8;
    }
    // SAFETY: the caller's promise.
    at + unsafe { compared(a.add(at), b.add(at), size - at, |x, y| x == y) }
}

/// How many units lie from `start` to `found`, that one included; `otherwise` if nothing was found.
fn up_to<T>(start: *const T, found: *const T, otherwise: impl FnOnce() -> usize) -> usize {
    if found.is_null() { otherwise() } else { (found as usize - start as usize) / size_of::<T>() + 1 }
}

/// The bytes of a string, its zero byte included.
///
/// # Safety
/// `text` ends with a zero byte.
unsafe fn whole(text: *const c_char) -> usize {
    // SAFETY: the caller's promise.
    unsafe { strlen(text) + 1 }
}

/// The bytes of a string that are looked at if it is read up to `limit`.
///
/// # Safety
/// `text` ends with a zero byte or can be read for `limit` bytes.
unsafe fn limited(text: *const c_char, limit: usize) -> usize {
    // SAFETY: the caller's promise.
    let length = unsafe { strnlen(text, limit) };
    length + usize::from(length < limit)
}

fn same_or_end(x: u8, y: u8) -> bool {
    x == y && x != 0
}

fn same_letter_or_end(x: u8, y: u8) -> bool {
    x.eq_ignore_ascii_case(&y) && x != 0
}

unsafe fn copy(to: *mut u8, from: *const u8, size: usize, pc: u64) -> *mut u8 {
    touch(pc, [read(from, size), write(to, size)]);
    // SAFETY: the caller stands in for `memcpy`.
    unsafe { real::memcpy(to, from, size) }
}

unsafe fn copy_overlapping(to: *mut u8, from: *const u8, size: usize, pc: u64) -> *mut u8 {
    touch(pc, [read(from, size), write(to, size)]);
    // SAFETY: the caller stands in for `memmove`.
    unsafe { real::memmove(to, from, size) }
}

unsafe fn fill(to: *mut u8, byte: c_int, size: usize, pc: u64) -> *mut u8 {
    touch(pc, [write(to, size)]);
    // SAFETY: the caller stands in for `memset`.
    unsafe { real::memset(to, byte, size) }
}

intercept! {
    fn racecheck_intercept_memcpy(to: *mut u8, from: *const u8, size: usize; pc in "rcx") -> *mut u8 {
        copy(to, from, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_memmove(to: *mut u8, from: *const u8, size: usize; pc in "rcx") -> *mut u8 {
        copy_overlapping(to, from, size, pc)
    }
}

/// Stands in for `memcpy` where the program is linked with a focus: what is in focus calls `__tsan_memcpy`, so that
/// who calls this is not looked at.
#[unsafe(no_mangle)]
unsafe extern "C" fn racecheck_rt_plain_memcpy(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise is that of `memcpy`.
    unsafe { real::memcpy(to, from, size) }
}

/// The same for `memmove`.
#[unsafe(no_mangle)]
unsafe extern "C" fn racecheck_rt_plain_memmove(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise is that of `memmove`.
    unsafe { real::memmove(to, from, size) }
}

/// The same for `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn racecheck_rt_plain_memset(to: *mut u8, byte: c_int, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise is that of `memset`.
    unsafe { real::memset(to, byte, size) }
}

intercept! {
    fn racecheck_intercept_bcopy(from: *const u8, to: *mut u8, size: usize; pc in "rcx") {
        copy_overlapping(to, from, size, pc);
    }
}

intercept! {
    fn racecheck_intercept_mempcpy(to: *mut u8, from: *const u8, size: usize; pc in "rcx") -> *mut u8 {
        copy(to, from, size, pc).add(size)
    }
}

intercept! {
    fn racecheck_intercept_memset(to: *mut u8, byte: c_int, size: usize; pc in "rcx") -> *mut u8 {
        fill(to, byte, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_bzero(to: *mut u8, size: usize; pc in "rdx") {
        fill(to, 0, size, pc);
    }
}

intercept! {
    fn racecheck_intercept_explicit_bzero(to: *mut u8, size: usize; pc in "rdx") {
        fill(to, 0, size, pc);
    }
}

/// What the compiler calls with `_FORTIFY_SOURCE`, where it knows how much room there is.
fn check_room(room: usize, size: usize) {
    if size > room {
        // SAFETY: it ends the process with a message, as libc's own check would.
        unsafe { __chk_fail() }
    }
}

intercept! {
    fn racecheck_intercept___memcpy_chk(to: *mut u8, from: *const u8, size: usize, room: usize; pc in "r8") -> *mut u8 {
        check_room(room, size);
        copy(to, from, size, pc)
    }
}

intercept! {
    fn racecheck_intercept___memmove_chk(to: *mut u8, from: *const u8, size: usize, room: usize; pc in "r8") -> *mut u8 {
        check_room(room, size);
        copy_overlapping(to, from, size, pc)
    }
}

intercept! {
    fn racecheck_intercept___mempcpy_chk(to: *mut u8, from: *const u8, size: usize, room: usize; pc in "r8") -> *mut u8 {
        check_room(room, size);
        copy(to, from, size, pc).add(size)
    }
}

intercept! {
    fn racecheck_intercept___memset_chk(to: *mut u8, byte: c_int, size: usize, room: usize; pc in "r8") -> *mut u8 {
        check_room(room, size);
        fill(to, byte, size, pc)
    }
}

/// `memcmp` and `bcmp`: where they differ tells how far they read.
unsafe fn compare_accesses(result: c_int, a: *const u8, b: *const u8, size: usize, pc: u64) -> c_int {
    // SAFETY: the caller has compared the blocks.
    let bytes = if result == 0 { size } else { unsafe { compared_bytes(a, b, size) } };
    touch(pc, [read(a, bytes), read(b, bytes)]);
    result
}

intercept! {
    fn racecheck_intercept_memcmp(a: *const u8, b: *const u8, size: usize; pc in "rcx") -> c_int {
        compare_accesses(memcmp(a, b, size), a, b, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_bcmp(a: *const u8, b: *const u8, size: usize; pc in "rcx") -> c_int {
        compare_accesses(bcmp(a, b, size), a, b, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_memchr(block: *const u8, byte: c_int, size: usize; pc in "rcx") -> *mut u8 {
        let found = memchr(block, byte, size);
        touch(pc, [read(block, up_to(block, found, || size))]);
        found
    }
}

intercept! {
    fn racecheck_intercept_memrchr(block: *const u8, byte: c_int, size: usize; pc in "rcx") -> *mut u8 {
        let found = memrchr(block, byte, size);
        let start = if found.is_null() { block } else { found.cast_const() };
        touch(pc, [read(start, size - (start as usize - block as usize))]);
        found
    }
}

intercept! {
    fn racecheck_intercept_rawmemchr(block: *const u8, byte: c_int; pc in "rdx") -> *mut u8 {
        let found = rawmemchr(block, byte);
        touch(pc, [read(block, up_to(block, found, || 0))]);
        found
    }
}

intercept! {
    fn racecheck_intercept_memmem(
        block: *const u8, size: usize, part: *const u8, part_size: usize; pc in "r8"
    ) -> *mut u8 {
        let found = memmem(block, size, part, part_size);
        if part_size > 0 && part_size <= size {
            let searched = up_to(block, found, || size - part_size + 1) - 1 + part_size;
            touch(pc, [read(block, searched), read(part, part_size)]);
        }
        found
    }
}

intercept! {
    fn racecheck_intercept_strlen(text: *const c_char; pc in "rsi") -> usize {
        let length = strlen(text);
        touch(pc, [read(text, length + 1)]);
        length
    }
}

intercept! {
    fn racecheck_intercept_strnlen(text: *const c_char, limit: usize; pc in "rdx") -> usize {
        let length = strnlen(text, limit);
        touch(pc, [read(text, length + usize::from(length < limit))]);
        length
    }
}

/// Copies a string and its zero byte; the end of the copy.
unsafe fn copy_string(to: *mut c_char, from: *const c_char, room: usize, pc: u64) -> *mut c_char {
    // SAFETY: the caller stands in for `strcpy` or a function that is made of it.
    unsafe {
        let size = whole(from);
        check_room(room, size);
        copy(to.cast(), from.cast(), size, pc);
        to.add(size - 1)
    }
}

intercept! {
    fn racecheck_intercept_strcpy(to: *mut c_char, from: *const c_char; pc in "rdx") -> *mut c_char {
        copy_string(to, from, usize::MAX, pc);
        to
    }
}

intercept! {
    fn racecheck_intercept_stpcpy(to: *mut c_char, from: *const c_char; pc in "rdx") -> *mut c_char {
        copy_string(to, from, usize::MAX, pc)
    }
}

intercept! {
    fn racecheck_intercept___strcpy_chk(to: *mut c_char, from: *const c_char, room: usize; pc in "rcx") -> *mut c_char {
        copy_string(to, from, room, pc);
        to
    }
}

intercept! {
    fn racecheck_intercept___stpcpy_chk(to: *mut c_char, from: *const c_char, room: usize; pc in "rcx") -> *mut c_char {
        copy_string(to, from, room, pc)
    }
}

/// `strncpy` fills the rest with zeros.
unsafe fn padded_accesses(to: *const c_char, from: *const c_char, size: usize, pc: u64) {
    // SAFETY: the caller stands in for `strncpy`.
    touch(pc, [read(from, unsafe { limited(from, size) }), write(to, size)]);
}

intercept! {
    fn racecheck_intercept_strncpy(to: *mut c_char, from: *const c_char, size: usize; pc in "rcx") -> *mut c_char {
        padded_accesses(to, from, size, pc);
        strncpy(to, from, size)
    }
}

intercept! {
    fn racecheck_intercept_stpncpy(to: *mut c_char, from: *const c_char, size: usize; pc in "rcx") -> *mut c_char {
        padded_accesses(to, from, size, pc);
        stpncpy(to, from, size)
    }
}

intercept! {
    fn racecheck_intercept___strncpy_chk(
        to: *mut c_char, from: *const c_char, size: usize, room: usize; pc in "r8"
    ) -> *mut c_char {
        check_room(room, size);
        padded_accesses(to, from, size, pc);
        strncpy(to, from, size)
    }
}

/// Appends `length` bytes of `from`, of which `looked_at` are read, and a zero byte.
unsafe fn append(
    to: *mut c_char,
    from: *const c_char,
    length: usize,
    looked_at: usize,
    room: usize,
    pc: u64,
) {
    // SAFETY: the caller stands in for `strcat`.
    unsafe {
        let before = strlen(to);
        check_room(room, before + length + 1);
        let end = to.add(before);
        touch(pc, [read(to, before + 1), read(from, looked_at), write(end, length + 1)]);
        real::memcpy(end.cast(), from.cast(), length);
        end.add(length).write(0);
    }
}

intercept! {
    fn racecheck_intercept_strcat(to: *mut c_char, from: *const c_char; pc in "rdx") -> *mut c_char {
        let size = whole(from);
        append(to, from, size - 1, size, usize::MAX, pc);
        to
    }
}

intercept! {
    fn racecheck_intercept___strcat_chk(to: *mut c_char, from: *const c_char, room: usize; pc in "rcx") -> *mut c_char {
        let size = whole(from);
        append(to, from, size - 1, size, room, pc);
        to
    }
}

intercept! {
    fn racecheck_intercept_strncat(to: *mut c_char, from: *const c_char, limit: usize; pc in "rcx") -> *mut c_char {
        append(to, from, strnlen(from, limit), limited(from, limit), usize::MAX, pc);
        to
    }
}

intercept! {
    fn racecheck_intercept___strncat_chk(
        to: *mut c_char, from: *const c_char, limit: usize, room: usize; pc in "r8"
    ) -> *mut c_char {
        append(to, from, strnlen(from, limit), limited(from, limit), room, pc);
        to
    }
}

intercept! {
    fn racecheck_intercept_strcmp(a: *const c_char, b: *const c_char; pc in "rdx") -> c_int {
        let bytes = compared(a.cast(), b.cast(), usize::MAX, same_or_end);
        touch(pc, [read(a, bytes), read(b, bytes)]);
        strcmp(a, b)
    }
}

intercept! {
    fn racecheck_intercept_strncmp(a: *const c_char, b: *const c_char, limit: usize; pc in "rcx") -> c_int {
        let bytes = compared(a.cast(), b.cast(), limit, same_or_end);
        touch(pc, [read(a, bytes), read(b, bytes)]);
        strncmp(a, b, limit)
    }
}

intercept! {
    fn racecheck_intercept_strcasecmp(a: *const c_char, b: *const c_char; pc in "rdx") -> c_int {
        let bytes = compared(a.cast(), b.cast(), usize::MAX, same_letter_or_end);
        touch(pc, [read(a, bytes), read(b, bytes)]);
        strcasecmp(a, b)
    }
}

intercept! {
    fn racecheck_intercept_strncasecmp(a: *const c_char, b: *const c_char, limit: usize; pc in "rcx") -> c_int {
        let bytes = compared(a.cast(), b.cast(), limit, same_letter_or_end);
        touch(pc, [read(a, bytes), read(b, bytes)]);
        strncasecmp(a, b, limit)
    }
}

unsafe fn find(text: *const c_char, byte: c_int, pc: u64) -> *mut c_char {
    // SAFETY: the caller stands in for `strchr`.
    unsafe {
        let end = strchrnul(text, byte);
        touch(pc, [read(text, up_to(text, end, || 0))]);
        if *end == byte as c_char { end } else { core::ptr::null_mut() }
    }
}

intercept! {
    fn racecheck_intercept_strchr(text: *const c_char, byte: c_int; pc in "rdx") -> *mut c_char {
        find(text, byte, pc)
    }
}

intercept! {
    fn racecheck_intercept_index(text: *const c_char, byte: c_int; pc in "rdx") -> *mut c_char {
        find(text, byte, pc)
    }
}

intercept! {
    fn racecheck_intercept_strchrnul(text: *const c_char, byte: c_int; pc in "rdx") -> *mut c_char {
        let end = strchrnul(text, byte);
        touch(pc, [read(text, up_to(text, end, || 0))]);
        end
    }
}

intercept! {
    fn racecheck_intercept_strrchr(text: *const c_char, byte: c_int; pc in "rdx") -> *mut c_char {
        touch(pc, [read(text, whole(text))]);
        strrchr(text, byte)
    }
}

intercept! {
    fn racecheck_intercept_rindex(text: *const c_char, byte: c_int; pc in "rdx") -> *mut c_char {
        touch(pc, [read(text, whole(text))]);
        strrchr(text, byte)
    }
}

/// A search for a string: what is behind the place that was found need not be read.
unsafe fn search_accesses(text: *const c_char, part: *const c_char, found: *const c_char, pc: u64) {
    // SAFETY: the caller has searched.
    unsafe {
        let part_size = whole(part);
        let searched = match found.is_null() {
            true => whole(text),
            false => found as usize - text as usize + part_size - 1,
        };
        touch(pc, [read(text, searched), read(part, part_size)]);
    }
}

intercept! {
    fn racecheck_intercept_strstr(text: *const c_char, part: *const c_char; pc in "rdx") -> *mut c_char {
        let found = strstr(text, part);
        search_accesses(text, part, found, pc);
        found
    }
}

intercept! {
    fn racecheck_intercept_strcasestr(text: *const c_char, part: *const c_char; pc in "rdx") -> *mut c_char {
        let found = strcasestr(text, part);
        search_accesses(text, part, found, pc);
        found
    }
}

intercept! {
    fn racecheck_intercept_strspn(text: *const c_char, set: *const c_char; pc in "rdx") -> usize {
        let length = strspn(text, set);
        touch(pc, [read(text, length + 1), read(set, whole(set))]);
        length
    }
}

intercept! {
    fn racecheck_intercept_strcspn(text: *const c_char, set: *const c_char; pc in "rdx") -> usize {
        let length = strcspn(text, set);
        touch(pc, [read(text, length + 1), read(set, whole(set))]);
        length
    }
}

intercept! {
    fn racecheck_intercept_strpbrk(text: *const c_char, set: *const c_char; pc in "rdx") -> *mut c_char {
        let found = strpbrk(text, set);
        touch(pc, [read(text, up_to(text, found, || whole(text))), read(set, whole(set))]);
        found
    }
}

/// A string of `length` bytes in a block of its own.
unsafe fn duplicate(from: *const c_char, length: usize, looked_at: usize, pc: u64) -> *mut c_char {
    let new = memory::allocate(length + 1, memory::LEAST_ALIGN, false, pc).cast::<c_char>();
    if !new.is_null() {
        touch(pc, [read(from, looked_at), write(new, length + 1)]);
        // SAFETY: the caller stands in for `strdup`; the block has room for the bytes and the zero.
        unsafe {
            real::memcpy(new.cast(), from.cast(), length);
            new.add(length).write(0);
        }
    }
    new
}

intercept! {
    fn racecheck_intercept_strdup(text: *const c_char; pc in "rsi") -> *mut c_char {
        let size = whole(text);
        duplicate(text, size - 1, size, pc)
    }
}

intercept! {
    fn racecheck_intercept___strdup(text: *const c_char; pc in "rsi") -> *mut c_char {
        let size = whole(text);
        duplicate(text, size - 1, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_strndup(text: *const c_char, limit: usize; pc in "rdx") -> *mut c_char {
        duplicate(text, strnlen(text, limit), limited(text, limit), pc)
    }
}

/// The bytes of so many units.
fn wide(count: usize) -> usize {
    count.saturating_mul(size_of::<Wide>())
}

intercept! {
    fn racecheck_intercept_wcslen(text: *const Wide; pc in "rsi") -> usize {
        let length = wcslen(text);
        touch(pc, [read(text, wide(length + 1))]);
        length
    }
}

intercept! {
    fn racecheck_intercept_wcsnlen(text: *const Wide, limit: usize; pc in "rdx") -> usize {
        let length = wcsnlen(text, limit);
        touch(pc, [read(text, wide(length + usize::from(length < limit)))]);
        length
    }
}

intercept! {
    fn racecheck_intercept_wcscpy(to: *mut Wide, from: *const Wide; pc in "rdx") -> *mut Wide {
        copy(to.cast(), from.cast(), wide(wcslen(from) + 1), pc);
        to
    }
}

intercept! {
    fn racecheck_intercept_wcscat(to: *mut Wide, from: *const Wide; pc in "rdx") -> *mut Wide {
        let before = wcslen(to);
        touch(pc, [read(to, wide(before + 1))]);
        copy(to.add(before).cast(), from.cast(), wide(wcslen(from) + 1), pc);
        to
    }
}

intercept! {
    fn racecheck_intercept_wcscmp(a: *const Wide, b: *const Wide; pc in "rdx") -> c_int {
        let units = compared(a, b, usize::MAX, |x, y| x == y && x != 0);
        touch(pc, [read(a, wide(units)), read(b, wide(units))]);
        wcscmp(a, b)
    }
}

intercept! {
    fn racecheck_intercept_wcschr(text: *const Wide, unit: Wide; pc in "rdx") -> *mut Wide {
        let found = wcschr(text, unit);
        touch(pc, [read(text, wide(up_to(text, found, || wcslen(text) + 1)))]);
        found
    }
}

intercept! {
    fn racecheck_intercept_wmemcpy(to: *mut Wide, from: *const Wide, count: usize; pc in "rcx") -> *mut Wide {
        copy(to.cast(), from.cast(), wide(count), pc).cast()
    }
}

intercept! {
    fn racecheck_intercept_wmemmove(to: *mut Wide, from: *const Wide, count: usize; pc in "rcx") -> *mut Wide {
        copy_overlapping(to.cast(), from.cast(), wide(count), pc).cast()
    }
}

intercept! {
    fn racecheck_intercept_wmemset(to: *mut Wide, unit: Wide, count: usize; pc in "rcx") -> *mut Wide {
        touch(pc, [write(to, wide(count))]);
        wmemset(to, unit, count)
    }
}

intercept! {
    fn racecheck_intercept_wmemcmp(a: *const Wide, b: *const Wide, count: usize; pc in "rcx") -> c_int {
        let units = compared(a, b, count, |x, y| x == y);
        touch(pc, [read(a, wide(units)), read(b, wide(units))]);
        wmemcmp(a, b, count)
    }
}

intercept! {
    fn racecheck_intercept_wmemchr(block: *const Wide, unit: Wide, count: usize; pc in "rcx") -> *mut Wide {
        let found = wmemchr(block, unit, count);
        touch(pc, [read(block, wide(up_to(block, found, || count)))]);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_read_up_to_the_first_difference() {
        let bytes = |a: &[u8], b: &[u8]| {
            // SAFETY: both slices have that many bytes.
            unsafe { compared_bytes(a.as_ptr(), b.as_ptr(), a.len().min(b.len())) }
        };
        assert_eq!(bytes(b"", b""), 0);
        assert_eq!(bytes(b"same", b"same"), 4);
        assert_eq!(bytes(b"0123456789abcdef", b"0123456789abXdef"), 13);
        assert_eq!(bytes(b"0123456789abcdefghi", b"0123456789abcdefgXi"), 18);
        assert_eq!(bytes(b"X1234567", b"01234567"), 1);
        assert_eq!(bytes(b"0123456X", b"01234567"), 8);
    }

    #[test]
    fn strings_are_compared_up_to_the_end() {
        let (a, b) = (c"ab", c"abc");
        // SAFETY: both end with a zero byte.
        let strcmp = |limit| unsafe { compared(a.as_ptr().cast(), b.as_ptr().cast(), limit, same_or_end) };
        assert_eq!((strcmp(usize::MAX), strcmp(2), strcmp(0)), (3, 2, 0));
    }

    #[test]
    fn what_is_found_is_read() {
        let text = b"abc";
        assert_eq!(up_to(text.as_ptr(), &raw const text[2], || 9), 3);
        assert_eq!(up_to(text.as_ptr(), core::ptr::null(), || 9), 9);
    }
}
