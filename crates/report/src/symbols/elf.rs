//! The parts of an ELF file that symbols need: sections, symbol tables and the thread-local segment.
//!
//! Nothing is copied or indexed: the tables are read where they lie, and a lookup is one pass over
//! them. That is cheap enough for the few addresses of a report, and costs no memory.

use core::fmt;

use alloc::string::{String, ToString};

use object::LittleEndian as LE;
use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _, SectionHeader as _, SectionTable, Sym as _};

use super::ModuleAddress;

type Header = elf::FileHeader64<LE>;

/// Why a file has no symbols for this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// It does not begin as an ELF file does.
    NotElf,
    /// It is an ELF file for 32 bits or with the other byte order.
    NotElf64LittleEndian,
    /// Its headers contradict each other or reach beyond its end.
    Broken {
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for ElfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ElfError::NotElf => f.write_str("not an ELF file: it does not begin with \\x7fELF"),
            ElfError::NotElf64LittleEndian => {
                f.write_str("an ELF file, but not one for 64 bits in little-endian order")
            }
            ElfError::Broken { reason } => write!(f, "a damaged ELF file: {reason}"),
        }
    }
}

impl core::error::Error for ElfError {}

impl From<object::Error> for ElfError {
    fn from(error: object::Error) -> Self {
        ElfError::Broken { reason: error.to_string() }
    }
}

/// An entry of a symbol table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'data> {
    /// As the table has it, mangled.
    pub name: &'data str,
    /// First byte. For a thread-local variable: its offset in the thread-local segment.
    pub address: u64,
    /// Number of bytes; 0 where the table does not say.
    pub size: u64,
}

/// What a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolKind {
    /// Code.
    Function,
    /// A static variable.
    Variable,
    /// A thread-local variable.
    ThreadLocal,
}

impl SymbolKind {
    fn is(self, st_type: elf::SymbolType) -> bool {
        match self {
            SymbolKind::Function => matches!(st_type, elf::STT_FUNC | elf::STT_GNU_IFUNC),
            SymbolKind::Variable => matches!(st_type, elf::STT_OBJECT | elf::STT_COMMON),
            SymbolKind::ThreadLocal => st_type == elf::STT_TLS,
        }
    }
}

/// Where the first values of a module's thread-local variables lie, and how large each thread's copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSegment {
    /// The values with which each thread's copy begins.
    pub template: ModuleAddress,
    /// Number of bytes that the template holds; the others are zero.
    pub template_size: u64,
    /// Number of bytes of each thread's copy.
    pub size: u64,
    /// Alignment of each thread's copy.
    pub align: u64,
}

/// A section's bytes as the file has them.
pub(super) enum SectionBytes<'data> {
    Plain(&'data [u8]),
    /// Compressed by zlib.
    Zlib {
        packed: &'data [u8],
        size: u64,
    },
}

pub(super) struct Elf<'data> {
    data: &'data [u8],
    header: &'data Header,
    sections: SectionTable<'data, Header>,
}

impl<'data> Elf<'data> {
    pub fn parse(data: &'data [u8]) -> Result<Self, ElfError> {
        if !data.starts_with(&elf::ELFMAG) {
            return Err(ElfError::NotElf);
        }
        // Class and byte order, the two bytes after the magic number.
        if data.get(4..6) != Some(&[elf::ELFCLASS64.0, elf::ELFDATA2LSB.0]) {
            return Err(ElfError::NotElf64LittleEndian);
        }
        let header = Header::parse(data)?;
        let sections = header.sections(LE, data)?;
        Ok(Elf { data, header, sections })
    }

    /// The bytes of a section. `None` where there are none, or in a form that is not supported.
    pub fn section(&self, name: &str) -> Option<SectionBytes<'data>> {
        let (_, section) = self.sections.section_by_name(LE, name.as_bytes())?;
        match section.compression(LE, self.data).ok()? {
            None => Some(SectionBytes::Plain(section.data(LE, self.data).ok()?)),
            Some((compression, offset, packed_size)) => {
                if compression.ch_type.get(LE) != elf::ELFCOMPRESS_ZLIB {
                    return None;
                }
                let begin = usize::try_from(offset).ok()?;
                let end = begin.checked_add(usize::try_from(packed_size).ok()?)?;
                let packed = self.data.get(begin..end)?;
                Some(SectionBytes::Zlib { packed, size: compression.ch_size.get(LE) })
            }
        }
    }

    /// The symbol of a kind that covers the address. A symbol without a size (from assembly) counts if
    /// no other covers it and none lies between.
    pub fn symbol_at(&self, kind: SymbolKind, address: u64) -> Option<Symbol<'data>> {
        // `.symtab` holds all of `.dynsym` and more, where it was not stripped.
        [elf::SHT_SYMTAB, elf::SHT_DYNSYM].into_iter().find_map(|table| self.symbol_in(table, kind, address))
    }

    fn symbol_in(&self, table: elf::SectionType, kind: SymbolKind, address: u64) -> Option<Symbol<'data>> {
        let table = self.sections.symbols(LE, self.data, table).ok()?;
        let mut nearest: Option<(Symbol<'data>, u16)> = None;
        for symbol in table.iter() {
            let (begin, size) = (symbol.st_value(LE), symbol.st_size(LE));
            if begin > address || !kind.is(symbol.st_type()) || symbol.is_undefined(LE) {
                continue;
            }
            let covers = address - begin < size;
            let nearer = nearest.is_none_or(|(found, _)| begin > found.address);
            if !covers && !nearer {
                continue;
            }
            let Some(name) = table.symbol_name(LE, symbol).ok().and_then(|name| str::from_utf8(name).ok())
            else {
                continue;
            };
            let found = Symbol { name, address: begin, size };
            if covers {
                return Some(found);
            }
            nearest = Some((found, symbol.st_shndx(LE).0));
        }
        let (symbol, section) = nearest?;
        let reaches = || self.section_holds(section, address);
        (symbol.size == 0 && kind == SymbolKind::Function && reaches()).then_some(symbol)
    }

    fn section_holds(&self, section: u16, address: u64) -> bool {
        self.sections.section(object::SectionIndex(section.into())).is_ok_and(|section| {
            let begin = section.sh_addr(LE);
            address.checked_sub(begin).is_some_and(|offset| offset < section.sh_size(LE))
        })
    }

    pub fn tls(&self) -> Option<TlsSegment> {
        let segments = self.header.program_headers(LE, self.data).ok()?;
        let tls = segments.iter().find(|segment| segment.p_type(LE) == elf::PT_TLS)?;
        Some(TlsSegment {
            template: ModuleAddress(tls.p_vaddr(LE)),
            template_size: tls.p_filesz(LE),
            size: tls.p_memsz(LE),
            align: tls.p_align(LE).max(1),
        })
    }
}
