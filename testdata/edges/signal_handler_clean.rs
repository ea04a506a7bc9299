//! A signal handler that touches nothing but atomics, sent to threads that work.
use std::ffi::c_int;
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn pthread_kill(thread: usize, number: c_int) -> c_int;
}

const SIGUSR1: c_int = 10;
static SIGNALS: AtomicU64 = AtomicU64::new(0);
static STOP: AtomicU64 = AtomicU64::new(0);

extern "C" fn handler(_: c_int) {
    SIGNALS.fetch_add(1, Ordering::AcqRel);
}

fn main() {
    unsafe { signal(SIGUSR1, handler) };
    let targets = [1, 2, 3].map(|seed| {
        thread::spawn(move || {
            let mut words = Vec::new();
            while STOP.load(Ordering::Relaxed) == 0 {
                words.push(format!("{seed}"));
                if words.len() == 100 {
                    words.clear();
                }
            }
        })
    });
    for round in 1..=50 {
        for target in &targets {
            assert_eq!(unsafe { pthread_kill(target.as_pthread_t() as usize, SIGUSR1) }, 0);
        }
        while SIGNALS.load(Ordering::Acquire) < round {
            thread::yield_now();
        }
    }
    STOP.store(1, Ordering::Relaxed);
    targets.into_iter().for_each(|t| t.join().unwrap());
    let signals = SIGNALS.load(Ordering::Relaxed);
    assert!((50..=150).contains(&signals));
}
