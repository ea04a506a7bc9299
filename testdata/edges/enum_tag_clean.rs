//! Looking at an enum's tag does not read its payload: a thread writes the payload over and over, while another
//! one asks which variant it is. The tag never changes. In a debug build rustc loads both where both are
//! scalars, and then uses only the tag.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[allow(dead_code)]
enum Slot {
    Never,
    Held(UnsafeCell<u64>),
}

// SAFETY: the only thread that touches what the cell holds is the one that writes it.
unsafe impl Sync for Slot {}

static SLOT: Slot = Slot::Held(UnsafeCell::new(0));
static WRITTEN: AtomicBool = AtomicBool::new(false);

fn main() {
    let writer = thread::spawn(|| {
        let Slot::Held(cell) = &SLOT else { unreachable!() };
        for value in 0..1000 {
            // SAFETY: nobody else reads or writes it.
            unsafe { cell.get().write(value) };
        }
        WRITTEN.store(true, Ordering::Relaxed);
    });
    while !WRITTEN.load(Ordering::Relaxed) {
        if let Slot::Never = SLOT {
            unreachable!();
        }
        thread::yield_now();
    }
    if let Slot::Never = SLOT {
        unreachable!();
    }
    writer.join().unwrap();
}
