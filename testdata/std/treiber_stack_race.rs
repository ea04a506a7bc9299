//! A lock-free stack whose pop reads the head without acquire.
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::thread;

struct Node {
    value: AtomicU64,
    next: *mut Node,
}

static HEAD: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());
const READ: Ordering = Ordering::Relaxed;

fn push(node: *mut Node) {
    let mut head = HEAD.load(Ordering::Relaxed);
    loop {
        unsafe { (*node).next = head }; // race: write
        match HEAD.compare_exchange(head, node, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

fn pop() -> Option<u64> {
    let mut head = HEAD.load(READ);
    while !head.is_null() {
        let next = unsafe { (*head).next }; // race: read
        match HEAD.compare_exchange(head, next, READ, READ) {
            Ok(_) => return Some(unsafe { &*head }.value.load(Ordering::Relaxed)),
            Err(now) => head = now,
        }
    }
    None
}

fn main() {
    let mut nodes: Vec<Node> =
        (0..200).map(|n| Node { value: AtomicU64::new(n), next: ptr::null_mut() }).collect();
    let nodes = nodes.as_mut_ptr() as usize;
    let node = move |n: usize| unsafe { (nodes as *mut Node).add(n) };
    thread::scope(|s| {
        s.spawn(|| {
            let value = loop {
                match pop() {
                    Some(value) => break value,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(value, 7);
        });
        push(node(7));
    });
}
