//! Two threads write the same element of a vector.
use std::thread;

struct Elements<T>(*mut T);

// SAFETY: the vector outlives the threads; who uses which element is what this program is about.
unsafe impl<T> Sync for Elements<T> {}

impl<T> Elements<T> {
    fn at(&self, i: usize) -> *mut T {
        unsafe { self.0.add(i) }
    }
}

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    let mut list = vec![0u16; 32];
    let elements = &Elements(list.as_mut_ptr());
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            unsafe { *elements.at(21) = 2 }; // race: write
        });
        unsafe { *elements.at(21) = 1 }; // race: write
        unsafe { *elements.at(20) = 1 };
        step::reach(1);
    });
    assert_eq!(list[21], 2);
}
