//! The object is complete when `new_cyclic` returns; an `upgrade` fails before and is ordered behind.
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

fn main() {
    for round in 0..60 {
        thread::scope(|s| {
            let node = Arc::new_cyclic(|me: &Weak<Node>| {
                let early = me.clone();
                s.spawn(move || {
                    let node = loop {
                        match early.upgrade() {
                            Some(node) => break node,
                            None => thread::yield_now(),
                        }
                    };
                    assert_eq!(unsafe { *node.value.0.get() }, round);
                    drop(node);
                });
                Node { me: me.clone(), value: Shared(UnsafeCell::new(round)) }
            });
            assert!(node.me.upgrade().is_some());
            while Arc::weak_count(&node) > 1 {
                thread::yield_now();
            }
        });
    }
}
