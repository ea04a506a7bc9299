//! The functions of libc that interceptors stand in front of.
//!
//! They are looked up at their first use, behind the executable in the order of libraries, so that an
//! interceptor of another tool in between is still called.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlvsym(handle: *mut c_void, name: *const c_char, version: *const c_char) -> *mut c_void;
    fn dlerror() -> *mut c_char;
}

/// Behind the object that asks.
const RTLD_NEXT: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);

/// Where a function was found; 0 before the first look.
#[derive(Debug)]
pub struct Real {
    name: &'static CStr,
    address: AtomicUsize,
}

impl Real {
    /// The function called `name`.
    pub const fn new(name: &'static CStr) -> Self {
        Real { name, address: AtomicUsize::new(0) }
    }

    /// Its address; 0 if there is none behind the executable.
    #[inline]
    pub fn address(&self) -> usize {
        match self.address.load(Ordering::Relaxed) {
            0 => self.look_up(),
            address => address,
        }
    }

    /// Looks for it.
    #[cold]
    pub fn look_up(&self) -> usize {
        // SAFETY: the names end with a zero byte; the handle is one of the two that dlsym defines.
        let address = unsafe {
            let name = self.name.as_ptr();
            match self.version().map(|version| dlvsym(RTLD_NEXT, name, version.as_ptr())) {
                Some(function) if !function.is_null() => function,
                _ => dlsym(RTLD_NEXT, name),
            }
        } as usize;
        self.address.store(address, Ordering::Relaxed);
        address
    }

    /// Condition variables had another layout before this version, and glibc keeps the functions for it under the
    /// same names; some releases' `dlsym` finds those.
    fn version(&self) -> Option<&'static CStr> {
        self.name.to_bytes().starts_with(b"pthread_cond_").then_some(c"GLIBC_2.3.2")
    }
}

/// A function that is not there leaves a message behind, and the program would take it for its own.
pub fn forget_error() {
    // SAFETY: it has no preconditions once libc is ready.
    unsafe { dlerror() };
}

/// Declares functions that call libc's function of the same name, and `look_up`, which finds them all. To be
/// used once in a module.
macro_rules! real {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[allow(non_upper_case_globals, reason = "named as the functions are")]
        pub(super) mod addresses {
            $(pub static $name: $crate::intercept::real::Real = {
                const NAME: &str = concat!(stringify!($name), "\0");
                match core::ffi::CStr::from_bytes_with_nul(NAME.as_bytes()) {
                    Ok(name) => $crate::intercept::real::Real::new(name),
                    Err(_) => unreachable!(),
                }
            };)*
        }

        /// Finds the functions now, while nobody holds a lock of the dynamic linker's.
        pub fn look_up() {
            $(addresses::$name.look_up();)*
        }

        $(
        $(#[$doc])*
        #[doc = concat!("libc's `", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As for that function.
        #[inline]
        pub unsafe fn $name($($arg: $type),*) $(-> $result)? {
            let address = addresses::$name.address();
            if address == 0 {
                $crate::startup::die(concat!("libc has no function `", stringify!($name), "`"));
            }
            // SAFETY: it is libc's function of that name, which has this signature.
            let function = unsafe {
                core::mem::transmute::<usize, unsafe extern "C" fn($($type),*) $(-> $result)?>(address)
            };
            // SAFETY: the caller's promise.
            unsafe { function($($arg),*) }
        }
    )*};
}
pub(crate) use real;

real! {
    fn pthread_create(
        thread: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        start: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    fn pthread_join(thread: libc::pthread_t, value: *mut *mut c_void) -> c_int;
    fn pthread_tryjoin_np(thread: libc::pthread_t, value: *mut *mut c_void) -> c_int;
    fn pthread_timedjoin_np(
        thread: libc::pthread_t,
        value: *mut *mut c_void,
        until: *const libc::timespec,
    ) -> c_int;
    fn pthread_attr_getsigmask_np(
        attributes: *const libc::pthread_attr_t,
        set: *mut libc::sigset_t,
    ) -> c_int;
    fn pthread_detach(thread: libc::pthread_t) -> c_int;
    fn pthread_setname_np(thread: libc::pthread_t, name: *const c_char) -> c_int;
}

/// Declares `memcpy` and its kin: before libc is there (the dynamic linker calls them), a plain loop of
/// the processor stands in.
macro_rules! real_block {
    ($($name:ident($to:ident: *mut u8, $from:ident: $type:ty, $size:ident: usize) or $fallback:expr;)*) => {$(
        #[doc = concat!("libc's `", stringify!($name), "`.")]
        ///
        /// # Safety
        /// As for that function.
        #[inline]
        pub unsafe fn $name($to: *mut u8, $from: $type, $size: usize) -> *mut u8 {
            static REAL: Real = {
                match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => Real::new(name),
                    Err(_) => unreachable!(),
                }
            };
            let address = REAL.address.load(Ordering::Relaxed);
            if address == 0 {
                if crate::startup::libc_is_ready() {
                    REAL.look_up();
                }
                // SAFETY: the caller's promise.
                return unsafe { $fallback };
            }
            // SAFETY: it is libc's function of that name, which has this signature.
            let function = unsafe {
                core::mem::transmute::<usize, unsafe extern "C" fn(*mut u8, $type, usize) -> *mut u8>(address)
            };
            // SAFETY: the caller's promise.
            unsafe { function($to, $from, $size) }
        }
    )*};
}

real_block! {
    memcpy(to: *mut u8, from: *const u8, size: usize) or crate::block::copy(to, from, size);
    memmove(to: *mut u8, from: *const u8, size: usize) or crate::block::copy_overlapping(to, from, size);
    memset(to: *mut u8, byte: i32, size: usize) or crate::block::fill(to, byte as u8, size);
}
