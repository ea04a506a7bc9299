//! History: the calling context of every recorded access, in 32 bits.
//!
//! A report needs the stack of the *previous* access, which may be hours old. Instead of a log of events,
//! which must forget, each recorded access keeps the number of a node in a calling context tree: the node is
//! one call site (or the access itself), its parent the call site one frame further out. Equal stacks have
//! equal numbers, so the tree grows with the program's code and not with its running time, and nothing
//! is forgotten. (Ammons, Ball, Larus, *Exploiting hardware performance counters with flow and context
//! sensitive profiling*, PLDI 1997, has the tree; the numbering is what makes it cheap here.)
//!
//! Two accesses of one epoch to different bytes of a granule share a shadow word although they come from
//! different places; a *split* node then says which bytes have which context.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use spin::Mutex;

use crate::word::Mask;

/// The number of a context. [`Ctx::UNKNOWN`] (0) is the empty stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Ctx(pub u32);

impl Ctx {
    /// The root: nothing is known.
    pub const UNKNOWN: Ctx = Ctx(0);
}

/// Where an access is: a context, or a way to look it up. It is looked up only when it is recorded.
pub trait Place: Copy {
    /// The context.
    fn context(self, table: &ContextTable, cache: &mut ContextCache) -> Ctx;
}

impl Place for Ctx {
    #[inline]
    fn context(self, _: &ContextTable, _: &mut ContextCache) -> Ctx {
        self
    }
}

const CHUNK_BITS: u32 = 14;
const CHUNK: usize = 1 << CHUNK_BITS;
const CHUNKS: usize = 1 << 10;
/// The most contexts there can be: 16 million, in 256 MB.
pub const MAX_CONTEXTS: usize = CHUNK * CHUNKS;
const BUCKETS: usize = 1 << 18;

/// What a node stands for, packed in `key`: a call site (a 48-bit pc), or a split (mask and inner context).
const SPLIT: u64 = 1 << 63;
/// The key of the one node that stands for the ends of threads; no pc is that high.
const THREAD_END: u64 = 1 << 62;

#[derive(Debug, Default)]
struct Node {
    key: AtomicU64,
    /// The frame further out; for a split, the context of the bytes outside the mask.
    parent: AtomicU32,
    /// The next node of the same bucket.
    next: AtomicU32,
}

/// All contexts. Grows only; lookups take no lock.
#[derive(Debug)]
pub struct ContextTable {
    chunks: Box<[spin::Once<Box<[Node]>>]>,
    buckets: Box<[AtomicU32]>,
    grow: Mutex<u32>,
    /// No more are made than these.
    most: usize,
    lost: AtomicU32,
}

impl ContextTable {
    /// The table that holds [`Ctx::UNKNOWN`] only.
    pub fn new() -> Self {
        let zeros = alloc::vec![0u32; BUCKETS].into_boxed_slice();
        // SAFETY: AtomicU32 has the same size, alignment and bit validity as u32.
        let buckets = unsafe { Box::from_raw(Box::into_raw(zeros) as *mut [AtomicU32]) };
        ContextTable {
            chunks: (0..CHUNKS).map(|_| spin::Once::new()).collect(),
            buckets,
            grow: Mutex::new(1),
            most: MAX_CONTEXTS,
            lost: AtomicU32::new(0),
        }
    }

    /// Contexts may take so many bytes at most.
    pub fn set_most(&mut self, bytes: u64) {
        self.most = MAX_CONTEXTS.min(bytes as usize / size_of::<Node>()).max(1);
    }

    /// The context of the call site or access at `pc` within `parent`.
    #[inline]
    pub fn child(&self, cache: &mut ContextCache, parent: Ctx, pc: u64) -> Ctx {
        self.intern(cache, parent, pc & (THREAD_END - 1))
    }

    /// The context of a thread's end.
    pub fn thread_end(&self, cache: &mut ContextCache) -> Ctx {
        self.intern(cache, Ctx::UNKNOWN, THREAD_END)
    }

    /// True for [`ContextTable::thread_end`].
    pub(crate) fn is_thread_end(&self, ctx: Ctx) -> bool {
        self.node(ctx).is_some_and(|node| node.key.load(Ordering::Relaxed) == THREAD_END)
    }

    /// The context of bytes of which those in `mask` have the context `inside` and the others `outside`.
    pub(crate) fn split(&self, cache: &mut ContextCache, mask: Mask, inside: Ctx, outside: Ctx) -> Ctx {
        if inside == outside {
            return inside;
        }
        self.intern(cache, outside, SPLIT | u64::from(mask.0) << 32 | u64::from(inside.0))
    }

    /// What `old` (of the bytes `all`) becomes when the bytes `mask` get the context `new`.
    #[inline]
    pub(crate) fn overlay(&self, cache: &mut ContextCache, old: Ctx, all: Mask, mask: Mask, new: Ctx) -> Ctx {
        if mask.contains(all) || old == new {
            return new;
        }
        let rest = all & !mask;
        let key = Overlay { old, new, rest, mask, result: Ctx::UNKNOWN };
        let at = ContextCache::overlay_index(&key);
        let seen = cache.overlays[at];
        if (Overlay { result: Ctx::UNKNOWN, ..seen }) == key {
            return seen.result;
        }
        let result = self.overlay_part(cache, old, rest, mask, new);
        cache.overlays[at] = Overlay { result, ..key };
        result
    }

    #[cold]
    fn overlay_part(&self, cache: &mut ContextCache, old: Ctx, rest: Mask, mask: Mask, new: Ctx) -> Ctx {
        // A split whose other side is wholly overwritten is taken apart, so that splits do not pile up: what
        // stays is at most one context for each byte.
        let mut parts = smallvec::SmallVec::<[(Mask, Ctx); 8]>::new();
        parts.push((mask, new));
        for byte in (0..8).map(|b| Mask(1 << b)).filter(|b| rest.meets(*b)) {
            let ctx = self.of_byte(old, byte);
            match parts.iter_mut().find(|(_, c)| *c == ctx) {
                Some((m, _)) => *m = *m | byte,
                None => parts.push((byte, ctx)),
            }
        }
        parts.sort_unstable_by_key(|(m, _)| m.0.trailing_zeros());
        let (_, last) = parts.pop().unwrap_or((mask, new));
        parts.iter().rev().fold(last, |outside, &(mask, inside)| self.split(cache, mask, inside, outside))
    }

    /// The context that one of the bytes `mask` has in `ctx`, if `ctx` is a split.
    pub(crate) fn of_byte(&self, mut ctx: Ctx, mask: Mask) -> Ctx {
        while let Some(node) = self.node(ctx) {
            let key = node.key.load(Ordering::Relaxed);
            if key & SPLIT == 0 {
                break;
            }
            ctx = if Mask((key >> 32) as u8).meets(mask) {
                Ctx(key as u32)
            } else {
                Ctx(node.parent.load(Ordering::Relaxed))
            };
        }
        ctx
    }

    /// The pcs of `ctx`, innermost first.
    pub fn stack(&self, ctx: Ctx) -> Vec<u64> {
        let mut pcs = Vec::new();
        let mut at = self.of_byte(ctx, Mask::FULL);
        while let Some(node) = self.node(at) {
            let key = node.key.load(Ordering::Relaxed);
            if key != THREAD_END {
                pcs.push(key);
            }
            at = Ctx(node.parent.load(Ordering::Relaxed));
        }
        pcs
    }

    /// How many contexts could not be kept because the table was full.
    pub fn lost(&self) -> u32 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many contexts there are.
    pub fn len(&self) -> usize {
        *self.grow.lock() as usize
    }

    /// True if no context was made yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }

    #[inline]
    fn intern(&self, cache: &mut ContextCache, parent: Ctx, key: u64) -> Ctx {
        let hash = hash(parent, key);
        let [last, before] = &mut cache.entries[hash as usize % ContextCache::SETS];
        if last.key == key && last.parent == parent {
            return last.ctx;
        }
        if before.key == key && before.parent == parent {
            return before.ctx;
        }
        let ctx = self.find_or_add(parent, key, hash);
        *before = *last;
        *last = Cached { key, parent, ctx };
        ctx
    }

    #[cold]
    #[inline(never)]
    fn find_or_add(&self, parent: Ctx, key: u64, hash: u64) -> Ctx {
        let bucket = &self.buckets[(hash >> 20) as usize % BUCKETS];
        let head = bucket.load(Ordering::Acquire);
        if let Some(found) = self.find(head, 0, parent, key) {
            return found;
        }
        let mut next = self.grow.lock();
        let newer = bucket.load(Ordering::Acquire);
        if let Some(found) = self.find(newer, head, parent, key) {
            return found;
        }
        if *next as usize >= self.most {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return Ctx::UNKNOWN;
        }
        let id = *next;
        *next += 1;
        self.chunks[id as usize / CHUNK].call_once(|| (0..CHUNK).map(|_| Node::default()).collect());
        let node = self.node(Ctx(id)).expect("its chunk was made a line above");
        node.key.store(key, Ordering::Relaxed);
        node.parent.store(parent.0, Ordering::Relaxed);
        node.next.store(newer, Ordering::Relaxed);
        bucket.store(id, Ordering::Release);
        Ctx(id)
    }

    /// Looks through a bucket from node `from` up to, not including, node `until`.
    fn find(&self, from: u32, until: u32, parent: Ctx, key: u64) -> Option<Ctx> {
        let mut at = Ctx(from);
        while at.0 != until {
            let node = self.node(at)?;
            if node.key.load(Ordering::Relaxed) == key && node.parent.load(Ordering::Relaxed) == parent.0 {
                return Some(at);
            }
            at = Ctx(node.next.load(Ordering::Relaxed));
        }
        None
    }

    fn node(&self, ctx: Ctx) -> Option<&Node> {
        if ctx == Ctx::UNKNOWN {
            return None;
        }
        self.chunks[ctx.0 as usize / CHUNK].get().map(|chunk| &chunk[ctx.0 as usize % CHUNK])
    }
}

impl Default for ContextTable {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn hash(parent: Ctx, key: u64) -> u64 {
    (key ^ u64::from(parent.0) << 32 ^ u64::from(parent.0))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_right(32)
}

#[derive(Clone, Copy, Debug, Default)]
struct Cached {
    key: u64,
    parent: Ctx,
    ctx: Ctx,
}

/// What [`ContextTable::overlay`] answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Overlay {
    old: Ctx,
    new: Ctx,
    rest: Mask,
    mask: Mask,
    result: Ctx,
}

/// The contexts that a thread used last, so that the usual lookup is one compare.
#[derive(Clone, Debug)]
pub struct ContextCache {
    /// Two for each value of the hash: programs use some hundred places at a time, which would collide in one.
    entries: Box<[[Cached; 2]; Self::SETS]>,
    overlays: Box<[Overlay; Self::OVERLAYS]>,
}

impl ContextCache {
    const SETS: usize = 256;
    const OVERLAYS: usize = 512;

    /// An empty cache.
    pub fn new() -> Self {
        // Key 0 with parent 0 would be the context of pc 0, which no program has; it answers "unknown".
        ContextCache {
            entries: Box::new([[Cached::default(); 2]; Self::SETS]),
            overlays: Box::new([Overlay::default(); Self::OVERLAYS]),
        }
    }

    #[inline]
    fn overlay_index(key: &Overlay) -> usize {
        let masks = u32::from(key.rest.0) << 8 | u32::from(key.mask.0);
        let hash = (key.old.0 ^ key.new.0.rotate_left(9) ^ masks.rotate_left(16)).wrapping_mul(0x9e37_79b1);
        (hash >> 20) as usize % Self::OVERLAYS
    }
}

impl Default for ContextCache {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stacks_have_equal_numbers() {
        let table = ContextTable::new();
        let (mut a, mut b) = (ContextCache::new(), ContextCache::new());
        let main = table.child(&mut a, Ctx::UNKNOWN, 0x1000);
        let f = table.child(&mut a, main, 0x2000);
        let again = table.child(&mut b, Ctx::UNKNOWN, 0x1000);
        assert_eq!(table.child(&mut b, again, 0x2000), f);
        assert_ne!(table.child(&mut b, main, 0x2001), f);
        assert_eq!(table.stack(f), [0x2000, 0x1000]);
    }

    #[test]
    fn a_split_gives_each_byte_its_own_context() {
        let table = ContextTable::new();
        let cache = &mut ContextCache::new();
        let ctx: Vec<Ctx> = (1..=4).map(|pc| table.child(cache, Ctx::UNKNOWN, pc)).collect();
        let a = table.overlay(cache, ctx[0], Mask(0x0f), Mask(0xf0), ctx[1]);
        let b = table.overlay(cache, a, Mask::FULL, Mask(0x03), ctx[2]);
        let of = |c, m| table.of_byte(c, Mask(m));
        assert_eq!([of(b, 0x01), of(b, 0x04), of(b, 0x80)], [ctx[2], ctx[0], ctx[1]]);
        // Overwriting the same bytes again and again makes no new nodes.
        let c = table.overlay(cache, b, Mask::FULL, Mask(0x03), ctx[3]);
        let before = table.len();
        assert_eq!(table.overlay(cache, c, Mask::FULL, Mask(0x03), ctx[2]), b);
        assert_eq!(table.len(), before);
        assert_eq!(table.overlay(cache, b, Mask::FULL, Mask::FULL, ctx[0]), ctx[0]);
    }

    #[test]
    fn threads_agree_on_numbers() {
        let table = ContextTable::new();
        let work = || {
            let cache = &mut ContextCache::new();
            (1..20_000u64).map(|pc| table.child(cache, Ctx::UNKNOWN, pc)).collect::<Vec<_>>()
        };
        let all: Vec<_> = std::thread::scope(|s| {
            let threads: Vec<_> = (0..4).map(|_| s.spawn(work)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(all.iter().all(|ids| *ids == all[0]));
        assert_eq!(table.len(), 20_000);
    }
}
