//! Variables set and read by std, which has a lock for them.
use std::env;
use std::thread;

fn main() {
    thread::scope(|s| {
        for i in 0..4 {
            s.spawn(move || {
                let name = format!("VARIABLE_{i}");
                for n in 0..50 {
                    // SAFETY: nothing in this program reads the environment but through std.
                    unsafe { env::set_var(&name, n.to_string()) };
                    assert_eq!(env::var(&name).unwrap(), n.to_string());
                    assert!(env::vars().count() > 0);
                }
            });
        }
    });
}
