//! Suppressions: findings that somebody looked at and does not want to see for now.
//!
//! A file has one rule a line; what follows a `#` at the beginning of a line is a comment. There are
//! two forms.
//!
//! **Ours** is made so that a rule hides little and does not outlive its reason:
//! ```text
//! suppress function=cache::Slot::* reason="benign counter, #1234" until=2027-01-31
//! suppress function=pool::run other-function=pool::stop test=stress::* reason="shutdown, #99"
//! suppress crate=old_ffi other-crate=* reason="C library without instrumentation"
//! ```
//! - `function`, `file` and `crate` are about the innermost frame of user code and have to hold for
//!   *both* sides, unless the other side is named on its own with `other-function`, `other-file` and
//!   `other-crate` (`*` for any). Which side came first does not matter.
//! - `global` is the static variable (or the name of a cell of the shim), `test` the test, `kind` is
//!   `data-race`, `use-after-free` or `misuse`.
//! - `anywhere` is a function in any frame of either stack: it hides a lot, so it has to be said.
//! - `reason` is required. From the day after `until` on the rule does not hold any more.
//!
//! In values `*` stands for any text, and the whole has to match. Functions are matched as they are
//! shown and without their generic arguments; files match from any `/` on.
//!
//! **ThreadSanitizer's**: `race:PATTERN` (a function, file or module of any frame of either stack, or a
//! global), `race_top:PATTERN` (of an innermost frame). `*` is implied at both ends, `^` and `$` are
//! the ends themselves. Its types for other kinds of finding are accepted and match nothing here.
//!
//! This module decides; who asks counts which rules were used and says which were not.

mod date;
mod glob;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::fold::to_first_user_frame;
use crate::model::{Access, Finding, FindingKind, Frame, Location};
use crate::rust_path::{crate_of, plain_path};
use glob::Glob;

pub use date::Date;

/// The rules of a file.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its line in the file, from 1.
    pub line: u32,
    /// The line as it was written.
    pub text: String,
    /// Why it is there; `None` in ThreadSanitizer's form, which has no place for it.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub until: Option<Date>,
    conditions: Vec<Condition>,
}

/// What the rules say about a finding.
#[derive(Clone, Copy, Debug)]
pub enum Verdict<'a> {
    /// A rule holds.
    Suppressed(&'a Rule),
    /// A rule would hold, but its last day is over.
    Expired(&'a Rule),
    /// One condition of this rule is not met, or only by one of the two sides.
    NearMiss(&'a Rule),
    /// No rule is about it.
    Reported,
}

impl Suppressions {
    /// Reads a file. All lines that are wrong are named.
    pub fn parse(text: &str) -> Result<Self, Vec<SuppressionError>> {
        let mut rules = Vec::new();
        let mut errors = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Rule::parse(number, line) {
                Ok(rule) => rules.push(rule),
                Err(problem) => errors.push(SuppressionError { line: number, problem }),
            }
        }
        if errors.is_empty() { Ok(Suppressions { rules }) } else { Err(errors) }
    }

    /// All rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What holds for a finding on a day.
    pub fn verdict(&self, finding: &Finding, today: Date) -> Verdict<'_> {
        let mut verdict = Verdict::Reported;
        for rule in &self.rules {
            match (rule.fit(finding), verdict) {
                (Fit::Whole, _) if rule.until.is_none_or(|last| today <= last) => {
                    return Verdict::Suppressed(rule);
                }
                (Fit::Whole, _) => verdict = Verdict::Expired(rule),
                (Fit::Half, Verdict::Reported) => verdict = Verdict::NearMiss(rule),
                _ => {}
            }
        }
        verdict
    }
}

/// How far a condition is met. In the order from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    /// One of the two sides, or all conditions but one.
    Half,
    No,
}

impl Fit {
    fn whole_if(met: bool) -> Self {
        if met { Fit::Whole } else { Fit::No }
    }
}

#[derive(Clone, Debug)]
enum Condition {
    Kind(FindingKind),
    BothSides(Side),
    EachSide(Side, Side),
    Global(Glob),
    Test(Glob),
    Anywhere(Glob),
    /// ThreadSanitizer's `race`.
    AnyFrameOrGlobal(Glob),
    /// ThreadSanitizer's `race_top`.
    InnermostFrame(Glob),
    /// Of a kind of finding that is not made here.
    Never,
}

/// What is asked of one side.
#[derive(Clone, Debug, Default)]
struct Side {
    function: Option<Glob>,
    file: Option<Glob>,
    crate_name: Option<Glob>,
}

impl Side {
    fn is_empty(&self) -> bool {
        self.function.is_none() && self.file.is_none() && self.crate_name.is_none()
    }

    fn fits(&self, access: &Access) -> bool {
        let Some(frame) = to_first_user_frame(&access.stack.frames).last() else {
            // A stack that is lost fits only what fits everything.
            return [&self.function, &self.file, &self.crate_name].into_iter().flatten().all(Glob::is_any);
        };
        let name = frame.function.as_deref().unwrap_or("");
        let path = plain_path(name);
        let file = frame.file.as_deref().unwrap_or("");
        self.function.as_ref().is_none_or(|glob| glob.matches(&path) || glob.matches(name))
            && self.file.as_ref().is_none_or(|glob| glob.matches_file(file))
            && self.crate_name.as_ref().is_none_or(|glob| glob.matches(crate_of(&path)))
    }
}

impl Condition {
    fn fit(&self, finding: &Finding) -> Fit {
        let sides = [&finding.access, &finding.previous];
        match self {
            Condition::Kind(kind) => Fit::whole_if(finding.kind == *kind),
            Condition::BothSides(side) => match sides.map(|access| side.fits(access)) {
                [true, true] => Fit::Whole,
                [false, false] => Fit::No,
                _ => Fit::Half,
            },
            Condition::EachSide(one, other) => {
                let [a, b] = sides.map(|access| (one.fits(access), other.fits(access)));
                if (a.0 && b.1) || (b.0 && a.1) {
                    Fit::Whole
                } else if a.0 || b.0 || a.1 || b.1 {
                    Fit::Half
                } else {
                    Fit::No
                }
            }
            Condition::Global(glob) => Fit::whole_if(global(finding).is_some_and(|name| glob.matches(name))),
            Condition::Test(glob) => {
                Fit::whole_if(finding.test.as_deref().is_some_and(|name| glob.matches(name)))
            }
            Condition::Anywhere(glob) => Fit::whole_if(frames(finding).any(|frame| {
                let name = frame.function.as_deref().unwrap_or("");
                glob.matches(name) || glob.matches(&plain_path(name))
            })),
            Condition::AnyFrameOrGlobal(glob) => Fit::whole_if(
                frames(finding).any(|frame| glob.matches_frame(frame))
                    || global(finding).is_some_and(|name| glob.matches(name)),
            ),
            Condition::InnermostFrame(glob) => Fit::whole_if(
                sides
                    .into_iter()
                    .any(|access| access.stack.frames.first().is_some_and(|frame| glob.matches_frame(frame))),
            ),
            Condition::Never => Fit::No,
        }
    }
}

fn frames(finding: &Finding) -> impl Iterator<Item = &Frame> {
    finding.access.stack.frames.iter().chain(&finding.previous.stack.frames)
}

fn global(finding: &Finding) -> Option<&str> {
    match &finding.location {
        Some(Location::Global { name, .. } | Location::Object { name: Some(name), .. }) => Some(name),
        _ => None,
    }
}

impl Rule {
    fn fit(&self, finding: &Finding) -> Fit {
        let (mut whole, mut half, mut no) = (0, 0, 0);
        for condition in &self.conditions {
            match condition.fit(finding) {
                Fit::Whole => whole += 1,
                Fit::Half => half += 1,
                Fit::No => no += 1,
            }
        }
        match (whole, half, no) {
            (_, 0, 0) => Fit::Whole,
            (_, 1, 0) => Fit::Half,
            (1.., 0, 1) => Fit::Half,
            _ => Fit::No,
        }
    }

    fn parse(line: u32, text: &str) -> Result<Self, Problem> {
        let mut rule =
            Rule { line, text: text.to_string(), reason: None, until: None, conditions: Vec::new() };
        match text.split_once(char::is_whitespace) {
            Some(("suppress", keys)) => rule.read_keys(keys)?,
            _ => rule.conditions.push(tsan_condition(text)?),
        }
        Ok(rule)
    }

    fn read_keys(&mut self, keys: &str) -> Result<(), Problem> {
        let (mut one, mut other) = (Side::default(), Side::default());
        let mut rest = keys.trim_start();
        while !rest.is_empty() {
            let (key, value, after) = split_pair(rest)?;
            if value.is_empty() {
                return Err(Problem::BadValue { key, value: String::new(), expected: "a text" });
            }
            let glob = || Some(Glob::whole(&value));
            match key.as_str() {
                "function" => one.function = glob(),
                "file" => one.file = glob(),
                "crate" => one.crate_name = Some(Glob::whole(&value.replace('-', "_"))),
                "other-function" => other.function = glob(),
                "other-file" => other.file = glob(),
                "other-crate" => other.crate_name = Some(Glob::whole(&value.replace('-', "_"))),
                "global" => self.conditions.push(Condition::Global(Glob::whole(&value))),
                "test" => self.conditions.push(Condition::Test(Glob::whole(&value))),
                "anywhere" => self.conditions.push(Condition::Anywhere(Glob::whole(&value))),
                "kind" => self.conditions.push(Condition::Kind(parse_kind(key, value)?)),
                "reason" => self.reason = Some(value),
                "until" => match Date::parse(&value) {
                    Some(date) => self.until = Some(date),
                    None => {
                        return Err(Problem::BadValue { key, value, expected: "a date as in 2027-01-31" });
                    }
                },
                _ => return Err(Problem::UnknownKey { key }),
            }
            rest = after.trim_start();
        }
        match (one.is_empty(), other.is_empty()) {
            (true, true) => {}
            (false, true) => self.conditions.push(Condition::BothSides(one)),
            (true, false) => return Err(Problem::OtherWithoutOne),
            (false, false) => self.conditions.push(Condition::EachSide(one, other)),
        }
        if self.conditions.iter().all(|condition| matches!(condition, Condition::Kind(_))) {
            return Err(Problem::HidesEverything);
        }
        if self.reason.is_none() {
            return Err(Problem::NoReason);
        }
        Ok(())
    }
}

/// Names of the keys, as an error lists them.
const KEYS: &str = "function, file, crate, other-function, other-file, other-crate, global, test, anywhere, \
                    kind, reason, until";

fn parse_kind(key: String, value: String) -> Result<FindingKind, Problem> {
    match value.as_str() {
        "data-race" => Ok(FindingKind::DataRace),
        "use-after-free" => Ok(FindingKind::UseAfterFree),
        "misuse" => Ok(FindingKind::Misuse),
        _ => Err(Problem::BadValue { key, value, expected: "data-race, use-after-free or misuse" }),
    }
}

/// Splits `key=value` or `key="value"` off.
fn split_pair(text: &str) -> Result<(String, String, &str), Problem> {
    let word = text.find(char::is_whitespace).unwrap_or(text.len());
    let Some((key, value)) = text.split_once('=').filter(|(key, _)| key.len() < word && !key.is_empty())
    else {
        return Err(Problem::NotAPair { word: text[..word].to_string() });
    };
    let (value, after) = match value.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or_else(|| Problem::OpenQuote { key: key.to_string() })?,
        None => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
    };
    Ok((key.to_string(), value.to_string(), after))
}

fn tsan_condition(text: &str) -> Result<Condition, Problem> {
    // A Rust path holds colons too, so that the name before the first one has to be a type.
    let (name, pattern) = text.split_once(':').unwrap_or((text, ""));
    if pattern.is_empty() {
        return Err(Problem::NotARule);
    }
    match name {
        "race" => Ok(Condition::AnyFrameOrGlobal(Glob::tsan(pattern))),
        "race_top" => Ok(Condition::InnermostFrame(Glob::tsan(pattern))),
        "mutex" | "thread" | "signal" | "deadlock" | "called_from_lib" => Ok(Condition::Never),
        _ => Err(Problem::NotARule),
    }
}

/// A line that is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionError {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is of neither form.
    NotARule,
    /// A word is not `key=value`.
    NotAPair {
        /// The word.
        word: String,
    },
    /// There is no such key.
    UnknownKey {
        /// The key that was given.
        key: String,
    },
    /// The value is not one that the key takes.
    BadValue {
        /// The key.
        key: String,
        /// The value that was given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A value begins with a quote that is never closed.
    OpenQuote {
        /// The key.
        key: String,
    },
    /// The other side is named, but not the one.
    OtherWithoutOne,
    /// No condition is left but the kind.
    HidesEverything,
    /// It does not say why.
    NoReason,
}

impl fmt::Display for SuppressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotARule => f.write_str(
                "not a suppression: it has to be `suppress key=value …`, or `race:pattern` or \
                 `race_top:pattern` as ThreadSanitizer has them",
            ),
            Problem::NotAPair { word } => {
                write!(f, "{word:?} is not of the form key=value; a value with spaces needs quotes")
            }
            Problem::UnknownKey { key } => write!(f, "there is no key {key:?}; the keys are {KEYS}"),
            Problem::BadValue { key, value, expected } => {
                write!(f, "{key}={value}: the value has to be {expected}")
            }
            Problem::OpenQuote { key } => {
                write!(f, "the value of {key} begins with a quote that is not closed")
            }
            Problem::OtherWithoutOne => f.write_str(
                "the other side is named, but not the first: add function=, file= or crate= for that one",
            ),
            Problem::HidesEverything => f.write_str(
                "it would hide every finding: add function=, file=, crate=, global=, test= or anywhere=",
            ),
            Problem::NoReason => f.write_str("it does not say why: add reason=\"…\""),
        }
    }
}

impl core::error::Error for SuppressionError {}
