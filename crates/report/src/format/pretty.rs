//! The report in rustc's look: source with both accesses marked, the missing edge in words, and what
//! would help.
//!
//! ```text
//! error[RC0001]: data race on the static `a::X` of 8 bytes
//!   --> src/main.rs:4:46
//!    |
//!  4 |     let worker = thread::spawn(|| unsafe { X += 1 });
//!    |                                            ^^^^^^ write by thread 1
//!  5 |     unsafe { X += 1 };
//!    |              ------ previous write by main thread
//!    = note: main thread created thread 1 at src/main.rs:4 and did its write after that: …
//!    = help: make `a::X` an atomic, a `Mutex`, or a `OnceLock` if it is set once
//! ```
//!
//! It is meant to fit a screen's half, so that of each stack only what leads to the marked line is
//! told; [`crate::text`] has the stacks whole.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::source::expression;
use super::{View, call, headline, place, position, side};
use crate::code::Code;
use crate::fold::{Purpose, fold};
use crate::model::{Access, Finding, FindingKind, Frame, Location, Op, Stack};
use crate::text::{Escaped, ThreadName, When};
use crate::why::{missing_edge, remedies};

/// So many calls of a stack are told beside the marked one.
const CALLS: usize = 2;

/// A line of a file, and what is said at it.
struct Mark<'a> {
    frame: &'a Frame,
    path: String,
    source: Option<Rc<str>>,
    span: Range<usize>,
    kind: AnnotationKind,
    label: String,
}

/// Writes one finding.
pub fn write(out: &mut dyn fmt::Write, finding: &Finding, view: &View<'_>) -> fmt::Result {
    let marks = merged(marks(finding, view));
    let title = headline(finding);
    let code = Code::of(finding);
    let mut group = Group::with_title(Level::ERROR.primary_title(title).id(code.id()));
    let mut shown: Vec<&str> = Vec::new();
    for mark in &marks {
        match &mark.source {
            Some(source) if !shown.contains(&mark.path.as_str()) => {
                shown.push(&mark.path);
                let of_file = marks.iter().filter(|other| other.path == mark.path && other.source.is_some());
                let annotations = of_file.map(|mark| -> Annotation<'_> {
                    mark.kind.span(mark.span.clone()).label(mark.label.as_str())
                });
                group = group
                    .element(Snippet::source(&**source).path(mark.path.as_str()).annotations(annotations));
            }
            Some(_) => {}
            None => {
                let origin = Origin::path(mark.path.as_str());
                let origin = match (mark.frame.line, mark.frame.column) {
                    (0, _) => origin,
                    (line, 0) => origin.line(line as usize),
                    (line, column) => origin.line(line as usize).char_column(column as usize),
                };
                group = group.element(origin);
                group = group.element(Level::NOTE.no_name().message(mark.label.as_str()));
            }
        }
    }
    for note in notes(finding, view) {
        group = group.element(Level::NOTE.message(note));
    }
    for help in remedies(finding) {
        group = group.element(Level::HELP.message(help));
    }
    group = group.element(Level::HELP.message(format!("`racecheck explain {code}` tells more")));
    let renderer = if view.is_coloured() { Renderer::styled() } else { Renderer::plain() };
    let text = renderer.term_width(view.width).render(&[group]);
    writeln!(out, "{}\n", text.trim_end())
}

fn marks<'a>(finding: &'a Finding, view: &View<'_>) -> Vec<Mark<'a>> {
    let mut marks = Vec::new();
    if let Some(misuse) = &finding.misuse {
        for (at, call) in misuse.calls.iter().enumerate() {
            let kind = if at == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            marks.extend(mark(&call.stack, Escaped(&call.heading).to_string(), kind, view));
        }
        return marks;
    }
    let sides = [
        (&finding.access, When::Now, AnnotationKind::Primary),
        (&finding.previous, When::Before, AnnotationKind::Context),
    ];
    for (access, when, kind) in sides {
        marks.extend(mark(&access.stack, label(finding, access, when, view), kind, view));
    }
    if let (FindingKind::UseAfterFree, Some(Location::Heap { allocated_by, stack, .. })) =
        (finding.kind, &finding.location)
    {
        let label = format!("allocated by {}", ThreadName::of(finding, *allocated_by));
        marks.extend(mark(stack, label, AnnotationKind::Context, view));
    }
    marks
}

/// What is said at the line of an access; if the line only leads to it, in which call it is.
fn label(finding: &Finding, access: &Access, when: When, view: &View<'_>) -> String {
    let label = side(finding, access, when);
    let shown = fold(&access.stack.frames, Purpose::Access);
    let at = place(&access.stack.frames, view.text.workspace_root);
    match (shown.first(), at) {
        (Some(first), Some(at)) if !core::ptr::eq(*first, at) => {
            let function = first.function.as_deref().unwrap_or("??");
            format!("{label}, in `{}`", Escaped(function))
        }
        _ => label,
    }
}

fn mark<'a>(stack: &'a Stack, label: String, kind: AnnotationKind, view: &View<'_>) -> Option<Mark<'a>> {
    let frame = place(&stack.frames, view.text.workspace_root)?;
    let file = frame.file.as_deref();
    let found = file.filter(|_| frame.line > 0).and_then(|file| {
        let source = view.sources.text(file)?;
        let span = span(&source, frame)?;
        Some((source, span))
    });
    let path = match file {
        Some(file) => view.path(file).to_string(),
        None => position(frame, view),
    };
    let (source, span) = match found {
        Some((source, span)) => (Some(source), span),
        None => (None, 0..0),
    };
    Some(Mark { frame, path, source, span, kind, label })
}

/// The frame's place in its file, in bytes. `None` if the file has no such line (any more).
fn span(source: &str, frame: &Frame) -> Option<Range<usize>> {
    let line = source.split_inclusive('\n').nth(frame.line as usize - 1)?;
    let start = line.as_ptr() as usize - source.as_ptr() as usize;
    let within = expression(line.trim_end_matches(['\n', '\r']), frame.column);
    Some(start + within.start..start + within.end)
}

/// Both sides at one place are one mark: `write by thread 1, and previous write by thread 2`.
fn merged(marks: Vec<Mark<'_>>) -> Vec<Mark<'_>> {
    let mut kept: Vec<Mark<'_>> = Vec::new();
    for mark in marks {
        let same = |other: &&mut Mark<'_>| {
            other.path == mark.path
                && (other.frame.line, other.frame.column) == (mark.frame.line, mark.frame.column)
        };
        match kept.iter_mut().find(same) {
            Some(other) => other.label = format!("{}, and {}", other.label, mark.label),
            None => kept.push(mark),
        }
    }
    kept
}

fn notes(finding: &Finding, view: &View<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(test) = &finding.test {
        notes.push(format!("during the test `{}`", Escaped(test)));
    }
    if finding.misuse.is_some() {
        return notes;
    }
    notes.extend(missing_edge(finding, &view.text));
    for (access, word) in [(&finding.access, "the"), (&finding.previous, "the previous")] {
        if access.stack.frames.is_empty() {
            if access.op != Op::ThreadExit {
                notes.push(format!("{word} access's stack is not known any more"));
            }
            continue;
        }
        let shown = fold(&access.stack.frames, Purpose::Access);
        let at = place(&access.stack.frames, view.text.workspace_root);
        let outer = shown.iter().skip_while(|frame| !at.is_some_and(|at| core::ptr::eq(**frame, at))).skip(1);
        let calls: Vec<String> = outer.take(CALLS).map(|frame| call(frame, view)).collect();
        if !calls.is_empty() {
            let by = ThreadName::of(finding, access.thread);
            notes.push(format!("{by} came there from {}", calls.join(", from ")));
        }
    }
    notes
}
