//! The program ends while detached threads still use locks, atomics and memory.
use std::thread;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

static ROUNDS: AtomicU64 = AtomicU64::new(0);
static WORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn main() {
    for me in 0..3 {
        drop(thread::spawn(move || {
            loop {
                let mut words = WORDS.lock().unwrap();
                words.push(format!("{me}"));
                if words.len() > 100 {
                    words.clear();
                }
                drop(words);
                ROUNDS.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    while ROUNDS.load(Ordering::Relaxed) < 300 {
        thread::yield_now();
    }
}
