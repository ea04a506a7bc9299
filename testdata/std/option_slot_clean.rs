//! An option behind a lock, filled and taken.
use std::sync::Mutex;
use std::thread;

static SLOT: Mutex<Option<Box<u32>>> = Mutex::new(None);

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            let mut sum = 0;
            while sum < 200 * 201 / 2 {
                match SLOT.lock().unwrap().take() {
                    Some(n) => sum += *n,
                    None => thread::yield_now(),
                }
            }
        });
        for n in 1..=200 {
            loop {
                let mut slot = SLOT.lock().unwrap();
                if slot.is_none() {
                    *slot = Some(Box::new(n));
                    break;
                }
                drop(slot);
                thread::yield_now();
            }
        }
    });
}
