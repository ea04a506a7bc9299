//! The forms in which findings are written, from the one model.
//!
//! | format | for | how |
//! |---|---|---|
//! | [`crate::text`] | terminals, in Go's form | a finding at a time |
//! | [`pretty`] | terminals, in rustc's form with source | a finding at a time |
//! | JSON lines ([`crate::model`]) | programs, and racecheck itself | a finding at a time |
//! | [`github`] | annotations of GitHub Actions | a finding at a time |
//! | [`sarif`] | code scanning | a document |
//! | [`junit`] | test reporters of CI systems | a document |
//! | [`html`] | people, with a browser | a document |
//!
//! Nothing here opens a file: sources come through [`Sources`].

pub mod github;
pub mod html;
pub mod junit;
pub mod pretty;
pub mod sarif;
mod source;

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::fold::to_first_user_frame;
use crate::model::{Access, Finding, Found, Frame, Known, Location};
use crate::text::{self, Bytes, Escaped, TextOptions, TextStyle, ThreadName, When, short_path};

/// A form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// Go's text.
    Text,
    /// rustc's look, with source.
    Pretty,
    /// The model itself, one object a line.
    Json,
    /// Annotations of GitHub Actions.
    Github,
    /// SARIF 2.1.0.
    Sarif,
    /// JUnit XML.
    Junit,
    /// A page.
    Html,
}

impl Format {
    /// All of them, in the order in which help lists them.
    pub const ALL: [Format; 7] = [
        Format::Text,
        Format::Pretty,
        Format::Json,
        Format::Github,
        Format::Sarif,
        Format::Junit,
        Format::Html,
    ];

    /// As options name it.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Pretty => "pretty",
            Format::Json => "json",
            Format::Github => "github",
            Format::Sarif => "sarif",
            Format::Junit => "junit",
            Format::Html => "html",
        }
    }

    /// Whether findings can be written one by one, as they come. The others are documents, which are
    /// whole only at the end.
    pub const fn is_stream(self) -> bool {
        matches!(self, Format::Text | Format::Pretty | Format::Json | Format::Github)
    }

    /// The format that a file of this name has, if its ending tells.
    pub fn of_file_name(name: &str) -> Option<Format> {
        let ending = name.rsplit_once('.')?.1;
        Some(match ending {
            "txt" | "log" => Format::Text,
            "json" | "jsonl" | "ndjson" => Format::Json,
            "sarif" => Format::Sarif,
            "xml" => Format::Junit,
            "html" | "htm" => Format::Html,
            _ => return None,
        })
    }

    /// Writes a whole file: all findings, and for documents what holds them together.
    pub fn write_all(self, out: &mut dyn fmt::Write, entries: &[Entry], view: &View<'_>) -> fmt::Result {
        match self {
            Format::Sarif => sarif::write(out, entries, view),
            Format::Junit => junit::write(out, entries, view),
            Format::Html => html::write(out, entries, view),
            Format::Text | Format::Pretty | Format::Json | Format::Github => {
                entries
                    .iter()
                    .filter(|entry| self == Format::Json || entry.standing.is_new())
                    .try_for_each(|entry| self.write_one(out, entry, view))?;
                let new = entries.iter().filter(|entry| entry.standing.is_new());
                match self {
                    Format::Text => text::write_tally(out, new.map(|entry| entry.finding.kind)),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Writes one finding. For documents, all of one with this finding alone.
    pub fn write_one(self, out: &mut dyn fmt::Write, entry: &Entry, view: &View<'_>) -> fmt::Result {
        match self {
            Format::Text => text::write_finding(out, &entry.finding, &view.text),
            Format::Pretty => pretty::write(out, &entry.finding, view),
            Format::Json => writeln!(out, "{}", entry.to_json_line()),
            Format::Github => github::write(out, &entry.finding, view),
            Format::Sarif | Format::Junit | Format::Html => {
                self.write_all(out, core::slice::from_ref(entry), view)
            }
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The names of all formats, as errors and help list them.
pub fn format_names() -> String {
    Format::ALL.map(Format::name).join(", ")
}

/// The text names no format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchFormat {
    /// What was given.
    pub name: String,
}

impl fmt::Display for NoSuchFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no format {:?}; the formats are {}", self.name, format_names())
    }
}

impl core::error::Error for NoSuchFormat {}

impl FromStr for Format {
    type Err = NoSuchFormat;

    fn from_str(name: &str) -> Result<Self, NoSuchFormat> {
        let found = Format::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| NoSuchFormat { name: name.to_string() })
    }
}

/// A finding, and what is known about it beside itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The finding: the first evidence, if it was found more than once.
    pub finding: Finding,
    /// How often it was found; at least 1.
    pub count: u64,
    /// How often by which shard, after a merge.
    pub shards: BTreeMap<String, u64>,
    /// What people have said about it.
    pub standing: Standing,
}

/// What people have said about a finding before it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: it fails a run.
    #[default]
    New,
    /// It is in the baseline.
    Known,
    /// A suppression holds for it.
    Suppressed {
        /// Why, if the suppression says so.
        reason: Option<String>,
    },
}

impl Standing {
    /// Whether it fails a run.
    pub fn is_new(&self) -> bool {
        matches!(self, Standing::New)
    }
}

impl Entry {
    /// What the finding says of itself: without more it was found once, and nobody has said anything.
    pub fn new(finding: Finding) -> Self {
        let Found { count, shards, known } = finding.found.clone().unwrap_or_default();
        let standing = match known {
            None => Standing::New,
            Some(Known::Baseline) => Standing::Known,
            Some(Known::Suppression { reason }) => Standing::Suppressed { reason },
        };
        Entry { finding, count: count.max(1), shards, standing }
    }

    /// The finding as one line of JSON, with all that is known about it beside itself.
    pub fn to_json_line(&self) -> String {
        if self.count == 1 && self.shards.is_empty() && self.standing.is_new() {
            return self.finding.to_json_line();
        }
        let known = match &self.standing {
            Standing::New => None,
            Standing::Known => Some(Known::Baseline),
            Standing::Suppressed { reason } => Some(Known::Suppression { reason: reason.clone() }),
        };
        let mut finding = self.finding.clone();
        finding.found = Some(Found { count: self.count, shards: self.shards.clone(), known });
        finding.to_json_line()
    }
}

/// How findings are shown.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Paths, folding and colour.
    pub text: TextOptions<'a>,
    /// Where sources come from.
    pub sources: &'a dyn Sources,
    /// Columns of the terminal, for [`pretty`].
    pub width: usize,
}

impl<'a> View<'a> {
    /// As `text` says, with sources, and with the usual width.
    pub fn new(text: TextOptions<'a>, sources: &'a dyn Sources) -> Self {
        View { text, sources, width: 110 }
    }

    fn is_coloured(&self) -> bool {
        self.text.style == TextStyle::Colour
    }

    /// A path as it is shown.
    fn path<'p>(&self, path: &'p str) -> Escaped<'p> {
        Escaped(short_path(path, &self.text))
    }
}

/// Where the text of source files comes from.
pub trait Sources {
    /// The text of the file at this path. `None` if it can't be had: then the place is shown without.
    fn text(&self, path: &str) -> Option<Rc<str>>;
}

/// No file can be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSources;

impl Sources for NoSources {
    fn text(&self, _: &str) -> Option<Rc<str>> {
        None
    }
}

/// The frame that a reader looks for: the innermost one below the workspace's root if there is one in
/// user code, else the innermost one of user code, else the innermost one.
fn place<'a>(frames: &'a [Frame], workspace_root: &str) -> Option<&'a Frame> {
    let in_workspace = |frame: &&Frame| {
        let file = frame.file.as_deref().unwrap_or("");
        let root = workspace_root.trim_end_matches('/');
        frame.line > 0 && (!file.starts_with('/') || (!root.is_empty() && file.starts_with(root)))
    };
    let shown = crate::fold::fold(frames, crate::fold::Purpose::Access);
    let user = to_first_user_frame(frames).last();
    shown.iter().copied().find(in_workspace).or(user.filter(|frame| frame.line > 0)).or(user)
}

/// `write`, `previous atomic read`.
fn what(access: &Access, when: When) -> String {
    let phrase = text::phrase(access.op, when).to_ascii_lowercase();
    phrase.trim_end_matches(" of").to_string()
}

/// `write by thread 2 "worker"`.
fn side(finding: &Finding, access: &Access, when: When) -> String {
    alloc::format!("{} by {}", what(access, when), ThreadName::of(finding, access.thread))
}

/// What it is about, in a few words: ``data race on static `a::X` (8 bytes)``.
fn headline(finding: &Finding) -> String {
    if let Some(misuse) = &finding.misuse {
        return Escaped(&misuse.message).to_string();
    }
    let title = crate::code::Code::of(finding).title();
    let object = match &finding.location {
        Some(Location::Global { name, size, .. }) => {
            alloc::format!(" on the static `{}` of {}", Escaped(name), Bytes(*size))
        }
        Some(Location::Heap { size, offset: 0, .. }) => {
            alloc::format!(" on a heap block of {}", Bytes(*size))
        }
        Some(Location::Heap { size, offset, .. }) => {
            alloc::format!(", {} into a heap block of {}", Bytes(*offset), Bytes(*size))
        }
        Some(Location::Stack { thread }) => {
            alloc::format!(" on the stack of {}", ThreadName::of(finding, *thread))
        }
        Some(Location::Tls { thread }) => {
            alloc::format!(" on thread-local memory of {}", ThreadName::of(finding, *thread))
        }
        Some(Location::Object { name: Some(name), .. }) => alloc::format!(" on `{}`", Escaped(name)),
        _ => String::new(),
    };
    title.to_string() + &object
}

/// The calls to show of a stack, as one line each.
fn calls(frames: &[Frame], view: &View<'_>) -> Vec<String> {
    let shown: Vec<&Frame> = match view.text.fold {
        true => crate::fold::fold(frames, crate::fold::Purpose::Access),
        false => frames.iter().collect(),
    };
    shown.into_iter().map(|frame| call(frame, view)).collect()
}

/// `function (file:line:column)`.
fn call(frame: &Frame, view: &View<'_>) -> String {
    let function = Escaped(frame.function.as_deref().unwrap_or("??"));
    alloc::format!("{function} ({})", position(frame, view))
}

/// `file:line:column`, or `module+0x1234`.
fn position(frame: &Frame, view: &View<'_>) -> String {
    match (&frame.file, &frame.module) {
        (Some(file), _) => {
            let file = view.path(file);
            match (frame.line, frame.column) {
                (0, _) => file.to_string(),
                (line, 0) => alloc::format!("{file}:{line}"),
                (line, column) => alloc::format!("{file}:{line}:{column}"),
            }
        }
        (None, Some(module)) => alloc::format!("{}+{:#x}", view.path(module), frame.offset),
        (None, None) => alloc::format!("{:#x}", frame.offset),
    }
}
