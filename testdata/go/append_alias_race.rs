//! Two threads append to the same spare room behind one prefix, each through a view of its own.
use std::thread;

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

/// A prefix of a buffer with room behind it, as a slice with spare capacity is in Go.
#[derive(Clone, Copy)]
struct View {
    start: *mut u32,
    len: usize,
}

// SAFETY: the buffer outlives the threads; who appends where is what this program is about.
unsafe impl Send for View {}

impl View {
    fn append(&mut self, value: u32) {
        unsafe { self.start.add(self.len).write(value) }; // race: write, write
        self.len += 1;
    }
}

fn main() {
    let mut buffer = [0u32; 8];
    let prefix = View { start: buffer.as_mut_ptr(), len: 3 };
    let (mut mine, mut theirs) = (prefix, prefix);
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let theirs = &mut theirs;
            theirs.append(2);
        });
        mine.append(1);
        step::reach(1);
    });
    assert_eq!((buffer[3], mine.len), (2, 4));
}
