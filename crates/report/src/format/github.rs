//! Annotations of GitHub Actions: workflow commands that a runner reads in a step's output and shows at
//! the line. One for the access, and one (a notice) for the previous access, since an annotation has
//! one place.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::{View, calls, headline, place, position, side};
use crate::code::Code;
use crate::model::{Finding, Stack};
use crate::text::When;
use crate::why::missing_edge;

/// Writes the annotations of one finding.
pub fn write(out: &mut dyn fmt::Write, finding: &Finding, view: &View<'_>) -> fmt::Result {
    let code = Code::of(finding);
    let title = format!("{code}: {}", headline(finding));
    if let Some(misuse) = &finding.misuse {
        for (at, call) in misuse.calls.iter().enumerate() {
            let level = if at == 0 { Level::Error } else { Level::Notice };
            annotation(out, level, &call.stack, &title, &call.heading, view)?;
        }
        return Ok(());
    }
    let (now, before) = (&finding.access, &finding.previous);
    let where_is = |stack: &Stack| {
        place(&stack.frames, view.text.workspace_root).map_or("?".to_string(), |frame| position(frame, view))
    };
    let mut text = side(finding, now, When::Now);
    text += &format!("\n{} at {}", side(finding, before, When::Before), where_is(&before.stack));
    for sentence in missing_edge(finding, &view.text) {
        text += &format!("\n{sentence}");
    }
    for (heading, access) in [("Stack", now), ("Previous stack", before)] {
        text += &format!("\n\n{heading}:");
        for call in calls(&access.stack.frames, view) {
            text += &format!("\n  {call}");
        }
    }
    if let Some(test) = &finding.test {
        text += &format!("\n\nTest: {test}");
    }
    annotation(out, Level::Error, &now.stack, &title, &text, view)?;
    let other = format!("{}; the other side: {}", side(finding, before, When::Before), where_is(&now.stack));
    annotation(out, Level::Notice, &before.stack, &title, &other, view)
}

#[derive(Clone, Copy)]
enum Level {
    Error,
    Notice,
}

fn annotation(
    out: &mut dyn fmt::Write,
    level: Level,
    stack: &Stack,
    title: &str,
    text: &str,
    view: &View<'_>,
) -> fmt::Result {
    out.write_str(match level {
        Level::Error => "::error ",
        Level::Notice => "::notice ",
    })?;
    if let Some(frame) = place(&stack.frames, view.text.workspace_root)
        && let Some(file) = &frame.file
    {
        write!(out, "file={}", property(&view.path(file).to_string()))?;
        if frame.line > 0 {
            write!(out, ",line={}", frame.line)?;
        }
        if frame.column > 0 {
            write!(out, ",col={}", frame.column)?;
        }
        out.write_char(',')?;
    }
    writeln!(out, "title={}::{}", property(title), data(text))
}

/// The text of a command may hold anything but the ends of its line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property ends at a comma or colon too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
