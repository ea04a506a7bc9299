//! Owners write before they drop their `Arc`; the last one frees, after all of them.
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

struct Sum(Shared<[u64; 4]>);

impl Drop for Sum {
    fn drop(&mut self) {
        assert_eq!(*self.0.0.get_mut(), [1, 2, 3, 4]);
    }
}

fn main() {
    for _ in 0..60 {
        let sum = Arc::new(Sum(Shared(UnsafeCell::new([0; 4]))));
        let owners: Vec<_> = (0..4)
            .map(|i| {
                let sum = Arc::clone(&sum);
                thread::spawn(move || unsafe { (*sum.0.0.get())[i] = i as u64 + 1 })
            })
            .collect();
        drop(sum);
        owners.into_iter().for_each(|owner| owner.join().unwrap());
    }
}
