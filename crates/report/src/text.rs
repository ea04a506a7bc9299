//! The report as text, in the form of Go's race detector with Rust's names.
//!
//! ```text
//! ==================
//! WARNING: DATA RACE
//! Write at 0x7f0a1c000b10 by thread 2 "worker":
//!   counter::bump()
//!       src/main.rs:9:5
//!
//! Previous read at 0x7f0a1c000b10 by main thread:
//!   counter::main()
//!       src/main.rs:19:22
//! …
//! ==================
//! ```
//!
//! A report is written in one go to any [`fmt::Write`]. What comes from the program under test (names
//! of threads, functions and files) is written with its control characters escaped, so that no report
//! can be forged or broken by a name.

use core::fmt::{self, Write};

use crate::fold::{Purpose, fold};
use crate::model::{Access, Finding, FindingKind, Frame, Location, MAIN_THREAD, Misuse, Op, Stack, Thread};

/// The line that opens and closes a report: 18 signs, as Go has it.
pub const RULE: &str = "==================";

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions<'a> {
    /// Beginning that is taken off every path; empty for none.
    pub strip_path_prefix: &'a str,
    /// Directory of the workspace; paths below it are written relative to it. Empty for none.
    pub workspace_root: &'a str,
    /// Whether frames of plumbing are left out, see [`mod@crate::fold`].
    pub fold: bool,
    /// Plain or coloured.
    pub style: TextStyle,
}

impl Default for TextOptions<'_> {
    fn default() -> Self {
        TextOptions { strip_path_prefix: "", workspace_root: "", fold: true, style: TextStyle::Plain }
    }
}

/// Whether a report has colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextStyle {
    /// No escape sequences: for files, pipes and programs.
    #[default]
    Plain,
    /// Colour for a terminal.
    Colour,
}

impl TextStyle {
    /// Colour if the stream is a terminal and `NO_COLOR` is not set (<https://no-color.org>).
    #[cfg(feature = "std")]
    pub fn of_stream(stream: &impl std::io::IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if stream.is_terminal() && !refused { TextStyle::Colour } else { TextStyle::Plain }
    }
}

/// Writes one report, from rule to rule.
pub fn write_finding(out: &mut dyn Write, finding: &Finding, options: &TextOptions<'_>) -> fmt::Result {
    Report { out, finding, options }.write()
}

/// Writes the line that closes a run in which races were found.
pub fn write_summary(out: &mut dyn Write, findings: usize) -> fmt::Result {
    writeln!(out, "Found {findings} data race(s)")
}

/// Writes the line that closes a run in which primitives were misused.
pub fn write_misuse_summary(out: &mut dyn Write, findings: usize) -> fmt::Result {
    writeln!(out, "Found {findings} misuse(s) of synchronisation")
}

/// Writes the lines that close a run in which findings of these kinds were made; none if there are none.
pub fn write_tally(out: &mut dyn Write, kinds: impl Iterator<Item = FindingKind>) -> fmt::Result {
    let (mut races, mut misuses) = (0, 0);
    for kind in kinds {
        match kind {
            FindingKind::Misuse => misuses += 1,
            FindingKind::DataRace | FindingKind::UseAfterFree => races += 1,
        }
    }
    if races > 0 {
        write_summary(out, races)?;
    }
    if misuses > 0 {
        write_misuse_summary(out, misuses)?;
    }
    Ok(())
}

/// What a line is, for its colour.
#[derive(Clone, Copy)]
enum Ink {
    Alarm,
    Heading,
    Quiet,
}

struct Report<'a> {
    out: &'a mut dyn Write,
    finding: &'a Finding,
    options: &'a TextOptions<'a>,
}

impl Report<'_> {
    fn write(&mut self) -> fmt::Result {
        let finding = self.finding;
        writeln!(self.out, "{RULE}")?;
        self.line(Ink::Alarm, format_args!("{}", Verdict(finding)))?;
        if let Some(test) = &finding.test {
            writeln!(self.out, "Test: {}", Escaped(test))?;
        }
        if let Some(misuse) = &finding.misuse {
            self.calls(misuse)?;
        } else {
            self.access(&finding.access, When::Now)?;
            self.out.write_char('\n')?;
            self.access(&finding.previous, When::Before)?;
        }
        if let Some(location) = &finding.location {
            self.out.write_char('\n')?;
            self.location(location)?;
        }
        self.creations()?;
        writeln!(self.out, "{RULE}")
    }

    fn access(&mut self, access: &Access, when: When) -> fmt::Result {
        let thread = self.name(access.thread);
        let what = Phrase { op: access.op, when };
        let address = access.address;
        match access.op {
            Op::ThreadExit => {
                // The end of a thread is no place in the program: usually there is no stack.
                let end = if access.stack.frames.is_empty() && !access.stack.lost { "" } else { ":" };
                self.line(
                    Ink::Heading,
                    format_args!("{what} {thread}, which owned the memory at {address:#x}{end}"),
                )?;
                if end.is_empty() {
                    return Ok(());
                }
            }
            Op::Free => self.line(Ink::Heading, format_args!("{what} {address:#x} by {thread}:"))?,
            _ => self.line(Ink::Heading, format_args!("{what} at {address:#x} by {thread}:"))?,
        }
        self.stack(&access.stack, Purpose::Access)
    }

    /// The calls of a misuse. One whose heading is indented belongs to the one before it.
    fn calls(&mut self, misuse: &Misuse) -> fmt::Result {
        for (at, call) in misuse.calls.iter().enumerate() {
            if at > 0 && !call.heading.starts_with(' ') {
                self.out.write_char('\n')?;
            }
            self.line(Ink::Heading, format_args!("{} at:", Escaped(&call.heading)))?;
            self.stack(&call.stack, Purpose::Origin)?;
        }
        Ok(())
    }

    fn location(&mut self, location: &Location) -> fmt::Result {
        match location {
            Location::Object { kind, name, address: _, size, offset, made_at } => {
                write!(self.out, "Location: {}", Escaped(kind))?;
                if let Some(name) = name {
                    write!(self.out, " \"{}\"", Escaped(name))?;
                }
                write!(self.out, " of {}", Bytes(*size))?;
                if *offset != 0 {
                    write!(self.out, " (offset {offset})")?;
                }
                self.out.write_str(", made at:\n")?;
                self.stack(made_at, Purpose::Origin)
            }
            Location::Heap { address: _, size, offset, freed, allocated_by, stack } => {
                let by = self.name(*allocated_by);
                let (size, freed) = (Bytes(*size), if *freed { "freed " } else { "" });
                let place = Offset(*offset);
                self.line(
                    Ink::Heading,
                    format_args!("Location: {place} a {freed}heap block of {size} allocated by {by} at:"),
                )?;
                self.stack(stack, Purpose::Origin)
            }
            Location::Global { name, address: _, size, offset, module } => {
                write!(self.out, "Location: global {} of {}", Escaped(name), Bytes(*size))?;
                if *offset != 0 {
                    write!(self.out, " (offset {offset})")?;
                }
                if let Some(module) = module.as_deref().filter(|module| *module != self.finding.program) {
                    write!(self.out, " in {}", self.path(module))?;
                }
                self.out.write_char('\n')
            }
            Location::Stack { thread } => {
                let thread = self.name(*thread);
                writeln!(self.out, "Location: stack of {thread}")
            }
            Location::Tls { thread } => {
                let thread = self.name(*thread);
                writeln!(self.out, "Location: thread-local memory of {thread}")
            }
            Location::Mapped { module: Some(module) } => {
                let module = self.path(module);
                writeln!(self.out, "Location: memory mapped from {module}")
            }
            Location::Mapped { module: None } => writeln!(self.out, "Location: mapped memory"),
        }
    }

    /// Where each thread but the main one was created: those of the two accesses first.
    fn creations(&mut self) -> fmt::Result {
        let finding = self.finding;
        let (first, second) = (finding.access.thread, finding.previous.thread);
        let rank = |thread: &Thread| match thread.id {
            id if id == first => 0,
            id if id == second => 1,
            _ => 2,
        };
        for wanted in 0..3 {
            for thread in finding.threads.iter().filter(|t| t.id != MAIN_THREAD && rank(t) == wanted) {
                self.creation(thread)?;
            }
        }
        Ok(())
    }

    fn creation(&mut self, thread: &Thread) -> fmt::Result {
        let name = ThreadName { id: thread.id, name: thread.name.as_deref(), sentence: Sentence::Start };
        let state = if thread.running { "running" } else { "finished" };
        self.out.write_char('\n')?;
        match thread.created_by {
            None | Some(MAIN_THREAD) => {
                self.line(Ink::Heading, format_args!("{name} ({state}) created at:"))?;
            }
            Some(creator) => {
                let creator = self.name(creator);
                self.line(Ink::Heading, format_args!("{name} ({state}) created by {creator} at:"))?;
            }
        }
        self.stack(&thread.created_at, Purpose::Origin)
    }

    fn stack(&mut self, stack: &Stack, purpose: Purpose) -> fmt::Result {
        if self.options.fold {
            for frame in fold(&stack.frames, purpose) {
                self.frame(frame)?;
            }
        } else {
            for frame in &stack.frames {
                self.frame(frame)?;
            }
        }
        if stack.lost || stack.frames.is_empty() {
            writeln!(self.out, "  [failed to restore the stack]")?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame) -> fmt::Result {
        match &frame.function {
            Some(name) => {
                // Names of C++ carry their parameters.
                let call = if name.ends_with(')') { "" } else { "()" };
                writeln!(self.out, "  {}{call}", Escaped(name))?;
            }
            // A place that is known without its function.
            None if frame.file.is_some() && frame.module.is_none() => {}
            None => self.out.write_str("  ??\n")?,
        }
        let (line, column) = (frame.line, frame.column);
        match &frame.file {
            Some(file) => {
                let file = self.path(file);
                match (line, column) {
                    (0, _) => self.line(Ink::Quiet, format_args!("      {file}")),
                    (_, 0) => self.line(Ink::Quiet, format_args!("      {file}:{line}")),
                    _ => self.line(Ink::Quiet, format_args!("      {file}:{line}:{column}")),
                }
            }
            None => {
                let offset = frame.offset;
                match frame.module.as_deref() {
                    Some(module) => {
                        let module = self.path(module);
                        self.line(Ink::Quiet, format_args!("      {module}+{offset:#x}"))
                    }
                    None => self.line(Ink::Quiet, format_args!("      {offset:#x}")),
                }
            }
        }
    }

    fn line(&mut self, ink: Ink, text: fmt::Arguments<'_>) -> fmt::Result {
        let code = match (self.options.style, ink) {
            (TextStyle::Plain, _) => return writeln!(self.out, "{text}"),
            (TextStyle::Colour, Ink::Alarm) => "1;31",
            (TextStyle::Colour, Ink::Heading) => "1",
            (TextStyle::Colour, Ink::Quiet) => "2",
        };
        writeln!(self.out, "\x1b[{code}m{text}\x1b[0m")
    }
}

impl<'a> Report<'a> {
    fn name(&self, id: u32) -> ThreadName<'a> {
        ThreadName::of(self.finding, id)
    }

    fn path<'p>(&self, path: &'p str) -> Escaped<'p> {
        Escaped(short_path(path, self.options))
    }
}

/// The part of a path that a reader needs.
pub(crate) fn short_path<'p>(path: &'p str, options: &TextOptions<'_>) -> &'p str {
    let (prefix, root) = (options.strip_path_prefix, options.workspace_root.trim_end_matches('/'));
    let stripped = path.strip_prefix(prefix).filter(|rest| !prefix.is_empty() && !rest.is_empty());
    if let Some(rest) = stripped {
        return rest.trim_start_matches('/');
    }
    let below = path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/'));
    if let Some(rest) = below.filter(|rest| !root.is_empty() && !rest.is_empty()) {
        return rest;
    }
    // The standard library was compiled in a directory that exists on no other machine.
    match path.strip_prefix("/rustc/").and_then(|rest| rest.split_once('/')) {
        Some((_, rest)) if rest.starts_with("library/") => rest,
        _ => path,
    }
}

/// The first line: what is wrong. A misuse after which the program can't go on is said in Go's words.
struct Verdict<'a>(&'a Finding);

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.kind, &self.0.misuse) {
            (FindingKind::DataRace, _) => f.write_str("WARNING: DATA RACE"),
            (FindingKind::UseAfterFree, _) => f.write_str("WARNING: USE AFTER FREE"),
            (FindingKind::Misuse, Some(misuse)) => {
                let severity = if misuse.fatal { "fatal error" } else { "WARNING" };
                write!(f, "{severity}: {}", Escaped(&misuse.message))
            }
            (FindingKind::Misuse, None) => f.write_str("WARNING: MISUSE OF A PRIMITIVE"),
        }
    }
}

/// Which side of a finding is meant.
#[derive(Clone, Copy)]
pub(crate) enum When {
    Now,
    Before,
}

/// What was done, as a heading begins with it.
#[cfg(feature = "formats")]
pub(crate) fn phrase(op: Op, when: When) -> alloc::string::String {
    alloc::format!("{}", Phrase { op, when })
}

/// What was done, as a heading begins with it.
struct Phrase {
    op: Op,
    when: When,
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.when, self.op) {
            (When::Now, Op::Read) => "Read",
            (When::Now, Op::Write) => "Write",
            (When::Now, Op::AtomicRead) => "Atomic read",
            (When::Now, Op::AtomicWrite) => "Atomic write",
            (When::Now, Op::Free) => "Free of",
            (When::Now, Op::Alloc) => "Allocation",
            (When::Now, Op::ThreadExit) => "End of",
            (When::Now, Op::Call) => "Call",
            (When::Before, Op::Read) => "Previous read",
            (When::Before, Op::Write) => "Previous write",
            (When::Before, Op::AtomicRead) => "Previous atomic read",
            (When::Before, Op::AtomicWrite) => "Previous atomic write",
            (When::Before, Op::Free) => "Previous free of",
            (When::Before, Op::Alloc) => "Previous allocation",
            (When::Before, Op::ThreadExit) => "Previous end of",
            (When::Before, Op::Call) => "Previous call",
        })
    }
}

/// Where in a sentence a name stands.
#[derive(Clone, Copy)]
enum Sentence {
    Start,
    Middle,
}

/// `main thread`, `thread 2` or `thread 2 "worker"`.
pub(crate) struct ThreadName<'a> {
    id: u32,
    name: Option<&'a str>,
    sentence: Sentence,
}

impl<'a> ThreadName<'a> {
    /// Of a finding's thread, within a sentence.
    pub(crate) fn of(finding: &'a Finding, id: u32) -> Self {
        let name = finding.thread(id).and_then(|thread| thread.name.as_deref());
        ThreadName { id, name, sentence: Sentence::Middle }
    }
}

impl fmt::Display for ThreadName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id == MAIN_THREAD {
            return f.write_str("main thread");
        }
        f.write_str(match self.sentence {
            Sentence::Start => "Thread",
            Sentence::Middle => "thread",
        })?;
        write!(f, " {}", self.id)?;
        match self.name.filter(|name| !name.is_empty()) {
            Some(name) => write!(f, " \"{}\"", Escaped(name)),
            None => Ok(()),
        }
    }
}

/// Where in a block an access lies.
struct Offset(u64);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("start of"),
            offset => write!(f, "{} inside", Bytes(offset)),
        }
    }
}

pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            count => write!(f, "{count} bytes"),
        }
    }
}

/// A name from outside, with the characters escaped that would act instead of being shown.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Escaped<'_> {
    fn acts(c: char) -> bool {
        // Besides the control characters those that end a line or turn the direction of writing.
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if Escaped::acts(c) {
                write!(f, "{}", c.escape_default())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}
