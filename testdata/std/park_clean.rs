//! Two threads pass a value to and fro; each unparks the other.
use std::thread;

static mut WORK: u64 = 0;

// On Linux `park` returns with a token only; a spurious return would break the turns.
fn main() {
    let main = thread::current();
    let other = thread::spawn(move || {
        for i in 0..200 {
            thread::park();
            let work = unsafe { WORK };
            assert_eq!(work, 2 * i + 1);
            unsafe { WORK = work + 1 };
            main.unpark();
        }
    });
    for i in 0..200 {
        unsafe { WORK = 2 * i + 1 };
        other.thread().unpark();
        thread::park();
        let work = unsafe { WORK };
        assert_eq!(work, 2 * i + 2);
    }
    other.join().unwrap();
}
