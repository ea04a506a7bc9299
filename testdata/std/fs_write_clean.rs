//! Threads write their parts of one file, and the parent reads it after they are joined.
use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process;
use std::thread;

fn main() {
    let path = env::temp_dir().join(format!("fs-write-{}", process::id()));
    let file = File::create(&path).unwrap();
    thread::scope(|s| {
        for part in 0..4u8 {
            let file = &file;
            s.spawn(move || {
                for i in 0..64 {
                    file.write_all_at(&[part; 8], (u64::from(part) * 64 + i) * 8).unwrap();
                }
            });
        }
    });
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.iter().enumerate().all(|(i, b)| *b as usize == i / 512));
    fs::remove_file(&path).unwrap();
}
