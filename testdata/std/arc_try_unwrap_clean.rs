//! `try_unwrap` gives the value out, ordered after all that the other owners did.
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

fn main() {
    for round in 0..100 {
        let mut mine = Arc::new(Shared(UnsafeCell::new(0u64)));
        let theirs = Arc::clone(&mine);
        let writer = thread::spawn(move || unsafe { *theirs.0.get() = round });
        let value = loop {
            match Arc::try_unwrap(mine) {
                Ok(value) => break value,
                Err(back) => mine = back,
            }
            thread::yield_now();
        };
        assert_eq!(value.0.into_inner(), round);
        writer.join().unwrap();
    }
}
