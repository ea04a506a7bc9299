//! JUnit XML: a test suite for each program, a test case for each test that something was found in, and
//! one for each finding that belongs to no test.
//!
//! It holds findings only: tests without any are in the XML of whoever ran them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Entry, Standing, View, headline, place, position};
use crate::code::Code;
use crate::fingerprint::stable_fingerprint;
use crate::model::Finding;
use crate::text::{TextOptions, TextStyle, write_finding};

/// Writes the document.
pub fn write(out: &mut dyn fmt::Write, entries: &[Entry], view: &View<'_>) -> fmt::Result {
    let mut suites: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let program = &entry.finding.program;
        suites.entry(program.rsplit('/').next().unwrap_or(program)).or_default().push(entry);
    }
    let mut report = Report::new("racecheck");
    for (program, entries) in suites {
        let mut suite = TestSuite::new(program);
        suite.add_test_cases(entries.into_iter().map(|entry| case(entry, view)));
        report.add_test_suite(suite);
    }
    out.write_str(&report.to_string().map_err(|_| fmt::Error)?)
}

fn case(entry: &Entry, view: &View<'_>) -> TestCase {
    let finding = &entry.finding;
    let title = title(finding, view);
    let mut status = match &entry.standing {
        Standing::New => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Standing::Known | Standing::Suppressed { .. } => TestCaseStatus::skipped(),
    };
    let message = match &entry.standing {
        Standing::New => title.clone(),
        Standing::Known => format!("in the baseline: {title}"),
        Standing::Suppressed { reason } => {
            format!("suppressed ({}): {title}", reason.as_deref().unwrap_or("no reason given"))
        }
    };
    let plain = TextOptions { style: TextStyle::Plain, ..view.text };
    let mut text = String::new();
    // Writing to a string never fails.
    let _ = write_finding(&mut text, finding, &plain);
    status.set_message(message).set_type(Code::of(finding).id()).set_description(text);
    let (class, name) = match &finding.test {
        // As test reporters show it: the path of the module, and the test.
        Some(test) => match test.rsplit_once("::") {
            Some((module, _)) => (module.to_string(), test.clone()),
            None => ("racecheck".to_string(), test.clone()),
        },
        None => ("racecheck".to_string(), title),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case.add_property(("fingerprint", stable_fingerprint(finding).to_string().as_str()));
    case.add_property(("count", entry.count.to_string().as_str()));
    if let Some(frame) = place(&finding.access.stack.frames, view.text.workspace_root) {
        if let Some(file) = &frame.file {
            case.extra.insert("file".into(), view.path(file).to_string().into());
        }
        if frame.line > 0 {
            case.extra.insert("line".into(), frame.line.to_string().into());
        }
    }
    case
}

fn title(finding: &Finding, view: &View<'_>) -> String {
    let code = Code::of(finding);
    let at = place(&finding.access.stack.frames, view.text.workspace_root);
    match at {
        Some(frame) => format!("{code}: {} at {}", headline(finding), position(frame, view)),
        None => format!("{code}: {}", headline(finding)),
    }
}
