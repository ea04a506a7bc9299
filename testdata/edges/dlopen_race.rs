//! An instrumented library, loaded with `dlopen`, writes what the program reads.
//@ library: dlopen_plugin.rs
use std::env;
use std::ffi::{CString, c_char, c_int, c_void};
use std::mem;
use std::os::unix::ffi::OsStringExt;
use std::thread;

unsafe extern "C" {
    fn dlopen(path: *const c_char, mode: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

const RTLD_NOW: c_int = 2;
type Poke = extern "C" fn(*mut u64, u64);

static mut DATA: u64 = 0;

/// The library beside the program, and its function.
fn load() -> (*mut c_void, Poke) {
    let path = env::current_exe().unwrap().with_file_name("libdlopen_plugin.so");
    let path = CString::new(path.into_os_string().into_vec()).unwrap();
    let library = unsafe { dlopen(path.as_ptr(), RTLD_NOW) };
    assert!(!library.is_null());
    let poke = unsafe { dlsym(library, c"poke".as_ptr()) };
    assert!(!poke.is_null());
    // SAFETY: the plugin defines `poke` with this signature.
    (library, unsafe { mem::transmute::<*mut c_void, Poke>(poke) })
}

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

fn main() {
    let (_, poke) = load();
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        poke(&raw mut DATA, 1);
        step::reach(1);
    });
}
