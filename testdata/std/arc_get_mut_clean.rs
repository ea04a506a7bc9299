//! `get_mut` succeeds when the other owners are gone, and is ordered after all they did.
use std::sync::Arc;
use std::thread;

fn main() {
    let mut value = Arc::new(0u64);
    for round in 0..100 {
        let other = Arc::clone(&value);
        let reader = thread::spawn(move || assert_eq!(*other, round));
        loop {
            match Arc::get_mut(&mut value) {
                Some(value) => break *value += 1,
                None => thread::yield_now(),
            }
        }
        reader.join().unwrap();
    }
}
