//! A `Cell` behind an unsound `Sync`, kept sound by turns at a barrier.
use std::cell::Cell;
use std::thread;

struct Public(Cell<u64>);

// SAFETY: sound only if the threads take turns; that is what this program is about.
unsafe impl Sync for Public {}
use std::sync::Barrier;

static VALUE: Public = Public(Cell::new(0));
static TURN: Barrier = Barrier::new(2);

fn main() {
    let side = |me: u64| {
        for round in 0..100 {
            if round % 2 == me {
                VALUE.0.set(VALUE.0.get() + 1);
            }
            TURN.wait();
            assert_eq!(VALUE.0.get(), round + 1);
            TURN.wait();
        }
    };
    thread::scope(|s| {
        s.spawn(move || side(1));
        side(0);
    });
}
