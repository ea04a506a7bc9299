//! Environment variables, read without libc: the runtime may be asked before libc has them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::sys::file::{Access, File};

/// The environment that the process was started with.
#[derive(Debug)]
pub struct Environment(Vec<u8>);

impl Environment {
    /// Reads it; empty where the system does not tell.
    pub fn read() -> Self {
        let mut all = Vec::new();
        if let Ok(file) = File::open(c"/proc/self/environ", Access::Read) {
            let mut buffer = [0u8; 4096];
            while let Ok(count @ 1..) = file.read(&mut buffer) {
                all.extend_from_slice(&buffer[..count]);
            }
        }
        Environment(all)
    }

    /// The value of a variable; `None` if it is not set or not UTF-8.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.0
            .split(|&b| b == 0)
            .filter_map(|entry| core::str::from_utf8(entry).ok())
            .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
            .map(ToString::to_string)
    }
}
