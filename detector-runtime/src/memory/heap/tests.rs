use std::collections::BTreeMap;
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Instant;
use std::vec::Vec;

use super::*;
use crate::sys::memory::PAGE_SIZE;

/// The one heap of the test process; tests run side by side on it.
fn heap() -> &'static Heap {
    static HEAP: Heap = Heap::new();
    HEAP.init(Placement::Anywhere).unwrap();
    &HEAP
}

/// xorshift64*: repeatable test input.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }

    fn size(&mut self) -> usize {
        match self.below(20) {
            0..=13 => self.below(400),
            14..=17 => self.below(20_000),
            18 => self.below(SMALL_MAX + 1000),
            _ => self.below(3 << 20),
        }
    }

    fn align(&mut self) -> usize {
        if self.below(8) == 0 { 1 << self.below(19) } else { 16 }
    }
}

/// A live block whose ends and middle hold a value of its own.
#[derive(Debug)]
struct Marked {
    block: BlockRef,
    mark: u32,
    size: usize,
}

impl Marked {
    fn new(cache: &mut HeapCache, size: usize, align: usize, mark: u32) -> Marked {
        let Allocation { block, fresh_zero } = heap().alloc(cache, size, align).unwrap();
        let start = block.start().as_ptr();
        assert_eq!(start as usize % align.max(16), 0);
        assert!(Heap::contains(start as usize));
        assert!(block.capacity() >= size);
        assert!(block.is_live());
        assert_eq!(block.requested(), size);
        if fresh_zero && size != 0 {
            // SAFETY: the block is live and `size` long.
            unsafe {
                assert_eq!(start.read(), 0);
                assert_eq!(start.add(size / 2).read(), 0);
                assert_eq!(start.add(size - 1).read(), 0);
            }
        }
        block.meta().context.store(mark, std::sync::atomic::Ordering::Relaxed);
        let marked = Marked { block, mark, size };
        marked.fill();
        marked
    }

    fn places(&self) -> impl Iterator<Item = *mut u8> {
        let start = self.block.start().as_ptr();
        let offsets = if self.size == 0 { Vec::new() } else { vec![0, self.size / 2, self.size - 1] };
        offsets.into_iter().map(move |offset| start.wrapping_add(offset))
    }

    fn fill(&self) {
        // SAFETY: the places are inside of the block, which is live.
        self.places().for_each(|place| unsafe { place.write(self.mark as u8) });
    }

    fn check(&self) {
        for place in self.places() {
            // SAFETY: the places are inside of the block, which is live.
            assert_eq!(unsafe { place.read() }, self.mark as u8, "overlap at {place:p}");
        }
        for offset in [0, self.block.capacity() / 3, self.block.capacity() - 1] {
            let found = heap().block_of(self.block.start().as_ptr() as usize + offset).unwrap();
            assert_eq!(found.start(), self.block.start());
            assert_eq!(found.capacity(), self.block.capacity());
            assert!(std::ptr::eq(found.meta(), self.block.meta()));
            assert!(found.is_live());
            assert_eq!(found.requested(), self.size);
            assert_eq!(found.meta().context.load(std::sync::atomic::Ordering::Relaxed), self.mark);
        }
        assert_eq!(heap().usable_size(self.block.start().as_ptr()), Some(self.size));
    }

    fn free(self, cache: &mut HeapCache) {
        self.check();
        heap().free(cache, self.block.start().as_ptr()).unwrap();
    }

    /// What realloc does.
    fn resize(&mut self, cache: &mut HeapCache, size: usize) {
        self.check();
        if heap().resize_in_place(self.block, size) {
            self.block = heap().block_of(self.block.start().as_ptr() as usize).unwrap();
            self.size = size;
            self.fill();
        } else {
            let moved = Marked::new(cache, size, 16, self.mark);
            std::mem::replace(self, moved).free(cache);
        }
        self.check();
    }
}

#[test]
fn random_use_agrees_with_a_model() {
    let mut cache = HeapCache::new();
    let mut random = Random(7);
    let mut live: BTreeMap<usize, Marked> = BTreeMap::new();
    for turn in 0..60_000u32 {
        let pick = |live: &BTreeMap<usize, Marked>, random: &mut Random| {
            let probe = HEAP_START + random.below(1 << 30) * ((HEAP_END - HEAP_START) >> 30);
            live.range(probe..).chain(live.iter()).next().map(|(&start, _)| start)
        };
        let changed = match random.below(5) {
            0..=1 => Some(Marked::new(&mut cache, random.size(), random.align(), turn)),
            2 => pick(&live, &mut random).map(|start| {
                let mut marked = live.remove(&start).unwrap();
                marked.resize(&mut cache, random.size());
                marked
            }),
            _ => {
                if let Some(start) = pick(&live, &mut random) {
                    live.remove(&start).unwrap().free(&mut cache);
                }
                None
            }
        };
        if let Some(marked) = changed {
            let start = marked.block.start().as_ptr() as usize;
            let end = start + marked.block.capacity();
            if let Some((_, before)) = live.range(..=start).next_back() {
                assert!(before.block.start().as_ptr() as usize + before.block.capacity() <= start);
            }
            if let Some((&after, _)) = live.range(start + 1..).next() {
                assert!(end <= after);
            }
            assert!(live.insert(start, marked).is_none());
        }
        if live.len() > 800 {
            let (_, marked) = live.pop_first().unwrap();
            marked.free(&mut cache);
        }
    }
    live.into_values().for_each(|marked| marked.free(&mut cache));
    heap().drain(&mut cache);
}

#[test]
fn sizes_and_alignments_at_the_edges() {
    let mut cache = HeapCache::new();
    let mut live = Vec::new();
    for log2 in 0..=25 {
        for size in [(1 << log2) - 1, 1 << log2, (1 << log2) + 1] {
            live.push(Marked::new(&mut cache, size, 16, size as u32));
        }
    }
    for log2 in 5..=24 {
        for size in [0, 1, 100, 5000, 300_000] {
            live.push(Marked::new(&mut cache, size, 1 << log2, log2));
        }
    }
    live.into_iter().for_each(|marked| marked.free(&mut cache));
    assert!(heap().alloc(&mut cache, usize::MAX, 16).is_none());
    assert!(heap().alloc(&mut cache, isize::MAX as usize, 1 << 20).is_none());
    assert!(heap().alloc(&mut cache, HEAP_END - LARGE_START, 16).is_none());
    heap().drain(&mut cache);
}

#[test]
fn blocks_waste_at_most_a_fifth() {
    let mut cache = HeapCache::new();
    for size in (128..SMALL_MAX).step_by(333) {
        let allocation = heap().alloc(&mut cache, size, 16).unwrap();
        assert!((allocation.block.capacity() - size) * 5 <= allocation.block.capacity());
        heap().free(&mut cache, allocation.ptr().as_ptr()).unwrap();
    }
    heap().drain(&mut cache);
}

#[test]
fn misuse_of_free_is_told_apart() {
    let mut cache = HeapCache::new();
    let local = 0u8;
    assert!(matches!(heap().free(&mut cache, (&raw const local).cast_mut()), Err(BadFree::Foreign)));
    assert!(matches!(heap().free(&mut cache, std::ptr::null_mut()), Err(BadFree::Foreign)));
    for never in [HEAP_START + (1 << 35), LARGE_START + (1 << 41), LARGE_START - 64, HEAP_END - 1] {
        assert!(matches!(heap().free(&mut cache, never as *mut u8), Err(BadFree::NeverAllocated)));
        assert!(heap().block_of(never).is_none());
    }
    for size in [48, 70_000, 1_000_000] {
        let marked = Marked::new(&mut cache, size, 16, 3);
        let start = marked.block.start().as_ptr();
        match heap().free(&mut cache, start.wrapping_add(16)) {
            Err(BadFree::Interior(block)) => assert_eq!(block.start().as_ptr(), start),
            other => panic!("{other:?}"),
        }
        assert_eq!(heap().usable_size(start.wrapping_add(16)), None);
        // Retired but not recycled, so that no other test gets the block meanwhile.
        let block = heap().retire(start).unwrap();
        assert_eq!(heap().usable_size(start), None);
        match heap().free(&mut cache, start) {
            Err(error @ BadFree::AlreadyFreed(_)) => {
                assert_eq!(
                    error.to_string(),
                    std::format!("the block of {size} bytes has been freed already")
                );
            }
            other => panic!("{other:?}"),
        }
        let found = heap().block_of(start as usize + size - 1).unwrap();
        assert_eq!((found.state(), found.requested()), (BlockState::Freed, size));
        // SAFETY: the block was retired above and is recycled once.
        unsafe { heap().recycle(&mut cache, block) };
    }
    heap().drain(&mut cache);
}

#[test]
fn a_freed_block_is_soon_reused_and_known_not_to_be_zero() {
    let mut cache = HeapCache::new();
    for size in [40, 5000, 200_000] {
        let first = Marked::new(&mut cache, size, 16, 9);
        let start = first.block.start();
        first.free(&mut cache);
        if size < 32 * 1024 {
            // From the thread's own cache; larger ones may have gone to another test.
            let again = heap().alloc(&mut cache, size, 16).unwrap();
            assert_eq!(again.ptr(), start);
            assert!(!again.fresh_zero);
            heap().free(&mut cache, start.as_ptr()).unwrap();
        }
    }
    heap().drain(&mut cache);
}

#[test]
fn very_large_blocks_give_their_memory_back() {
    let mut cache = HeapCache::new();
    let size = 48 << 20;
    let block = heap().alloc(&mut cache, size, 16).unwrap();
    assert!(block.fresh_zero);
    let start = block.ptr().as_ptr();
    // SAFETY: the block is live and `size` long.
    unsafe { start.write_bytes(1, size) };
    let mut residency = vec![0; size / PAGE_SIZE];
    memory::residency(start as usize, &mut residency).unwrap();
    assert!(residency.iter().all(|&page| page & 1 == 1));
    heap().free(&mut cache, start).unwrap();
    memory::residency(start as usize, &mut residency).unwrap();
    assert!(residency.iter().all(|&page| page & 1 == 0));
    // A use after free is wrong, but no crash.
    // SAFETY: the heap's range stays mapped.
    assert_eq!(unsafe { start.read_volatile() }, 0);
    let stats = heap().stats();
    assert!(stats.large_warm <= 32 << 20);
    assert!(stats.large_space >= size);
}

#[test]
fn threads_allocate_and_free_each_others_blocks() {
    const THREADS: usize = 6;
    const TURNS: usize = 15_000;
    thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..THREADS).map(|_| mpsc::sync_channel::<Marked>(256)).unzip();
        for (id, receiver) in receivers.into_iter().enumerate() {
            let next = senders[(id + 1) % THREADS].clone();
            scope.spawn(move || {
                let mut cache = HeapCache::new();
                let mut random = Random(id as u64 + 1);
                for turn in 0..TURNS {
                    let size = if turn % 64 == 0 { random.size() } else { random.below(700) };
                    let marked = Marked::new(&mut cache, size, 16, (turn * THREADS + id) as u32);
                    let rejected = if turn % 3 == 0 { Some(marked) } else { give(&next, marked) };
                    if let Some(marked) = rejected {
                        marked.free(&mut cache);
                    }
                    while let Ok(marked) = receiver.try_recv() {
                        marked.free(&mut cache);
                    }
                }
                drop(next);
                receiver.into_iter().for_each(|marked| marked.free(&mut cache));
                heap().drain(&mut cache);
            });
        }
        drop(senders);
    });
}

fn give(to: &mpsc::SyncSender<Marked>, marked: Marked) -> Option<Marked> {
    match to.try_send(marked) {
        Ok(()) => None,
        Err(mpsc::TrySendError::Full(marked) | mpsc::TrySendError::Disconnected(marked)) => Some(marked),
    }
}

#[test]
fn one_way_traffic_reuses_the_blocks() {
    // A class that no other test uses.
    let size = 100_000;
    let class = LADDER.class_of(size);
    let (sender, receiver) = mpsc::sync_channel::<Marked>(8);
    let mut highest = 0;
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut cache = HeapCache::new();
            receiver.into_iter().for_each(|marked| marked.free(&mut cache));
            heap().drain(&mut cache);
        });
        let mut cache = HeapCache::new();
        for turn in 0..5000 {
            let marked = Marked::new(&mut cache, size, 16, turn);
            let (found, offset) = layout::split(marked.block.start().as_ptr() as usize);
            assert_eq!(found, class);
            highest = highest.max(offset / marked.block.capacity());
            sender.send(marked).unwrap();
        }
        drop(sender);
        heap().drain(&mut cache);
    });
    // Eight in flight, one in each thread's hands, and what random tests in this class hold.
    assert!(highest < 500, "{highest}");
}

#[test]
fn a_forked_child_has_a_whole_heap() {
    use crate::sys::process;
    use crate::sys::syscall::{Number, syscall0, syscall4};

    let stop = std::sync::atomic::AtomicBool::new(false);
    let started = Barrier::new(3);
    thread::scope(|scope| {
        for id in 0..2 {
            let (stop, started) = (&stop, &started);
            scope.spawn(move || {
                let mut cache = HeapCache::new();
                let mut random = Random(id + 1);
                started.wait();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // Beyond what a cache holds, so that locks are taken all the time.
                    let live: Vec<_> = (0..20)
                        .map(|_| heap().alloc(&mut cache, 30_000 + random.below(400_000), 16).unwrap())
                        .collect();
                    live.iter().for_each(|block| heap().free(&mut cache, block.ptr().as_ptr()).unwrap());
                }
                heap().drain(&mut cache);
            });
        }
        started.wait();
        for _ in 0..20 {
            heap().before_fork();
            // SAFETY: the child uses nothing but the heap, whose locks this thread holds, and exits by a raw call.
            let pid = unsafe { syscall0(Number(libc::SYS_fork)) }.unwrap();
            // SAFETY: `before_fork` was called above, by this thread or the child's parent.
            unsafe { heap().after_fork() };
            if pid == 0 {
                let mut cache = HeapCache::new();
                for size in [20, 3000, 100_000, 300_000, 2_000_000] {
                    match heap().alloc(&mut cache, size, 16) {
                        Some(block) => match heap().free(&mut cache, block.ptr().as_ptr()) {
                            Ok(()) => {}
                            Err(_) => process::exit(2),
                        },
                        None => process::exit(1),
                    }
                }
                process::exit(0);
            }
            let mut status = 0i32;
            // SAFETY: the kernel writes the status of the child, which nobody else waits for.
            let waited = unsafe { syscall4(Number(libc::SYS_wait4), pid, &raw mut status as usize, 0, 0) };
            assert_eq!((waited, status), (Ok(pid), 0));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_second_heap_is_refused_with_a_reason() {
    heap();
    let error = Heap::new().init(Placement::Anywhere).unwrap_err();
    assert_eq!(error.error, Errno::EEXIST);
    assert_eq!(
        error.to_string(),
        "can't reserve 8192 GB of address space at 0x80000000000 for the heap: EEXIST; something else is mapped \
         there, see /proc/self/maps"
    );
    let mut cache = HeapCache::new();
    assert!(Heap::new().alloc(&mut cache, 16, 16).is_none());
    assert!(Heap::new().alloc(&mut cache, 1 << 20, 16).is_none());
    assert!(Heap::new().block_of(HEAP_START).is_none());
    assert!(Heap::new().block_of(LARGE_START).is_none());
}

#[test]
#[ignore = "prints times; run with --release --nocapture"]
fn bench_against_the_system() {
    use std::alloc::{GlobalAlloc, Layout, System};

    const TURNS: usize = 3_000_000;
    fn time(name: &str, size: usize, turns: usize, mut body: impl FnMut()) {
        let start = Instant::now();
        for _ in 0..turns {
            body();
        }
        std::println!("{name:28} {size:8} B: {:7.1} ns", start.elapsed().as_nanos() as f64 / turns as f64);
    }
    let heap = heap();
    let mut cache = HeapCache::new();
    for size in [16, 64, 256, 1024, 4096, 40_000, 400_000, 4_000_000] {
        let turns = if size > 10_000 { TURNS / 10 } else { TURNS };
        let layout = Layout::from_size_align(size, 16).unwrap();
        time("heap: alloc + free", size, turns, || {
            let block = std::hint::black_box(heap.alloc(&mut cache, size, 16).unwrap());
            heap.free(&mut cache, block.ptr().as_ptr()).unwrap();
        });
        // SAFETY: the layout is not empty and the block is freed once.
        time("system: alloc + free", size, turns, || unsafe {
            let block = std::hint::black_box(System.alloc(layout));
            System.dealloc(block, layout);
        });
    }
    let mut blocks = Vec::with_capacity(1000);
    for size in [32, 256] {
        let layout = Layout::from_size_align(size, 16).unwrap();
        time("heap: 1000 allocs + frees", size, TURNS / 1000, || {
            blocks.extend((0..1000).map(|_| heap.alloc(&mut cache, size, 16).unwrap().ptr().as_ptr()));
            blocks.drain(..).for_each(|block| heap.free(&mut cache, block).unwrap());
        });
        // SAFETY: the layout is not empty and the blocks are freed once.
        time("system: 1000 allocs + frees", size, TURNS / 1000, || unsafe {
            blocks.extend((0..1000).map(|_| System.alloc(layout)));
            blocks.drain(..).for_each(|block| System.dealloc(block, layout));
        });
    }
    let block = heap.alloc(&mut cache, 200, 16).unwrap().ptr().as_ptr() as usize;
    time("heap: block_of", 200, TURNS, || {
        std::hint::black_box(heap.block_of(std::hint::black_box(block + 77)));
    });
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut cache = HeapCache::new();
                for _ in 0..TURNS / 8 {
                    let block = heap.alloc(&mut cache, 64, 16).unwrap();
                    heap.free(&mut cache, block.ptr().as_ptr()).unwrap();
                }
                heap.drain(&mut cache);
            });
        }
    });
    std::println!(
        "8 threads: {:.1} ns of wall time per pair",
        start.elapsed().as_nanos() as f64 / TURNS as f64
    );
}
