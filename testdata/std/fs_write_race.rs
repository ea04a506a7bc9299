//! A buffer is changed by one thread while another has just given it to a file; `write` reads the memory.
use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::process;
use std::thread;

static mut BUFFER: [u8; 16] = [7; 16];

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
    let path = env::temp_dir().join(format!("fs-write-{}", process::id()));
    let mut file = File::create(&path).unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            unsafe { BUFFER[9] = 1 }; // race: write
        });
        let buffer = unsafe { &*(&raw const BUFFER) };
        file.write_all(buffer).unwrap(); // race: read
        step::reach(1);
    });
    assert_eq!(fs::read(&path).unwrap(), [7; 16]);
    fs::remove_file(&path).unwrap();
}
