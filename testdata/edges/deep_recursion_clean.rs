//! Threads that recurse a hundred thousand calls deep.
use std::hint::black_box;
use std::thread;

static mut DATA: u64 = 0;

#[inline(never)]
fn descend(depth: u64) -> u64 {
    match depth {
        0 => unsafe { DATA },
        _ => 1 + black_box(descend(black_box(depth - 1))),
    }
}

fn main() {
    unsafe { DATA = 1 };
    thread::scope(|s| {
        for _ in 0..3 {
            let deep = thread::Builder::new().stack_size(64 << 20);
            deep.spawn_scoped(s, || assert_eq!(descend(100_000), 100_001)).unwrap();
        }
    });
}
