//! The object gives its `Weak` away while it is built and is changed after that.
use std::cell::UnsafeCell;
use std::sync::{Arc, Weak};
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

struct Node {
    me: Weak<Node>,
    value: Shared<u64>,
}

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
    let node = Arc::new_cyclic(|me| Node { me: me.clone(), value: Shared(UnsafeCell::new(0)) });
    let me = node.me.clone();
    thread::scope(|s| {
        s.spawn(move || {
            let node = me.upgrade().unwrap();
            step::wait(1);
            unsafe { *node.value.0.get() = 2 }; // race: write
        });
        unsafe { *node.value.0.get() = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { *node.value.0.get() }, 2);
}
