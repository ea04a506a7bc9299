//! The arguments that a user gives to cargo through racecheck: looked at, never changed.

use std::ffi::{OsStr, OsString};

/// Cargo's arguments, after the subcommand.
#[derive(Clone, Debug, Default)]
pub struct Line {
    words: Vec<OsString>,
}

impl Line {
    /// The arguments as they were given.
    pub fn new(words: Vec<OsString>) -> Self {
        Line { words }
    }

    /// All of them.
    pub fn words(&self) -> &[OsString] {
        &self.words
    }

    /// Those that are for cargo: what follows `--` is for the program.
    fn for_cargo(&self) -> &[OsString] {
        let end = self.words.iter().position(|word| word == "--").unwrap_or(self.words.len());
        &self.words[..end]
    }

    /// The last value of a long option, written as one word or two.
    pub fn value(&self, option: &'static str) -> Option<&OsStr> {
        self.values(option).last()
    }

    /// All values of a long option.
    pub fn values(&self, option: &'static str) -> impl Iterator<Item = &OsStr> {
        use std::os::unix::ffi::OsStrExt;
        let words = self.for_cargo();
        words.iter().enumerate().filter_map(move |(at, word)| {
            let rest = word.as_bytes().strip_prefix(option.as_bytes())?;
            match rest {
                [] => words.get(at + 1).map(OsString::as_os_str),
                [b'=', value @ ..] => Some(OsStr::from_bytes(value)),
                _ => None,
            }
        })
    }

    /// Whether one of these words is among those for cargo.
    pub fn has(&self, words: &[&str]) -> bool {
        self.for_cargo().iter().any(|word| words.iter().any(|wanted| word == wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Line {
        Line::new(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn options_are_found_in_both_forms() {
        assert_eq!(line(&["--target", "a"]).value("--target"), Some(OsStr::new("a")));
        assert_eq!(line(&["--target=b", "-q"]).value("--target"), Some(OsStr::new("b")));
        assert_eq!(line(&["--target-dir", "d"]).value("--target"), None);
        assert_eq!(line(&["--target"]).value("--target"), None);
    }

    #[test]
    fn the_programs_own_arguments_are_not_cargos() {
        let line = line(&["-p", "x", "--", "--target", "a", "--quiet"]);
        assert_eq!(line.value("--target"), None);
        assert!(!line.has(&["-q", "--quiet"]));
        assert_eq!(line.words().len(), 6);
    }
}
