//! A process is started by fork and exec while threads race; the child has nothing to report.
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

static mut DATA: u64 = 0;

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn fork_and_exec_true() {
    let mut command = Command::new("true");
    // SAFETY: the closure does nothing; it makes std take fork and exec in place of posix_spawn.
    unsafe { command.pre_exec(|| Ok::<(), io::Error>(())) };
    assert!(command.status().unwrap().success());
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            fork_and_exec_true();
            unsafe { DATA = 2 }; // race: write
        });
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { DATA }, 2);
}
