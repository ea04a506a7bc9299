//! All owners call `into_inner`; one of them gets the value, with everything the others wrote.
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

fn main() {
    for _ in 0..60 {
        let value = Arc::new(Shared(UnsafeCell::new([0u64; 3])));
        let owners = [0, 1, 2].map(|i| {
            let value = Arc::clone(&value);
            thread::spawn(move || {
                unsafe { (*value.0.get())[i] = 7 };
                Arc::into_inner(value)
            })
        });
        let mine = Arc::into_inner(value);
        let found: Vec<_> = owners.map(|o| o.join().unwrap()).into_iter().chain([mine]).flatten().collect();
        assert_eq!(found.len(), 1);
        assert_eq!(unsafe { *found[0].0.get() }, [7; 3]);
    }
}
