//! RUSTSEC-2020-0120: `Decoder<R>` is `Send` for every reader `R`.
//!
//! The reader counts in an `Rc<Cell<u32>>`. `Decoder::next_frame` calls it in a second thread, while the
//! main thread reads the count.
//@ frame: libsbc::Decoder<

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

struct Counting(Rc<Cell<u32>>);

impl Read for Counting {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.set(self.0.get() + 1);
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn main() {
    let count = Rc::new(Cell::new(0));
    let mut decoder = libsbc::Decoder::new(Counting(Rc::clone(&count)));
    let thread = thread::spawn(move || {
        assert!(decoder.next_frame().is_err());
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_eq!(count.get(), 1);
    thread.join().unwrap();
}
