//! Accesses by inline assembly are not seen, neither as races nor as edges; the program runs unchanged and silently.
use std::arch::asm;
use std::thread;

static mut COUNT: u64 = 0;

fn add_one() {
    // SAFETY: a locked addition to a static.
    unsafe { asm!("lock add qword ptr [{}], 1", in(reg) &raw mut COUNT, options(nostack)) };
}

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..500).for_each(|_| add_one()));
        }
    });
    assert_eq!(unsafe { COUNT }, 2000);
}
