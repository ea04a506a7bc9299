//! C's string functions read up to the zero byte, and write no further; what is behind it may be written
//! meanwhile.
use std::ffi::{c_char, c_int};
use std::hint::black_box;
use std::thread;

unsafe extern "C" {
    fn strcpy(to: *mut c_char, from: *const c_char) -> *mut c_char;
    fn strcat(to: *mut c_char, from: *const c_char) -> *mut c_char;
    fn strcmp(a: *const c_char, b: *const c_char) -> c_int;
    fn strlen(text: *const c_char) -> usize;
    fn strchr(text: *const c_char, byte: c_int) -> *mut c_char;
    fn strdup(text: *const c_char) -> *mut c_char;
    fn free(block: *mut c_char);
}

static mut TEXT: [c_char; 32] = [0; 32];

fn text() -> *mut c_char {
    black_box((&raw mut TEXT).cast())
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            for i in 0..100 {
                unsafe { text().add(8).write(i) };
            }
        });
        for _ in 0..100 {
            unsafe {
                strcpy(text(), c"well".as_ptr());
                strcat(text(), c"-to".as_ptr());
                assert_eq!(strlen(text()), 7);
                assert_eq!(strcmp(text(), c"well-to".as_ptr()), 0);
                assert_eq!(strchr(text(), c_int::from(b'-')), text().add(4));
                let copy = strdup(text());
                assert_eq!(strlen(copy), 7);
                free(copy);
            }
        }
    });
}
