//! The block is freed by whoever was ordered after the last write.
use std::hint::black_box;
use std::thread;

fn main() {
    for _ in 0..40 {
        let mut block = black_box(vec![0u8; 100_000]);
        thread::scope(|s| {
            for part in block.chunks_mut(25_000) {
                s.spawn(|| part[20_001] = 1);
            }
        });
        thread::spawn(move || drop(black_box(block))).join().unwrap();
    }
}
