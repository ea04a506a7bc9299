//! An `Rc` forced over to another thread as a whole, with all its clones.
use std::rc::Rc;
use std::thread;

struct Sent<T>(T);

// SAFETY: sound only if no clone stays behind; that is what this program is about.
unsafe impl<T> Send for Sent<T> {}

impl<T> Sent<T> {
    fn get(&self) -> &T {
        &self.0
    }
}

fn main() {
    let mut all = Sent(vec![Rc::new(0u64); 3]);
    for _ in 0..60 {
        let next = thread::spawn(move || {
            let again = Rc::clone(&all.get()[0]);
            assert_eq!(Rc::strong_count(&again), 4);
            drop(again);
            all
        });
        all = next.join().unwrap();
    }
    assert_eq!(Rc::strong_count(&all.get()[0]), 3);
}
