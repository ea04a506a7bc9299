//! A lock-free stack with two pushers and two poppers; nodes live until the end, so that no address comes back.
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::thread;

struct Node {
    value: AtomicU64,
    next: *mut Node,
}

static HEAD: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());
const READ: Ordering = Ordering::Acquire;

fn push(node: *mut Node) {
    let mut head = HEAD.load(Ordering::Relaxed);
    loop {
        unsafe { (*node).next = head };
        match HEAD.compare_exchange(head, node, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

fn pop() -> Option<u64> {
    let mut head = HEAD.load(READ);
    while !head.is_null() {
        let next = unsafe { (*head).next };
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
    let sum = AtomicU64::new(0);
    thread::scope(|s| {
        for half in [0..100, 100..200] {
            s.spawn(move || half.for_each(|n| push(node(n))));
            s.spawn(|| {
                let mut popped = 0;
                while popped < 100 {
                    match pop() {
                        Some(value) => {
                            sum.fetch_add(value, Ordering::Relaxed);
                            popped += 1;
                        }
                        None => thread::yield_now(),
                    }
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), 199 * 100);
}
