//! From addresses in the process to functions, lines and variables.
//!
//! A module's file is mapped when the first address in it is asked for, and stays mapped: a program that has
//! one race often has more. Everything is done in the process, without another program and without the
//! network.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use racecheck_report::symbols::{Limits, ModuleAddress, Symbolizer};
use racecheck_report::{Frame, Location};

use crate::modules::{ModuleId, ModuleKind, Modules};
use crate::sys::file::read_link;
use crate::sys::memory::{FileMap, MemoryReader};

/// What is known of the program's modules.
#[derive(Default)]
pub struct Resolver {
    modules: Modules,
    /// `None` for a module whose file cannot be read (any more).
    symbols: BTreeMap<ModuleId, Option<Symbolizer<'static>>>,
    /// The frames of calls that were asked for before: stacks have most of their frames in common.
    known: BTreeMap<u64, Vec<Frame>>,
    directory: Option<String>,
    /// Whether modules name `__tsan_func_entry`.
    names_entry: BTreeMap<ModuleId, bool>,
}

/// Whether `part` is anywhere in `whole`.
fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

/// A function calls `__tsan_func_entry` within so many bytes, if at all: behind what sets its frame up.
const FUNCTION_BEGIN: usize = 512;

/// True if the code at `begin` pushes onto the shadow call stack itself, or calls `__tsan_func_entry`: directly, through
/// a slot of the global offset table, or through a stub of the procedure linkage table. Bytes that only look like such a call may be met on the way; that
/// one of them leads there by chance is as good as impossible.
fn calls_entry(memory: &MemoryReader, begin: u64, code: &[u8]) -> bool {
    let entry = crate::abi::function::entry_address();
    let relative = |next: u64, bytes: &[u8]| {
        let distance = bytes.first_chunk().map(|d| i32::from_le_bytes(*d))?;
        Some(next.wrapping_add_signed(i64::from(distance)))
    };
    let slot_holds_entry = |slot: u64| {
        let mut value = [0; 8];
        memory.read(slot as usize, &mut value).is_ok() && u64::from_le_bytes(value) == entry
    };
    let stub_leads_there = |stub: u64| {
        let mut jump = [0; 16];
        // endbr64 may come first, and the jump may have a prefix.
        memory.read(stub as usize, &mut jump).is_ok()
            && (0..8).any(|at| {
                jump[at..].starts_with(&[0xff, 0x25])
                    && relative(stub + at as u64 + 6, &jump[at + 2..]).is_some_and(slot_holds_entry)
            })
    };
    (0..code.len()).any(|at| match code[at..] {
        // `add qword ptr fs:[REGISTER + 16], 8`, with one byte more if the register is r12.
        [0x64, 0x48 | 0x49, 0x83, 0x40..0x48, 16, 8, ..] | [0x64, 0x49, 0x83, 0x44, 0x24, 16, 8, ..] => true,
        [0xe8, ref distance @ ..] => relative(begin + at as u64 + 5, distance)
            .is_some_and(|target| target == entry || stub_leads_there(target)),
        [0xff, 0x15, ref distance @ ..] => {
            relative(begin + at as u64 + 6, distance).is_some_and(slot_holds_entry)
        }
        _ => false,
    })
}

/// So many calls are remembered.
const KNOWN: usize = 1 << 14;

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("modules", &self.modules).finish_non_exhaustive()
    }
}

impl Resolver {
    /// Nothing is looked at yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The path of the executable.
    pub fn program(&mut self) -> String {
        let main = |modules: &Modules| {
            modules.iter().find(|(_, m)| m.kind() == ModuleKind::Main).map(|(_, m)| m.display_path())
        };
        main(&self.modules)
            .or_else(|| {
                self.modules.refresh().ok()?;
                main(&self.modules)
            })
            .unwrap_or_default()
    }

    /// The table of modules.
    pub fn modules(&mut self) -> &mut Modules {
        &mut self.modules
    }

    /// The directory that the process is in (when it is asked for first): files below it are told from there.
    pub fn directory(&mut self) -> &str {
        self.directory.get_or_insert_with(|| {
            let mut buffer = [0; 4096];
            let path = read_link(c"/proc/self/cwd", &mut buffer).unwrap_or(b"");
            String::from_utf8_lossy(path).into_owned()
        })
    }

    /// The frames of the call that returns to `pc`, innermost first; at least one.
    pub fn frames(&mut self, pc: u64) -> &[Frame] {
        if self.known.len() >= KNOWN {
            self.known.clear();
        }
        if !self.known.contains_key(&pc) {
            let frames = self.look_up(pc);
            self.known.insert(pc, frames);
        }
        &self.known[&pc]
    }

    fn look_up(&mut self, pc: u64) -> Vec<Frame> {
        // The instruction before the one that the call returns to is the call.
        let call = pc.wrapping_sub(1);
        let Some((id, address, path)) = self.find(call) else {
            return vec![Frame { offset: call, ..Frame::default() }];
        };
        match self.symbolizer(id) {
            Some(symbols) => symbols.frames(address, Some(&path)),
            None => vec![Frame { module: Some(path), offset: address.0, ..Frame::default() }],
        }
    }

    /// The variable or the file at `address`.
    pub fn location(&mut self, address: u64) -> Option<Location> {
        let (id, in_module, path) = self.find(address)?;
        let global = self.symbolizer(id).and_then(|symbols| symbols.global_at(in_module));
        Some(match global {
            Some(global) => Location::Global {
                name: global.name,
                address: address - (in_module.0 - global.address.0),
                size: global.size,
                offset: in_module.0 - global.address.0,
                module: Some(path),
            },
            None => Location::Mapped { module: Some(path) },
        })
    }

    /// True if the function that `pc` returns into is instrumented: it tells the runtime of its entry. Also if
    /// it belongs to no module, since then nothing says that it is not.
    pub fn is_instrumented(&mut self, pc: u64) -> bool {
        let Some((id, address, _)) = self.find(pc.wrapping_sub(1)) else { return true };
        self.tells_of_entry(id, pc, address).unwrap_or(false)
    }

    /// True if the function that `pc` returns into is known not to be instrumented: it is a known function that
    /// tells nothing of its entry, or belongs to a library in which no function can.
    pub fn is_foreign(&mut self, pc: u64) -> bool {
        let Some((id, address, _)) = self.find(pc.wrapping_sub(1)) else { return false };
        self.tells_of_entry(id, pc, address).is_some_and(|tells| !tells) || !self.names_entry(id)
    }

    /// Whether the function at the call before `pc` calls `__tsan_func_entry`; `None` if it cannot be told.
    fn tells_of_entry(&mut self, id: ModuleId, pc: u64, call: ModuleAddress) -> Option<bool> {
        let function = self.symbolizer(id)?.function_range(call)?;
        let begin = pc - 1 - (call.0 - function.start.0);
        let mut code = [0; FUNCTION_BEGIN];
        let code = &mut code[..(function.end.0 - function.start.0).min(FUNCTION_BEGIN as u64) as usize];
        let memory = MemoryReader::open().ok()?;
        memory.read(begin as usize, code).ok()?;
        Some(calls_entry(&memory, begin, code))
    }

    /// Whether anything in the module can call `__tsan_func_entry`: the executable has it within itself, and a library
    /// has to name it. Also if the module's file cannot be read.
    fn names_entry(&mut self, id: ModuleId) -> bool {
        /// As C's compilers call it, and as rustc does (`cli/src/instrument.rs`); what is left of it where it is inlined.
        const NAMES: [&[u8]; 3] =
            [b"__tsan_func_entry\0", b"racecheck_rt_func_entry\0", b"racecheck_rt_slow_entry\0"];
        let Some(module) = self.modules.get(id).filter(|module| module.kind() == ModuleKind::Library) else {
            return true;
        };
        let names =
            || module.map_file().map_or(true, |file| NAMES.iter().any(|name| contains(file.bytes(), name)));
        *self.names_entry.entry(id).or_insert_with(names)
    }

    fn find(&mut self, address: u64) -> Option<(ModuleId, ModuleAddress, String)> {
        let origin = self.modules.locate(address as usize)?;
        Some((origin.id, origin.address, origin.module.display_path()))
    }

    fn symbolizer(&mut self, id: ModuleId) -> Option<&mut Symbolizer<'static>> {
        let modules = &self.modules;
        let open = || {
            let file = modules.get(id)?.map_file().ok()?;
            // Mapped for the rest of the process.
            let file: &'static FileMap = Box::leak(Box::new(file));
            Symbolizer::new(file.bytes(), Limits::default()).ok()
        };
        self.symbols.entry(id).or_insert_with(open).as_mut()
    }
}
