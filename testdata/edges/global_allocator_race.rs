//! A block goes back to an allocator of the program's own while another thread has written to it.
use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::asm;
use std::cell::UnsafeCell;
use std::thread;

/// Cells of memory, and a bit for each that is in use. The bits are changed by inline assembly, so that nobody sees
/// in what order threads take the cells: as with an allocator that is written in C.
struct Cells {
    taken: UnsafeCell<u64>,
    cells: UnsafeCell<[[u128; CELL / 16]; 64]>,
}

const CELL: usize = 256;

// SAFETY: a cell belongs to whoever set its bit.
unsafe impl Sync for Cells {}

impl Cells {
    fn take(&self) -> Option<*mut u8> {
        (0..64).find_map(|cell| {
            let mut was_set: u8;
            unsafe {
                asm!("lock bts [{}], {:r}", "setc {}", in(reg) self.taken.get(), in(reg) cell, out(reg_byte) was_set);
            }
            (was_set == 0).then(|| unsafe { self.cells.get().cast::<u8>().add(cell as usize * CELL) })
        })
    }

    fn index(&self, block: *mut u8) -> Option<u64> {
        let cell = (block as usize).wrapping_sub(self.cells.get() as usize) / CELL;
        (cell < 64).then_some(cell as u64)
    }

    fn give_back(&self, cell: u64) {
        unsafe { asm!("lock btr [{}], {:r}", in(reg) self.taken.get(), in(reg) cell) };
    }
}

unsafe impl GlobalAlloc for Cells {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let cell = if layout.size() <= CELL && layout.align() <= 16 { self.take() } else { None };
        cell.unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match self.index(block) {
            Some(cell) => self.give_back(cell),
            None => unsafe { System.dealloc(block, layout) },
        }
    }
}

#[global_allocator]
static ALLOCATOR: Cells = Cells { taken: UnsafeCell::new(0), cells: UnsafeCell::new([[0; CELL / 16]; 64]) };

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    let block = Box::into_raw(Box::new([0u64; 20]));
    let address = block as usize;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            drop(unsafe { Box::from_raw(address as *mut [u64; 20]) }); // race: free
        });
        unsafe { (*block)[13] = 1 }; // race: write
        step::reach(1);
    });
}
