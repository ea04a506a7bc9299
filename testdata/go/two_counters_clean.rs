//! Two threads count right and left in one struct, and it is reset when both are joined.
use std::thread;

#[repr(C)]
struct Counters {
    left: u32,
    right: u32,
}

static mut COUNTERS: Counters = Counters { left: 0, right: 0 };

fn main() {
    for _ in 0..30 {
        thread::scope(|s| {
            s.spawn(|| (0..100).for_each(|_| unsafe { COUNTERS.left += 1 }));
            s.spawn(|| (0..100).for_each(|_| unsafe { COUNTERS.right += 1 }));
        });
        let Counters { left, right } = unsafe { (&raw const COUNTERS).read() };
        assert_eq!((left, right), (100, 100));
        unsafe { COUNTERS = Counters { left: 0, right: 0 } };
    }
}
