//! An explicit `join` waits for the destructors of thread-locals, too.
use std::cell::Cell;
use std::thread;

static mut FLUSHED: u64 = 0;

struct Flush(Cell<u64>);

impl Drop for Flush {
    fn drop(&mut self) {
        unsafe { FLUSHED = self.0.get() };
    }
}

thread_local!(static BUFFERED: Flush = const { Flush(Cell::new(0)) });

fn main() {
    for round in 1..=60 {
        thread::scope(|s| {
            let child = s.spawn(move || BUFFERED.with(|b| b.0.set(round)));
            child.join().unwrap();
            let flushed = unsafe { FLUSHED };
            assert_eq!(flushed, round);
        });
    }
}
