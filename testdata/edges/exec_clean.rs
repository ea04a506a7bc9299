//! The program becomes another one by `exec`.
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

fn main() {
    thread::scope(|s| {
        s.spawn(|| ());
    });
    panic!("exec came back: {}", Command::new("true").exec());
}
