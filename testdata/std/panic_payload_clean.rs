//! The payload of a panic is ordered by the join that hands it over.
//@ needs: unwinding
use std::panic;
use std::thread;

static mut REASON: u64 = 0;

fn main() {
    panic::set_hook(Box::new(|_| ()));
    for round in 1..=40u64 {
        let children = [0, 1, 2].map(|i| {
            thread::spawn(move || {
                let caught = panic::catch_unwind(|| panic::panic_any(round));
                assert_eq!(caught.unwrap_err().downcast_ref(), Some(&round));
                if i == 1 {
                    unsafe { REASON = round };
                    panic::panic_any(Box::new(round));
                }
            })
        });
        let [a, b, c] = children;
        let payload = b.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&Box::new(round)));
        let reason = unsafe { REASON };
        assert_eq!(reason, round);
        a.join().unwrap();
        c.join().unwrap();
    }
}
