//! The executable and the shared libraries of this process: which file does an address come from?
//!
//! The source is `/proc/self/maps` for what is mapped where, and each module's own program headers, read from
//! memory, for its segments: the memory is what runs, whatever has become of the file since. Headers are
//! read through `/proc/self/mem`, so that a library which another thread unloads at that moment is an error and
//! not a fault.
//!
//! Invariants:
//! - A module keeps its [`ModuleId`] for as long as the table lives. A library that was unloaded stays known
//!   until something else is loaded over it, because what was recorded while it ran may be reported later.
//! - No libc and no loader is asked: `dl_iterate_phdr` takes the loader's lock, which the program may hold.
//!
//! The table is a plain value; whoever shares it puts it behind a lock.

use alloc::ffi::CString;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt;
use core::ops::Range;

use racecheck_report::symbols::ModuleAddress;

use crate::sys::Errno;
use crate::sys::file::{self, Access, File};
use crate::sys::memory::{FileMap, MemoryReader, PAGE_SIZE};

/// A module's number in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleId(pub u32);

/// The linker's fingerprint of a module, from its `NT_GNU_BUILD_ID` note.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BuildId {
    bytes: [u8; BuildId::MAX],
    len: u8,
}

impl BuildId {
    /// Linkers write 16 or 20 bytes; longer ones are cut.
    const MAX: usize = 32;

    fn new(id: &[u8]) -> Option<BuildId> {
        let len = id.len().min(BuildId::MAX);
        let mut bytes = [0; BuildId::MAX];
        bytes[..len].copy_from_slice(&id[..len]);
        (len != 0).then_some(BuildId { bytes, len: len as u8 })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleKind {
    /// The program itself.
    Main,
    /// A shared library or the loader.
    Library,
    /// The kernel's page of system calls; has no file.
    Vdso,
}

/// A loaded part of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it lies in memory.
    pub range: Range<usize>,
    /// Whether it holds code.
    pub executable: bool,
}

/// An executable or shared library in memory.
#[derive(Clone, Debug)]
pub struct Module {
    path: CString,
    kind: ModuleKind,
    bias: usize,
    segments: Vec<Segment>,
    build_id: Option<BuildId>,
    loaded: bool,
}

impl Module {
    /// The file's path as the kernel tells it, without the mark of a deleted file; `[vdso]` has none.
    pub fn path(&self) -> &[u8] {
        without_deleted_mark(self.path.to_bytes())
    }

    /// The path for a reader.
    pub fn display_path(&self) -> String {
        String::from_utf8_lossy(self.path()).into_owned()
    }

    /// What the module is.
    pub fn kind(&self) -> ModuleKind {
        self.kind
    }

    /// What to add to a [`ModuleAddress`] to get the address in memory.
    pub fn bias(&self) -> usize {
        self.bias
    }

    /// Its parts in memory, in the order of the program headers.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The linker's fingerprint, if the module has one.
    pub fn build_id(&self) -> Option<&BuildId> {
        self.build_id.as_ref()
    }

    /// Whether the module was still there when the table was last refreshed.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Whether the address lies in one of the module's segments.
    pub fn contains(&self, address: usize) -> bool {
        self.segments.iter().any(|segment| segment.range.contains(&address))
    }

    /// Whether the address lies in code of the module.
    pub fn contains_code(&self, address: usize) -> bool {
        self.segments.iter().any(|segment| segment.executable && segment.range.contains(&address))
    }

    /// The module's own address for an address in memory.
    pub fn to_module_address(&self, address: usize) -> ModuleAddress {
        ModuleAddress(address.wrapping_sub(self.bias) as u64)
    }

    /// Maps the file that the module was loaded from, for reading.
    ///
    /// The main program is found whatever happened to its path. A library whose file was replaced since is an
    /// error, for its symbols would be those of other code.
    pub fn map_file(&self) -> Result<FileMap, ModuleFileError> {
        let path = match self.kind {
            ModuleKind::Main => c"/proc/self/exe",
            ModuleKind::Library => &self.path,
            ModuleKind::Vdso => return Err(ModuleFileError::NoFile),
        };
        let map = match FileMap::open(path) {
            Ok(map) => map,
            Err(Errno::ENOENT) => return Err(ModuleFileError::Deleted { path: self.display_path() }),
            Err(error) => return Err(ModuleFileError::Unreadable { path: self.display_path(), error }),
        };
        let found = ElfImage::of_file(map.bytes()).and_then(|image| image.build_id);
        match (self.build_id, found) {
            (Some(loaded), Some(found)) if loaded == found => Ok(map),
            (None, _) => Ok(map),
            (Some(_), _) => Err(ModuleFileError::Replaced { path: self.display_path() }),
        }
    }

    fn is_same_as(&self, other: &Module) -> bool {
        self.bias == other.bias
            && self.path == other.path
            && self.build_id == other.build_id
            && self.segments == other.segments
    }

    fn overlaps(&self, other: &Module) -> bool {
        self.segments.iter().any(|own| {
            other
                .segments
                .iter()
                .any(|its| own.range.start < its.range.end && its.range.start < own.range.end)
        })
    }
}

/// Why a module's file can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleFileError {
    /// The module has no file: the vdso.
    NoFile,
    /// The file was removed after it was loaded.
    Deleted {
        /// Where it was.
        path: String,
    },
    /// The file at the module's path has another build id than what runs.
    Replaced {
        /// Where it is.
        path: String,
    },
    /// The file can't be opened or mapped.
    Unreadable {
        /// Where it is.
        path: String,
        /// What the kernel said.
        error: Errno,
    },
}

impl fmt::Display for ModuleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModuleFileError::NoFile => f.write_str("the kernel's vdso has no file and no symbols"),
            ModuleFileError::Deleted { path } => {
                write!(f, "{path} was deleted after the program loaded it; put it back for names and lines")
            }
            ModuleFileError::Replaced { path } => write!(
                f,
                "{path} is not the file that the program loaded (another build id); restart the program for names \
                 and lines"
            ),
            ModuleFileError::Unreadable { path, error } => write!(f, "can't read {path}: {error}"),
        }
    }
}

impl core::error::Error for ModuleFileError {}

/// Where an address comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The module's number.
    pub id: ModuleId,
    /// The module.
    pub module: &'a Module,
    /// The address as the module's file counts.
    pub address: ModuleAddress,
}

/// All modules that this process has been seen to have.
#[derive(Debug, Default)]
pub struct Modules {
    /// By [`ModuleId`].
    modules: Vec<Module>,
    generation: u32,
}

impl Modules {
    /// An empty table, filled by the first question.
    pub const fn new() -> Modules {
        Modules { modules: Vec::new(), generation: 0 }
    }

    /// Counts how often the table was read from the system.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Every module ever seen, by rising [`ModuleId`].
    pub fn iter(&self) -> impl Iterator<Item = (ModuleId, &Module)> {
        self.modules.iter().enumerate().map(|(index, module)| (ModuleId(index as u32), module))
    }

    /// The module of this number.
    pub fn get(&self, id: ModuleId) -> Option<&Module> {
        self.modules.get(id.0 as usize)
    }

    /// Where the address (of code or data) comes from, as far as the table knows. A loaded module goes before one
    /// that was unloaded.
    pub fn find(&self, address: usize) -> Option<Origin<'_>> {
        let at = |loaded: bool| {
            self.iter().find(move |(_, module)| module.loaded == loaded && module.contains(address))
        };
        let (id, module) = at(true).or_else(|| at(false))?;
        Some(Origin { id, module, address: module.to_module_address(address) })
    }

    /// Like [`Modules::find`]; for an address that is not known, the table is read again first: it may be in a
    /// library that was loaded meanwhile.
    pub fn locate(&mut self, address: usize) -> Option<Origin<'_>> {
        if self.find(address).is_none() {
            // Without /proc nothing more is known; the caller shows bare addresses.
            let _ = self.refresh();
        }
        self.find(address)
    }

    /// Reads the table from the system. Needed by hand only where a library may have been unloaded and another
    /// loaded in its place.
    pub fn refresh(&mut self) -> Result<(), Errno> {
        let maps = read_whole(c"/proc/self/maps")?;
        let memory = MemoryReader::open().ok();
        let mut link = [0; 4096];
        let main = file::read_link(c"/proc/self/exe", &mut link).unwrap_or(b"");
        let found =
            assemble(
                &parse_maps(&maps).collect::<Vec<_>>(),
                main,
                &|mapping, offset, buffer| match &memory {
                    Some(memory) => memory.read(mapping.range.start + offset, buffer).is_ok(),
                    None => read_from_file(mapping, offset, buffer).is_some(),
                },
            );
        self.merge(found);
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }

    fn merge(&mut self, found: Vec<Module>) {
        self.modules.iter_mut().for_each(|module| module.loaded = false);
        for module in found {
            match self.modules.iter_mut().find(|known| known.is_same_as(&module)) {
                Some(known) => known.loaded = true,
                None => {
                    for known in self.modules.iter_mut().filter(|known| known.overlaps(&module)) {
                        // Its number stays taken, but no address leads to it any more.
                        known.segments.clear();
                    }
                    self.modules.push(module);
                }
            }
        }
    }
}

/// For where `/proc/self/mem` can't be opened: the headers as the file has them.
fn read_from_file(mapping: &Mapping<'_>, offset: usize, buffer: &mut [u8]) -> Option<()> {
    let path = CString::new(mapping.path.clone()).ok()?;
    let file = File::open(&path, Access::Read).ok()?;
    file.read_exact_at(buffer, offset as u64).ok()
}

/// All bytes of a file whose size is not known before, such as those of /proc.
pub fn read_whole(path: &CStr) -> Result<Vec<u8>, Errno> {
    const STEP: usize = 16 * PAGE_SIZE;
    let file = File::open(path, Access::Read)?;
    let mut bytes = Vec::new();
    let mut len = 0;
    loop {
        bytes.resize(len + STEP, 0);
        match file.read(&mut bytes[len..])? {
            0 => break,
            count => len += count,
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

const DELETED_MARK: &[u8] = b" (deleted)";

fn without_deleted_mark(path: &[u8]) -> &[u8] {
    path.strip_suffix(DELETED_MARK).unwrap_or(path)
}

/// Where the first thread's stack lies now; it grows.
pub fn main_stack() -> Option<Range<usize>> {
    let maps = read_whole(c"/proc/self/maps").ok()?;
    parse_maps(&maps).find(|mapping| mapping.path == b"[stack]").map(|mapping| mapping.range)
}

/// A line of `/proc/self/maps` that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mapping<'a> {
    range: Range<usize>,
    executable: bool,
    offset: u64,
    /// Device and inode as the kernel writes them: equal for mappings of the same file.
    file: &'a [u8],
    path: Vec<u8>,
}

/// Parses the lines
/// `start-end perms offset device inode   path`; the path may hold spaces and goes to the end of the line. Lines
/// without a path, and lines that are not understood, are left out.
fn parse_maps(maps: &[u8]) -> impl Iterator<Item = Mapping<'_>> {
    maps.split(|&byte| byte == b'\n').filter_map(parse_mapping)
}

fn parse_mapping(line: &[u8]) -> Option<Mapping<'_>> {
    let (range, rest) = cut(line, b' ')?;
    let (start, end) = cut(range, b'-')?;
    let (permissions, rest) = cut(rest, b' ')?;
    let (offset, file_and_path) = cut(rest, b' ')?;
    let (device, rest) = cut(file_and_path, b' ')?;
    let (inode, rest) = cut(rest, b' ')?;
    let path = &rest[rest.iter().position(|&byte| byte != b' ')?..];
    Some(Mapping {
        range: hexadecimal(start)? as usize..hexadecimal(end)? as usize,
        executable: permissions.get(2) == Some(&b'x'),
        offset: hexadecimal(offset)?,
        file: &file_and_path[..device.len() + 1 + inode.len()],
        path: unescape(path),
    })
}

fn cut(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == separator)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

/// The kernel writes a newline in a path as `\012`, and nothing else specially.
fn unescape(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\012") {
            plain.push(b'\n');
            rest = after;
        } else {
            plain.push(first);
            rest = after;
        }
    }
    plain
}

/// Reads bytes of a mapped file, counted from the start of a mapping; `false` if they can't be read.
type ReadImage<'a> = dyn Fn(&Mapping<'_>, usize, &mut [u8]) -> bool + 'a;

/// Finds the modules among the mappings: those of a file's start that hold an ELF header, and whose headers place
/// code where the same file is mapped executable. (A file that is merely mapped for reading has no such place.)
fn assemble(mappings: &[Mapping<'_>], main: &[u8], read: &ReadImage<'_>) -> Vec<Module> {
    let mut modules: Vec<Module> = Vec::new();
    for mapping in mappings.iter().filter(|mapping| mapping.offset == 0) {
        let vdso = mapping.path == b"[vdso]";
        let seen = modules.iter().any(|module| module.contains(mapping.range.start));
        if seen || (mapping.path.starts_with(b"[") && !vdso) {
            continue;
        }
        let Some(image) = ElfImage::read(|offset, buffer| read(mapping, offset, buffer)) else { continue };
        let bias = mapping.range.start.wrapping_sub(image.start());
        let segments: Vec<_> = image.segments_at(bias).collect();
        let runs = segments.iter().filter(|segment| segment.executable).any(|segment| {
            mappings.iter().any(|other| {
                other.executable && other.file == mapping.file && other.range.contains(&segment.range.start)
            })
        });
        let Ok(path) = CString::new(mapping.path.clone()) else { continue };
        if !runs {
            continue;
        }
        let kind = if vdso {
            ModuleKind::Vdso
        } else if mapping.path == main {
            ModuleKind::Main
        } else {
            ModuleKind::Library
        };
        modules.push(Module { path, kind, bias, segments, build_id: image.build_id, loaded: true });
    }
    modules
}

/// The program headers of an ELF module.
struct ElfImage {
    loads: Vec<ElfLoad>,
    build_id: Option<BuildId>,
}

/// A `PT_LOAD` header.
struct ElfLoad {
    address: usize,
    len: usize,
    executable: bool,
}

/// Field offsets and constants of the ELF64 format ("System V ABI", chapters 4 and 5).
mod elf {
    pub const HEADER_LEN: usize = 64;
    pub const MAGIC_64_LITTLE: &[u8] = b"\x7fELF\x02\x01";
    pub const PHOFF: usize = 32;
    pub const PHENTSIZE: usize = 54;
    pub const PHNUM: usize = 56;
    pub const PROGRAM_HEADER_LEN: usize = 56;
    pub const P_TYPE: usize = 0;
    pub const P_FLAGS: usize = 4;
    pub const P_OFFSET: usize = 8;
    pub const P_VADDR: usize = 16;
    pub const P_FILESZ: usize = 32;
    pub const P_MEMSZ: usize = 40;
    pub const PT_LOAD: u32 = 1;
    pub const PT_NOTE: u32 = 4;
    pub const PF_X: u32 = 1;
    pub const NT_GNU_BUILD_ID: u32 = 3;
    /// More than any linker writes; a larger number is not an ELF file of ours.
    pub const HEADERS_MAX: usize = 256;
    /// More than the notes of any module that has a build id.
    pub const NOTES_MAX: usize = 4096;
}

impl ElfImage {
    /// Reads the headers of an image by `read`, which fills a buffer from an offset and says whether it could.
    ///
    /// The offset is one in the file. In memory it is one from the image's start, which is the same for what lies in
    /// the first segment; headers and notes do.
    fn read(read: impl Fn(usize, &mut [u8]) -> bool) -> Option<ElfImage> {
        let mut header = [0; elf::HEADER_LEN];
        if !read(0, &mut header) || !header.starts_with(elf::MAGIC_64_LITTLE) {
            return None;
        }
        let count = usize::from(half(&header, elf::PHNUM)?);
        let each = usize::from(half(&header, elf::PHENTSIZE)?);
        if count > elf::HEADERS_MAX || each != elf::PROGRAM_HEADER_LEN {
            return None;
        }
        let mut headers = alloc::vec![0; count * each];
        if !read(double(&header, elf::PHOFF)?, &mut headers) {
            return None;
        }
        let mut image = ElfImage { loads: Vec::new(), build_id: None };
        for header in headers.chunks_exact(each) {
            match word(header, elf::P_TYPE)? {
                elf::PT_LOAD => image.loads.push(ElfLoad {
                    address: double(header, elf::P_VADDR)?,
                    len: double(header, elf::P_MEMSZ)?,
                    executable: word(header, elf::P_FLAGS)? & elf::PF_X != 0,
                }),
                elf::PT_NOTE if image.build_id.is_none() => {
                    let mut notes = alloc::vec![0; double(header, elf::P_FILESZ)?.min(elf::NOTES_MAX)];
                    if read(double(header, elf::P_OFFSET)?, &mut notes) {
                        image.build_id = find_build_id(&notes);
                    }
                }
                _ => {}
            }
        }
        (!image.loads.is_empty()).then_some(image)
    }

    fn of_file(bytes: &[u8]) -> Option<ElfImage> {
        ElfImage::read(|offset, buffer| {
            let found = offset.checked_add(buffer.len()).and_then(|end| bytes.get(offset..end));
            if let Some(found) = found {
                buffer.copy_from_slice(found);
            }
            found.is_some()
        })
    }

    /// The address that the file's first byte gets, before the bias: that of the lowest segment, which holds the
    /// headers, down to its page.
    fn start(&self) -> usize {
        self.loads.iter().map(|load| load.address & !(PAGE_SIZE - 1)).min().unwrap_or(0)
    }

    /// Segments in memory, with a whole first page: the header may be in front of the segment's own bytes.
    fn segments_at(&self, bias: usize) -> impl Iterator<Item = Segment> {
        self.loads.iter().map(move |load| {
            let start = bias.wrapping_add(load.address & !(PAGE_SIZE - 1));
            let end = bias.wrapping_add(load.address).saturating_add(load.len);
            Segment { range: start..end, executable: load.executable }
        })
    }
}

fn find_build_id(mut notes: &[u8]) -> Option<BuildId> {
    loop {
        let name_len = word(notes, 0)? as usize;
        let id_len = word(notes, 4)? as usize;
        let kind = word(notes, 8)?;
        let name_end = 12usize.checked_add(name_len)?;
        let id_start = name_end.checked_next_multiple_of(4)?;
        let id_end = id_start.checked_add(id_len)?;
        if kind == elf::NT_GNU_BUILD_ID && notes.get(12..name_end)? == b"GNU\0" {
            return BuildId::new(notes.get(id_start..id_end)?);
        }
        notes = notes.get(id_end.checked_next_multiple_of(4)?..)?;
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn double(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?) as usize)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    const MAPS: &[u8] = b"\
55d0c0000000-55d0c0001000 r--p 00000000 fe:01 1234                       /opt/my app/bin (v 2)
55d0c0001000-55d0c0005000 r-xp 00001000 fe:01 1234                       /opt/my app/bin (v 2)
55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000001000 r-xp 00000000 fe:01 99                         /tmp/odd\\012name.so (deleted)
7f0000002000-7f0000003000 rw-p 00000000 00:00 0 
not a line
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    #[test]
    fn lines_are_parsed() {
        let mappings: Vec<_> = parse_maps(MAPS).collect();
        assert_eq!(mappings.len(), 6);
        assert_eq!(mappings[1].range, 0x55d0_c000_1000..0x55d0_c000_5000);
        assert_eq!(mappings[1].path, b"/opt/my app/bin (v 2)");
        assert_eq!(mappings[1].offset, 0x1000);
        assert!(mappings[1].executable && !mappings[0].executable);
        assert_eq!(mappings[0].file, mappings[1].file);
        assert_eq!(mappings[3].path, b"/tmp/odd\nname.so (deleted)");
        assert_eq!(without_deleted_mark(&mappings[3].path), b"/tmp/odd\nname.so");
        assert_eq!(mappings[5].range.start, 0xffff_ffff_ff60_0000);
    }

    /// The code of `function` as its module's file has it, found by the module address.
    fn code_in_file(bytes: &[u8], address: ModuleAddress) -> [u8; 16] {
        let table = double(bytes, elf::PHOFF).unwrap();
        let count = usize::from(half(bytes, elf::PHNUM).unwrap());
        for header in bytes[table..].chunks_exact(elf::PROGRAM_HEADER_LEN).take(count) {
            let start = double(header, elf::P_VADDR).unwrap();
            let len = double(header, elf::P_FILESZ).unwrap();
            let address = address.0 as usize;
            if word(header, elf::P_TYPE) == Some(elf::PT_LOAD) && (start..start + len).contains(&address) {
                let offset = double(header, elf::P_OFFSET).unwrap() + address - start;
                return bytes[offset..offset + 16].try_into().unwrap();
            }
        }
        panic!("{address:?} is in no segment");
    }

    fn code_in_memory(address: usize) -> [u8; 16] {
        // SAFETY: callers pass the address of a function with at least 16 bytes of code behind it.
        unsafe { (address as *const [u8; 16]).read_unaligned() }
    }

    #[test]
    fn own_code_comes_from_the_main_program() {
        let mut modules = Modules::new();
        let address = own_code_comes_from_the_main_program as *const () as usize;
        let origin = modules.locate(address).unwrap();
        assert_eq!(origin.module.kind(), ModuleKind::Main);
        assert_eq!(Path::new(&origin.module.display_path()), std::env::current_exe().unwrap());
        assert!(origin.module.contains_code(address));
        let map = origin.module.map_file().unwrap();
        assert_eq!(code_in_file(map.bytes(), origin.address), code_in_memory(address));
        assert_eq!(modules.generation(), 1);
        modules.locate(address).unwrap();
        assert_eq!(modules.generation(), 1);
    }

    #[test]
    fn globals_come_from_the_main_program_too() {
        static DATA: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(5);
        static ZERO: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let mut modules = Modules::new();
        for address in [&raw const DATA as usize, &raw const ZERO as usize] {
            let origin = modules.locate(address).unwrap();
            assert_eq!(origin.module.kind(), ModuleKind::Main);
            assert!(!origin.module.contains_code(address));
        }
    }

    #[test]
    fn libc_is_a_library() {
        let mut modules = Modules::new();
        let address = libc::qsort as *const () as usize;
        let origin = modules.locate(address).unwrap();
        assert_eq!(origin.module.kind(), ModuleKind::Library);
        assert!(origin.module.display_path().contains("libc"));
        let map = origin.module.map_file().unwrap();
        assert_eq!(code_in_file(map.bytes(), origin.address), code_in_memory(address));
    }

    #[test]
    fn the_vdso_has_no_file() {
        // SAFETY: asks for a number.
        let start = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
        let mut modules = Modules::new();
        let origin = modules.locate(start + 0x100).unwrap();
        assert_eq!(origin.module.kind(), ModuleKind::Vdso);
        assert_eq!(origin.module.display_path(), "[vdso]");
        assert_eq!(origin.module.map_file().unwrap_err(), ModuleFileError::NoFile);
    }

    #[test]
    fn what_is_no_module_is_not_found() {
        let mut modules = Modules::new();
        let boxed = std::boxed::Box::new(1);
        let local = 1;
        assert!(modules.locate(&raw const *boxed as usize).is_none());
        assert!(modules.locate(&raw const local as usize).is_none());
        assert!(modules.locate(0).is_none());
        // A file that is mapped for reading is not loaded.
        let file = FileMap::open(c"/proc/self/exe").unwrap();
        assert!(modules.locate(file.bytes().as_ptr() as usize).is_none());
        assert_eq!(modules.iter().filter(|(_, module)| module.kind() == ModuleKind::Main).count(), 1);
    }

    /// A copy of a library that the test process does not use, under a name of its own.
    struct Plugin {
        path: PathBuf,
        handle: *mut libc::c_void,
        code: usize,
    }

    impl Plugin {
        fn load(name: &str) -> Plugin {
            let mut modules = Modules::new();
            modules.refresh().unwrap();
            let libc = modules.locate(libc::qsort as *const () as usize).unwrap().module.display_path();
            let library = Path::new(&libc).with_file_name("libanl.so.1");
            let path = std::env::temp_dir().join(std::format!("racecheck {} {name}", std::process::id()));
            std::fs::copy(library, &path).unwrap();
            let c_path = CString::new(path.to_str().unwrap()).unwrap();
            // SAFETY: the library has no initialisers of its own.
            let handle = unsafe { libc::dlopen(c_path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
            assert!(!handle.is_null());
            modules.refresh().unwrap();
            let (_, module) =
                modules.iter().find(|(_, module)| Path::new(&module.display_path()) == path).unwrap();
            let code = module.segments().iter().find(|segment| segment.executable).unwrap().range.start;
            Plugin { path, handle, code }
        }

        fn unload(&self) {
            // SAFETY: the handle is open and nothing of the library is in use.
            assert_eq!(unsafe { libc::dlclose(self.handle) }, 0);
        }
    }

    #[test]
    fn a_library_that_is_loaded_later_is_found_and_stays_known() {
        let mut modules = Modules::new();
        modules.refresh().unwrap();
        let plugin = Plugin::load("a");
        let id = {
            let origin = modules.locate(plugin.code + 4).unwrap();
            assert_eq!(Path::new(&origin.module.display_path()), plugin.path);
            assert!(origin.module.build_id().is_some());
            origin.id
        };
        assert_eq!(modules.generation(), 2);
        plugin.unload();
        modules.refresh().unwrap();
        let origin = modules.find(plugin.code + 4).unwrap();
        assert_eq!(origin.id, id);
        assert!(!origin.module.is_loaded());
        assert!(origin.module.map_file().is_ok());
        std::fs::remove_file(&plugin.path).unwrap();
    }

    #[test]
    fn a_deleted_or_replaced_file_is_not_read() {
        let plugin = Plugin::load("b");
        let mut modules = Modules::new();
        modules.refresh().unwrap();
        std::fs::remove_file(&plugin.path).unwrap();
        let path = plugin.path.to_str().unwrap().to_owned();
        let deleted = ModuleFileError::Deleted { path: path.clone() };
        assert_eq!(modules.find(plugin.code).unwrap().module.map_file().unwrap_err(), deleted);

        let mut later = Modules::new();
        let origin = later.locate(plugin.code).unwrap();
        assert_eq!(origin.module.display_path(), path);
        assert_eq!(origin.module.map_file().unwrap_err(), deleted);

        std::fs::copy(std::env::current_exe().unwrap(), &plugin.path).unwrap();
        let replaced = ModuleFileError::Replaced { path };
        assert_eq!(modules.find(plugin.code).unwrap().module.map_file().unwrap_err(), replaced);
        std::fs::remove_file(&plugin.path).unwrap();
        plugin.unload();
    }

    #[test]
    fn a_module_over_an_unloaded_one_takes_its_addresses() {
        let module = |name: &str, start: usize| Module {
            path: CString::new(name).unwrap(),
            kind: ModuleKind::Library,
            bias: start,
            segments: vec![Segment { range: start..start + 0x3000, executable: true }],
            build_id: None,
            loaded: true,
        };
        let mut modules = Modules::new();
        modules.merge(vec![module("/a", 0x1000), module("/b", 0x9000)]);
        modules.merge(vec![module("/b", 0x9000), module("/c", 0x2000)]);
        assert_eq!(modules.find(0x1500).map(|origin| origin.id), None);
        assert_eq!(modules.find(0x2500).unwrap().id, ModuleId(2));
        assert_eq!(modules.find(0x9500).unwrap().id, ModuleId(1));
        assert_eq!(modules.get(ModuleId(0)).unwrap().display_path(), "/a");
    }

    #[test]
    fn broken_headers_are_no_module() {
        let exe = std::fs::read("/proc/self/exe").unwrap();
        assert!(ElfImage::of_file(&exe).is_some());
        for len in [0, 10, 63, 64, 100] {
            assert!(ElfImage::of_file(&exe[..len]).is_none());
        }
        let mut many = exe[..4096].to_vec();
        many[elf::PHNUM..elf::PHNUM + 2].copy_from_slice(&[0xff, 0xff]);
        assert!(ElfImage::of_file(&many).is_none());
        let mut far = exe[..4096].to_vec();
        far[elf::PHOFF..elf::PHOFF + 8].copy_from_slice(&[0xff; 8]);
        assert!(ElfImage::of_file(&far).is_none());
        assert!(find_build_id(&[0xff; 64]).is_none());
        assert!(find_build_id(&[0; 64]).is_none());
    }
}
