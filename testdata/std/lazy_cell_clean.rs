//! A `LazyCell` forced by one thread before the others start.
use std::cell::LazyCell;
use std::thread;

struct Lazy(LazyCell<u64>);

// SAFETY: unsound if the cell is forced by two threads; that is what this program is about.
unsafe impl Sync for Lazy {}

fn main() {
    let lazy = Lazy(LazyCell::new(|| 42));
    assert_eq!(*lazy.0, 42);
    let lazy = &lazy;
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(move || (0..100).for_each(|_| assert_eq!(*lazy.0, 42)));
        }
    });
}
