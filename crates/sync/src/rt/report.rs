//! From what the engine found to what a reader sees, and where it goes.
//!
//! A finding of a thread that works for a [`check`](crate::check()) goes to that check. All others go where
//! the command line listens (`RACECHECK_CHANNEL`), or as text to where `RACECHECK_OPTIONS` says, and give the
//! process its exit status.

use std::collections::HashSet;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use racecheck_engine::{AccessKind, Ctx, Race as EngineRace, Side, ThreadId};
use racecheck_report::fingerprint::{PairKey, pair_key};
use racecheck_report::model::{
    Access, Finding, FindingKind, Frame, Location, MAIN_THREAD, Op, SCHEMA_VERSION, Stack, Thread,
};
use racecheck_report::options::{ENVIRONMENT_VARIABLE, LogTarget, Options};
use racecheck_report::text::{TextOptions, write_finding, write_misuse_summary, write_summary};

use super::misuse::{Kind, Misuse};
use super::place::{self, Subject};
use super::{Info, engine, info, lock, os};

/// The variable by which the command line names the directory of its channel.
const CHANNEL_VARIABLE: &str = "RACECHECK_CHANNEL";

/// A race that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Race(Finding);

impl Race {
    /// All that is known of it, in the form that racecheck's tools share.
    pub fn finding(&self) -> &Finding {
        &self.0
    }

    /// The places of the two accesses, as `file:line`, the later access first.
    pub fn places(&self) -> (String, String) {
        let of = |access: &Access| {
            let frame = access.stack.frames.first();
            let file = |f: &'_ Frame| f.file.clone().unwrap_or_default();
            let short =
                |file: String| file.strip_prefix(place::workspace_root()).map(str::to_owned).unwrap_or(file);
            frame.map_or(String::new(), |f| format!("{}:{}", short(file(f)), f.line))
        };
        (of(&self.0.access), of(&self.0.previous))
    }
}

/// The whole report in Go's form, from rule to rule.
impl fmt::Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_finding(f, &self.0, &text_options())
    }
}

/// How reports are written in this process.
pub(crate) fn text_options() -> TextOptions<'static> {
    let options = options();
    TextOptions {
        strip_path_prefix: &options.strip_path_prefix,
        workspace_root: place::workspace_root(),
        fold: options.fold,
        ..TextOptions::default()
    }
}

/// What a `check` collects.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub members: Mutex<Vec<Arc<Info>>>,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    races: Vec<Race>,
    misuses: Vec<Misuse>,
    pairs: HashSet<PairKey>,
    keys: HashSet<(Kind, Vec<String>)>,
}

impl Group {
    /// Takes what was found so far.
    pub(crate) fn take(&self) -> (Vec<Race>, Vec<Misuse>) {
        let mut found = lock(&self.found);
        (std::mem::take(&mut found.races), std::mem::take(&mut found.misuses))
    }
}

/// What was found by threads of no group, to report each thing once.
static FOUND: OnceLock<Mutex<Found>> = OnceLock::new();
/// How many races and misuses the command line was not told about.
static RACES: AtomicUsize = AtomicUsize::new(0);
static MISUSES: AtomicUsize = AtomicUsize::new(0);

/// The options of this process.
pub(crate) fn options() -> &'static Options {
    static OPTIONS: OnceLock<Options> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let text = std::env::var(ENVIRONMENT_VARIABLE).unwrap_or_default();
        Options::parse(&text).unwrap_or_else(|error| {
            write_text(LogTarget::Stderr, &format!("racecheck: {ENVIRONMENT_VARIABLE}: {error}\n"));
            std::process::exit(2)
        })
    })
}

/// Races that the current thread's last event found.
#[cold]
pub(crate) fn races(found: Vec<EngineRace>, subject: Option<Subject>) {
    for race in found {
        let by = race.current.thread.and_then(info);
        let group = by.as_ref().and_then(|by| by.group.clone());
        let race = Race(finding(&race, subject.as_ref(), by.as_deref()));
        match group {
            Some(group) => {
                let mut found = lock(&group.found);
                if found.pairs.insert(pair_key(&race.0)) {
                    found.races.push(race);
                }
            }
            None => publish_race(&race),
        }
    }
}

fn publish_race(race: &Race) {
    let found = FOUND.get_or_init(Mutex::default);
    if !lock(found).pairs.insert(pair_key(&race.0)) {
        return;
    }
    publish(&race.0, &RACES);
}

/// Tells the outside. What the command line was told, it sums up itself, and it decides about the status.
fn publish(finding: &Finding, count: &AtomicUsize) {
    if !write_channel(&finding.to_json_line()) {
        count.fetch_add(1, Ordering::Relaxed);
        // The status is settled before a program that ends now could end with 0.
        os::exit_with(options().exitcode);
        os::at_end(summary);
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write_finding(&mut text, finding, &text_options());
        write_text(options().log_target(), &text);
    }
    if options().halt_on_error {
        std::process::exit(i32::from(options().exitcode));
    }
}

/// Hands a misuse to its group, or to the outside.
pub(crate) fn misuse(misuse: Misuse, group: Option<&Arc<Group>>) {
    let (found, outside) = match group {
        Some(group) => (&group.found, false),
        None => (FOUND.get_or_init(Mutex::default), true),
    };
    {
        let mut found = lock(found);
        if !found.keys.insert(misuse.key()) {
            return;
        }
        if !outside {
            found.misuses.push(misuse);
            return;
        }
    }
    let finding = misuse.finding();
    publish(&finding, &MISUSES);
}

fn summary() {
    let (races, misuses) = (RACES.load(Ordering::Relaxed), MISUSES.load(Ordering::Relaxed));
    let mut text = String::new();
    // Writing to a string cannot fail.
    if races > 0 {
        let _ = write_summary(&mut text, races);
    }
    if misuses > 0 {
        let _ = write_misuse_summary(&mut text, misuses);
    }
    write_text(options().log_target(), &text);
}

/// False if the command line does not listen, or did not get it.
fn write_channel(line: &str) -> bool {
    let Some(dir) = std::env::var_os(CHANNEL_VARIABLE).filter(|dir| !dir.is_empty()) else { return false };
    let path = std::path::Path::new(&dir).join(format!("{}.jsonl", std::process::id()));
    append(&path, &format!("{line}\n"))
}

pub(crate) fn write_text(target: LogTarget<'_>, text: &str) {
    let written = match target {
        LogTarget::Stderr => false,
        LogTarget::Stdout => std::io::stdout().write_all(text.as_bytes()).is_ok(),
        LogTarget::FilePerProcess { path } => {
            append(std::path::Path::new(&format!("{path}.{}", std::process::id())), text)
        }
    };
    if !written {
        // Nobody is left to tell if this fails as well.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

fn append(path: &std::path::Path, text: &str) -> bool {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).is_ok()
}

fn finding(race: &EngineRace, subject: Option<&Subject>, by: Option<&Info>) -> Finding {
    let real = |address: u64| match subject {
        Some(s) => address.wrapping_sub(s.virtual_address).wrapping_add(s.real_address),
        None => address,
    };
    let access = |side: &Side| Access {
        op: op(side.kind),
        address: real(side.address),
        size: side.size,
        thread: side.thread.map_or(MAIN_THREAD, |t| t.0),
        stack: stack(side.ctx),
    };
    let location = subject.map(|s| Location::Object {
        kind: short_name(s.kind),
        name: s.name.map(str::to_owned),
        address: s.real_address,
        size: s.size,
        offset: race.current.address.saturating_sub(s.virtual_address),
        made_at: place::at(s.made),
    });
    let mut threads: Vec<Thread> = Vec::new();
    for id in [race.current.thread, race.previous.thread].into_iter().flatten() {
        if !threads.iter().any(|t| t.id == id.0) {
            threads.push(info(id).map_or_else(|| unknown_thread(id), |info| thread(&info)));
        }
    }
    let other = race.previous.thread.and_then(info);
    let test = by.and_then(|i| i.test.clone()).or_else(|| other?.test.clone());
    Finding {
        schema: SCHEMA_VERSION,
        pid: std::process::id(),
        program: program(),
        kind: FindingKind::DataRace,
        access: access(&race.current),
        previous: access(&race.previous),
        location,
        threads,
        test: test.as_deref().map(str::to_owned),
        misuse: None,
        order: None,
        found: None,
    }
}

/// What a report says of a thread.
pub(crate) fn thread(info: &Info) -> Thread {
    Thread {
        id: info.id,
        name: info.name.clone(),
        running: info.running.load(Ordering::Relaxed),
        created_by: info.created_by,
        created_at: stack(info.created_at),
    }
}

fn unknown_thread(id: ThreadId) -> Thread {
    Thread { id: id.0, name: None, running: false, created_by: None, created_at: Stack::lost() }
}

/// A type's name without the paths in it.
fn short_name(name: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut short = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (path, more) = rest.split_at(end);
        short.push_str(path.rsplit("::").next().unwrap_or(path));
        let next = more.find(is_part).unwrap_or(more.len());
        short.push_str(&more[..next]);
        rest = &more[next..];
    }
    short
}

/// Path of the executable.
pub(crate) fn program() -> String {
    std::env::current_exe().map_or(String::new(), |path| path.display().to_string())
}

fn stack(ctx: Ctx) -> Stack {
    place::resolve(&engine().contexts.stack(ctx))
}

fn op(kind: AccessKind) -> Op {
    match kind {
        AccessKind::Read => Op::Read,
        AccessKind::Write => Op::Write,
        AccessKind::AtomicRead => Op::AtomicRead,
        AccessKind::AtomicWrite => Op::AtomicWrite,
        AccessKind::Alloc => Op::Alloc,
        AccessKind::Free => Op::Free,
        AccessKind::ThreadEnd => Op::ThreadExit,
    }
}
