//! `make_mut` copies while the value is shared and writes in place when it is not.
use std::sync::Arc;
use std::thread;

fn main() {
    let mut mine = Arc::new([0u64; 4]);
    for round in 0..100 {
        let mut theirs = Arc::clone(&mine);
        let other = thread::spawn(move || {
            assert_eq!(*theirs, [round; 4]);
            Arc::make_mut(&mut theirs)[0] = 1000;
            theirs[0]
        });
        Arc::make_mut(&mut mine).iter_mut().for_each(|n| *n += 1);
        assert_eq!(*mine, [round + 1; 4]);
        assert_eq!(other.join().unwrap(), 1000);
    }
}
