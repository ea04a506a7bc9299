//! A thread overflows its stack: std says so and aborts, as it does without the detector.
use std::ffi::c_int;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::{env, hint};

const SIGABRT: c_int = 6;

fn dive(depth: u64) -> u64 {
    let frame = hint::black_box([depth; 64]);
    if frame[7] == u64::MAX { 0 } else { dive(depth + 1) + frame[3] }
}

fn overflow() {
    let thread = thread::Builder::new().name("diver".into()).spawn(|| hint::black_box(dive(1))).unwrap();
    thread.join().unwrap();
}

fn main() {
    if env::args().len() > 1 {
        return overflow();
    }
    let output = Command::new(env::current_exe().unwrap()).arg("overflow").output().unwrap();
    assert_eq!(output.status.signal(), Some(SIGABRT));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("thread 'diver'") && text.contains("has overflowed its stack"), "{text}");
}
