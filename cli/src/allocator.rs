//! The bridge to the allocator that a program brings.
//!
//! `#[global_allocator]` may name an allocator of any make, in C for instance. Memory that it takes from one thread
//! and gives to another passes through nothing that the runtime sees, so the runtime has to be told when a
//! block ends. All Rust code frees memory by two functions, `__rust_dealloc` and `__rust_realloc`, whose full names
//! differ from one compiler to the next. The linker is told to put the bridge in front of both (`--wrap`):
//!
//! ```text
//! call __rust_dealloc ──▶ __wrap_…: r11 = the real one ──▶ racecheck_rt_block_… ──▶ the real one
//! ```
//!
//! The bridge is an object of some instructions, made for the toolchain. In the module that defines them the functions
//! are kept from being inlined, and from losing arguments that the allocator does not look at.

use std::path::Path;

use object::write::{Object, Relocation, Symbol, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationEncoding, RelocationFlags, RelocationKind, SectionKind,
    SymbolFlags, SymbolKind, SymbolScope,
};

use crate::error::{Error, Result};
use crate::sysroot;
use crate::toolchain::Toolchain;

/// Name of the object's file.
pub const OBJECT_FILE: &str = "racecheck-allocator.o";

/// Name of the file that lists the functions, one a line.
pub const NAMES_FILE: &str = "racecheck-allocator.names";

/// What the functions are called but for what the compiler's version puts before it, and the runtime's part, which leaves
/// all arguments as they are and goes on to the function that r11 names. Both functions take the block and its size
/// first.
const FUNCTIONS: [(&str, &str); 2] =
    [("__rust_dealloc", "racecheck_rt_block_ends"), ("__rust_realloc", "racecheck_rt_block_moves")];

/// `lea r11, [rip + real]`, then `jmp` to the runtime's part; both places are filled in by the linker.
const CODE: [u8; 12] = [0x4c, 0x8d, 0x1d, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0];
const REAL_AT: u64 = 3;
const RUNTIME_AT: u64 = 8;

/// The names by which the toolchain's standard library knows the functions.
pub fn names(toolchain: &Toolchain) -> Result<Vec<String>> {
    let is_one = |name: &str| FUNCTIONS.iter().any(|(function, _)| name.ends_with(function));
    sysroot::references(toolchain, is_one)
}

/// The object that stands in front of these functions.
pub fn bridge(names: &[String]) -> Result<Vec<u8>> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let text = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    for (name, runtime) in names.iter().filter_map(|name| Some((name, part_for(name)?))) {
        let runtime = object.add_symbol(undefined(runtime, false));
        let begin = object.append_section_data(text, &CODE, 16);
        object.add_symbol(Symbol {
            value: begin,
            size: CODE.len() as u64,
            kind: SymbolKind::Text,
            scope: SymbolScope::Linkage,
            section: SymbolSection::Section(text),
            ..undefined(&format!("__wrap_{name}"), false)
        });
        // A program that frees nothing may have no such function.
        let real = object.add_symbol(undefined(&format!("__real_{name}"), true));
        for (place, kind, symbol) in
            [(REAL_AT, RelocationKind::Relative, real), (RUNTIME_AT, RelocationKind::PltRelative, runtime)]
        {
            object.add_relocation(text, relocation(begin + place, kind, symbol)).map_err(failed)?;
        }
    }
    object.write().map_err(failed)
}

fn part_for(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(function, _)| name.ends_with(function)).map(|(_, part)| *part)
}

/// The options that keep rustc from looking into them: LLVM takes the definition of a function that is `nobuiltin`
/// for one of several that there may be.
pub fn compiler_options(names: &[String]) -> impl Iterator<Item = String> {
    let attributes = names.iter().flat_map(|name| ["noinline", "nobuiltin"].map(|it| (name, it)));
    attributes.map(|(name, attribute)| format!("-Cllvm-args=-force-attribute={name}:{attribute}"))
}

/// The options that put the bridge at `object` in front of them.
pub fn linker_options(object: &Path, names: &[String]) -> impl Iterator<Item = String> {
    let object = format!("-Clink-arg={}", object.display());
    [object].into_iter().chain(names.iter().map(|name| format!("-Clink-arg=-Wl,--wrap={name}")))
}

fn failed(error: object::write::Error) -> Error {
    Error::Bridge { object: OBJECT_FILE, reason: error.to_string() }
}

fn undefined(name: &str, weak: bool) -> Symbol {
    Symbol {
        name: name.as_bytes().to_vec(),
        value: 0,
        size: 0,
        kind: SymbolKind::Unknown,
        scope: SymbolScope::Unknown,
        weak,
        section: SymbolSection::Undefined,
        flags: SymbolFlags::None,
    }
}

/// The distance from the end of the instruction, whose last four bytes are at `offset`, to the symbol.
fn relocation(offset: u64, kind: RelocationKind, symbol: SymbolId) -> Relocation {
    let flags = RelocationFlags::Generic { kind, encoding: RelocationEncoding::Generic, size: 32 };
    Relocation { offset, symbol, addend: -4, flags }
}
