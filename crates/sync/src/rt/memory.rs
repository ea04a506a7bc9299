//! Shadow memory that needs nothing from the operating system.
//!
//! The shim gives every object that it records a range of *virtual* addresses of its own, counted from a
//! small number up. So the shadow is dense: a table of chunks, each made at its first use and never moved.
//! An object keeps its range when it is moved in real memory, and two objects that had the same real address
//! one after the other never share a history: that is why no allocator has to be watched.
//!
//! # Invariants
//! - A range belongs to at most one live object. It is emptied before it is given to the next.
//! - Chunks are never freed, so references to words are good for the life of the process.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use racecheck_engine::{Epoch, Granule, Memory, Origin};

const CHUNK_BITS: u32 = 13;
const CHUNK: usize = 1 << CHUNK_BITS;
const CHUNKS: usize = 1 << 16;

#[derive(Debug, Default)]
struct Cell {
    word: AtomicU64,
    contexts: AtomicU64,
}

/// The table of chunks.
#[derive(Debug)]
pub struct Shadow {
    chunks: Box<[AtomicPtr<Cell>]>,
}

impl Shadow {
    /// No chunk yet.
    pub fn new() -> Self {
        Shadow { chunks: (0..CHUNKS).map(|_| AtomicPtr::default()).collect() }
    }

    #[inline]
    fn cell(&self, granule: Granule) -> &Cell {
        let index = granule.0 as usize;
        let chunk = self.chunks[index >> CHUNK_BITS].load(Ordering::Acquire);
        let chunk = if chunk.is_null() { self.grow(index >> CHUNK_BITS) } else { chunk };
        // SAFETY: a chunk has CHUNK cells and lives for ever once it is in the table.
        unsafe { &*chunk.add(index & (CHUNK - 1)) }
    }

    #[cold]
    fn grow(&self, at: usize) -> *mut Cell {
        let fresh: Box<[Cell]> = (0..CHUNK).map(|_| Cell::default()).collect();
        let fresh = Box::into_raw(fresh) as *mut Cell;
        let null = std::ptr::null_mut();
        match self.chunks[at].compare_exchange(null, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(other) => {
                // SAFETY: it was made above as a slice of CHUNK cells, and nobody else has seen it.
                drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(fresh, CHUNK)) });
                other
            }
        }
    }
}

impl Memory for Shadow {
    #[inline]
    fn word(&self, granule: Granule) -> &AtomicU64 {
        &self.cell(granule).word
    }

    #[inline]
    fn contexts(&self, granule: Granule) -> &AtomicU64 {
        &self.cell(granule).contexts
    }

    fn origin(&self, _: Granule) -> Option<Origin> {
        None
    }

    fn relax(&self, spins: u32) {
        if spins < 64 { std::hint::spin_loop() } else { std::thread::yield_now() }
    }

    fn for_each_word(&self, granules: Range<Granule>, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        for g in granules.start.0..granules.end.0 {
            f(Granule(g), self.word(Granule(g)));
        }
    }

    fn for_each_word_everywhere(&self, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        for (at, chunk) in self.chunks.iter().enumerate() {
            if !chunk.load(Ordering::Acquire).is_null() {
                let first = Granule((at << CHUNK_BITS) as u64);
                self.for_each_word(first..Granule(first.0 + CHUNK as u64), f);
            }
        }
    }

    fn for_each_origin(&self, _: &mut dyn FnMut(Epoch)) {}
}

/// A range of virtual addresses, packed: the first address (a multiple of eight, never 0) and the length.
///
/// ```text
/// 63           40 39                               0
/// [ granules: 24 ][ address: 40                     ]
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim(pub u64);

const ADDRESS_BITS: u32 = 40;

impl Claim {
    /// The first address.
    #[inline]
    pub fn address(self) -> u64 {
        self.0 & ((1 << ADDRESS_BITS) - 1)
    }

    fn granules(self) -> u64 {
        self.0 >> ADDRESS_BITS
    }

    /// Its length in bytes.
    pub fn size(self) -> u64 {
        self.granules() * 8
    }
}

/// Which virtual addresses are in use.
#[derive(Debug, Default)]
struct Space {
    next: u64,
    /// Nearly all ranges have one granule.
    free_single: Vec<u64>,
    /// The others, by length.
    free: HashMap<u64, Vec<u64>>,
}

impl Space {
    fn free(&mut self, granules: u64) -> &mut Vec<u64> {
        if granules == 1 { &mut self.free_single } else { self.free.entry(granules).or_default() }
    }
}

static SPACE: Mutex<Option<Space>> = Mutex::new(None);

/// A range for `size` bytes. `None` when all are in use: then the object is not checked.
pub fn claim(size: u64) -> Option<Claim> {
    let granules = size.div_ceil(8).max(1);
    if granules >= 1 << (64 - ADDRESS_BITS) {
        return None;
    }
    let mut space = SPACE.lock().unwrap_or_else(PoisonError::into_inner);
    // Granule 0 is left out, so that no address is 0.
    let space = space.get_or_insert_with(|| Space { next: 1, ..Space::default() });
    let first = match space.free(granules).pop() {
        Some(first) => first,
        None if space.next + granules <= (CHUNK * CHUNKS) as u64 => {
            space.next += granules;
            space.next - granules
        }
        None => return None,
    };
    Some(Claim((first * 8) | (granules << ADDRESS_BITS)))
}

/// The range may be given to another object. Its shadow must be empty.
pub fn give_back(claim: Claim) {
    let mut space = SPACE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(space) = space.as_mut() {
        space.free(claim.granules()).push(claim.address() / 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_overlap_and_are_used_again() {
        let (a, b) = (claim(1).unwrap(), claim(17).unwrap());
        assert_eq!((a.size(), b.size()), (8, 24));
        assert_ne!(a.address(), 0);
        give_back(b);
        let c = claim(20).unwrap();
        assert!(c.address() >= a.address() + 8 || c.address() + 24 <= a.address());
    }
}
