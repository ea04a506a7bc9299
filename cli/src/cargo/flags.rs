//! Flags for rustc and rustdoc, beside those that the user has.
//!
//! Cargo takes flags from exactly one of several places, so that adding some in one place drops what
//! stands in another. These functions find the place that holds and add there.

use std::ffi::OsString;

use super::config::Config;
use crate::toolchain::TARGET;

/// The first of the flags that racecheck adds, by which they are known again: an outer racecheck, or
/// `racecheck env`, may have put some there before, and those are no user's flags.
pub const CFG: &str = "--cfg=racecheck";

/// Cargo's separator in `CARGO_ENCODED_…`.
const SEPARATOR: &str = "\x1f";

/// `CARGO_TARGET_…_RUSTFLAGS` for the one target.
const TARGET_RUSTFLAGS: &str = "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS";

/// The variable to set so that rustc gets `added` beside the user's own flags.
///
/// Config files are left to cargo: it appends a variable's list to that of the files.
pub fn for_rustc(config: &Config, added: &[String]) -> (OsString, OsString) {
    let in_use =
        ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"].into_iter().find(|name| std::env::var_os(name).is_some());
    let name = in_use.unwrap_or_else(|| {
        let for_target =
            std::env::var_os(TARGET_RUSTFLAGS).is_some() || config.target_has(TARGET, "rustflags");
        if for_target { TARGET_RUSTFLAGS } else { "CARGO_BUILD_RUSTFLAGS" }
    });
    let separator = if name == "CARGO_ENCODED_RUSTFLAGS" { SEPARATOR } else { " " };
    let mut value = without_own(&std::env::var(name).unwrap_or_default(), separator);
    for flag in added {
        if !value.is_empty() {
            value.push_str(separator);
        }
        value.push_str(flag);
    }
    (name.into(), value.into())
}

fn without_own(flags: &str, separator: &str) -> String {
    let is_own = |flag: &&str| flag.starts_with(CFG);
    flags.split(separator).filter(|flag| !is_own(flag)).collect::<Vec<_>>().join(separator)
}

/// The variable to set so that rustdoc gets `added` beside the user's own flags. `added` begins with
/// [`CFG`].
pub fn for_rustdoc(config: &Config, added: &[String]) -> (OsString, OsString) {
    const ENCODED: &str = "CARGO_ENCODED_RUSTDOCFLAGS";
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let encoded =
        std::env::var(ENCODED).ok().map(|flags| flags.split(SEPARATOR).map(str::to_owned).collect());
    let plain = || std::env::var("RUSTDOCFLAGS").ok().map(words);
    let of_target = || Some(config.target_texts(TARGET, "rustdocflags")).filter(|flags| !flags.is_empty());
    let mut flags: Vec<String> =
        encoded.or_else(plain).or_else(of_target).unwrap_or_else(|| config.texts("build", "rustdocflags"));
    // They were appended, as here.
    flags.truncate(flags.iter().position(|flag| flag == CFG).unwrap_or(flags.len()));
    flags.retain(|flag| !flag.is_empty());
    flags.extend_from_slice(added);
    (ENCODED.into(), flags.join(SEPARATOR).into())
}
