//! The other thread is done with the block before it is freed.
use std::hint::black_box;
use std::thread;

fn main() {
    for _ in 0..40 {
        let mut block = black_box(vec![0u8; 100_000]);
        let far = block[70_001..].as_mut_ptr() as usize;
        let other = thread::spawn(move || unsafe { (black_box(far) as *mut u8).write(1) });
        other.join().unwrap();
        assert_eq!(block[70_001], 1);
        drop(block);
    }
}
