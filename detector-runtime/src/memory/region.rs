//! Large pieces of zeroed memory out of one reservation.
//!
//! A process may have 65,530 mappings by default. Areas of threads, traces and other large pieces that come and
//! go therefore do not get mappings of their own: they are cut from one big reservation, one after another.
//! A released piece gives its memory back to the system (`MADV_DONTNEED`, which leaves the mapping alone) and
//! is kept for the next request of the same size.
//!
//! Invariants:
//! - A piece is zero when it is cut, whether it is fresh or reused.
//! - A piece is never divided or merged; its size and alignment are rounded up to [`GRANULE`].
//! - The reservation lives as long as the process: dropping a [`Region`] does not take its pieces away.
//! - The lists of released pieces are kept outside of them, so that a released piece has no resident page.

use core::ptr::NonNull;

use crate::lock::{RawLock, SpinLock};
use crate::sys::Errno;
use crate::sys::memory::{self, Advice, PAGE_SIZE, Placement, Protection};

/// Pieces start and end at multiples of this.
pub const GRANULE: usize = 16 * PAGE_SIZE;

/// Different sizes (after rounding) whose released pieces can be reused; pieces of further sizes give their
/// memory back but their addresses are not used again.
const SIZES_MAX: usize = 32;

/// Number of a granule counted from the reservation's start, plus one; 0 is none.
type Link = u32;

/// The released pieces of one size.
#[derive(Clone, Copy, Debug)]
struct SizeList {
    /// In granules; 0 in an unused entry.
    size: u32,
    head: Link,
}

#[derive(Debug)]
struct Pieces {
    /// Granules cut so far, with gaps left by alignment.
    used: u32,
    lists: [SizeList; SIZES_MAX],
}

/// A reservation from which pieces are cut.
#[derive(Debug)]
pub struct Region {
    start: NonNull<u8>,
    granules: u32,
    /// For each granule that starts a released piece, the next one of the same size. In a mapping of its own.
    links: NonNull<Link>,
    pieces: SpinLock<Pieces>,
}

// SAFETY: `start` is only computed with; `links` is accessed under the lock of `pieces`.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Reserves `len` bytes, rounded down to whole granules. Nothing of it is resident.
    ///
    /// A fixed placement must be a multiple of [`GRANULE`].
    pub fn reserve(placement: Placement, len: usize) -> Result<Region, Errno> {
        let granules = u32::try_from(len / GRANULE).map_err(|_| Errno::EINVAL)?;
        // The kernel aligns to pages only, so it is asked for one granule more where it has the choice.
        let padding = match placement {
            Placement::Anywhere => GRANULE,
            Placement::At(address) if address.is_multiple_of(GRANULE) => 0,
            Placement::At(_) => return Err(Errno::EINVAL),
        };
        let len = granules as usize * GRANULE + padding;
        let reserved = memory::reserve(placement, len, Protection::ReadWrite)?;
        let links_len = granules as usize * size_of::<Link>();
        match memory::reserve(Placement::Anywhere, links_len, Protection::ReadWrite) {
            Ok(links) => Ok(Region {
                // SAFETY: the distance to the next granule is at most `padding`, which is part of the mapping.
                start: unsafe { reserved.add(reserved.align_offset(GRANULE)) },
                granules,
                links: links.cast(),
                pieces: SpinLock::new(Pieces { used: 0, lists: [SizeList { size: 0, head: 0 }; SIZES_MAX] }),
            }),
            Err(error) => {
                // SAFETY: the mapping was made just now and nobody uses it.
                let _ = unsafe { memory::unmap(reserved.as_ptr(), len) };
                Err(error)
            }
        }
    }

    /// Cuts `size` zero bytes aligned to `align`, a power of two. `None` when the reservation is used up.
    ///
    /// Any size up to the next multiple of [`GRANULE`] may be used.
    pub fn cut(&self, size: usize, align: usize) -> Option<NonNull<u8>> {
        debug_assert!(align.is_power_of_two());
        let size = self.granules_of(size)?;
        let mut pieces = self.pieces.lock();
        self.reuse(&mut pieces, size, align).or_else(|| self.cut_fresh(&mut pieces, size, align))
    }

    /// Gives a piece back. Its memory goes to the system at once.
    ///
    /// # Safety
    /// The piece was cut from this region with the same `size`, was not released since, and is not used any
    /// more.
    pub unsafe fn release(&self, piece: NonNull<u8>, size: usize) {
        let Some(size) = self.granules_of(size) else { return };
        // SAFETY: the caller gives up the piece, which is whole pages of this region.
        let emptied = unsafe { memory::advise(piece.as_ptr(), size as usize * GRANULE, Advice::DontNeed) };
        if emptied.is_err() {
            // Without it the piece would not be zero when it is cut again (locked memory refuses, for one).
            // SAFETY: as above.
            unsafe { piece.as_ptr().write_bytes(0, size as usize * GRANULE) };
        }
        let granule = (piece.as_ptr().addr() - self.start.as_ptr().addr()) / GRANULE;
        let mut pieces = self.pieces.lock();
        let Some(list) = pieces.lists.iter_mut().find(|list| list.size == size || list.size == 0) else {
            return;
        };
        list.size = size;
        // SAFETY: the piece lies in the region, so `granule` is below `granules`; the lock is held.
        unsafe { self.links.add(granule).write(list.head) };
        list.head = granule as Link + 1;
    }

    /// Bytes of address space that pieces took so far, released ones included.
    pub fn bytes_used(&self) -> usize {
        self.pieces.lock().used as usize * GRANULE
    }

    /// Whether the address lies in the reservation.
    #[inline]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.start.as_ptr().addr()) < self.granules as usize * GRANULE
    }

    /// The lock, for fork handlers.
    pub fn raw_lock(&self) -> &RawLock {
        self.pieces.raw()
    }

    fn granules_of(&self, size: usize) -> Option<u32> {
        let granules = size.max(1).div_ceil(GRANULE);
        (granules <= self.granules as usize).then_some(granules as u32)
    }

    fn reuse(&self, pieces: &mut Pieces, size: u32, align: usize) -> Option<NonNull<u8>> {
        let list = pieces.lists.iter_mut().find(|list| list.size == size)?;
        let granule = list.head.checked_sub(1)? as usize;
        // SAFETY: the list holds pieces of this region.
        let piece = unsafe { self.start.add(granule * GRANULE) };
        if piece.as_ptr().addr() & (align - 1) != 0 {
            return None;
        }
        // SAFETY: `granule` is below `granules`; the lock is held, as `pieces` is borrowed from it.
        list.head = unsafe { self.links.add(granule).read() };
        Some(piece)
    }

    fn cut_fresh(&self, pieces: &mut Pieces, size: u32, align: usize) -> Option<NonNull<u8>> {
        let start = self.start.as_ptr().addr();
        let next = start + pieces.used as usize * GRANULE;
        let aligned = next.checked_next_multiple_of(align.max(GRANULE))?;
        let first = (aligned - start) / GRANULE;
        if first + size as usize > self.granules as usize {
            return None;
        }
        pieces.used = first as u32 + size;
        // SAFETY: the piece ends within the reservation, as was just checked.
        Some(unsafe { self.start.add(first * GRANULE) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::thread;
    use std::vec::Vec;

    use super::*;

    fn is_zero(piece: NonNull<u8>, size: usize) -> bool {
        // SAFETY: the piece is live and at least `size` long.
        let bytes = unsafe { std::slice::from_raw_parts(piece.as_ptr(), size) };
        bytes.iter().all(|&byte| byte == 0)
    }

    #[test]
    fn pieces_are_zero_aligned_and_disjoint() {
        let region = Region::reserve(Placement::Anywhere, 1 << 34).unwrap();
        let mut live = BTreeMap::new();
        for turn in 0..400usize {
            let size = 1 + turn * 977 % 300_000;
            let align = 1 << (turn % 20);
            let piece = region.cut(size, align).unwrap();
            let address = piece.as_ptr() as usize;
            assert_eq!(address % align, 0);
            assert!(region.contains(address) && region.contains(address + size - 1));
            assert!(is_zero(piece, size));
            // SAFETY: the piece is live and at least `size` long.
            unsafe { piece.as_ptr().write_bytes(0xa5, size) };
            if let Some((&before, &(len, _))) = live.range(..address).next_back() {
                assert!(before + len <= address);
            }
            if let Some((&after, _)) = live.range(address..).next() {
                assert!(address + size <= after);
            }
            live.insert(address, (size, piece));
            if turn % 3 == 0 {
                let (_, (size, piece)) = live.pop_first().unwrap();
                // SAFETY: the piece is live, of this size, and forgotten.
                unsafe { region.release(piece, size) };
            }
        }
    }

    #[test]
    fn released_pieces_are_reused_and_hold_no_memory() {
        let region = Region::reserve(Placement::Anywhere, 1 << 30).unwrap();
        let size = 3 * GRANULE;
        let first = region.cut(size, 64).unwrap();
        // SAFETY: the piece is live and `size` long, then given up.
        unsafe {
            first.as_ptr().write_bytes(1, size);
            region.release(first, size);
        }
        let mut residency = [0; 3 * GRANULE / PAGE_SIZE];
        memory::residency(first.as_ptr() as usize, &mut residency).unwrap();
        assert!(residency.iter().all(|&page| page & 1 == 0));
        assert_ne!(region.cut(GRANULE, 1).unwrap(), first);
        assert_eq!(region.cut(size - 5, 64).unwrap(), first);
        assert!(is_zero(first, size));
        assert_ne!(region.cut(size, 64).unwrap(), first);
    }

    #[test]
    fn a_used_up_region_says_so() {
        let region = Region::reserve(Placement::Anywhere, 4 * GRANULE).unwrap();
        assert!(region.cut(5 * GRANULE, 1).is_none());
        assert!(region.cut(usize::MAX, 1).is_none());
        let pieces: Vec<_> = (0..4).map(|_| region.cut(GRANULE, 1).unwrap()).collect();
        assert!(region.cut(1, 1).is_none());
        // SAFETY: the piece is live, of this size, and forgotten.
        unsafe { region.release(pieces[2], GRANULE) };
        assert_eq!(region.cut(1, 1), Some(pieces[2]));
        assert_eq!(region.bytes_used(), 4 * GRANULE);
    }

    #[test]
    fn a_place_can_be_asked_for() {
        let place = 0x0510_0000_0000;
        let region = Region::reserve(Placement::At(place), 1 << 30).unwrap();
        assert_eq!(region.cut(1, 1).unwrap().as_ptr() as usize, place);
        assert_eq!(Region::reserve(Placement::At(place), 1 << 30).unwrap_err(), Errno::EEXIST);
        assert_eq!(Region::reserve(Placement::At(place + PAGE_SIZE), 1 << 30).unwrap_err(), Errno::EINVAL);
        assert_eq!(Region::reserve(Placement::Anywhere, 5).unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn threads_share_a_region() {
        let region = Region::reserve(Placement::Anywhere, 1 << 30).unwrap();
        thread::scope(|scope| {
            for id in 1..=4u8 {
                let region = &region;
                scope.spawn(move || {
                    for _ in 0..300 {
                        let piece = region.cut(2 * GRANULE, 64).unwrap();
                        assert!(is_zero(piece, 256));
                        // SAFETY: the piece is this thread's until it is released.
                        unsafe {
                            piece.as_ptr().write_bytes(id, 256);
                            thread::yield_now();
                            let bytes = std::slice::from_raw_parts(piece.as_ptr(), 256);
                            assert!(bytes.iter().all(|&byte| byte == id));
                            region.release(piece, 2 * GRANULE);
                        }
                    }
                });
            }
        });
        assert!(region.bytes_used() <= 4 * 2 * GRANULE);
    }
}
