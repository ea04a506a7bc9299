//! Folders with files in them, and racecheck called in there.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder for one test.
pub struct Folder {
    root: TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Folder { root: TempDir::new().unwrap() }
    }

    /// A folder with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// racecheck, to be called in this folder.
    pub fn racecheck(&self, words: &[&str]) -> Command {
        self.command(env!("CARGO_BIN_EXE_racecheck"), words)
    }

    /// Cargo, to be called in this folder.
    pub fn cargo(&self, words: &[&str]) -> Command {
        self.command("cargo", words)
    }

    /// A shell that runs a script in this folder.
    pub fn shell(&self, script: &str) -> Command {
        self.command("sh", &["-c", script])
    }

    /// A program in this folder.
    pub fn program(&self, path: &str, words: &[&str]) -> Command {
        self.command(&self.path(path).to_string_lossy(), words)
    }

    /// A command without what the cargo that runs these tests, or its user, has set.
    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        command.args(words).current_dir(self.root.path());
        command.env("NO_COLOR", "1").env("RACECHECK_CACHE", shared_cache());
        command
    }
}

fn is_setting(name: &OsStr) -> bool {
    const SETTINGS: [&str; 6] = ["CARGO", "RACECHECK", "RUSTFLAGS", "RUSTC", "RUSTDOC", "RUST_"];
    const WAY_TO_THE_REGISTRY: [&str; 4] = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR"];
    let name = name.to_string_lossy();
    let is_one_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    is_one_of(&SETTINGS) && !is_one_of(&WAY_TO_THE_REGISTRY)
}

fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("racecheck-cache")
}

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

pub trait RunExt {
    /// Runs it to its end.
    fn ran(&mut self) -> Ran;
}

impl RunExt for Command {
    fn ran(&mut self) -> Ran {
        self.output().unwrap().into()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn assert_status(&self, status: i32) -> &Self {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    #[track_caller]
    pub fn assert_stderr(&self, part: &str) -> &Self {
        assert!(self.stderr.contains(part), "{part:?} is not in the stderr of {self:#?}");
        self
    }

    #[track_caller]
    pub fn assert_no_stderr(&self, part: &str) -> &Self {
        assert!(!self.stderr.contains(part), "{part:?} is in the stderr of {self:#?}");
        self
    }

    #[track_caller]
    pub fn assert_stdout(&self, part: &str) -> &Self {
        assert!(self.stdout.contains(part), "{part:?} is not in the stdout of {self:#?}");
        self
    }
}

/// All regular files below `root`.
pub fn files_below(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// The one file below `root` with such a name.
pub fn find(root: &Path, matches: impl Fn(&OsStr) -> bool) -> PathBuf {
    let mut found: Vec<_> =
        files_below(root).into_iter().filter(|path| matches(path.file_name().unwrap())).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// A program with a race, and the same without.
pub const RACY: &str = "\
use std::thread;
static mut X: u64 = 0;
fn main() {
    let worker = thread::spawn(|| unsafe { X += 1 });
    unsafe { X += 1 };
    worker.join().unwrap();
    println!(\"done\");
}
";

pub const CLEAN: &str = "\
use std::sync::Mutex;
use std::thread;
static X: Mutex<u64> = Mutex::new(0);
fn main() {
    let worker = thread::spawn(|| *X.lock().unwrap() += 1);
    *X.lock().unwrap() += 1;
    worker.join().unwrap();
    println!(\"done\");
}
";
