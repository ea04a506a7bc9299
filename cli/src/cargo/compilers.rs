//! The C and C++ compilers that build scripts call.
//!
//! The `cc` crate, and `cmake` with it, looks for a compiler under several names, the most special one first:
//! <https://docs.rs/cc/latest/cc/#external-configuration-via-environment-variables>. racecheck sets that one, and
//! calls what the user has set under any of them.

use std::ffi::OsString;

use super::Environment;
use crate::kit::{self, Kit};
use crate::wrapper::c::Language;

/// What to set so that build scripts compile a language through racecheck.
pub fn for_build_scripts(kit: &Kit, language: Language) -> Environment {
    let [with_hyphens, with_underscores, ..] = names(language);
    let users = names(language).iter().find_map(|name| users(name, language)).unwrap_or_default();
    // A shell can't set the one with hyphens, so it is left out unless it is there.
    let name = if std::env::var_os(&with_hyphens).is_some() { with_hyphens } else { with_underscores };
    vec![(name.into(), kit.compiler(language).into()), (language.inner_compiler().into(), users)]
}

/// The names of the variable, in the order in which they count. Host and target are the same here, and then the
/// `cc` crate calls it the host.
fn names(language: Language) -> [String; 4] {
    let name = match language {
        Language::C => "CC",
        Language::Cxx => "CXX",
    };
    [
        format!("{name}_x86_64-unknown-linux-gnu"),
        format!("{name}_x86_64_unknown_linux_gnu"),
        format!("HOST_{name}"),
        name.to_owned(),
    ]
}

/// What the user has set; what an outer racecheck has set there, it keeps for this one.
fn users(name: &str, language: Language) -> Option<OsString> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
    match kit::is_wrapper(value.as_ref()) {
        true => std::env::var_os(language.inner_compiler()),
        false => Some(value),
    }
}
