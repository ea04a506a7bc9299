//! A mailbox emptied by a swap that acquires and filled by one that releases.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static MAILBOX: AtomicU32 = AtomicU32::new(0);
static mut LETTERS: [u64; 300] = [0; 300];
const TAKE: Ordering = Ordering::Acquire;

fn take() -> usize {
    loop {
        match MAILBOX.swap(0, TAKE) {
            0 => thread::yield_now(),
            letter => return letter as usize,
        }
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            let mut last = 0;
            while last < 299 {
                last = take();
                let letter = unsafe { LETTERS[last] };
                assert_eq!(letter, last as u64);
            }
        });
        for i in 1..300 {
            unsafe { LETTERS[i] = i as u64 };
            MAILBOX.swap(i as u32, Ordering::Release);
        }
    });
}
