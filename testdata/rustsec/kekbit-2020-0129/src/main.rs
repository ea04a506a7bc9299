//! RUSTSEC-2020-0129: `ShmWriter<H>` is `Send` for every handler `H`.
//!
//! The handler counts in an `Rc<Cell<u32>>`. `ShmWriter::write` calls it in a second thread, while the
//! main thread reads the count.
//@ frame: kekbit::core::writer::

use std::cell::Cell;
use std::io::{Error, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kekbit::api::{Encodable, Handler, Writer};
use kekbit::core::{shm_writer, Metadata, TickUnit};

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

struct Counting(Rc<Cell<u32>>);

impl Handler for Counting {
    fn incoming(&mut self, _data: &impl Encodable, _write: &mut impl Write) -> Result<usize, Error> {
        self.0.set(self.0.get() + 1);
        Ok(0)
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = Metadata::new(1, 2, 3000, 100, u64::MAX, TickUnit::Nanos);
    let count = Rc::new(Cell::new(0));
    let handler = Counting(Rc::clone(&count));
    let mut writer = shm_writer(folder.path(), &metadata, handler).unwrap();
    let thread = thread::spawn(move || {
        writer.write(&"message".as_bytes()).unwrap();
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_eq!(count.get(), 1);
    thread.join().unwrap();
}
