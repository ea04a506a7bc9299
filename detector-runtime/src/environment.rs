//! Environment variables, read without libc: the runtime may be asked before libc has them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::sys::file::{Access, File};

/// The environment that the process was started with.
fn initial() -> Vec<u8> {
    let mut all = Vec::new();
    let Ok(file) = File::open(c"/proc/self/environ", Access::Read) else { return all };
    let mut buffer = [0u8; 4096];
    while let Ok(count @ 1..) = file.read(&mut buffer) {
        all.extend_from_slice(&buffer[..count]);
    }
    all
}

/// The value of a variable at the start of the process; `None` if it is not set or not UTF-8.
pub fn variable(name: &str) -> Option<String> {
    let all = initial();
    all.split(|&b| b == 0)
        .filter_map(|entry| core::str::from_utf8(entry).ok())
        .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
        .map(ToString::to_string)
}
