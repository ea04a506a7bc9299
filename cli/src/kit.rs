//! Everything that an instrumented compilation needs, in one folder of the cache:
//!
//! ```text
//! kits/KEY/racecheck-rustc             -> this executable, as cargo's RUSTC_WRAPPER
//!          racecheck-cc                -> this executable, as the C compiler of build scripts
//!          racecheck-c++               -> and as the C++ compiler
//!          sysroot                     -> the instrumented sysroot
//!          racecheck-rt.o              -> the runtime
//!          racecheck-rt.dynlist        -> what programs export
//!          racecheck-allocator.o       the bridge to the program's allocator
//!          racecheck-allocator.names   what it stands in front of
//!          llvm-options                what LLVM is told about the passes
//!          llvm-options.outside        the same for crates outside of the focus
//!          focus                       the crates in focus (not there if all are)
//!          renames.yaml                and which calls it renames between them
//!          fast-paths.bc               -> what it inlines (not there if calls stay calls)
//! ```
//!
//! A kit for debug builds that are optimised first has a folder with that ending.
//!
//! The wrapper finds the rest beside the name it was called by, so it needs no environment variable,
//! and two versions of racecheck, or two toolchains, can be at work at once.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::allocator;
use crate::cache::{self, Cache};
use crate::error::{Error, Result};
use crate::focus::{self, Focus, Origin};
use crate::inlined;
use crate::instrument::{self, Debug, OptLevel};
use crate::progress::Progress;
use crate::runtime;
use crate::sysroot::{self, Sysroot};
use crate::toolchain::Toolchain;
use crate::wrapper::Role;
use crate::wrapper::c::Language;

/// The name by which cargo calls this executable in rustc's place.
pub const WRAPPER: &str = "racecheck-rustc";

/// The names by which it is called, and what it is then.
const ROLES: [(&str, Role); 3] = [
    (WRAPPER, Role::Rustc),
    ("racecheck-cc", Role::Compiler(Language::C)),
    ("racecheck-c++", Role::Compiler(Language::Cxx)),
];

/// The cache's folder of all kits.
pub const FOLDER: &str = "kits";

const SYSROOT: &str = "sysroot";

/// Names of the files for LLVM.
const LLVM_OPTIONS: &str = "llvm-options";
const LLVM_OPTIONS_OUTSIDE: &str = "llvm-options.outside";
const RENAMES: &str = "renames.yaml";

/// Ending of a kit's folder that says [`Debug::OptimisedFirst`].
const OPTIMISED_FIRST: &str = "opt-first";

/// Whether this is a name by which racecheck is called in another program's place.
pub fn is_wrapper(program: &Path) -> bool {
    ROLES.iter().any(|(name, _)| program.file_name().is_some_and(|found| found == *name))
}

/// A kit in the cache.
#[derive(Debug)]
pub struct Kit {
    folder: PathBuf,
}

impl Kit {
    /// Makes sure that the kit for a toolchain is there and whole.
    pub fn ensure(
        toolchain: &Toolchain,
        cache: &Cache,
        debug: Debug,
        focus: &Focus,
        progress: &Progress,
    ) -> Result<Self> {
        // rustc takes options for LLVM apart at white space, and knows no quotes.
        if cache.root().to_string_lossy().contains(char::is_whitespace) {
            return Err(Error::WhiteSpace { cache: cache.root().to_owned() });
        }
        let fast_paths = inlined::locate(toolchain, cache);
        let sysroot =
            Sysroot::of(toolchain, cache, fast_paths.clone(), focus.is_everything())?.ensure(progress)?;
        let runtime = runtime::ensure(cache)?;
        let mut hasher = DefaultHasher::new();
        (&sysroot, runtime::HASH, focus).hash(&mut hasher);
        let key = hasher.finish();
        let folder = cache.folder(&match debug {
            Debug::AsItIs => format!("{FOLDER}/{key:016x}"),
            Debug::OptimisedFirst => format!("{FOLDER}/{key:016x}.{OPTIMISED_FIRST}"),
        })?;
        let own = std::env::current_exe().map_err(Error::OwnExecutable)?;
        for (name, _) in ROLES {
            cache::link_whole(&own, &folder.join(name))?;
        }
        cache::link_whole(&sysroot, &folder.join(SYSROOT))?;
        for file in [runtime::OBJECT_FILE, runtime::DYNAMIC_LIST_FILE] {
            cache::link_whole(&runtime.join(file), &folder.join(file))?;
        }
        // The names come last: where they are, the object is.
        if !folder.join(allocator::NAMES_FILE).exists() {
            let names = allocator::names(toolchain)?;
            cache::write_whole(&folder.join(allocator::OBJECT_FILE), &allocator::bridge(&names)?)?;
            cache::write_whole(&folder.join(allocator::NAMES_FILE), names.join("\n").as_bytes())?;
        }
        if let Some(fast_paths) = &fast_paths {
            inlined::ensure(toolchain, fast_paths)?;
            cache::link_whole(fast_paths, &folder.join(inlined::FILE))?;
        }
        focus.save(&folder)?;
        let kit = Kit { folder };
        kit.write_for_llvm(fast_paths.as_deref())?;
        // Its time says when it was used last. Where that can't be written down it looks unused, and at worst is made
        // once more.
        let _ = File::open(&kit.folder).and_then(|file| file.set_modified(SystemTime::now()));
        Ok(kit)
    }

    fn write_for_llvm(&self, fast_paths: Option<&Path>) -> Result<()> {
        let renames = self.folder.join(RENAMES);
        let options = instrument::llvm_options(&renames, fast_paths).join("\n");
        let options = format!("{}\n{options}", instrument::WHOLE);
        let outside = format!("{options}\n{}", focus::OUTSIDE.join("\n"));
        let files = [
            (renames, instrument::renames()),
            (self.folder.join(LLVM_OPTIONS), options),
            (self.folder.join(LLVM_OPTIONS_OUTSIDE), outside),
        ];
        for (path, content) in files {
            let is_there = std::fs::read(&path).is_ok_and(|present| present == content.as_bytes());
            if !is_there {
                cache::write_whole(&path, content.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The kit to which the wrapper belongs that was called as `program`, and what it was called for.
    pub fn of_wrapper(program: &Path) -> Option<(Self, Role)> {
        let folder = program.parent()?;
        let name = program.file_name()?;
        let (_, role) = ROLES.iter().find(|(known, _)| name == *known)?;
        Some((Kit { folder: folder.to_owned() }, *role))
    }

    /// When the kit in this folder was used last.
    pub fn last_use(folder: &Path) -> SystemTime {
        std::fs::metadata(folder).and_then(|status| status.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The folders of the cache to which the kit in this folder links.
    pub fn links(folder: &Path) -> impl Iterator<Item = PathBuf> {
        let sysroot = std::fs::read_link(folder.join(SYSROOT)).ok();
        let object = std::fs::read_link(folder.join(runtime::OBJECT_FILE)).ok();
        let runtime = object.and_then(|object| Some(object.parent()?.to_owned()));
        let fast_paths = std::fs::read_link(folder.join(inlined::FILE)).ok();
        let fast_paths = fast_paths.and_then(|file| Some(file.parent()?.to_owned()));
        sysroot.into_iter().chain(runtime).chain(fast_paths)
    }

    /// The executable to name as the compiler of a language.
    pub fn compiler(&self, language: Language) -> PathBuf {
        let name = ROLES.iter().find(|(_, role)| *role == Role::Compiler(language)).map(|(name, _)| *name);
        self.folder.join(name.unwrap_or(WRAPPER))
    }

    /// The executable to name in `RUSTC_WRAPPER`.
    pub fn wrapper(&self) -> PathBuf {
        self.folder.join(WRAPPER)
    }

    /// Names what programs are built with: if it changes, they have to be built again.
    pub fn key(&self) -> &str {
        self.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The sysroot to compile against. Its real path: rustc looks for its parts relative to it.
    pub fn sysroot(&self) -> PathBuf {
        let link = self.folder.join(SYSROOT);
        std::fs::read_link(&link).unwrap_or(link)
    }

    fn debug(&self) -> Debug {
        match self.folder.extension() {
            Some(ending) if ending == OPTIMISED_FIRST => Debug::OptimisedFirst,
            _ => Debug::AsItIs,
        }
    }

    /// True if the crate's plain accesses are looked at.
    pub fn holds(&self, name: &str, origin: Origin) -> bool {
        // A focus that can't be read: too much is looked at, which is slow and not wrong.
        Focus::load(&self.folder).map_or(true, |focus| focus.holds(name, origin))
    }

    /// The options that make rustc instrument a crate that it optimises so far.
    pub fn compiler_options(&self, level: OptLevel, in_focus: bool) -> Vec<String> {
        let sysroot = self.sysroot();
        let mut options = vec![format!("--sysroot={}", sysroot.display())];
        let dependencies = sysroot::dependencies(&sysroot);
        options.extend(dependencies.map(|folder| format!("-Ldependency={}", folder.display())));
        let llvm_options = self.folder.join(if in_focus { LLVM_OPTIONS } else { LLVM_OPTIONS_OUTSIDE });
        let inlines = self.folder.join(inlined::FILE).exists();
        options.extend(instrument::compiler_options(self.debug(), level, &llvm_options, inlines));
        options.extend(allocator::compiler_options(&self.allocator_names()));
        options
    }

    /// The options that make a C compiler link the runtime into a program.
    pub fn c_linker_options(&self) -> Vec<String> {
        let file = |name| self.folder.join(name).display().to_string();
        let dynamic_list = format!("-Wl,--dynamic-list={}", file(runtime::DYNAMIC_LIST_FILE));
        // The runtime refers to Rust's personality function, which a C program does not have, and never calls it:
        // nothing in it unwinds.
        let rest = ["-Wl,--defsym=rust_eh_personality=0", "-lpthread", "-ldl", "-lm"].map(str::to_owned);
        [file(runtime::OBJECT_FILE), dynamic_list].into_iter().chain(rest).collect()
    }

    /// The options that link the runtime into an executable.
    pub fn linker_options(&self) -> Vec<String> {
        let file = |name| self.folder.join(name).display().to_string();
        let mut options = vec![
            format!("-Clink-arg={}", file(runtime::OBJECT_FILE)),
            format!("-Clink-arg=-Wl,--dynamic-list={}", file(runtime::DYNAMIC_LIST_FILE)),
            // The runtime calls into these; with a current glibc they are empty.
            "-Clink-args=-lpthread -ldl -lm".to_owned(),
        ];
        if let Some(folder) =
            self.shared_std().and_then(|library| Some(library.parent()?.display().to_string()))
        {
            // Cargo and rustc lead the loader to the toolchain's own, by a variable that only the older kind of path
            // comes before.
            options.push("-Clink-arg=-Wl,--disable-new-dtags".to_owned());
            options.push(format!("-Clink-arg=-Wl,-rpath,{folder}"));
        }
        if Focus::load(&self.folder).is_ok_and(|focus| !focus.is_everything()) {
            options.extend(focus::linker_options());
        }
        let bridge = self.folder.join(allocator::OBJECT_FILE);
        options.extend(allocator::linker_options(&bridge, &self.allocator_names()));
        options
    }

    /// The shared standard library, if this toolchain's could be made.
    pub fn shared_std(&self) -> Option<PathBuf> {
        sysroot::shared_std(&self.sysroot())
    }

    /// The functions that the bridge stands in front of; none if the kit was taken apart, which the linker will say.
    fn allocator_names(&self) -> Vec<String> {
        let names = std::fs::read_to_string(self.folder.join(allocator::NAMES_FILE)).unwrap_or_default();
        names.lines().map(str::to_owned).collect()
    }
}
