//! The object is complete when `set` publishes it.
use std::cell::UnsafeCell;
use std::sync::OnceLock;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

static OBJECT: OnceLock<Shared<[u64; 3]>> = OnceLock::new();

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..100 {
                    while OBJECT.get().is_none() {
                        thread::yield_now();
                    }
                    let object = OBJECT.get().unwrap();
                    assert_eq!(unsafe { *object.0.get() }, [7, 8, 9]);
                }
            });
        }
        s.spawn(|| {
            let object = OBJECT.get_or_init(|| Shared(UnsafeCell::new([7, 8, 9])));
            assert_eq!(unsafe { *object.0.get() }, [7, 8, 9]);
        });
        s.spawn(|| {
            let _ = OBJECT.set(Shared(UnsafeCell::new([7, 8, 9])));
        });
    });
}
