//! An array is copied as a whole between the phases in which its elements change.
use std::thread;

static mut ARRAY: [u32; 16] = [0; 16];
use std::sync::Barrier;

fn main() {
    let phase = Barrier::new(4);
    let phase = &phase;
    thread::scope(|s| {
        for me in 0..4 {
            s.spawn(move || {
                for round in 1..=60 {
                    unsafe { ARRAY[me * 4] = round };
                    phase.wait();
                    let copy = unsafe { ARRAY };
                    assert_eq!(copy.iter().sum::<u32>(), 4 * round);
                    phase.wait();
                }
            });
        }
    });
}
