//! Eight threads, each with one byte of the same word.
use std::thread;

static mut WORD: [u8; 8] = [0; 8];

fn main() {
    thread::scope(|s| {
        for i in 0..8 {
            s.spawn(move || (0..200).for_each(|_| unsafe { WORD[i] += 1 }));
        }
    });
    let word = unsafe { WORD };
    assert_eq!(word, [200; 8]);
}
