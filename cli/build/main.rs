//! Build script: makes the detector runtime and packs it into the one object that the CLI carries.
//!
//! The CLI is a single file that works offline on any machine, so the runtime can't be compiled when
//! a user first needs it. It is built here, by the toolchain that builds the CLI, and embedded:
//!
//! 1. [`runtime::build`] compiles `detector-runtime` to a static library, in a cargo of its own whose
//!    environment holds nothing of the outer build (a user's `RUSTFLAGS` must not get in).
//! 2. [`pack::pack`] joins it to one relocatable object in which only the ABI and the interceptors are
//!    visible, so that its private copy of `core` and `alloc` can't clash with the program's.
//!
//! Results, all in `OUT_DIR`: `racecheck-rt.o`, `racecheck-rt.dynlist` (what a program must export)
//! and the environment variable `RACECHECK_RT_HASH` (names the content).

mod error;
mod pack;
#[path = "../src/instrument/rounds.rs"]
mod rounds;
mod runtime;
mod sources;
mod toolchain;

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use error::Error;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Cargo shows a failed build script's output as it is; a panic would bury the message.
            eprintln!("racecheck-cli: the detector runtime could not be built and packed");
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = cause {
                eprintln!("  {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let out_dir = PathBuf::from(error::variable("OUT_DIR")?);
    let sources = sources::Sources::locate(&out_dir)?;
    for path in sources.watched() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/instrument/rounds.rs");

    let toolchain = toolchain::Toolchain::of_this_build()?;
    let library = runtime::build(&sources, &out_dir)?;
    let packed = pack::pack(&toolchain, &library, &out_dir)?;
    println!("cargo::rustc-env=RACECHECK_RT_HASH={:016x}", fingerprint(&packed)?);
    Ok(())
}

/// Names the content: programs that were linked with another runtime are told apart by it.
fn fingerprint(packed: &pack::Packed) -> Result<u64, Error> {
    let mut hasher = DefaultHasher::new();
    for path in [&packed.object, &packed.dynamic_list] {
        hasher.write(&read(path)?);
    }
    Ok(hasher.finish())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File { doing: "read", path: path.to_owned(), source })
}
