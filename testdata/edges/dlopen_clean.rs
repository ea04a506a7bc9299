//! An instrumented library, loaded with `dlopen`, used by several threads under the program's lock.
//@ library: dlopen_plugin.rs
use std::env;
use std::ffi::{CString, c_char, c_int, c_void};
use std::mem;
use std::os::unix::ffi::OsStringExt;
use std::thread;

unsafe extern "C" {
    fn dlopen(path: *const c_char, mode: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlclose(library: *mut c_void) -> c_int;
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
use std::sync::Mutex;

static LOCK: Mutex<()> = Mutex::new(());

fn main() {
    for round in 1..=5 {
        let (library, poke) = load();
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(move || {
                    for _ in 0..50 {
                        let _guard = LOCK.lock().unwrap();
                        poke(&raw mut DATA, unsafe { DATA } + 1);
                    }
                });
            }
        });
        assert_eq!(unsafe { DATA }, round * 150);
        assert_eq!(unsafe { dlclose(library) }, 0);
    }
}
