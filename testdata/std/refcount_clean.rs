//! A hand-made reference count as `Arc` has it: release on the way down, an acquire fence before the free.
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::thread;

struct Counted {
    owners: AtomicUsize,
    data: [u64; 2],
}

struct Handle(*mut Counted);

// SAFETY: the count keeps the block alive; whether the free is ordered is what this program is about.
unsafe impl Send for Handle {}

impl Handle {
    fn set(&self, i: usize, value: u64) {
        unsafe { (*self.0).data[i] = value };
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let counted = self.0;
        if unsafe { &(*counted).owners }.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            assert_eq!(unsafe { (*counted).data }, [5, 6]);
            drop(unsafe { Box::from_raw(counted) });
        }
    }
}

fn handles() -> (Handle, Handle) {
    let counted = Box::into_raw(Box::new(Counted { owners: AtomicUsize::new(2), data: [0; 2] }));
    (Handle(counted), Handle(counted))
}

fn main() {
    for _ in 0..80 {
        let (a, b) = handles();
        thread::scope(|s| {
            s.spawn(move || {
                let a = a;
                a.set(0, 5);
            });
            let b = b;
            b.set(1, 6);
        });
    }
}
