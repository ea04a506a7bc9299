//! Threads run child processes at the same time, each with a buffer of its own.
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;

fn main() {
    thread::scope(|s| {
        for i in 0..3 {
            s.spawn(move || {
                for _ in 0..5 {
                    let word = format!("word {i}");
                    let mut child = Command::new("echo").arg(&word).stdout(Stdio::piped()).spawn().unwrap();
                    let mut output = String::new();
                    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
                    assert!(child.wait().unwrap().success());
                    assert_eq!(output.trim_end(), word);
                    assert_eq!(Command::new("false").status().unwrap().code(), Some(1));
                }
            });
        }
    });
}
