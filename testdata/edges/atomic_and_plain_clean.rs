//! An atomic byte next to a plain one in the same word.
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

#[repr(C)]
struct Word {
    atomic: AtomicU8,
    plain: u8,
}

static mut WORD: Word = Word { atomic: AtomicU8::new(0), plain: 0 };

fn atomic() -> &'static AtomicU8 {
    // SAFETY: only the plain field is ever written through the static itself.
    unsafe { &*(&raw const WORD.atomic) }
}

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| (0..50).for_each(|_| _ = atomic().fetch_add(1, Ordering::Relaxed)));
        }
        s.spawn(|| (0..200).for_each(|_| unsafe { WORD.plain += 1 }));
    });
    assert_eq!((atomic().load(Ordering::Relaxed), unsafe { WORD.plain }), (150, 200));
}
