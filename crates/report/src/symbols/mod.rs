//! Names and lines for addresses of an executable or library.
//!
//! The caller maps the file and hands over its bytes; nothing here opens a file. Addresses are those
//! of the file itself ([`ModuleAddress`]): the caller takes the load address off. A return address
//! belongs to the call before it, so the caller asks for the address less one.
//!
//! What an address gets, in this order: all calls that cover it from the debug info, inlined ones
//! included, with file, line and column; the function's name from the symbol table; nothing but the
//! address.
//!
//! Memory is bounded, see [`Limits`] and the head of `debug_info.rs`; a lookup of an
//! address in a unit that was touched before takes microseconds.

mod debug_info;
mod elf;
mod names;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::model::Frame;
use debug_info::{Call, DebugInfo, Name, Place};
use elf::{Elf, SymbolKind};

pub use elf::{ElfError, TlsSegment};
pub use names::{demangle, demangle_variable};

/// An address as a module's own headers count, before it is loaded anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleAddress(pub u64);

/// Memory that a [`Symbolizer`] may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for what is remembered of compilation units.
    pub units: usize,
    /// Bytes for debug sections that the file holds compressed. A section for which there is no room
    /// left is taken as missing.
    pub decompressed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { units: 32 << 20, decompressed: 128 << 20 }
    }
}

/// A static variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Its name, demangled.
    pub name: String,
    /// Its first byte. For a thread-local variable: its offset in each thread's copy.
    pub address: ModuleAddress,
    /// Number of its bytes.
    pub size: u64,
}

/// Answers what lies at addresses of one module.
pub struct Symbolizer<'data> {
    elf: Elf<'data>,
    limits: Limits,
    debug_info: Lazy<'data>,
}

/// The debug info is not touched before the first lookup: most programs have no race.
enum Lazy<'data> {
    Untouched,
    Loaded(DebugInfo<'data>),
    Absent,
}

impl<'data> Symbolizer<'data> {
    /// Reads the headers of an ELF file.
    pub fn new(file: &'data [u8], limits: Limits) -> Result<Self, ElfError> {
        Ok(Symbolizer { elf: Elf::parse(file)?, limits, debug_info: Lazy::Untouched })
    }

    /// The frames of the code at an address, innermost first; at least one. `module` is the path that
    /// they name as theirs.
    pub fn frames(&mut self, address: ModuleAddress, module: Option<&str>) -> Vec<Frame> {
        let mut calls = match self.debug_info() {
            Some(debug_info) => debug_info.calls_at(address.0),
            None => Vec::new(),
        };
        if calls.is_empty() {
            calls.push(Call { function: None, place: Place::default(), inlined: false });
        }
        // The outermost call is the function itself, so that the symbol table knows it too.
        if let Some(outermost) = calls.last_mut().filter(|call| !matches!(call.function, Some(Name::Full(_))))
        {
            outermost.function = self.function_at(address).map(Name::Full).or(outermost.function.take());
        }
        let frame = |call: Call| Frame {
            function: call.function.map(Name::into_text),
            file: call.place.file,
            line: call.place.line,
            column: call.place.column,
            module: module.map(ToString::to_string),
            offset: address.0,
            inlined: call.inlined,
        };
        calls.into_iter().map(frame).collect()
    }

    /// The name that the symbol table has for the code at an address.
    pub fn function_at(&self, address: ModuleAddress) -> Option<String> {
        self.elf.symbol_at(SymbolKind::Function, address.0).map(|symbol| demangle(symbol.name))
    }

    /// Where the function that holds an address begins and ends.
    pub fn function_range(&self, address: ModuleAddress) -> Option<core::ops::Range<ModuleAddress>> {
        let symbol = self.elf.symbol_at(SymbolKind::Function, address.0).filter(|symbol| symbol.size > 0)?;
        Some(ModuleAddress(symbol.address)..ModuleAddress(symbol.address + symbol.size))
    }

    /// The static variable that holds an address.
    pub fn global_at(&self, address: ModuleAddress) -> Option<Global> {
        self.variable(SymbolKind::Variable, address.0)
    }

    /// The thread-local variable at an offset in a thread's copy of the module's thread-local segment.
    pub fn thread_local_at(&self, offset: u64) -> Option<Global> {
        self.variable(SymbolKind::ThreadLocal, offset)
    }

    /// The module's thread-local segment, if it has one.
    pub fn tls_segment(&self) -> Option<TlsSegment> {
        self.elf.tls()
    }

    /// Whether the file has debug info that can be used.
    pub fn has_debug_info(&mut self) -> bool {
        self.debug_info().is_some()
    }

    fn variable(&self, kind: SymbolKind, address: u64) -> Option<Global> {
        self.elf.symbol_at(kind, address).map(|symbol| Global {
            name: demangle_variable(symbol.name),
            address: ModuleAddress(symbol.address),
            size: symbol.size,
        })
    }

    fn debug_info(&mut self) -> Option<&mut DebugInfo<'data>> {
        if let Lazy::Untouched = self.debug_info {
            self.debug_info = match DebugInfo::load(&self.elf, self.limits) {
                Some(debug_info) => Lazy::Loaded(debug_info),
                None => Lazy::Absent,
            };
        }
        match &mut self.debug_info {
            Lazy::Loaded(debug_info) => Some(debug_info),
            Lazy::Untouched | Lazy::Absent => None,
        }
    }
}
