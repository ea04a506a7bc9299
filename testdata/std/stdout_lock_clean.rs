//! What threads do inside stdout's lock is ordered.
use std::io::{self, Write};
use std::thread;

static mut LINES: u64 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..50 {
                    let mut out = io::stdout().lock();
                    let line = unsafe {
                        LINES += 1;
                        LINES
                    };
                    writeln!(out, "line {line}").unwrap();
                }
            });
        }
    });
    assert_eq!(unsafe { LINES }, 150);
}
