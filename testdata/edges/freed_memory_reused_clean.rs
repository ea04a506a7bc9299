//! Threads allocate and free blocks of one size as fast as they can; an address that comes back has no past.
use std::hint::black_box;
use std::thread;

fn main() {
    thread::scope(|s| {
        for me in 0..4u64 {
            s.spawn(move || {
                let mut kept: Vec<Box<[u64; 5]>> = Vec::new();
                for round in 0..400 {
                    kept.push(Box::new([me * 1000 + round; 5]));
                    if round % 3 == 0 {
                        let block = kept.swap_remove(kept.len() / 2);
                        assert!(black_box(&block).iter().all(|n| *n / 1000 == me));
                        thread::spawn(move || drop(block)).join().unwrap();
                    }
                    if round % 16 == 0 {
                        kept.clear();
                    }
                }
            });
        }
    });
}
