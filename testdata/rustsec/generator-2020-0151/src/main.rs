//! RUSTSEC-2020-0151: `Generator<'static, A, T>` is `Send` for every `A` and `T`, whatever it captures.
//!
//! The generator counts in an `Rc<Cell<u32>>`. It is resumed in a second thread, on the stack that
//! `Gn::new_scoped` made for it, while the main thread reads the count.
//@ frame: generator::

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use generator::{done, Gn};

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let count = Rc::new(Cell::new(0));
    let theirs = Rc::clone(&count);
    let mut generator = Gn::<()>::new_scoped(move |mut scope| {
        theirs.set(theirs.get() + 1);
        scope.yield_(1);
        done!()
    });
    let thread = thread::spawn(move || {
        assert_eq!(generator.next(), Some(1));
        FIRST.store(true, Ordering::Relaxed);
        generator.next();
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_eq!(count.get(), 1);
    thread.join().unwrap();
}
