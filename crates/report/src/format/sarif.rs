//! SARIF 2.1.0 (OASIS, *Static Analysis Results Interchange Format*), for code scanning.
//!
//! A result's location is the access; the previous access and where the threads were created are its
//! related locations. The two threads are a code flow with a thread flow each, from where the thread was
//! created to its access, and the two stacks are there as such too. `partialFingerprints` has the
//! fingerprint that outlives edits, so that a viewer knows a race again in the next run.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use serde_sarif::sarif::{
    ArtifactLocation, CodeFlow, Location, LogicalLocation, Message, MultiformatMessageString,
    PhysicalLocation, PropertyBag, Region, ReportingDescriptor, Result as SarifResult, ResultLevel, Run,
    Sarif, Stack as SarifStack, StackFrame, Suppression, ThreadFlow, ThreadFlowLocation, Tool, ToolComponent,
    Version,
};

use super::{Entry, Standing, View, headline, place, side};
use crate::code::Code;
use crate::fingerprint::stable_fingerprint;
use crate::fold::{Purpose, fold};
use crate::model::{Access, Finding, Frame, MAIN_THREAD, Stack};
use crate::text::{Escaped, ThreadName, When};
use crate::why::{missing_edge, remedies};

/// Where the schema of this version is published.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The name under which paths below the workspace are given.
const ROOT: &str = "SRCROOT";

/// Name of the property that holds [`crate::fingerprint::StableFingerprint`].
const FINGERPRINT: &str = "racecheck/v1";

/// Writes the document.
pub fn write(out: &mut dyn fmt::Write, entries: &[Entry], view: &View<'_>) -> fmt::Result {
    let sarif = Sarif::builder()
        .schema(SCHEMA.to_owned())
        .version(Version::V2_1_0.to_string())
        .runs(vec![run(entries, view)])
        .build();
    // Nothing in it has a key that is no text, so that it can always be written.
    let text = serde_json::to_string(&sarif).map_err(|_| fmt::Error)?;
    writeln!(out, "{text}")
}

fn run(entries: &[Entry], view: &View<'_>) -> Run {
    let mut used: Vec<Code> = entries.iter().map(|entry| Code::of(&entry.finding)).collect();
    used.sort_unstable();
    used.dedup();
    let driver = ToolComponent::builder()
        .name("racecheck")
        .version(env!("CARGO_PKG_VERSION"))
        .information_uri(env!("CARGO_PKG_REPOSITORY"))
        .rules(used.iter().map(|code| rule(*code)).collect::<Vec<_>>())
        .build();
    let results: Vec<SarifResult> = entries.iter().map(|entry| result(entry, &used, view)).collect();
    let mut run = Run::builder().tool(Tool::builder().driver(driver).build()).results(results).build();
    let root = view.text.workspace_root.trim_end_matches('/');
    if !root.is_empty() {
        let root = ArtifactLocation::builder().uri(format!("file://{}/", escaped_path(root))).build();
        run.original_uri_base_ids = Some(BTreeMap::from([(ROOT.to_owned(), root)]));
    }
    run
}

fn rule(code: Code) -> ReportingDescriptor {
    let text = |text: &str| MultiformatMessageString::builder().text(text).build();
    let explanation = code.explanation();
    let help = MultiformatMessageString::builder().text(explanation).markdown(explanation).build();
    ReportingDescriptor::builder()
        .id(code.id())
        .name(camel_case(code.title()))
        .short_description(text(code.title()))
        .full_description(text(first_paragraph(explanation)))
        .help(help)
        .build()
}

fn camel_case(title: &str) -> String {
    title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| {
            let (first, rest) = word.split_at_checked(1)?;
            Some(first.to_ascii_uppercase() + rest)
        })
        .collect()
}

/// Of an explanation, what follows its heading.
fn first_paragraph(markdown: &str) -> &str {
    markdown.split("\n\n").nth(1).unwrap_or(markdown).trim()
}

fn result(entry: &Entry, rules: &[Code], view: &View<'_>) -> SarifResult {
    let finding = &entry.finding;
    let code = Code::of(finding);
    let index = rules.iter().position(|other| *other == code).unwrap_or(0);
    let mut result = SarifResult::builder()
        .rule_id(code.id())
        .rule_index(index as i64)
        .level(ResultLevel::Error)
        .message(message(&text(finding, view)))
        .locations(location(&finding.access.stack, None, view).into_iter().collect::<Vec<_>>())
        .partial_fingerprints(BTreeMap::from([(
            FINGERPRINT.to_owned(),
            stable_fingerprint(finding).to_string(),
        )]))
        .occurrence_count(entry.count as i64)
        .related_locations(related(finding, view))
        .stacks(stacks(finding, view))
        .properties(properties(entry))
        .build();
    if finding.misuse.is_none() {
        let sides = [(&finding.access, When::Now), (&finding.previous, When::Before)];
        let flows = sides.into_iter().filter_map(|(access, when)| flow(finding, access, when, view));
        let flow = CodeFlow::builder().thread_flows(flows.collect::<Vec<_>>()).build();
        result.code_flows = (!flow.thread_flows.is_empty()).then(|| vec![flow]);
    }
    match &entry.standing {
        Standing::New => {}
        Standing::Known => result.baseline_state = Some("unchanged".into()),
        Standing::Suppressed { reason } => {
            let mut suppression = Suppression::builder().kind("external").build();
            suppression.justification = reason.clone();
            result.suppressions = Some(vec![suppression]);
        }
    }
    result
}

/// What a viewer shows at the line.
fn text(finding: &Finding, view: &View<'_>) -> String {
    let mut text = headline(finding);
    if finding.misuse.is_none() {
        let (now, before) = (&finding.access, &finding.previous);
        // Brackets make a link of a related location.
        let previous = side(finding, before, When::Before);
        text += &format!(": {}, [{previous}](1)", side(finding, now, When::Now));
    }
    for sentence in missing_edge(finding, &view.text).into_iter().chain(remedies(finding)) {
        text += ".\n";
        let mut rest = sentence.chars();
        text.extend(rest.next().into_iter().flat_map(char::to_uppercase));
        text += rest.as_str();
    }
    if let Some(test) = &finding.test {
        text += &format!(".\nTest: {}", Escaped(test));
    }
    text
}

fn related(finding: &Finding, view: &View<'_>) -> Vec<Location> {
    let mut related = Vec::new();
    if let Some(misuse) = &finding.misuse {
        related
            .extend(misuse.calls.iter().filter_map(|call| location(&call.stack, Some(&call.heading), view)));
    } else {
        let previous = side(finding, &finding.previous, When::Before);
        related.extend(location(&finding.previous.stack, Some(&previous), view));
        if related.is_empty() {
            // The message links to the first one.
            let text = message(&format!("{previous}: the place is not known"));
            related.push(Location::builder().message(text).build());
        }
        for thread in finding.threads.iter().filter(|thread| thread.id != MAIN_THREAD) {
            let text = format!("{} is created", ThreadName::of(finding, thread.id));
            related.extend(location(&thread.created_at, Some(&text), view));
        }
        if let Some(crate::model::Location::Heap { stack, allocated_by, .. }) = &finding.location {
            let text = format!("the memory is allocated by {}", ThreadName::of(finding, *allocated_by));
            related.extend(location(stack, Some(&text), view));
        }
    }
    for (id, location) in (1..).zip(&mut related) {
        location.id = Some(id);
    }
    related
}

fn stacks(finding: &Finding, view: &View<'_>) -> Vec<SarifStack> {
    if let Some(misuse) = &finding.misuse {
        return misuse.calls.iter().filter_map(|call| stack(&call.stack, &call.heading, view)).collect();
    }
    let sides = [(&finding.access, When::Now), (&finding.previous, When::Before)];
    let accesses = sides
        .into_iter()
        .filter_map(|(access, when)| stack(&access.stack, &side(finding, access, when), view));
    accesses.collect()
}

fn stack(stack: &Stack, text: &str, view: &View<'_>) -> Option<SarifStack> {
    let frames: Vec<StackFrame> = shown(&stack.frames, view).into_iter().map(|f| frame(f, view)).collect();
    (!frames.is_empty()).then(|| SarifStack::builder().frames(frames).message(message(text)).build())
}

fn shown<'a>(frames: &'a [Frame], view: &View<'_>) -> Vec<&'a Frame> {
    match view.text.fold {
        true => fold(frames, Purpose::Access),
        false => frames.iter().collect(),
    }
}

fn frame(frame: &Frame, view: &View<'_>) -> StackFrame {
    let mut made = StackFrame::builder().location(frame_location(frame, None, view)).build();
    made.module = frame.module.clone();
    made
}

/// A thread, from its creation to its access.
fn flow(finding: &Finding, access: &Access, when: When, view: &View<'_>) -> Option<ThreadFlow> {
    let mut steps = Vec::new();
    let name = ThreadName::of(finding, access.thread).to_string();
    if let Some(thread) = finding.thread(access.thread).filter(|thread| thread.id != MAIN_THREAD) {
        steps.extend(location(&thread.created_at, Some(&format!("{name} is created")), view));
    }
    let mut calls = shown(&access.stack.frames, view);
    calls.reverse();
    let last = calls.pop()?;
    steps.extend(calls.into_iter().map(|frame| frame_location(frame, Some("calls"), view)));
    steps.push(frame_location(last, Some(&side(finding, access, when)), view));
    let count = steps.len() as i64;
    let locations: Vec<ThreadFlowLocation> = (1..)
        .zip(steps)
        .map(|(at, location)| {
            let importance = if at == count { "essential" } else { "important" };
            ThreadFlowLocation::builder().location(location).importance(importance).build()
        })
        .collect();
    Some(ThreadFlow::builder().id(name).locations(locations).build())
}

fn location(stack: &Stack, text: Option<&str>, view: &View<'_>) -> Option<Location> {
    let frame = place(&stack.frames, view.text.workspace_root)?;
    Some(frame_location(frame, text, view))
}

fn frame_location(frame: &Frame, text: Option<&str>, view: &View<'_>) -> Location {
    let mut location = Location::builder().build();
    location.message = text.map(|text| message(&Escaped(text).to_string()));
    if let Some(function) = &frame.function {
        let name =
            LogicalLocation::builder().fully_qualified_name(function.as_str()).kind("function").build();
        location.logical_locations = Some(vec![name]);
    }
    if let Some(file) = &frame.file {
        let mut physical = PhysicalLocation::builder().artifact_location(artifact(file, view)).build();
        if frame.line > 0 {
            let mut region = Region::builder().start_line(i64::from(frame.line)).build();
            region.start_column = (frame.column > 0).then_some(i64::from(frame.column));
            physical.region = Some(region);
        }
        location.physical_location = Some(physical);
    }
    location
}

fn artifact(file: &str, view: &View<'_>) -> ArtifactLocation {
    let shown = crate::text::short_path(file, &view.text);
    let mut artifact = ArtifactLocation::builder().build();
    if shown.starts_with('/') {
        artifact.uri = Some(format!("file://{}", escaped_path(shown)));
    } else {
        artifact.uri = Some(escaped_path(shown));
        let root = view.text.workspace_root.trim_end_matches('/');
        let below_root =
            !root.is_empty() && file.strip_prefix(root).is_some_and(|rest| rest.starts_with('/'));
        artifact.uri_base_id = below_root.then(|| ROOT.to_owned());
    }
    artifact
}

/// A path as the path of a URI (RFC 3986).
fn escaped_path(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(byte.into());
            }
            _ => escaped += &format!("%{byte:02X}"),
        }
    }
    escaped
}

fn message(text: &str) -> Message {
    Message::builder().text(text).build()
}

fn properties(entry: &Entry) -> PropertyBag {
    let mut more = BTreeMap::new();
    let mut add = |key: &str, value: serde_json::Value| more.insert(key.to_owned(), value);
    add("program", entry.finding.program.clone().into());
    add("pid", entry.finding.pid.into());
    if let Some(test) = &entry.finding.test {
        add("test", test.clone().into());
    }
    for (shard, count) in &entry.shards {
        add(&format!("shard:{shard}"), (*count).into());
    }
    PropertyBag::builder().additional_properties(more).build()
}
