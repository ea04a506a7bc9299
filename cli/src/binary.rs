//! Whether a file is a program that can be run under racecheck.
//!
//! Running one that is neither instrumented nor links the shim would print nothing and look like success, so everything that
//! is not known to be checked is an error, and each error says what was found and how to get a
//! program that is.

use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};
use object::{Endianness, ReadCache, ReadRef};

use crate::{runtime, shim};

/// Why a file can't be run.
#[derive(Debug)]
pub struct NotRunnable {
    path: PathBuf,
    reason: Reason,
}

/// What is wrong with the file.
#[derive(Debug)]
pub enum Reason {
    /// There is none.
    Missing,
    /// A folder.
    Folder,
    /// Not a file and not a folder.
    Special,
    /// It can't be read.
    Unreadable(std::io::Error),
    /// A script, with its interpreter.
    Script(String),
    /// Not an ELF file.
    NotElf,
    /// An ELF file that can't be read to its end.
    BrokenElf(&'static str),
    /// An ELF file that is no program: its type.
    NotProgram(&'static str),
    /// Built for another kind of machine.
    OtherMachine(String),
    /// It may not be executed.
    NotExecutable,
    /// It has no dynamic linker, so nothing can be interposed.
    Static,
    /// Built by a plain cargo or rustc.
    NotInstrumented,
    /// It links a shim that writes what this racecheck can't read.
    OtherShim(shim::Version),
}

impl fmt::Display for NotRunnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            Reason::Missing => write!(
                f,
                "there is no file {path}. `racecheck run` takes a program built by `racecheck build`, a \
                 Rust source file, or cargo's options (`racecheck run --bin NAME -- ARGS`)"
            ),
            Reason::Folder => write!(
                f,
                "{path} is a directory. To build and run the package in it: `racecheck run --manifest-path \
                 {}`",
                self.path.join("Cargo.toml").display()
            ),
            Reason::Special => write!(f, "{path} is not a regular file"),
            Reason::Unreadable(error) => write!(f, "{path} can't be read: {error}"),
            Reason::Script(interpreter) => write!(
                f,
                "{path} is a script (for {interpreter}), not a program. Races are found in the program \
                 that it starts: build that one with `racecheck build`, and run the script by itself"
            ),
            Reason::NotElf => write!(f, "{path} is neither a program (an ELF file) nor a Rust source file"),
            Reason::BrokenElf(what) => write!(f, "{path} is a damaged ELF file: {what}. Build it again"),
            Reason::NotProgram(what) => write!(f, "{path} is {what}, not a program"),
            Reason::OtherMachine(machine) => write!(
                f,
                "{path} is built for {machine}; racecheck supports x86_64 Linux only. Build it again on \
                 this machine with `racecheck build`"
            ),
            Reason::NotExecutable => {
                write!(f, "{path} may not be executed (`chmod +x {path}` allows it)")
            }
            Reason::Static => write!(
                f,
                "{path} is statically linked, so racecheck can't see what it does. Build it with `racecheck \
                 build`, without `-C target-feature=+crt-static` and not for musl"
            ),
            Reason::NotInstrumented => write!(
                f,
                "{path} was not built with racecheck, so no race in it could be seen. Build it with \
                 `racecheck build`, or run its source: `racecheck run main.rs`, `racecheck run --bin NAME`"
            ),
            Reason::OtherShim(version) => write!(
                f,
                "{path} links a version of the crate `racecheck` that this racecheck does not know (form \
                 {version}). Use the two of the same version, or run the program by itself: it prints its \
                 own reports"
            ),
        }
    }
}

impl std::error::Error for NotRunnable {}

/// Who finds the races of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detector {
    /// The runtime: the program is instrumented.
    Runtime,
    /// The shim that it links.
    Shim,
}

/// Decides whether, and by whom, the file can be checked when it runs.
pub fn check(path: &Path) -> Result<Detector, NotRunnable> {
    examine(path).map_err(|reason| NotRunnable { path: path.to_owned(), reason })
}

/// Decides whether a source file is there to be compiled.
pub fn check_source(path: &Path) -> Result<(), NotRunnable> {
    regular_file(path).map(drop).map_err(|reason| NotRunnable { path: path.to_owned(), reason })
}

fn examine(path: &Path) -> Result<Detector, Reason> {
    let status = regular_file(path)?;
    let mut file = File::open(path).map_err(Reason::Unreadable)?;
    let mut start = Vec::new();
    (&mut file).take(256).read_to_end(&mut start).map_err(Reason::Unreadable)?;
    if let Some(line) = start.strip_prefix(b"#!") {
        let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
        return Err(Reason::Script(String::from_utf8_lossy(line).trim().to_owned()));
    }
    let detector = examine_elf(&start, &ReadCache::new(file))?;
    match status.permissions().mode() & 0o111 {
        0 => Err(Reason::NotExecutable),
        _ => Ok(detector),
    }
}

fn regular_file(path: &Path) -> Result<fs::Metadata, Reason> {
    let status = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Reason::Missing,
        _ => Reason::Unreadable(error),
    })?;
    match () {
        () if status.is_dir() => Err(Reason::Folder),
        () if !status.is_file() => Err(Reason::Special),
        () => Ok(status),
    }
}

fn examine_elf<'a>(start: &[u8], data: impl ReadRef<'a>) -> Result<Detector, Reason> {
    let Some(identification) = start.strip_prefix(b"\x7fELF") else { return Err(Reason::NotElf) };
    if identification.first() != Some(&elf::ELFCLASS64.0) {
        return Err(Reason::OtherMachine("a 32-bit machine".to_owned()));
    }
    let header = FileHeader64::<Endianness>::parse(data).map_err(|_| Reason::BrokenElf("its header"))?;
    let endian = header.endian().map_err(|_| Reason::BrokenElf("its header"))?;
    match header.e_machine(endian) {
        elf::EM_X86_64 => {}
        machine => return Err(Reason::OtherMachine(machine_name(machine))),
    }
    let segments =
        header.program_headers(endian, data).map_err(|_| Reason::BrokenElf("its program headers"))?;
    let has_loader = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    match header.e_type(endian) {
        elf::ET_EXEC | elf::ET_DYN => {}
        elf::ET_REL => return Err(Reason::NotProgram("an object file")),
        elf::ET_CORE => return Err(Reason::NotProgram("a core dump")),
        _ => return Err(Reason::NotProgram("an unknown kind of ELF file")),
    }
    let sections = header.sections(endian, data).map_err(|_| Reason::BrokenElf("its section headers"))?;
    let symbols = sections
        .symbols(endian, data, elf::SHT_DYNSYM)
        .map_err(|_| Reason::BrokenElf("its dynamic symbols"))?;
    let instrumented = symbols.iter().any(|symbol| {
        let defined = symbol.st_shndx(endian) != elf::SHN_UNDEF;
        defined && symbols.symbol_name(endian, symbol).is_ok_and(|name| name == runtime::MARKER.as_bytes())
    });
    let marker = sections.section_by_name(endian, shim::SECTION);
    let shim =
        marker.and_then(|(_, section)| section.data(endian, data).ok()).and_then(shim::Version::of_section);
    match (instrumented, has_loader) {
        (true, _) => Ok(Detector::Runtime),
        (false, _) if let Some(version) = shim => match version.is_known() {
            true => Ok(Detector::Shim),
            false => Err(Reason::OtherShim(version)),
        },
        (false, true) => Err(Reason::NotInstrumented),
        (false, false) if is_library(header, &sections, endian, data) => {
            Err(Reason::NotProgram("a shared library"))
        }
        (false, false) => Err(Reason::Static),
    }
}

/// A shared library and a static program that may be loaded anywhere look alike but for what the
/// dynamic section says.
fn is_library<'a, R: ReadRef<'a>>(
    header: &FileHeader64<Endianness>,
    sections: &SectionTable<'a, FileHeader64<Endianness>, R>,
    endian: Endianness,
    data: R,
) -> bool {
    let dynamic = sections.dynamic(endian, data).ok().flatten().map_or(&[][..], |(entries, _)| entries);
    let flags = dynamic.iter().find(|entry| entry.d_tag(endian) == elf::DT_FLAGS_1);
    let is_pie = flags.is_some_and(|entry| entry.d_val(endian) & elf::DF_1_PIE.0 != 0);
    header.e_type(endian) == elf::ET_DYN && !is_pie
}

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_AARCH64 => "aarch64".to_owned(),
        elf::EM_ARM => "32-bit ARM".to_owned(),
        elf::EM_386 => "32-bit x86".to_owned(),
        elf::EM_RISCV => "RISC-V".to_owned(),
        elf::EM_PPC64 => "PowerPC".to_owned(),
        elf::EM_S390 => "s390x".to_owned(),
        elf::EM_LOONGARCH => "LoongArch".to_owned(),
        elf::Machine(other) => format!("ELF machine {other}"),
    }
}
