//! The data is written after the byte that another thread reads from the file.
use std::env;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process;
use std::thread;

static mut DATA: u64 = 0;

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    let path = env::temp_dir().join(format!("racecheck-file-race-{}", process::id()));
    let mut writer = File::create(&path).unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            let mut file = File::open(&path).unwrap();
            while file.read(&mut [0]).unwrap() == 0 {
                thread::yield_now();
            }
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        writer.write_all(&[1]).unwrap();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    fs::remove_file(&path).unwrap();
}
