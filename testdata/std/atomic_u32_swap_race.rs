//! A mailbox whose swap does not acquire.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static MAILBOX: AtomicU32 = AtomicU32::new(0);
static mut LETTERS: [u64; 300] = [0; 300];
const TAKE: Ordering = Ordering::Relaxed;

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
            let letter = unsafe { LETTERS[take()] }; // race: read
            assert_eq!(letter, 9);
        });
        unsafe { LETTERS[9] = 9 }; // race: write
        MAILBOX.swap(9, Ordering::Release);
    });
}
