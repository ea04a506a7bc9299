//! Mappings of the program's: memory that comes from the operating system, and memory that goes back to it.
//!
//! A new mapping begins with an empty shadow, whatever lay at its addresses before, be it mapped over by
//! `MAP_FIXED`. To unmap memory or to move it away ends its life, like a free. `mprotect` and `madvise` change
//! nothing: who touches memory without order races, whatever it holds.
//!
//! Two mappings of the same memory at different addresses are two memories for the detector: a race of an access
//! through the one with an access through the other is not seen.

use core::ffi::{c_int, c_void};

use racecheck_engine::AccessKind;

use super::intercept;
use super::memory::set_errno;
use super::real::real;
use crate::gate::enter;
use crate::shadow;
use crate::sys::memory::{PAGE_SIZE, round_to_pages};

real! {
    fn mmap(start: *mut c_void, size: usize, protection: c_int, flags: c_int, descriptor: c_int, offset: i64)
        -> *mut c_void;
    fn munmap(start: *mut c_void, size: usize) -> c_int;
    fn mremap(start: *mut c_void, size: usize, new_size: usize, flags: c_int, new_start: *mut c_void)
        -> *mut c_void;
}

/// Whole pages.
#[derive(Clone, Copy)]
struct Pages {
    start: usize,
    size: usize,
}

impl Pages {
    /// The pages that a system call means by `size` bytes at `start`; `None` if it will refuse them.
    fn new(start: *mut c_void, size: usize) -> Option<Pages> {
        let start = start.addr();
        let size = round_to_pages(size)?;
        (start.is_multiple_of(PAGE_SIZE) && size > 0 && start.checked_add(size).is_some_and(is_programs))
            .then_some(Pages { start, size })
    }

    /// They are fresh from the operating system.
    fn begin(self) {
        enter(|rt, _| rt.engine.reset(self.start as u64, self.size as u64));
    }

    /// They end their life.
    fn end(self, pc: u64) {
        enter(|rt, thread| {
            let ctx = thread.context(&rt.engine.contexts, pc);
            let (start, size) = (self.start as u64, self.size as u64);
            rt.engine.retire(&mut thread.engine, start, size, AccessKind::Free, None, ctx);
        });
    }

    /// True if they lie in the shadow, even in part.
    fn meet_shadow(self) -> bool {
        self.start < shadow::HIGHEST as usize && self.start + self.size > shadow::LOWEST as usize
    }
}

/// Addresses of programs end below this one.
fn is_programs(end: usize) -> bool {
    end <= 1 << 47
}

/// # Safety
/// As for `mmap`.
unsafe fn map(
    start: *mut c_void,
    size: usize,
    protection: c_int,
    flags: c_int,
    descriptor: c_int,
    offset: i64,
) -> *mut c_void {
    let replaces =
        flags & libc::MAP_FIXED != 0 && flags & libc::MAP_FIXED_NOREPLACE != libc::MAP_FIXED_NOREPLACE;
    if replaces && Pages::new(start, size).is_some_and(Pages::meet_shadow) {
        // As for any range that the process cannot have.
        set_errno(libc::ENOMEM);
        return libc::MAP_FAILED;
    }
    // SAFETY: the caller's promise.
    let result = unsafe { mmap(start, size, protection, flags, descriptor, offset) };
    if result != libc::MAP_FAILED
        && let Some(pages) = Pages::new(result, size)
    {
        pages.begin();
    }
    result
}

intercept! {
    fn racecheck_intercept_mmap(
        start: *mut c_void, size: usize, protection: c_int, flags: c_int, descriptor: c_int, offset: i64
    ) -> *mut c_void {
        map(start, size, protection, flags, descriptor, offset)
    }
}

intercept! {
    fn racecheck_intercept_mmap64(
        start: *mut c_void, size: usize, protection: c_int, flags: c_int, descriptor: c_int, offset: i64
    ) -> *mut c_void {
        map(start, size, protection, flags, descriptor, offset)
    }
}

intercept! {
    /// Ends the life of the pages first: afterwards they may be another thread's.
    fn racecheck_intercept_munmap(start: *mut c_void, size: usize; pc in "rdx") -> c_int {
        match Pages::new(start, size) {
            Some(pages) if pages.meet_shadow() => {
                set_errno(libc::EINVAL);
                return -1;
            }
            Some(pages) => pages.end(pc),
            None => (),
        }
        munmap(start, size)
    }
}

intercept! {
    fn racecheck_intercept_mremap(
        start: *mut c_void, size: usize, new_size: usize, flags: c_int, new_start: *mut c_void; pc in "r9"
    ) -> *mut c_void {
        let target = (flags & libc::MREMAP_FIXED != 0).then(|| Pages::new(new_start, new_size)).flatten();
        if [target, Pages::new(start, size)].into_iter().flatten().any(Pages::meet_shadow) {
            set_errno(libc::EINVAL);
            return libc::MAP_FAILED;
        }
        let (old, new) = (round_to_pages(size).unwrap_or(0), round_to_pages(new_size).unwrap_or(0));
        let moves = target.is_some() || flags & libc::MREMAP_MAYMOVE != 0 && new > old;
        // Ends come first: afterwards the pages may be another thread's. Whoever lets a mapping move cannot know
        // that it will stay.
        let ending = if moves { Pages::new(start, old) } else { Pages::new(start.wrapping_byte_add(new), old.saturating_sub(new)) };
        if let Some(pages) = ending {
            pages.end(pc);
        }
        let result = mremap(start, size, new_size, flags, new_start);
        let fresh = if result != start { Pages::new(result, new) } else { Pages::new(start.wrapping_byte_add(old), new.saturating_sub(old)) };
        if let Some(pages) = fresh.filter(|_| result != libc::MAP_FAILED) {
            pages.begin();
        }
        result
    }
}
