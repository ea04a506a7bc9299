//! rustc's command line: what is compiled, and what has to change for it to be checked.

use std::ffi::OsString;

use crate::focus::Origin;
use crate::instrument::OptLevel;
use crate::kit::Kit;

/// Codegen options that a checked program can't have.
///
/// Link-time optimisation needs bitcode of the whole program, which the instrumented standard library
/// does not have; and reports do not find debug info that is outside of the executable.
const REMOVED: [&str; 4] = ["lto", "linker-plugin-lto", "embed-bitcode", "split-debuginfo"];

/// Goes as well where there is no shared standard library that is instrumented.
const PREFER_DYNAMIC: &str = "prefer-dynamic";

/// A call of rustc, possibly through other wrappers.
#[derive(Debug)]
pub struct Call {
    words: Vec<OsString>,
}

/// Who calls rustc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Cargo, which names a target for all that belongs to the program, and for nothing else.
    Cargo,
    /// A person, who need not name one.
    Person,
}

/// What a call of rustc is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To ask rustc about itself, or about the target.
    Query,
    /// To compile something that runs while others are built: a build script or a proc macro.
    Host,
    /// To compile a part of the program.
    Library,
    /// To link a program.
    Executable,
}

impl Call {
    /// The command line, the program first.
    pub fn new(words: Vec<OsString>) -> Self {
        Call { words }
    }

    /// The command line with which the crate is checked.
    pub fn for_checking(self, kit: &Kit, caller: Caller) -> Vec<OsString> {
        match self.purpose(caller) {
            Purpose::Query | Purpose::Host => self.words,
            purpose @ (Purpose::Library | Purpose::Executable) => self.instrumented(kit, purpose),
        }
    }

    fn instrumented(self, kit: &Kit, purpose: Purpose) -> Vec<OsString> {
        let mut added: Vec<String> = kit.compiler_options(self.opt_level(), self.is_in_focus(kit));
        added.extend(["--cfg=racecheck".to_owned(), "--check-cfg=cfg(racecheck)".to_owned()]);
        // Without it rustc runs the passes before the last optimisations, among them vectorisation, and
        // leaves those to the link-time optimisation within the crate that is its default.
        added.push("-Clto=off".to_owned());
        if !self.asks_for_debug_info() {
            added.push("-Cdebuginfo=limited".to_owned());
        }
        if self.codegen_values("strip").last().is_some_and(|value| value == "debuginfo") {
            // Cargo's own doing where a profile has no debug info; who wants the file small strips all.
            added.push("-Cstrip=none".to_owned());
        }
        if self.codegen_values("target-feature").any(|value| value.contains("+crt-static")) {
            added.push("-Ctarget-feature=-crt-static".to_owned());
        }
        if purpose == Purpose::Executable {
            added.extend(kit.linker_options());
        }
        let mut removed = REMOVED.to_vec();
        if kit.shared_std().is_none() {
            removed.push(PREFER_DYNAMIC);
        }
        let mut words = without_codegen_options(self.words, &removed);
        words.extend(added.into_iter().map(OsString::from));
        words
    }

    fn is_in_focus(&self, kit: &Kit) -> bool {
        // Cargo caps the lints of what it fetched, and of nothing else.
        let is_fetched = self.values("--cap-lints").next().is_some();
        let origin = if is_fetched { Origin::Fetched } else { Origin::Local };
        self.values("--crate-name").last().is_none_or(|name| kit.holds(name, origin))
    }

    fn purpose(&self, caller: Caller) -> Purpose {
        let is_for_host = match caller {
            Caller::Cargo => self.values("--target").next().is_none(),
            Caller::Person => false,
        };
        let is_query = self.words.iter().any(|word| {
            let word = word.as_encoded_bytes();
            matches!(word, b"-vV" | b"-V" | b"--version" | b"-Vv" | b"--print" | b"___")
                || word.starts_with(b"--print=")
        });
        if is_query || self.words.len() < 2 {
            Purpose::Query
        } else if is_for_host || self.crate_types().any(|kind| kind == "proc-macro") {
            Purpose::Host
        } else if self.links_executable() {
            Purpose::Executable
        } else {
            Purpose::Library
        }
    }

    /// rustc compiles a program unless it is told to make something else.
    fn links_executable(&self) -> bool {
        let is_test = self.words.iter().any(|word| word == "--test");
        is_test || self.crate_types().any(|kind| kind == "bin") || self.crate_types().next().is_none()
    }

    fn crate_types(&self) -> impl Iterator<Item = &str> {
        self.values("--crate-type").flat_map(|types| types.split(','))
    }

    fn opt_level(&self) -> OptLevel {
        let has_o = self.words.iter().any(|word| word == "-O");
        match self.codegen_values("opt-level").last() {
            Some("0") => OptLevel::Zero,
            None if !has_o => OptLevel::Zero,
            _ => OptLevel::Some,
        }
    }

    fn asks_for_debug_info(&self) -> bool {
        let has_g = self.words.iter().any(|word| word == "-g");
        let level = self.codegen_values("debuginfo").last();
        has_g || level.is_some_and(|level| !matches!(level, "0" | "none"))
    }

    /// The values of a long option, written as one word or two.
    fn values(&self, option: &'static str) -> impl Iterator<Item = &str> {
        let following = self.words.iter().skip(1).chain([const { &OsString::new() }]);
        self.words.iter().zip(following).filter_map(move |(word, next)| {
            let rest = word.to_str()?.strip_prefix(option)?;
            if rest.is_empty() { next.to_str() } else { rest.strip_prefix('=') }
        })
    }

    /// The values of a codegen option.
    fn codegen_values(&self, name: &'static str) -> impl DoubleEndedIterator<Item = &str> {
        codegen_options(&self.words).filter_map(move |option| {
            let (found, value) = option.text.split_once('=').unwrap_or((option.text, ""));
            is_named(found, name).then_some(value)
        })
    }
}

/// A codegen option and the words that it takes.
struct CodegenOption<'a> {
    at: usize,
    words: usize,
    text: &'a str,
}

/// Finds `-C x`, `-Cx`, `--codegen x` and `--codegen=x`.
fn codegen_options(words: &[OsString]) -> impl DoubleEndedIterator<Item = CodegenOption<'_>> {
    words.iter().enumerate().filter_map(|(at, word)| {
        let word = word.to_str()?;
        match word {
            "-C" | "--codegen" => {
                let text = words.get(at + 1).and_then(|next| next.to_str())?;
                Some(CodegenOption { at, words: 2, text })
            }
            _ => {
                let text = word.strip_prefix("--codegen=").or_else(|| word.strip_prefix("-C"))?;
                Some(CodegenOption { at, words: 1, text })
            }
        }
    })
}

/// rustc takes underscores for hyphens in the names of codegen options.
fn is_named(found: &str, name: &str) -> bool {
    found.bytes().map(|byte| if byte == b'_' { b'-' } else { byte }).eq(name.bytes())
}

fn without_codegen_options(words: Vec<OsString>, names: &[&str]) -> Vec<OsString> {
    let mut kept = vec![true; words.len()];
    for option in codegen_options(&words) {
        let name = option.text.split('=').next().unwrap_or_default();
        if names.iter().any(|removed| is_named(name, removed)) {
            kept[option.at..option.at + option.words].fill(false);
        }
    }
    words.into_iter().zip(kept).filter_map(|(word, kept)| kept.then_some(word)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn call(line: &str) -> Call {
        Call::new(line.split(' ').map(OsString::from).collect())
    }

    /// What the wrapper would call, as one line.
    fn checked(line: &str) -> String {
        let kit = Kit::of_wrapper(Path::new("/kit/racecheck-rustc")).unwrap().0;
        call(line).for_checking(&kit, Caller::Cargo).join(" ".as_ref()).into_string().unwrap()
    }

    const INSTRUMENTS: &str = "-Cpasses=";
    const LINKS: &str = "-Clink-arg=/kit/racecheck-rt.o";
    const TARGET: &str = "--target x86_64-unknown-linux-gnu";

    #[test]
    fn queries_and_what_is_built_for_the_host_are_left_alone() {
        for line in [
            "rustc -vV",
            "rustc - --crate-name ___ --print=file-names --crate-type bin --target x",
            "rustc --print cfg --target x",
            "rustc --crate-name build_script_build build.rs --crate-type bin -C lto",
            "rustc --crate-name mac lib.rs --crate-type proc-macro -C prefer-dynamic",
            "rustc --crate-name mac lib.rs --crate-type proc-macro --target x",
            "rustc",
        ] {
            assert_eq!(checked(line), line);
        }
    }

    #[test]
    fn crates_of_the_program_are_instrumented() {
        let library = checked(&format!("rustc --crate-name a lib.rs --crate-type lib {TARGET}"));
        assert!(library.contains(INSTRUMENTS) && !library.contains(LINKS), "{library}");
        let wrapped = checked(&format!("clippy-driver rustc lib.rs --crate-type lib --target={TARGET}"));
        assert!(wrapped.starts_with("clippy-driver rustc lib.rs") && wrapped.contains(INSTRUMENTS));
        let shared = checked(&format!("rustc lib.rs --crate-type cdylib --crate-type rlib {TARGET}"));
        assert!(shared.contains(INSTRUMENTS) && !shared.contains(LINKS), "{shared}");
    }

    #[test]
    fn a_person_need_not_name_a_target() {
        let kit = Kit::of_wrapper(Path::new("/kit/racecheck-rustc")).unwrap().0;
        let words = |line| call(line).for_checking(&kit, Caller::Person);
        assert!(words("rustc -O main.rs").iter().any(|word| word == LINKS));
        assert!(words("rustc --crate-type lib main.rs").iter().all(|word| word != LINKS));
        assert_eq!(words("rustc --crate-type proc-macro m.rs").len(), 4);
        assert_eq!(words("rustc --version").len(), 2);
    }

    #[test]
    fn executables_get_the_runtime() {
        for line in [
            "rustc main.rs --crate-type bin",
            "rustc lib.rs --test",
            "rustc main.rs",
            "rustc --crate-type=lib,bin m.rs",
        ] {
            let line = checked(&format!("{line} {TARGET}"));
            assert!(line.contains(INSTRUMENTS) && line.contains(LINKS), "{line}");
        }
    }

    #[test]
    fn what_can_not_be_checked_is_taken_away() {
        let line = checked(&format!(
            "rustc lib.rs --crate-type lib -C lto -C lto=fat -Clinker-plugin-lto -C embed_bitcode=no \
             -C opt-level=3 --codegen prefer-dynamic --codegen=split-debuginfo=packed {TARGET}"
        ));
        assert!(
            line.starts_with(&format!("rustc lib.rs --crate-type lib -C opt-level=3 {TARGET} ")),
            "{line}"
        );
    }

    #[test]
    fn only_debug_builds_are_optimised_first() {
        let kit = Kit::of_wrapper(Path::new("/kit.opt-first/racecheck-rustc")).unwrap().0;
        let is_optimised = |line| {
            let words = call(line).for_checking(&kit, Caller::Person);
            words.iter().any(|word| word.to_string_lossy().starts_with("-Cpasses=default<O1>,forceattrs"))
        };
        assert!(is_optimised("rustc main.rs"));
        assert!(is_optimised("rustc -C opt-level=0 main.rs"));
        assert!(!is_optimised("rustc -O main.rs"));
        assert!(!is_optimised("rustc -Copt-level=s main.rs"));
        assert!(!checked(&format!("rustc main.rs {TARGET}")).contains("default<O1>"));
    }

    #[test]
    fn reports_get_lines_unless_the_user_strips_all() {
        let with = |options: &str| checked(&format!("rustc main.rs {options} {TARGET}"));
        const ADDED: &str = "-Cdebuginfo=limited";
        assert!(with("-O").contains(ADDED));
        assert!(with("-C debuginfo=0").contains(ADDED));
        assert!(!with("-C debuginfo=2").contains(ADDED));
        assert!(!with("-g").contains(ADDED));
        assert!(with("-C strip=debuginfo").contains("-Cstrip=none"));
        assert!(!with("-C strip=symbols").contains("-Cstrip=none"));
    }
}
