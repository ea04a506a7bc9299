//! Programs that are checked by the shim (the crate `racecheck`) instead of by instrumentation.
//!
//! Such a program records its own events and writes findings into the channel as the runtime does, so
//! that a session runs it like any other. What marks its file is a section that the shim puts there.

use std::ffi::OsStr;
use std::fmt;
use std::process::Command;

/// The section that the shim puts into a program. It holds one number of 32 bits, the form of what the
/// shim writes.
pub const SECTION: &[u8] = b".racecheck_shim";

/// The form that this racecheck reads.
const VERSION: Version = Version(1);

/// The variable by which a shim is told to record (`1`) or not to (`0`). Alone it decides by whether the
/// program has debug assertions.
const DETECT: &str = "RACECHECK_DETECT";

/// The form of what a program's shim writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(u32);

impl Version {
    /// Reads the section. `None` if it holds something else.
    pub fn of_section(content: &[u8]) -> Option<Self> {
        let number: [u8; 4] = content.get(..4)?.try_into().ok()?;
        Some(Version(u32::from_le_bytes(number)))
    }

    /// Whether this racecheck can read it.
    pub fn is_known(self) -> bool {
        self == VERSION
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Lets the program record, however it was built, unless the user decided about that.
pub fn switch_on(command: &mut Command) {
    if std::env::var_os(DETECT).is_none_or(|value| value.is_empty()) {
        command.env(DETECT, OsStr::new("1"));
    }
}
