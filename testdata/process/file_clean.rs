//! Bytes go through a file that each side has opened for itself.
use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process;
use std::thread;

static mut DATA: u64 = 0;

fn main() {
    let path = env::temp_dir().join(format!("racecheck-file-clean-{}", process::id()));
    let mut writer = File::create(&path).unwrap();
    thread::scope(|s| {
        let reader = s.spawn(|| {
            let mut file = File::open(&path).unwrap();
            for _ in 0..50 {
                while file.read(&mut [0]).unwrap() == 0 {
                    thread::yield_now();
                }
            }
            assert_eq!(unsafe { DATA }, 50);
        });
        for _ in 0..50 {
            unsafe { DATA += 1 };
            if unsafe { DATA } == 50 {
                writer.write_all(&[1; 50]).unwrap();
            }
        }
        reader.join().unwrap();
    });
    fs::remove_file(&path).unwrap();
}
