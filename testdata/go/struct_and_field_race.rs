//! A struct is replaced as a whole while another thread reads one of its fields.
use std::thread;

#[derive(Clone, Copy, Default)]
struct Point {
    x: u64,
    y: u64,
    z: u64,
}

static mut POINT: Point = Point { x: 0, y: 0, z: 0 };

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
    let next = Point { x: 1, ..Default::default() };
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let z = unsafe { POINT.z }; // race: read
            assert_eq!(z, 0);
        });
        unsafe { POINT = next }; // race: write
        step::reach(1);
    });
    let Point { x, y, z } = unsafe { POINT };
    assert_eq!((x, y, z), (1, 0, 0));
}
