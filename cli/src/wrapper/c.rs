//! racecheck in the C compiler's place: instruments C and C++ that a build script compiles for the program.
//!
//! Build scripts compile for the program and for the host alike, mostly for the same target. Cargo tells them which
//! it is: `CARGO_CFG_RACECHECK` is set where the crate is compiled with `--cfg racecheck`, and only there anything
//! is added. The compilers of build scripts (the `cc` and `cmake` crates, make, configure) inherit it.
//!
//! Objects get `-fsanitize=thread`, which gcc and clang know with the same calls as rustc's. Programs, such as those
//! by which a configure script tries the compiler, are linked with racecheck's runtime in libtsan's place.
//!
//! Never: adds anything to a query, or to a build that has a sanitizer of its own.

use std::ffi::{OsStr, OsString};

use crate::kit::Kit;

/// Set by cargo for the build scripts of crates that are compiled with `--cfg racecheck`.
pub const FOR_THE_PROGRAM: &str = "CARGO_CFG_RACECHECK";

const INSTRUMENT: &str = "-fsanitize=thread";

/// Debug info that is enough for reports.
const LINES: &str = "-g1";

/// Functions that gcc would do in place, without a word to the detector; called, they are seen by the runtime's
/// interceptors.
const CALLED: [&str; 10] =
    ["memcpy", "memmove", "memset", "memcmp", "strlen", "strcmp", "strncmp", "strcpy", "strncpy", "strcat"];

/// Which compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C, and whatever else that compiler takes.
    C,
    /// C++.
    Cxx,
}

impl Language {
    /// Variable that names the compiler that the user has, to be called by this one.
    pub fn inner_compiler(self) -> &'static str {
        match self {
            Language::C => "RACECHECK_CC",
            Language::Cxx => "RACECHECK_CXX",
        }
    }

    /// The compiler that is called where the user names none.
    pub fn usual_compiler(self) -> &'static str {
        match self {
            Language::C => "cc",
            Language::Cxx => "c++",
        }
    }
}

/// What a call of the compiler makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    /// Nothing that could be instrumented.
    Other,
    /// An object, assembly, or the text after the preprocessor, which has to be the same.
    Object,
    /// A program, which needs the runtime if a part of it is instrumented.
    Program,
}

impl Product {
    fn of(arguments: &[OsString]) -> Self {
        let has = |words: &[&str]| arguments.iter().any(|word| words.iter().any(|wanted| word == wanted));
        let begins = |prefix: &str| {
            arguments.iter().any(|word| word.as_encoded_bytes().starts_with(prefix.as_bytes()))
        };
        let has_input = arguments.iter().any(|word| is_input(word));
        if begins("-fsanitize=") || !has_input {
            Product::Other
        } else if has(&["-c", "-S", "-E"]) {
            Product::Object
        } else if has(&["-shared", "-r", "-nostdlib", "-static", "-M", "-MM", "-fsyntax-only"]) {
            Product::Other
        } else {
            Product::Program
        }
    }
}

/// A file, or the standard input. (A value that follows its option is taken for one, too: there is a file beside it.)
fn is_input(word: &OsStr) -> bool {
    word == "-" || !word.as_encoded_bytes().starts_with(b"-")
}

/// The arguments for the compiler.
pub fn for_checking(arguments: Vec<OsString>, kit: &Kit, is_for_the_program: bool) -> Vec<OsString> {
    let product = if is_for_the_program { Product::of(&arguments) } else { Product::Other };
    let added = match product {
        Product::Other => Vec::new(),
        Product::Object => {
            let has_debug_info = arguments.iter().any(|word| word.as_encoded_bytes().starts_with(b"-g"));
            let lines = if has_debug_info { None } else { Some(LINES) };
            let options = [INSTRUMENT].into_iter().chain(lines).map(str::to_owned);
            options.chain(CALLED.map(|function| format!("-fno-builtin-{function}"))).collect()
        }
        Product::Program => kit.c_linker_options(),
    };
    arguments.into_iter().chain(added.into_iter().map(OsString::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(line: &str) -> Product {
        Product::of(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn objects_are_instrumented() {
        assert_eq!(product("-O2 -fPIC -c part.c -o part.o"), Product::Object);
        assert_eq!(product("-E detect.c"), Product::Object);
        assert_eq!(product("-x c -E -"), Product::Object);
        assert_eq!(product("conftest.c -o conftest"), Product::Program);
    }

    #[test]
    fn the_rest_is_left_alone() {
        for line in
            ["--version", "-dumpmachine", "-v", "-fsanitize=address -c a.c", "-shared a.o -o liba.so", ""]
        {
            assert_eq!(product(line), Product::Other, "{line}");
        }
    }
}
