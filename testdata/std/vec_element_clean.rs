//! Threads write neighbouring elements of a vector of bytes.
use std::thread;

struct Elements<T>(*mut T);

// SAFETY: the vector outlives the threads; who uses which element is what this program is about.
unsafe impl<T> Sync for Elements<T> {}

impl<T> Elements<T> {
    fn at(&self, i: usize) -> *mut T {
        unsafe { self.0.add(i) }
    }
}

fn main() {
    let mut list = vec![0u8; 64];
    let elements = &Elements(list.as_mut_ptr());
    thread::scope(|s| {
        for me in 0..4 {
            s.spawn(move || {
                for _ in 0..100 {
                    (me..64).step_by(4).for_each(|i| unsafe { *elements.at(i) += 1 });
                }
            });
        }
    });
    assert_eq!(list, [100; 64]);
}
