//! A trait object is two words: one thread replaces it while another calls through it.
use std::sync::OnceLock;
use std::thread;

trait Shape: Sync + Send {
    fn corners(&self) -> u32;
}

struct Triangle;
struct Square;

impl Shape for Triangle {
    fn corners(&self) -> u32 {
        3
    }
}

impl Shape for Square {
    fn corners(&self) -> u32 {
        4
    }
}

static SQUARE: OnceLock<Square> = OnceLock::new();
static mut SHAPE: &dyn Shape = &Triangle;

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
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let shape = unsafe { SHAPE }; // race: read
            assert_eq!(shape.corners(), 4);
        });
        let square = SQUARE.get_or_init(|| Square);
        unsafe { SHAPE = square }; // race: write
        step::reach(1);
    });
}
