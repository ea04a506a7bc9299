//! Neighbouring sixteen-byte values, one for each thread.
use std::thread;

static mut VALUES: [u128; 4] = [0; 4];

fn main() {
    thread::scope(|s| {
        for me in 0..4 {
            s.spawn(move || (0..200).for_each(|_| unsafe { VALUES[me] += u128::from(u64::MAX) }));
        }
    });
    let values = unsafe { VALUES };
    assert_eq!(values, [200 * u128::from(u64::MAX); 4]);
}
