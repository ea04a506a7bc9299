//! The shared standard library of the instrumented sysroot.
//!
//! Two `dylib` crates of one program must share a standard library. The toolchain's shared one is not instrumented,
//! so this one is linked from the instrumented libraries, with what the toolchain's has beside code: the section by
//! which rustc finds its metadata, and the functions by which Rust code reaches the default allocator.
//!
//! Never: fails. Without it everything else works, and such a program cannot be linked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSection, ObjectSymbol};

use super::library;
use super::plan::Plan;
use crate::error::{Error, Result};
use crate::toolchain::{TARGET, Toolchain};

/// The section that leads rustc to the metadata.
const METADATA: &str = ".rustc";

/// Libraries that are no part of it: they stand above std, or beside it.
const NOT_PART: [&str; 9] = [
    "compiler_builtins",
    "getopts",
    "panic_abort",
    "proc_macro",
    "profiler_builtins",
    "rustc_literal_escaper",
    "rustc_std_workspace_std",
    "sysroot",
    "test",
];

/// What Rust code calls, and the default allocator's function that it gets.
const ALLOCATOR: [(&str, &str); 4] = [
    ("12___rust_alloc", "11___rdl_alloc"),
    ("14___rust_dealloc", "13___rdl_dealloc"),
    ("14___rust_realloc", "13___rdl_realloc"),
    ("19___rust_alloc_zeroed", "18___rdl_alloc_zeroed"),
];

/// A function that does nothing, but has to be there if there is an allocator.
const ALLOCATOR_IS_THERE: &str = "35___rust_no_alloc_shim_is_unstable_v2";

/// The shared standard library of a sysroot, if it has one.
pub fn find(sysroot: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(super::libraries_in(sysroot)).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| is_shared_std(path))
}

fn is_shared_std(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("libstd-") && name.ends_with(".so")
}

/// Links it, in a sysroot that is being made and has its libraries.
pub fn make(toolchain: &Toolchain, plan: &Plan, sysroot: &Path) -> Result<()> {
    let entries = fs::read_dir(&plan.folder).map_err(Error::file("read", &plan.folder))?;
    let Some(original) = entries.flatten().map(|entry| entry.path()).find(|path| is_shared_std(path)) else {
        return Ok(());
    };
    let libraries = super::libraries_in(sysroot);
    let work = tempfile::tempdir().map_err(Error::file("create a folder in", std::env::temp_dir()))?;
    let Some(made) = link(toolchain, &original, &libraries, work.path())? else { return Ok(()) };
    let to = libraries.join(original.file_name().unwrap_or_default());
    fs::copy(&made, &to).map(drop).map_err(Error::cache("write", &to))
}

/// Links it in the folder `work`. `None` if this toolchain's is made in another way than is known here.
fn link(toolchain: &Toolchain, original: &Path, libraries: &Path, work: &Path) -> Result<Option<PathBuf>> {
    let (mut parts, mut builtins) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(libraries).map_err(Error::cache("read", libraries))?.flatten() {
        match entry.file_name().to_str().and_then(super::plan::crate_name) {
            Some("compiler_builtins") => builtins.push(entry.path()),
            Some(name) if !NOT_PART.contains(&name) => parts.push(entry.path()),
            _ => {}
        }
    }
    parts.sort();
    let (Some(metadata), Some(prefix)) = (metadata(original), allocator_prefix(&parts)) else {
        return Ok(None);
    };
    let Some(extra) = compile_extra(toolchain, &metadata, &prefix, work)? else { return Ok(None) };
    let name = original.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let made = work.join(&name);
    // As rustc calls the linker; rust-lld can read what rustc wrote.
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-nodefaultlibs", "-fuse-ld=lld"])
        .arg(format!("-B{}", toolchain.target_folder().join("bin/gcc-ld").display()))
        .arg(format!("-Wl,-soname={name}"))
        .args(["-Wl,--eh-frame-hdr", "-Wl,-z,relro,-z,now", "-o"])
        .arg(&made)
        .arg(extra);
    for (called, meant) in ALLOCATOR {
        cc.arg(format!("-Wl,--defsym={prefix}{called}={prefix}{meant}"));
    }
    cc.arg("-Wl,--whole-archive").args(parts).arg("-Wl,--no-whole-archive").args(builtins);
    cc.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]);
    let linked = cc.env("LD_LIBRARY_PATH", toolchain.sysroot.join("lib")).output();
    Ok(linked.is_ok_and(|output| output.status.success()).then_some(made))
}

fn metadata(original: &Path) -> Option<Vec<u8>> {
    let data = fs::read(original).ok()?;
    let object = object::File::parse(&*data).ok()?;
    Some(object.section_by_name(METADATA)?.data().ok()?.to_vec())
}

/// What this compiler's names of the allocator's functions begin with.
fn allocator_prefix(parts: &[PathBuf]) -> Option<String> {
    let ending = ALLOCATOR[0].1;
    parts.iter().find_map(|path| {
        let members = library::read(path).ok()?;
        members.iter().find_map(|member| {
            let object = object::File::parse(&*member.data).ok()?;
            let defined = object.symbols().filter(ObjectSymbol::is_definition);
            let mut names = defined.filter_map(|symbol| symbol.name().ok().map(str::to_owned));
            names.find_map(|name| name.strip_suffix(ending).map(str::to_owned))
        })
    })
}

/// The object with what is in no library.
fn compile_extra(
    toolchain: &Toolchain,
    metadata: &[u8],
    prefix: &str,
    work: &Path,
) -> Result<Option<PathBuf>> {
    let (source, object) = (work.join("extra.rs"), work.join("extra.o"));
    let data = work.join("metadata");
    fs::write(&data, metadata).map_err(Error::file("write", &data))?;
    let text = format!(
        "#![no_std]\n#[used]\n#[unsafe(link_section = {METADATA:?})]\n\
         static METADATA: [u8; {}] = *include_bytes!(\"metadata\");\n\
         #[unsafe(export_name = \"{prefix}{ALLOCATOR_IS_THERE}\")]\npub extern \"C\" fn allocator_is_there() {{}}\n",
        metadata.len()
    );
    fs::write(&source, text).map_err(Error::file("write", &source))?;
    let output = Command::new(&toolchain.rustc)
        .args(["--edition=2024", "--crate-name=extra", "--crate-type=lib", "--emit=obj", "--target", TARGET])
        .args(["-Copt-level=2", "-Cpanic=abort", "--cap-lints=allow", "-o"])
        .arg(&object)
        .arg(&source)
        .output()
        .map_err(|source| Error::Start {
            program: toolchain.rustc.to_string_lossy().into_owned(),
            source,
            hint: "",
        })?;
    Ok(output.status.success().then_some(object))
}
