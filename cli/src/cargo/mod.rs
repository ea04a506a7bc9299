//! Cargo as racecheck calls it: with the user's own arguments, and with what makes it build checked
//! programs.
//!
//! What racecheck adds is little, and all of it is here:
//!
//! - `RUSTC_WRAPPER` is racecheck itself (see [`crate::wrapper`]); one that the user has is called by it;
//! - `--target`, without which build scripts and proc macros could not be told from the program;
//! - `--target-dir`, a folder inside of the usual one, so that ordinary builds stay warm;
//! - `--cfg racecheck` in the flags for rustc, with a name for all that went into the build, so that
//!   cargo builds again when racecheck was updated;
//! - flags for rustdoc, which compiles doctests without the wrapper;
//! - the C and C++ compilers of build scripts, which racecheck stands in front of as well.

mod compilers;
mod config;
mod flags;
mod line;
mod project;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::instrument::{CCode, OptLevel};
use crate::kit::Kit;
use crate::toolchain::{TARGET, Toolchain};
use crate::wrapper::{self, c::Language};

pub use config::Config;
pub use line::Line;
pub use project::Project;

/// Name of racecheck's folder in the target folder.
const TARGET_SUBFOLDER: &str = "racecheck";

/// The cargo to call: the one that called racecheck (`cargo racecheck`), or that in `PATH`.
pub fn executable() -> OsString {
    std::env::var_os("CARGO").filter(|cargo| !cargo.is_empty()).unwrap_or_else(|| "cargo".into())
}

/// The toolchain that cargo uses here, with this configuration.
pub fn toolchain(config: &Config) -> Result<Toolchain> {
    let variable = |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
    let configured = || config.text("build", "rustc").map(OsString::from);
    let rustc = variable("RUSTC").or_else(|| variable("CARGO_BUILD_RUSTC")).or_else(configured);
    Toolchain::query(rustc.unwrap_or_else(|| "rustc".into()))
}

/// Environment variables to set.
pub type Environment = Vec<(OsString, OsString)>;

/// What makes cargo build checked programs, wherever it puts them.
pub fn environment(kit: &Kit, config: &Config, c: CCode) -> Environment {
    let mut set: Environment = vec![("RUSTC_WRAPPER".into(), kit.wrapper().into())];
    // Set even if there is none: the one of an outer racecheck must not come in.
    set.push((wrapper::INNER_WRAPPER.into(), user_wrapper(config).unwrap_or_default()));
    let cfgs = [flags::CFG.to_owned(), format!("{}_kit=\"{}\"", flags::CFG, kit.key())];
    set.push(flags::for_rustc(config, &cfgs));
    let mut for_rustdoc = vec![flags::CFG.to_owned(), "-Cdebuginfo=limited".to_owned()];
    for_rustdoc.extend(kit.compiler_options(OptLevel::Zero, true));
    for_rustdoc.extend(kit.linker_options());
    set.push(flags::for_rustdoc(config, &for_rustdoc));
    if c == CCode::Instrumented {
        set.extend(
            [Language::C, Language::Cxx]
                .into_iter()
                .flat_map(|language| compilers::for_build_scripts(kit, language)),
        );
    }
    set
}

/// The `RUSTC_WRAPPER` that cargo would call without racecheck.
fn user_wrapper(config: &Config) -> Option<OsString> {
    let variable = |name| std::env::var_os(name);
    let configured = || config.path("build", "rustc-wrapper").map(PathBuf::into_os_string);
    let wrapper =
        variable("RUSTC_WRAPPER").or_else(|| variable("CARGO_BUILD_RUSTC_WRAPPER")).or_else(configured)?;
    // An outer racecheck (or `racecheck env`): this one takes its place.
    match is_own(&wrapper) {
        true => variable(wrapper::INNER_WRAPPER),
        false => Some(wrapper),
    }
}

fn is_own(wrapper: &OsStr) -> bool {
    Path::new(wrapper).file_name() == Some(OsStr::new(crate::kit::WRAPPER))
}

/// Whether plain cargo would build checked programs here: in a shell that `racecheck env` set up.
fn is_set_up() -> bool {
    std::env::var_os("RUSTC_WRAPPER").is_some_and(|wrapper| is_own(&wrapper))
}

/// Where a build goes.
#[derive(Debug)]
pub struct Placement {
    /// The target folder, if racecheck chooses it.
    pub target_dir: Option<PathBuf>,
    /// The folder for what is not a final result, if the user keeps that apart.
    pub build_dir: Option<PathBuf>,
}

impl Placement {
    /// The place for this project: inside of its usual target folder, unless the user names one.
    pub fn of(project: &Project, line: &Line) -> Self {
        // What `racecheck env` set is the place already.
        let is_there = is_set_up();
        let inside = |folder: &Path| if is_there { folder.to_owned() } else { folder.join(TARGET_SUBFOLDER) };
        Placement {
            target_dir: line.value("--target-dir").is_none().then(|| inside(&project.target_directory)),
            build_dir: project.own_build_directory().map(inside),
        }
    }
}

/// Checks that the target that the user asks for, in whatever way, is one that can be checked.
pub fn check_target(line: &Line, config: &Config) -> Result<()> {
    let check = |target: &str, why| match target {
        TARGET | "host-tuple" => Ok(()),
        other => Err(Error::Target { target: other.to_owned(), why }),
    };
    let mut named = line.values("--target").peekable();
    if named.peek().is_some() {
        return named.try_for_each(|target| check(&target.to_string_lossy(), " (of --target)"));
    }
    if let Some(target) = std::env::var_os("CARGO_BUILD_TARGET") {
        return check(&target.to_string_lossy(), " (of CARGO_BUILD_TARGET)");
    }
    config
        .texts("build", "target")
        .iter()
        .try_for_each(|target| check(target, " (of `build.target` in cargo's configuration)"))
}

/// Whether cargo builds what it is called for. nextest can run what was built before, and then takes no options
/// for a build.
fn builds(subcommand: &[&str], line: &Line) -> bool {
    const BUILT_BEFORE: [&str; 2] = ["--archive-file", "--binaries-metadata"];
    subcommand.contains(&"archive") || BUILT_BEFORE.iter().all(|option| line.value(option).is_none())
}

/// The command for a cargo subcommand that builds, and perhaps runs, checked programs.
pub fn command(
    subcommand: &[&str],
    line: &Line,
    placement: &Placement,
    environment: &Environment,
) -> Command {
    let mut cargo = Command::new(executable());
    cargo.args(subcommand);
    if builds(subcommand, line) {
        if line.value("--target").is_none() {
            cargo.args(["--target", TARGET]);
        }
        if let Some(folder) = &placement.target_dir {
            cargo.arg("--target-dir").arg(folder);
        }
    }
    if let Some(folder) = &placement.build_dir {
        cargo.env("CARGO_BUILD_BUILD_DIR", folder);
    }
    cargo.args(line.words());
    cargo.envs(environment.iter().map(|(name, value)| (name, value)));
    cargo
}
