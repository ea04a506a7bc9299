//! Two threads use the same field of a struct.
use std::thread;

#[derive(Clone, Copy)]
struct Record {
    id: u32,
    kind: u8,
    level: u8,
    flags: u16,
}

static mut RECORD: Record = Record { id: 0, kind: 0, level: 0, flags: 0 };

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
            unsafe { RECORD.level = 2 }; // race: write
        });
        unsafe { RECORD.kind = 1 };
        unsafe { RECORD.level = 1 }; // race: write
        unsafe { RECORD.flags = 1 };
        step::reach(1);
    });
    let Record { id, kind, level, flags } = unsafe { RECORD };
    assert_eq!((id, kind, level, flags), (0, 1, 2, 1));
}
