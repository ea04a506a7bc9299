//! Each thread re-slices a copy of its own.
use std::thread;

static WORDS: [&str; 4] = ["a", "b", "c", "d"];

fn main() {
    let all: &[&str] = &WORDS;
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(move || {
                for _ in 0..100 {
                    let mut rest = all;
                    let mut seen = 0;
                    while let Some((first, others)) = rest.split_first() {
                        assert_eq!(*first, WORDS[seen]);
                        rest = others;
                        seen += 1;
                    }
                    assert_eq!(seen, 4);
                }
            });
        }
    });
}
