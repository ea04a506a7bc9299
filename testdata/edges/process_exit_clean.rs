//! The program ends by `process::exit` inside of a thread, with a status of its own.
//@ status: 3
use std::process;
use std::thread;

fn main() {
    thread::scope(|s| {
        s.spawn(|| process::exit(3));
    });
}
