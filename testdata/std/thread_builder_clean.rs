//! Named threads with a stack size of their own see what their maker wrote before.
use std::thread::{self, Builder};

static mut SETTING: u32 = 0;

fn main() {
    for round in 1..=40 {
        unsafe { SETTING = round };
        thread::scope(|s| {
            for i in 0..3 {
                let worker = Builder::new().name(format!("worker {i}")).stack_size(256 * 1024);
                let work = move || {
                    assert_eq!(thread::current().name(), Some(format!("worker {i}").as_str()));
                    let setting = unsafe { SETTING };
                    assert_eq!(setting, round);
                };
                worker.spawn_scoped(s, work).unwrap();
            }
        });
    }
}
