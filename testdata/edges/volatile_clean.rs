//! Volatile accesses to places of one thread each.
use std::thread;

static mut REGISTERS: [u32; 4] = [0; 4];

fn main() {
    thread::scope(|s| {
        for me in 0..4 {
            s.spawn(move || {
                let register = unsafe { (&raw mut REGISTERS).cast::<u32>().add(me) };
                for n in 0..200 {
                    unsafe { register.write_volatile(register.read_volatile() + 1) };
                    assert_eq!(unsafe { register.read_volatile() }, n + 1);
                }
            });
        }
    });
}
