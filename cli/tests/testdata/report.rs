//! Reports as they are printed: whose accesses they name, and their text without what differs from run to run.

use std::fmt;
use std::path::Path;

use crate::program::{Mark, ThreadState};

/// The line that begins and ends a report.
const RULE: &str = "==================";

/// The two accesses of a report, this one and the previous.
pub struct Pair([Option<Access>; 2]);

/// One of them.
struct Access {
    /// In lower case: `read`, `atomic write`, `free`.
    kind: String,
    /// Its innermost place that is not the library's.
    place: Option<String>,
}

impl Pair {
    /// Whether these are the marked accesses, in either order.
    pub fn is(&self, marks: &[Mark]) -> bool {
        let [Some(access), Some(previous)] = &self.0 else { return false };
        let [a, b] = marks else { return false };
        (access.is(a) && previous.is(b)) || (access.is(b) && previous.is(a))
    }
}

impl Access {
    fn is(&self, mark: &Mark) -> bool {
        let here = match (&self.place, &mark.place) {
            (None, None) => true,
            (Some(seen), Some(due)) => seen.rsplit_once(':').is_some_and(|(line, _column)| line == due),
            _ => false,
        };
        here && (mark.kind == "any" || mark.kind == self.kind)
    }

    /// Reads `Previous write at 0x10 by thread 2:` and the frames below it, or the line
    /// `Previous end of thread 2, which owned the memory at 0x10`.
    fn parse(section: &str) -> Option<Self> {
        let mut lines = section.lines();
        let heading = lines.next()?.to_lowercase();
        let heading = heading.strip_prefix("previous ").unwrap_or(&heading);
        let kind = match heading.split_once(" 0x")?.0 {
            end if end.starts_with("end of thread") => "end of thread",
            free if free.ends_with(" of") => free.trim_end_matches(" of"),
            access => access.trim_end_matches(" at"),
        };
        let mut places = lines.filter_map(|line| line.strip_prefix("      "));
        let place = places.find(|place| !place.starts_with("library/")).map(str::to_owned);
        Some(Access { kind: kind.to_owned(), place })
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (access, between) in self.0.iter().zip(["", " and "]) {
            match access {
                Some(Access { kind, place }) => {
                    write!(f, "{between}{kind} at {}", place.as_deref().unwrap_or("nowhere"))?;
                }
                None => write!(f, "{between}nothing")?,
            }
        }
        Ok(())
    }
}

/// The accesses of each report in this text.
pub fn accesses(text: &str) -> Vec<Pair> {
    text.split(RULE)
        .filter_map(|report| report.trim_start().strip_prefix("WARNING: ")?.split_once('\n'))
        .map(|(_, report)| {
            let mut sections = report.split("\n\n").filter(|section| !section.starts_with("Test: "));
            Pair([(); 2].map(|()| Access::parse(sections.next()?)))
        })
        .collect()
}

/// The text without addresses, the folder of the program, places in the standard library, states of
/// threads that may be any, and what the command line says of itself.
pub fn normalised(text: &str, folder: &Path, thread_state: ThreadState) -> String {
    let text = text.replace(&format!("{}/", folder.display()), "");
    let mut out = String::with_capacity(text.len());
    for line in text.lines().filter(|line| !line.starts_with("racecheck: what it is")) {
        let line = match line.trim_start().strip_prefix("library/").and_then(|rest| rest.split_once(':')) {
            Some((file, _)) => format!("      library/{file}:LINE"),
            None => without_addresses(line),
        };
        let line = match thread_state {
            ThreadState::Fixed => line,
            ThreadState::Any => line.replace("(running)", "(STATE)").replace("(finished)", "(STATE)"),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn without_addresses(line: &str) -> String {
    let mut parts = line.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("0xADDR");
        out.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    out
}
