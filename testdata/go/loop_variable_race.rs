//! The threads of a loop share the loop's variable by a pointer, and the loop goes on.
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

struct Address(*mut usize);

// SAFETY: the variable outlives the scope; that it changes meanwhile is what this program is about.
unsafe impl Send for Address {}

impl Address {
    fn get(&self) -> *mut usize {
        self.0
    }
}

fn main() {
    let mut i = 0;
    let variable = &raw mut i;
    thread::scope(|s| {
        let address = Address(variable);
        s.spawn(move || {
            step::wait(1);
            let value = unsafe { *address.get() }; // race: read
            assert_eq!(value, 1);
        });
        unsafe { *variable += 1 }; // race: write
        step::reach(1);
    });
}
