//! One thread reads a child process's output into a buffer that another thread looks at.
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;

static mut BUFFER: [u8; 8] = [0; 8];

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
    let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn().unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let first = unsafe { BUFFER[0] }; // race: read
            assert_eq!(first, b'h');
        });
        let mut output = child.stdout.take().unwrap();
        let buffer = unsafe { &mut *(&raw mut BUFFER) };
        let count = output.read(buffer).unwrap(); // race: write
        assert_eq!(count, 6);
        step::reach(1);
    });
    assert!(child.wait().unwrap().success());
}
