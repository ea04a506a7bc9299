//! Panics unwind through many instrumented frames and are caught, over and over, in several threads: no stack is left behind.
//@ needs: unwinding
use std::hint::black_box;
use std::panic;
use std::thread;

#[inline(never)]
fn sink(depth: u32) -> u32 {
    if depth == 0 {
        panic::panic_any(7u32);
    }
    black_box(sink(black_box(depth - 1))) + 1
}

fn main() {
    panic::set_hook(Box::new(|_| ()));
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..100 {
                    let payload = panic::catch_unwind(|| sink(50)).unwrap_err();
                    assert_eq!(payload.downcast_ref(), Some(&7u32));
                }
            });
        }
    });
}
