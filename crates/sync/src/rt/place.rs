//! Where something happened: the caller's place in the source, and the stack around it.
//!
//! Every recorded access keeps its place, which `#[track_caller]` gives for nothing. Its whole stack costs an
//! unwinding, thousands of times the access itself, so that each thread keeps whole stacks for its first
//! [`WHOLE_STACKS`] recorded accesses at each place and the place alone for later ones. What is shown
//! is never the stack of another access.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::{Mutex, OnceLock};

use racecheck_engine::{ContextCache, ContextTable, Ctx, Granule, Mask};
use racecheck_report::model::{Frame, Stack};

use super::{Inner, Quiet, lock};

/// A place in the program's source.
pub(crate) type Place = &'static Location<'static>;

/// How many whole stacks a thread keeps for each place.
const WHOLE_STACKS: u16 = 64;
/// Deeper stacks lose their outer end.
const DEEPEST: usize = 128;
/// Marks a node of the context tree that is a place and not a pc.
const IS_PLACE: u64 = 1 << 61;

/// How often a thread took the whole stack at the places that it used last. A place that was pushed out by
/// another one starts anew.
#[derive(Debug)]
pub(crate) struct Places {
    taken: Box<[(usize, u16); Self::LEN]>,
}

impl Places {
    const LEN: usize = 256;

    /// True if the whole stacks at this place are all taken.
    #[inline]
    fn has_enough(&self, place: Place) -> bool {
        let place = std::ptr::from_ref(place) as usize;
        self.taken[Self::index(place)] == (place, WHOLE_STACKS)
    }

    #[cold]
    fn take_whole(&mut self, place: Place) {
        let place = std::ptr::from_ref(place) as usize;
        let (at, taken) = &mut self.taken[Self::index(place)];
        if *at != place {
            (*at, *taken) = (place, 0);
        }
        *taken += 1;
    }

    #[inline]
    fn index(place: usize) -> usize {
        place / align_of::<Location<'static>>() % Self::LEN
    }
}

impl Default for Places {
    fn default() -> Self {
        Places { taken: Box::new([(0, 0); Self::LEN]) }
    }
}

/// Where an access is, for the engine, which asks for the context only if it records the access.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Here {
    /// With its stack.
    Stack(Ctx),
    /// The place alone.
    Bare(Place),
}

impl racecheck_engine::Place for Here {
    #[inline]
    fn context(self, table: &ContextTable, cache: &mut ContextCache) -> Ctx {
        match self {
            Here::Stack(ctx) => ctx,
            Here::Bare(place) => place_in(table, cache, Ctx::UNKNOWN, place),
        }
    }
}

#[inline]
fn place_in(table: &ContextTable, cache: &mut ContextCache, parent: Ctx, place: Place) -> Ctx {
    table.child(cache, parent, std::ptr::from_ref(place) as u64 | IS_PLACE)
}

impl Inner {
    /// An access at `place`.
    #[inline]
    pub(crate) fn here(&mut self, place: Place) -> Here {
        if self.places.has_enough(place) { Here::Bare(place) } else { self.here_with_stack(place) }
    }

    #[cold]
    fn here_with_stack(&mut self, place: Place) -> Here {
        self.places.take_whole(place);
        Here::Stack(self.context_of_origin(place))
    }

    /// The context of something that happens rarely: always with its stack.
    pub(crate) fn context_of_origin(&mut self, place: Place) -> Ctx {
        let parent = self.whole_stack();
        place_in(&self.engine.contexts, &mut self.thread.contexts, parent, place)
    }

    #[cold]
    fn whole_stack(&mut self) -> Ctx {
        let mut pcs = Vec::with_capacity(48);
        backtrace::trace(|frame| {
            // A return address lies behind the call; the symbols wanted are those of the call.
            pcs.extend((frame.ip() as u64).checked_sub(1));
            pcs.len() < DEEPEST
        });
        let (engine, cache) = (self.engine, &mut self.thread.contexts);
        pcs.iter().rev().fold(Ctx::UNKNOWN, |parent, pc| engine.contexts.child(cache, parent, *pc))
    }

    /// A plain access of `size` bytes, `offset` bytes into the subject.
    #[inline]
    pub(crate) fn plain(&mut self, subject: &Subject, offset: u64, size: u64, write: Write, place: Place) {
        let address = subject.virtual_address + offset;
        if size <= 8 - (address & 7) {
            let (granule, mask) = (Granule::of(address), Mask::span((address & 7) as u32, size));
            let known = match write {
                Write::No => self.engine.read_is_known(&self.thread, granule, mask),
                Write::Yes => self.engine.write_is_known(&self.thread, granule, mask),
            };
            if known {
                return;
            }
        }
        let here = self.here(place);
        match write {
            Write::No => self.engine.read(&mut self.thread, address, size, here),
            Write::Yes => self.engine.write(&mut self.thread, address, size, here),
        }
        self.subject_of_races(subject);
    }

    /// Remembers what the races that were just found are about.
    #[inline]
    pub(crate) fn subject_of_races(&mut self, subject: &Subject) {
        if !self.thread.races.is_empty() {
            self.subject = Some(*subject);
        }
    }
}

/// What is accessed, for a report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub virtual_address: u64,
    pub real_address: u64,
    pub size: u64,
    /// What it is: its type, with its path.
    pub kind: &'static str,
    /// The name that the program gave it.
    pub name: Option<&'static str>,
    pub made: Place,
}

/// Whether an access writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    No,
    Yes,
}

/// True if a function whose name holds `part` is on the stack.
#[cold]
pub(crate) fn is_called_by(part: &str) -> bool {
    let mut pcs = Vec::with_capacity(48);
    backtrace::trace(|frame| {
        pcs.extend((frame.ip() as u64).checked_sub(1));
        pcs.len() < DEEPEST
    });
    let named =
        |pc: &u64| frames_of(*pc).iter().any(|f| f.function.as_deref().is_some_and(|f| f.contains(part)));
    // The harness is at the outer end.
    pcs.iter().rev().any(named)
}

/// The frames of `pcs` (innermost first, as the context tree gives them).
pub(crate) fn resolve(keys: &[u64]) -> Stack {
    let _quiet = Quiet::begin();
    let (place, pcs) = match keys.split_first() {
        Some((first, rest)) if first & IS_PLACE != 0 => (Some(place_of(*first)), rest),
        _ => (None, keys),
    };
    let mut frames: Vec<Frame> = pcs.iter().flat_map(|pc| frames_of(*pc)).collect();
    let Some(place) = place else { return Stack { frames, lost: keys.is_empty() } };
    let here =
        |f: &Frame| f.line == place.line() && f.file.as_deref().is_some_and(|p| is_file(p, place.file()));
    match frames.iter().position(here) {
        // What lies inside of the place is this crate's own.
        Some(at) => {
            frames.drain(..at);
            frames[0].column = place.column();
            without_own(&mut frames);
        }
        None => {
            without_own(&mut frames);
            frames.insert(
                0,
                Frame {
                    function: Some("(the whole stack was not kept)".to_owned()).filter(|_| pcs.is_empty()),
                    ..frame_at(place)
                },
            );
        }
    }
    Stack { frames, lost: false }
}

/// The stack that consists of a place only.
pub(crate) fn at(place: Place) -> Stack {
    Stack { frames: vec![frame_at(place)], lost: false }
}

fn frame_at(place: Place) -> Frame {
    Frame {
        file: Some(place.file().to_owned()),
        line: place.line(),
        column: place.column(),
        ..Frame::default()
    }
}

fn place_of(key: u64) -> Place {
    // SAFETY: only `place_in` makes such keys, from references to places that live for ever.
    unsafe { &*((key & !IS_PLACE) as usize as *const Location<'static>) }
}

/// Debug info has whole paths, places have them as the compiler was given them: mostly from the workspace on.
fn is_file(whole: &str, given: &str) -> bool {
    let Some(root) = whole.strip_suffix(given) else {
        return whole.replace('\\', "/").ends_with(&given.replace('\\', "/"));
    };
    if !root.is_empty() {
        // The first one that is learnt is as good as a later one.
        let _ = ROOT.set(root.to_owned());
    }
    true
}

static ROOT: OnceLock<String> = OnceLock::new();

/// The directory of the workspace, if it was learnt; empty if not.
pub(crate) fn workspace_root() -> &'static str {
    ROOT.get().map_or("", String::as_str)
}

/// Leaves out the frames of this crate, and those of the library that it called.
fn without_own(frames: &mut Vec<Frame>) {
    let mut kept = Vec::with_capacity(frames.len());
    // From the outside in: a library frame below one of ours is ours too.
    let mut ours = false;
    for frame in frames.drain(..).rev() {
        ours = is_own(&frame) || (ours && is_library(&frame));
        if !ours {
            kept.push(frame);
        }
    }
    kept.reverse();
    *frames = kept;
}

fn is_library(frame: &Frame) -> bool {
    let name = frame.function.as_deref().unwrap_or("").trim_start_matches('<');
    ["std::", "core::", "alloc::"].iter().any(|prefix| name.starts_with(prefix))
        || frame.file.as_deref().is_some_and(|file| file.starts_with("/rustc/"))
}

/// By the name; or by the path, since inlined frames have bare names where debug info holds only lines.
fn is_own(frame: &Frame) -> bool {
    let name = frame.function.as_deref().unwrap_or("").trim_start_matches('<');
    let by_name = ["racecheck::", "backtrace::"].iter().any(|prefix| name.starts_with(prefix));
    by_name || frame.file.as_deref().is_some_and(|file| short(file).starts_with(own_sources()))
}

/// The path of a file from the workspace on, if it lies there.
fn short(file: &str) -> &str {
    file.strip_prefix(workspace_root()).unwrap_or(file)
}

/// The directory of this crate's sources, as the compiler was given it.
fn own_sources() -> &'static str {
    file!().strip_suffix("rt/place.rs").unwrap_or(file!())
}

/// The frames at `pc`, innermost first. Looked up once.
fn frames_of(pc: u64) -> Vec<Frame> {
    static KNOWN: OnceLock<Mutex<HashMap<u64, Vec<Frame>>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    if let Some(frames) = lock(known).get(&pc) {
        return frames.clone();
    }
    let mut frames = Vec::new();
    backtrace::resolve(pc as usize as *mut _, |symbol| {
        if let Some(inner) = frames.last_mut() {
            let inner: &mut Frame = inner;
            inner.inlined = true;
        }
        frames.push(Frame {
            function: symbol.name().map(|name| format!("{name:#}")),
            file: symbol.filename().map(|path| path.display().to_string()),
            line: symbol.lineno().unwrap_or(0),
            column: symbol.colno().unwrap_or(0),
            module: None,
            offset: pc,
            inlined: false,
        });
    });
    if frames.is_empty() {
        frames.push(Frame { offset: pc, ..Frame::default() });
    }
    lock(known).insert(pc, frames.clone());
    frames
}
