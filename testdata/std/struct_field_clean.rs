//! Each thread uses its own field of a struct, down to single bytes.
use std::thread;

#[derive(Clone, Copy)]
struct Record {
    id: u32,
    kind: u8,
    level: u8,
    flags: u16,
}

static mut RECORD: Record = Record { id: 0, kind: 0, level: 0, flags: 0 };

fn main() {
    thread::scope(|s| {
        s.spawn(|| (0..200).for_each(|_| unsafe { RECORD.id += 1 }));
        s.spawn(|| (0..200).for_each(|_| unsafe { RECORD.kind += 1 }));
        s.spawn(|| (0..200).for_each(|_| unsafe { RECORD.level += 1 }));
        s.spawn(|| (0..200).for_each(|_| unsafe { RECORD.flags += 1 }));
    });
    let Record { id, kind, level, flags } = unsafe { RECORD };
    assert_eq!((id, kind, level, flags), (200, 200, 200, 200));
}
