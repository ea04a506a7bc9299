//! Closures capture a local variable of `main`, one after the other.
use std::thread;

struct Captured(*mut u64);

// SAFETY: the variable outlives the scope; whether its uses are ordered is what this program is about.
unsafe impl Send for Captured {}

impl Captured {
    fn get(&self) -> *mut u64 {
        self.0
    }
}

fn main() {
    let mut total = 0;
    let pointer = &raw mut total;
    for round in 1..=60 {
        let a = Captured(pointer);
        thread::spawn(move || unsafe { *a.get() += 1 }).join().unwrap();
        let b = Captured(pointer);
        thread::scope(|s| {
            s.spawn(move || unsafe { *b.get() += 1 });
        });
        assert_eq!(unsafe { *pointer }, 2 * round);
    }
}
