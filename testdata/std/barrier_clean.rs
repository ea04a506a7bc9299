//! Phases between barriers: in each, everybody reads what its neighbour wrote in the last.
use std::sync::Barrier;
use std::thread;

const THREADS: usize = 4;
static GATE: Barrier = Barrier::new(THREADS);
static mut CELLS: [[usize; THREADS]; 2] = [[0; THREADS]; 2];

fn main() {
    thread::scope(|s| {
        for me in 0..THREADS {
            s.spawn(move || {
                for phase in 1..=100 {
                    unsafe {
                        let neighbour = CELLS[(phase + 1) % 2][(me + 1) % THREADS];
                        assert_eq!(neighbour, phase - 1);
                        CELLS[phase % 2][me] = phase;
                    }
                    GATE.wait();
                }
            });
        }
    });
}
