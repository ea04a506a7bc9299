//! A pointer to a thread-local leaves its thread, which waits until the other is done.
use std::cell::UnsafeCell;
use std::thread;

thread_local!(static LOCAL: UnsafeCell<u64> = const { UnsafeCell::new(0) });

struct Borrowed(*mut u64);

// SAFETY: the thread-local outlives the scope in which the pointer is used.
unsafe impl Send for Borrowed {}

impl Borrowed {
    fn get(&self) -> *mut u64 {
        self.0
    }
}

fn main() {
    let mine = LOCAL.with(|l| l.get());
    for round in 1..=60 {
        unsafe { *mine += 1 };
        let theirs = Borrowed(mine);
        thread::scope(|s| {
            s.spawn(move || unsafe { *theirs.get() += 1 });
            s.spawn(|| LOCAL.with(|l| unsafe { *l.get() += 1 }));
        });
        assert_eq!(unsafe { *mine }, 2 * round);
    }
}
