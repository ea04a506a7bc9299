//! A closure shared by `Arc` changes a variable that it captured, under a lock.
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

impl Shared<u64> {
    fn get(&self) -> *mut u64 {
        self.0.get()
    }
}

fn main() {
    let total = Shared(UnsafeCell::new(0));
    let lock = Mutex::new(());
    let add: Arc<dyn Fn(u64) -> u64 + Send + Sync> = Arc::new(move |n| {
        let _guard = lock.lock().unwrap();
        unsafe {
            *total.get() += n;
            *total.get()
        }
    });
    thread::scope(|s| {
        for _ in 0..4 {
            let add = Arc::clone(&add);
            s.spawn(move || (0..100).for_each(|_| assert!(add(1) > 0)));
        }
    });
    assert_eq!(add(0), 400);
}
