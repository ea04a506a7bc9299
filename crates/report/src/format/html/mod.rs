//! A page that needs nothing but itself: findings grouped by place, each with both sources and stacks, a
//! picture of the two threads, and the missing edge in words.
//!
//! Everything that comes from outside is escaped, and the page's content security policy forbids every
//! request: it can be mailed, and opened from a disk, as it is.

mod timeline;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::source::expression;
use super::{Entry, Standing, View, headline, place, position, side};
use crate::code::Code;
use crate::fingerprint::stable_fingerprint;
use crate::fold::{Purpose, fold};
use crate::model::{Finding, Frame, Location, MAIN_THREAD, Stack};
use crate::text::{Escaped, ThreadName, When};
use crate::why::{missing_edge, remedies};

/// Lines of source shown before and after an access.
const AROUND: usize = 3;

/// Writes the page.
pub fn write(out: &mut dyn Write, entries: &[Entry], view: &View<'_>) -> fmt::Result {
    let new = entries.iter().filter(|entry| entry.standing.is_new()).count();
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>racecheck: {new} finding(s)</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         <h1>racecheck</h1>\n<p class=\"quiet\">{new} finding(s)",
        include_str!("style.css"),
    )?;
    let rest = entries.len() - new;
    if rest > 0 {
        write!(out, ", and {rest} known or suppressed")?;
    }
    out.write_str(
        "</p>\n<div class=\"bar\"><input id=\"filter\" type=\"search\" placeholder=\"filter: function, file, \
         thread, test…\" aria-label=\"filter\"><span id=\"shown\" class=\"quiet\"></span></div>\n",
    )?;
    for (place, entries) in groups(entries, view) {
        writeln!(out, "<section class=\"group\">\n<h2>{}</h2>", Html(&place))?;
        for entry in entries {
            race(out, entry, view)?;
        }
        out.write_str("</section>\n")?;
    }
    if entries.is_empty() {
        out.write_str("<p>Nothing was found.</p>\n")?;
    }
    write!(
        out,
        "<p class=\"quiet\">racecheck {}</p>\n<script>\n{}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        include_str!("script.js"),
    )
}

/// By the file and function of the access.
fn groups<'e>(entries: &'e [Entry], view: &View<'_>) -> BTreeMap<String, Vec<&'e Entry>> {
    let mut groups: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let at = place(&entry.finding.access.stack.frames, view.text.workspace_root);
        let name = match at {
            Some(Frame { file: Some(file), function: Some(function), .. }) => {
                format!("{} · {}", view.path(file), Escaped(&crate::rust_path::plain_path(function)))
            }
            Some(frame) => position(frame, view),
            None => "unknown place".to_string(),
        };
        groups.entry(name).or_default().push(entry);
    }
    groups
}

fn race(out: &mut dyn Write, entry: &Entry, view: &View<'_>) -> fmt::Result {
    let finding = &entry.finding;
    let fingerprint = stable_fingerprint(finding);
    write!(
        out,
        "<article class=\"race\" id=\"f{fingerprint}\">\n<header><h3><span class=\"code\">{}</span>{}",
        Code::of(finding),
        Html(&headline(finding)),
    )?;
    let mut badge = |text: &str| write!(out, "<span class=\"badge\">{}</span>", Html(text));
    if entry.count > 1 {
        badge(&format!("{} times", entry.count))?;
    }
    for (shard, count) in &entry.shards {
        badge(&format!("{shard}: {count}"))?;
    }
    match &entry.standing {
        Standing::New => {}
        Standing::Known => badge("in the baseline")?,
        Standing::Suppressed { reason } => {
            badge(&format!("suppressed: {}", reason.as_deref().unwrap_or("no reason given")))?;
        }
    }
    out.write_str("</h3>")?;
    if let Some(test) = &finding.test {
        write!(out, "<span class=\"quiet\">test <code>{}</code></span>", Html(test))?;
    }
    out.write_str("</header>\n<div class=\"body\">\n<div class=\"sides\">\n")?;
    match &finding.misuse {
        Some(misuse) => {
            for (at, call) in misuse.calls.iter().enumerate() {
                let class = if at == 0 { "now" } else { "before" };
                show_side(out, class, &call.heading, &call.stack, view)?;
            }
        }
        None => {
            let (now, before) = (&finding.access, &finding.previous);
            show_side(out, "now", &side(finding, now, When::Now), &now.stack, view)?;
            show_side(out, "before", &side(finding, before, When::Before), &before.stack, view)?;
        }
    }
    out.write_str("</div>\n")?;
    why(out, finding, view)?;
    if finding.misuse.is_none() {
        timeline::write(out, finding, view)?;
    }
    origins(out, finding, view)?;
    let program = Escaped(&finding.program).to_string();
    write!(
        out,
        "<p class=\"quiet\">fingerprint <code>{fingerprint}</code>, process {} of <code>{}</code></p>\n\
         </div>\n</article>\n",
        finding.pid,
        Html(&program),
    )
}

fn show_side(out: &mut dyn Write, class: &str, heading: &str, stack: &Stack, view: &View<'_>) -> fmt::Result {
    let heading = Escaped(heading).to_string();
    writeln!(out, "<div class=\"side {class}\"><h4>{}</h4>", Html(&heading))?;
    if let Some(frame) = place(&stack.frames, view.text.workspace_root) {
        excerpt(out, frame, view)?;
    }
    show_stack(out, stack, Purpose::Access, view)?;
    out.write_str("</div>\n")
}

/// The lines around a place. Nothing if the file can't be had, or has no such line any more.
fn excerpt(out: &mut dyn Write, frame: &Frame, view: &View<'_>) -> fmt::Result {
    let Some(text) = frame.file.as_deref().and_then(|file| view.sources.text(file)) else { return Ok(()) };
    let wanted = frame.line as usize;
    if wanted == 0 || text.lines().nth(wanted - 1).is_none() {
        return Ok(());
    }
    out.write_str("<pre class=\"source\">")?;
    let first = wanted.saturating_sub(AROUND).max(1);
    for (number, line) in
        (first..).zip(text.lines().skip(first - 1)).take_while(|(n, _)| *n <= wanted + AROUND)
    {
        if number == wanted {
            let span = expression(line, frame.column);
            let (before, hit, after) = (&line[..span.start], &line[span.clone()], &line[span.end..]);
            let (before, hit, after) = (Html(before), Html(hit), Html(after));
            write!(
                out,
                "<span class=\"l hit\"><span class=\"n\">{number}</span>{before}<mark>{hit}</mark>{after}</span>"
            )?;
        } else {
            write!(out, "<span class=\"l\"><span class=\"n\">{number}</span>{}</span>", Html(line))?;
        }
    }
    out.write_str("</pre>\n")
}

fn show_stack(out: &mut dyn Write, stack: &Stack, purpose: Purpose, view: &View<'_>) -> fmt::Result {
    if stack.frames.is_empty() {
        return out.write_str("<p class=\"quiet\">the stack is not known</p>\n");
    }
    let shown: Vec<&Frame> = match view.text.fold {
        true => fold(&stack.frames, purpose),
        false => stack.frames.iter().collect(),
    };
    out.write_str("<ol class=\"stack\">")?;
    for frame in shown {
        let function = Escaped(frame.function.as_deref().unwrap_or("??")).to_string();
        let at = position(frame, view);
        write!(out, "<li>{}<span class=\"at\">{}</span></li>", Html(&function), Html(&at))?;
    }
    out.write_str("</ol>\n")
}

fn why(out: &mut dyn Write, finding: &Finding, view: &View<'_>) -> fmt::Result {
    let (why, help) = (missing_edge(finding, &view.text), remedies(finding));
    if why.is_empty() && help.is_empty() {
        return Ok(());
    }
    out.write_str("<div class=\"why\">")?;
    for sentence in why {
        write!(out, "<p>{}</p>", Html(&sentence))?;
    }
    for sentence in help {
        write!(out, "<p class=\"help\">{}</p>", Html(&sentence))?;
    }
    out.write_str("</div>\n")
}

/// Where the threads and the memory came from.
fn origins(out: &mut dyn Write, finding: &Finding, view: &View<'_>) -> fmt::Result {
    let threads: Vec<_> = finding.threads.iter().filter(|thread| thread.id != MAIN_THREAD).collect();
    let memory = match &finding.location {
        Some(Location::Heap { stack, allocated_by, .. }) => {
            Some((format!("Memory allocated by {}", ThreadName::of(finding, *allocated_by)), stack))
        }
        Some(Location::Object { kind, made_at, .. }) => Some((format!("{} made", Escaped(kind)), made_at)),
        _ => None,
    };
    if threads.is_empty() && memory.is_none() {
        return Ok(());
    }
    out.write_str("<details><summary>where threads and memory came from</summary>\n<div class=\"sides\">\n")?;
    for thread in threads {
        let state = if thread.running { "running" } else { "finished" };
        let heading = format!("{} ({state}) created", ThreadName::of(finding, thread.id));
        write!(out, "<div class=\"side\"><h4>{}</h4>", Html(&heading))?;
        show_stack(out, &thread.created_at, Purpose::Origin, view)?;
        out.write_str("</div>\n")?;
    }
    if let Some((heading, stack)) = memory {
        write!(out, "<div class=\"side\"><h4>{}</h4>", Html(&heading))?;
        show_stack(out, stack, Purpose::Origin, view)?;
        out.write_str("</div>\n")?;
    }
    out.write_str("</div></details>\n")
}

/// A text as content or as an attribute's value.
struct Html<'a>(&'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // HTML has no way to say these.
                '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\x7f' => {
                    write!(f, "{}", c.escape_default())?;
                }
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
