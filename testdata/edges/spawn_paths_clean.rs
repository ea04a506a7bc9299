//! Processes are started by `posix_spawn` and by fork and exec from several threads.
use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::thread;

unsafe extern "C" {
    fn posix_spawnp(
        pid: *mut c_int,
        file: *const c_char,
        actions: *const c_void,
        attributes: *const c_void,
        argv: *const *const c_char,
        envp: *const *const c_char,
    ) -> c_int;
    fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
    static environ: *const *const c_char;
}

fn posix_spawn_true() {
    let argv = [c"true".as_ptr(), ptr::null()];
    let mut pid = 0;
    let mut status = -1;
    unsafe {
        let (actions, attributes) = (ptr::null(), ptr::null());
        assert_eq!(posix_spawnp(&mut pid, argv[0], actions, attributes, argv.as_ptr(), environ), 0);
        assert_eq!(waitpid(pid, &mut status, 0), pid);
    }
    assert_eq!(status, 0);
}

fn fork_and_exec_true() {
    let mut command = Command::new("true");
    // SAFETY: the closure does nothing; it makes std take fork and exec in place of posix_spawn.
    unsafe { command.pre_exec(|| Ok::<(), io::Error>(())) };
    assert!(command.status().unwrap().success());
}

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..5 {
                    posix_spawn_true();
                    fork_and_exec_true();
                    assert!(Command::new("true").status().unwrap().success());
                }
            });
        }
    });
}
