//! What depends on the operating system, all of it.
//!
//! Everything else in this crate is portable Rust. A new system needs, at most, another arm here; what it
//! does not have is answered with "unknown", which never makes a report false.

use std::ffi::c_int;
#[cfg(unix)]
use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// True if the program is instrumented: the racecheck runtime is linked, and records what the shim would.
pub fn runtime_is_linked() -> bool {
    !symbol(c"racecheck_rt_version").is_null()
}

#[cfg(unix)]
pub fn symbol(name: &CStr) -> *mut c_void {
    unsafe extern "C" {
        fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    // RTLD_DEFAULT: null for glibc and musl, -2 for Apple.
    let everywhere =
        if cfg!(target_vendor = "apple") { -2_isize as *mut c_void } else { std::ptr::null_mut() };
    // SAFETY: the name ends with a zero byte, and the handle is a documented one.
    unsafe { dlsym(everywhere, name.as_ptr()) }
}

#[cfg(not(unix))]
pub fn symbol(_: &std::ffi::CStr) -> *mut std::ffi::c_void {
    std::ptr::null_mut()
}

/// How many threads the process has, if the system tells.
pub fn threads() -> Option<usize> {
    if cfg!(target_os = "linux") {
        std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
    } else {
        None
    }
}

/// What the current thread did that takes a system's time rather than a processor's, counted since it began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Activity {
    /// Reads and writes of files and pipes.
    pub transfers: u64,
    /// How often it gave up the processor to wait for something.
    pub waits: u64,
}

/// The current thread's activity, if the system tells. Asking takes some microseconds.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub fn activity() -> Option<Activity> {
    use std::cell::RefCell;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    /// The thread's file in /proc, and how often it was read: those reads count as transfers, too.
    struct Source {
        file: File,
        reads: u64,
    }
    thread_local! {
        static SOURCE: RefCell<Option<Source>> = const { RefCell::new(None) };
    }
    /// `RUSAGE_THREAD` in Linux.
    const THIS_THREAD: c_int = 1;
    /// The place of `ru_nvcsw` in `struct rusage`: behind two times of two words and twelve counters.
    const VOLUNTARY_SWITCHES: usize = 16;
    unsafe extern "C" {
        fn getrusage(who: c_int, usage: *mut [i64; 18]) -> c_int;
    }

    SOURCE.with_borrow_mut(|source| {
        if source.is_none() {
            *source = Some(Source { file: File::open("/proc/thread-self/io").ok()?, reads: 0 });
        }
        let source = source.as_mut()?;
        let mut buffer = [0; 512];
        let length = source.file.read_at(&mut buffer, 0).ok()?;
        let text = std::str::from_utf8(&buffer[..length]).ok()?;
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        let transfers = (field("syscr:")? + field("syscw:")?).saturating_sub(source.reads);
        source.reads += 1;
        let mut usage = [0; 18];
        // SAFETY: `struct rusage` is eighteen words on 64-bit Linux.
        let waits = match unsafe { getrusage(THIS_THREAD, &raw mut usage) } {
            0 => usage[VOLUNTARY_SWITCHES] as u64,
            _ => 0,
        };
        Some(Activity { transfers, waits })
    })
}

/// As above, where the system does not tell.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn activity() -> Option<Activity> {
    None
}

unsafe extern "C" {
    /// C's own: ends the process at once, without running what is registered for its exit.
    fn _exit(status: c_int) -> !;
}

static STATUS: AtomicI32 = AtomicI32::new(0);
static AT_END: Mutex<Vec<fn()>> = Mutex::new(Vec::new());

/// Lets the process end with `status` if it would have ended with 0.
pub fn exit_with(status: u8) {
    STATUS.store(i32::from(status), Ordering::Relaxed);
    register();
}

/// Calls `f` when the process ends, once.
pub fn at_end(f: fn()) {
    let mut list = AT_END.lock().unwrap_or_else(PoisonError::into_inner);
    if !list.iter().any(|g| std::ptr::fn_addr_eq(*g, f)) {
        list.push(f);
    }
    drop(list);
    register();
}

fn end(own: c_int) {
    let list = std::mem::take(&mut *AT_END.lock().unwrap_or_else(PoisonError::into_inner));
    list.iter().for_each(|f| f());
    let wanted = STATUS.load(Ordering::Relaxed);
    if own == 0 && wanted != 0 {
        use std::io::Write;
        // The process ends without the standard library's own flush. Nobody could tell about a failure.
        let _ = std::io::stdout().flush();
        // SAFETY: ends the process.
        unsafe { _exit(wanted) }
    }
}

fn register() {
    static ONCE: Once = Once::new();
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    ONCE.call_once(|| {
        extern "C" fn handler(own: c_int, _: *mut c_void) {
            end(own);
        }
        unsafe extern "C" {
            fn on_exit(f: extern "C" fn(c_int, *mut c_void), arg: *mut c_void) -> c_int;
        }
        // SAFETY: the handler is a function of this program and needs no argument.
        unsafe { on_exit(handler, std::ptr::null_mut()) };
    });
    // The program's own status is not to be had elsewhere: 0 is assumed.
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    ONCE.call_once(|| {
        extern "C" fn handler() {
            end(0);
        }
        unsafe extern "C" {
            fn atexit(f: extern "C" fn()) -> c_int;
        }
        // SAFETY: the handler is a function of this program.
        unsafe { atexit(handler) };
    });
}

/// Marks the executable as one that links the shim, for tools that look at files.
#[cfg(feature = "detect")]
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".racecheck_shim"))]
#[unsafe(no_mangle)]
static racecheck_shim_version: u32 = 1;
