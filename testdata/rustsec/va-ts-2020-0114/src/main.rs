//! RUSTSEC-2020-0114: `Demuxer<T>` is `Send` for every handler of events `T`.
//!
//! The handler counts in an `Rc<Cell<u32>>`. `Demuxer::demux` calls it in a second thread, while the main
//! thread reads the count.
//@ frame: Demuxer<

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use va_ts::{DemuxedTable, Demuxer, DemuxerEvents, SubtableID};

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

/// A program association table, whole in its first packet, as MPEG-TS has it.
const PAT: [u8; 21] = [
    0x47, 0x40, 0x00, 0x10, 0x00, // a packet of PID 0 in which a section starts
    0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, // the section's head: 13 bytes follow its length
    0x00, 0x01, 0xe1, 0x00, // program 1 has its map in PID 0x100
    0x00, 0x00, 0x00, 0x00, // a checksum
];

struct Counting(Rc<Cell<u32>>);

impl DemuxerEvents for Counting {
    fn on_table(&mut self, _: SubtableID, _: &DemuxedTable) {
        self.0.set(self.0.get() + 1);
    }
}

fn main() {
    let count = Rc::new(Cell::new(0));
    let mut demuxer = Demuxer::new(Counting(Rc::clone(&count)));
    let mut packet = [0xff; 188];
    packet[..PAT.len()].copy_from_slice(&PAT);
    let thread = thread::spawn(move || {
        demuxer.demux(&packet).unwrap();
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_eq!(count.get(), 1);
    thread.join().unwrap();
}
