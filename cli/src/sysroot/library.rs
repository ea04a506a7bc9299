//! An `.rlib` file: an archive of metadata and object files, of which some carry bitcode.

use std::path::Path;

use ar_archive_writer::{ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use crate::error::{Error, Result};

/// The section in which rustc puts the bitcode of an object file.
const BITCODE: &str = ".llvmbc";

/// One file of an archive.
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its content.
    pub data: Vec<u8>,
    /// The bitcode that it carries.
    pub bitcode: Option<Vec<u8>>,
}

/// Reads all members of the archive at `path`.
pub fn read(path: &Path) -> Result<Vec<Member>> {
    let data = std::fs::read(path).map_err(Error::file("read", path))?;
    let parse = || -> object::Result<Vec<Member>> {
        let archive = ArchiveFile::parse(&*data)?;
        archive
            .members()
            .map(|member| {
                let member = member?;
                let content = member.data(&*data)?;
                let name = String::from_utf8_lossy(member.name()).into_owned();
                Ok(Member { name, data: content.to_vec(), bitcode: bitcode(content)? })
            })
            .collect()
    };
    parse().map_err(|error| Error::BrokenLibrary { library: path.to_owned(), reason: error.to_string() })
}

fn bitcode(object: &[u8]) -> object::Result<Option<Vec<u8>>> {
    // Metadata need not be an object file.
    let Ok(object) = object::File::parse(object) else { return Ok(None) };
    let Some(section) = object.section_by_name(BITCODE) else { return Ok(None) };
    let data = section.data()?;
    // rustc leaves an empty section where it was told to leave bitcode out.
    Ok((!data.is_empty()).then(|| data.to_vec()))
}

/// Names of the functions in an object file.
pub fn functions(object: &[u8]) -> Vec<String> {
    let Ok(object) = object::File::parse(object) else { return Vec::new() };
    let functions = object.symbols().filter(|s| s.kind() == SymbolKind::Text && s.is_definition());
    functions.filter_map(|s| s.name().ok()).map(str::to_owned).collect()
}

/// Names of what an object file refers to and does not hold, and for which `is` holds.
pub fn references(object: &[u8], is: impl Fn(&str) -> bool) -> Vec<String> {
    let Ok(object) = object::File::parse(object) else { return Vec::new() };
    let names = object.symbols().filter(ObjectSymbol::is_undefined).filter_map(|s| s.name().ok());
    names.filter(|name| is(name)).map(str::to_owned).collect()
}

/// Writes an archive of these members, in their order, with the index that linkers want.
pub fn write(path: &Path, members: Vec<Member>) -> Result<()> {
    let members: Vec<_> = members
        .into_iter()
        .map(|member| NewArchiveMember::new(member.data, &DEFAULT_OBJECT_READER, member.name))
        .collect();
    let write = || -> std::io::Result<()> {
        let mut archive = std::io::Cursor::new(Vec::new());
        write_archive_to_stream(&mut archive, &members, ArchiveKind::Gnu, false, None)?;
        std::fs::write(path, archive.into_inner())
    };
    write().map_err(Error::cache("write", path))
}
