//! Makes instrumented object code out of bitcode, on all processors.

use std::collections::VecDeque;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::library;
use super::plan::{self, Extent, Library, Plan};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolchain::Toolchain;
use crate::{focus, instrument};

/// How far rust-lld optimises; std was compiled for speed, and so is its copy.
pub const OPTIMISATION: &str = "--lto-O2";

/// What compiles bitcode.
pub struct Compiler<'a> {
    toolchain: &'a Toolchain,
    rust_lld: PathBuf,
    fast_paths: Option<&'a Path>,
    in_focus: bool,
}

impl<'a> Compiler<'a> {
    /// The toolchain's own `rust-lld`, which inlines these fast paths; plain accesses are left alone if the standard
    /// library is not in focus.
    pub fn new(toolchain: &'a Toolchain, fast_paths: Option<&'a Path>, in_focus: bool) -> Result<Self> {
        Ok(Compiler { toolchain, rust_lld: toolchain.rust_lld()?, fast_paths, in_focus })
    }
}

/// Instruments every library of the plan and writes them to `to`.
pub fn instrument_all(compiler: &Compiler, plan: &Plan, to: &Path, progress: &Progress) -> Result<()> {
    let work = plan.libraries.iter().map(|library| library.size).sum();
    let bar = progress.bar("Preparing", "the instrumented standard library", work);
    let queue: Mutex<VecDeque<&Library>> = Mutex::new(plan.libraries.iter().collect());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let worker = || -> Result<()> {
        while let Some(library) = next() {
            let made = instrument(compiler, &plan.folder, library, to);
            if made.is_err() {
                // The others need not go on.
                queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            made?;
            bar.advance(library.size);
        }
        Ok(())
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(plan.libraries.len());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let results = workers.into_iter().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        results.fold(Ok(()), Result::and)
    })
}

fn instrument(compiler: &Compiler, from: &Path, library: &Library, to: &Path) -> Result<()> {
    let path = from.join(&library.file_name);
    let mut members = library::read(&path)?;
    let mut found = false;
    for member in &mut members {
        if let Some(bitcode) = member.bitcode.take() {
            member.data = compile(compiler, library, &bitcode, &attributes(library, &member.data))?;
            found = true;
        }
    }
    match (found, library.required) {
        (true, _) => library::write(&to.join(&library.file_name), members),
        (false, true) => Err(Error::NoBitcode { library: path }),
        // Not worth a failure: at worst a call of it is not seen.
        (false, false) => std::os::unix::fs::symlink(&path, to.join(&library.file_name))
            .map_err(Error::cache("write in", to)),
    }
}

/// What `forceattrs` is told of the functions in an object file of a library.
fn attributes(library: &Library, object: &[u8]) -> String {
    let attributes = |function: &str| match library.extent {
        Extent::Whole if instrument::is_unseen(function) => instrument::look_away(function),
        Extent::Whole => String::new(),
        Extent::Shared if plan::is_for_backtraces(function) => instrument::leave_alone(function),
        Extent::Shared => instrument::look_at(function),
    };
    library::functions(object).iter().map(|function| attributes(function)).collect()
}

/// Compiles one module, with the calls into the runtime. `attributes` are the lines of a file for `forceattrs`.
fn compile(compiler: &Compiler, library: &Library, bitcode: &[u8], attributes: &str) -> Result<Vec<u8>> {
    let Compiler { toolchain, rust_lld, fast_paths, in_focus } = compiler;
    let outside: &[&str] = if *in_focus { &[] } else { &focus::OUTSIDE };
    let folder = tempfile::tempdir().map_err(Error::file("create a folder in", std::env::temp_dir()))?;
    let (input, output) = (folder.path().join("in.bc"), folder.path().join("out.o"));
    std::fs::write(&input, bitcode).map_err(Error::file("write", &input))?;
    let attributes_file = folder.path().join("attributes.csv");
    std::fs::write(&attributes_file, attributes).map_err(Error::file("write", &attributes_file))?;
    let whole = (library.extent == Extent::Whole).then_some(instrument::WHOLE);
    let renames = folder.path().join("renames.yaml");
    std::fs::write(&renames, instrument::renames()).map_err(Error::file("write", &renames))?;
    let result = toolchain
        .tool(rust_lld)
        .args(["-flavor", "gnu", "-r", OPTIMISATION])
        .arg(format!("--lto-newpm-passes={}", instrument::pipeline(fast_paths.is_some())))
        .args(instrument::llvm_options(&renames, *fast_paths).iter().flat_map(|option| ["-mllvm", option]))
        .arg("-mllvm")
        .arg(format!("{}{}", instrument::MORE_ATTRIBUTES, attributes_file.display()))
        .args(whole.iter().flat_map(|option| ["-mllvm", option]))
        .args(outside.iter().flat_map(|option| ["-mllvm", option]))
        // The libraries are compiled side by side already.
        .arg("--threads=1")
        .arg("-o")
        .arg(&output)
        .arg(&input)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start { program: rust_lld.display().to_string(), source, hint: "" })?;
    if !result.status.success() {
        return Err(Error::Codegen {
            library: library.name.clone(),
            status: result.status,
            message: String::from_utf8_lossy(&result.stderr).into_owned(),
        });
    }
    std::fs::read(&output).map_err(Error::file("read", &output))
}
