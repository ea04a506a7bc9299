//! Blocks that nobody touched are freed by another thread, which got them through a mutex.
use std::sync::Mutex;
use std::thread;

fn main() {
    let blocks = Mutex::new(Vec::new());
    thread::scope(|s| {
        s.spawn(|| {
            let mut freed = 0;
            while freed < 500 {
                let block: Option<Vec<u64>> = blocks.lock().unwrap().pop();
                freed += u32::from(block.is_some());
                thread::yield_now();
            }
        });
        for _ in 0..500 {
            let block = Vec::with_capacity(32);
            blocks.lock().unwrap().push(block);
        }
    });
    assert!(blocks.lock().unwrap().is_empty());
}
