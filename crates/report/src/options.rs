//! The options of `RACECHECK_OPTIONS`: the one table from which the parser, the defaults and the help
//! come.
//!
//! The form is Go's: `name=value` pairs with white space, `:` or `,` between them. A path may hold
//! those characters itself, so `:` and `,` separate only where the next pair is seen to begin, and a
//! value in quotes is taken as it is. Whatever is not understood is an error: an option that is
//! silently overlooked would be a check that silently did not happen.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// Name of the environment variable that holds the options.
pub const ENVIRONMENT_VARIABLE: &str = "RACECHECK_OPTIONS";

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionKind {
    /// Any text, mostly a path.
    Text,
    /// `0` or `1`; `false`, `no`, `true` and `yes` are understood too.
    Switch,
    /// A decimal number from `least` to `most`, both included.
    Number {
        /// The least number allowed.
        least: u64,
        /// The greatest number allowed.
        most: u64,
    },
}

impl OptionKind {
    const fn number(least: u64, most: u64) -> Self {
        OptionKind::Number { least, most }
    }
}

/// What the value has to be, as an error says it.
impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionKind::Text => f.write_str("a text"),
            OptionKind::Switch => f.write_str("0 or 1"),
            OptionKind::Number { least, most: u64::MAX } => write!(f, "a number of at least {least}"),
            OptionKind::Number { least, most } => write!(f, "a number from {least} to {most}"),
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Its name in `RACECHECK_OPTIONS`.
    pub name: &'static str,
    /// What values it takes.
    pub kind: OptionKind,
    /// The value that holds where the option is not given, as it would be written.
    pub default: &'static str,
    /// What it does, in a sentence or two.
    pub help: &'static str,
    set: fn(&mut Options, &str, OptionKind) -> Option<()>,
}

/// A type that an option's value can have. `None`: not such a value.
trait Value: Sized {
    fn parse(text: &str, kind: OptionKind) -> Option<Self>;
}

impl Value for String {
    fn parse(text: &str, _: OptionKind) -> Option<Self> {
        Some(text.to_string())
    }
}

impl Value for bool {
    fn parse(text: &str, _: OptionKind) -> Option<Self> {
        match text {
            "1" | "true" | "yes" => Some(true),
            "0" | "false" | "no" => Some(false),
            _ => None,
        }
    }
}

impl Value for u64 {
    fn parse(text: &str, kind: OptionKind) -> Option<Self> {
        // `from_str` would take a sign.
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = text.parse().ok()?;
        match kind {
            OptionKind::Number { least, most } if (least..=most).contains(&number) => Some(number),
            _ => None,
        }
    }
}

macro_rules! narrow_number {
    ($($narrow:ty),*) => {$(
        impl Value for $narrow {
            fn parse(text: &str, kind: OptionKind) -> Option<Self> {
                <$narrow>::try_from(u64::parse(text, kind)?).ok()
            }
        }
    )*};
}
narrow_number!(u8, u32);

/// Makes the struct of the values, its defaults and the table out of one list.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident: $kind:expr => $type:ty = $default:literal, $help:literal;)*) => {
        /// The values of all options. [`OPTIONS`] tells about each.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Options {
            $($(#[$doc])* #[doc = $help] pub $name: $type,)*
        }

        /// The table of all options, in the order in which help shows them.
        pub static OPTIONS: &[OptionSpec] = &[$(
            OptionSpec {
                name: stringify!($name),
                kind: $kind,
                default: $default,
                help: $help,
                set: |options, text, kind| {
                    options.$name = Value::parse(text, kind)?;
                    Some(())
                },
            },
        )*];

        impl Default for Options {
            fn default() -> Self {
                Options {
                    // A test holds that each default of the table is a value of its kind.
                    $($name: <$type as Value>::parse($default, $kind).unwrap_or_default(),)*
                }
            }
        }
    };
}

options! {
    log_path: OptionKind::Text => String = "stderr",
        "Where reports go: stderr, stdout, or the path of a file, to which a dot and the process id are added.";
    exitcode: OptionKind::number(0, 255) => u8 = "66",
        "Exit status of a program that exits with 0 although something was reported.";
    strip_path_prefix: OptionKind::Text => String = "",
        "Beginning that is taken off the file paths in reports.";
    history_size: OptionKind::number(0, 7) => u8 = "1",
        "Accepted for Go's sake and without effect: racecheck never forgets the stack of a previous access.";
    halt_on_error: OptionKind::Switch => bool = "0",
        "Stop the program after the first report.";
    atexit_sleep_ms: OptionKind::number(0, 3_600_000) => u32 = "0",
        "Milliseconds to wait before the program exits, so that other threads can still run into a race. \
         (Go waits for 1000 by default. Reports are written as soon as a race is seen, so nothing that was \
         seen needs the wait.)";
    fold: OptionKind::Switch => bool = "1",
        "Leave out the frames of the standard library's plumbing, of the test harness and of program start.";
    suppress_known: OptionKind::Switch => bool = "1",
        "Leave out the few races that well-known crates make on purpose and that are harmless as compiled.";
    suppressions: OptionKind::Text => String = "",
        "A file of suppressions, in racecheck's or in ThreadSanitizer's form.";
    stats: OptionKind::Switch => bool = "0",
        "Count the detector's shadow memory at the end of each process, for `racecheck stats`.";
    memory_limit_mb: OptionKind::number(0, 1 << 30) => u64 = "0",
        "Ceiling for the detector's own memory in MiB; 0 for none. At the ceiling the history of accesses is dropped, \
         first of those that nothing can race with any more; what else was dropped is told at the end.";
    advise: OptionKind::Switch => bool = "0",
        "Add a hint on how to repair what was found to each report.";
}

impl Options {
    /// Reads the text of `RACECHECK_OPTIONS`. What the text does not name keeps its default; of two
    /// values for one option the later one holds.
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        let mut options = Options::default();
        let mut rest = text.trim_start_matches(is_separator);
        while !rest.is_empty() {
            let (name, after_name) = split_name(rest)?;
            let spec = find(name).ok_or_else(|| OptionError::Unknown { name: name.to_string() })?;
            let (value, after_value) = split_value(spec, after_name)?;
            (spec.set)(&mut options, value, spec.kind).ok_or_else(|| OptionError::BadValue {
                name: spec.name,
                value: value.to_string(),
                expected: spec.kind,
            })?;
            rest = after_value.trim_start_matches(is_separator);
        }
        Ok(options)
    }

    /// Where `log_path` sends reports.
    pub fn log_target(&self) -> LogTarget<'_> {
        match self.log_path.as_str() {
            "" | "stderr" => LogTarget::Stderr,
            "stdout" => LogTarget::Stdout,
            path => LogTarget::FilePerProcess { path },
        }
    }

    /// Writes the table for people: name, default and what it does.
    pub fn write_help(out: &mut dyn fmt::Write) -> fmt::Result {
        writeln!(out, "{ENVIRONMENT_VARIABLE} holds name=value pairs, with spaces or colons between them:")?;
        for spec in OPTIONS {
            let default = if spec.default.is_empty() { "\"\"" } else { spec.default };
            writeln!(out, "  {}={default}", spec.name)?;
            for line in wrap(spec.help, 90) {
                writeln!(out, "      {line}")?;
            }
        }
        Ok(())
    }
}

/// Where reports go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget<'a> {
    /// The standard error stream.
    Stderr,
    /// The standard output stream.
    Stdout,
    /// A file for each process: the path, a dot and the process id.
    FilePerProcess {
        /// The path without dot and process id.
        path: &'a str,
    },
}

fn find(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|spec| spec.name == name)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || c == ':' || c == ','
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Splits `name=rest`. The text does not begin with a separator.
fn split_name(text: &str) -> Result<(&str, &str), OptionError> {
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    match text[end..].strip_prefix('=') {
        Some(rest) if end > 0 => Ok((&text[..end], rest)),
        _ => {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            Err(OptionError::NotAPair { text: text[..end].to_string() })
        }
    }
}

/// Splits the value of `spec` off the text, which begins with it.
fn split_value<'a>(spec: &OptionSpec, text: &'a str) -> Result<(&'a str, &'a str), OptionError> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        // The quote is one byte long.
        return text[1..].split_once(quote).ok_or(OptionError::OpenQuote { name: spec.name });
    }
    let word = text.find(char::is_whitespace).unwrap_or(text.len());
    let end = text[..word]
        .match_indices([':', ','])
        .map(|(at, _)| at)
        .find(|&at| begins_pair(&text[at + 1..word], spec.kind))
        .unwrap_or(word);
    Ok((text[..end].trim_end_matches([':', ',']), &text[end..]))
}

/// Whether the text that follows a `:` or `,` is the next pair and not the rest of this value. In a
/// path only the name of an option counts; the other kinds never hold such a character, so that any
/// name will do, and a misspelt one gives the right error.
fn begins_pair(text: &str, kind: OptionKind) -> bool {
    let text = text.trim_start_matches([':', ',']);
    split_name(text).is_ok_and(|(name, _)| kind != OptionKind::Text || find(name).is_some())
}

/// Breaks a text into lines of at most `width` bytes where its words allow it.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// What is wrong with the text of `RACECHECK_OPTIONS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionError {
    /// There is no option of that name.
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The value is not one of those that the option takes.
    BadValue {
        /// The option.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What it takes.
        expected: OptionKind,
    },
    /// A word is not of the form `name=value`.
    NotAPair {
        /// The word.
        text: String,
    },
    /// A value begins with a quote that is never closed.
    OpenQuote {
        /// The option.
        name: &'static str,
    },
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ENVIRONMENT_VARIABLE}: ")?;
        match self {
            OptionError::Unknown { name } => {
                write!(f, "there is no option {name:?}; the options are ")?;
                for (number, spec) in OPTIONS.iter().enumerate() {
                    let separator = if number == 0 { "" } else { ", " };
                    write!(f, "{separator}{}", spec.name)?;
                }
                Ok(())
            }
            OptionError::BadValue { name, value, expected } => {
                write!(f, "{name}={value}: the value has to be {expected}")
            }
            OptionError::NotAPair { text } => {
                write!(f, "{text:?} is not of the form name=value, as in {}", example())
            }
            OptionError::OpenQuote { name } => {
                write!(f, "the value of {name} begins with a quote that is not closed")
            }
        }
    }
}

impl core::error::Error for OptionError {}

fn example() -> String {
    OPTIONS.get(1).map(|spec| format!("{}={}", spec.name, spec.default)).unwrap_or_default()
}
