//! What a program in `testdata/` says about itself.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What racecheck has to say of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Race,
    Clean,
}

/// Whether the threads of a report are in a state that the program fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadState {
    Fixed,
    Any,
}

/// One program.
#[derive(Clone, Debug)]
pub struct Program {
    /// The folder of all programs.
    pub root: PathBuf,
    /// The source without its ending, seen from `root`.
    pub name: String,
    pub verdict: Verdict,
    /// The two accesses of the race.
    pub marks: Vec<Mark>,
    /// Options for rustc.
    pub flags: Vec<String>,
    /// Sources of shared libraries, seen from `root`.
    pub libraries: Vec<PathBuf>,
    /// The program's own status.
    pub status: i32,
    pub thread_state: ThreadState,
    pub needs_unwinding: bool,
    pub is_slow: bool,
    /// Why racecheck gives another verdict today, as the README's limits say.
    pub limit: Option<String>,
}

/// One of the two accesses of a race.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The access as a report names it, in lower case, or `any`.
    pub kind: String,
    /// Where it is: file and line, the file seen from the folder of all programs. The end of a thread,
    /// which takes its stack away, is nowhere.
    pub place: Option<String>,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.kind, self.place.as_deref().unwrap_or("nowhere"))
    }
}

impl Program {
    pub fn source(&self) -> PathBuf {
        PathBuf::from(format!("{}.rs", self.name))
    }

    /// The report that is due.
    pub fn golden(&self) -> PathBuf {
        self.root.join(format!("{}.report", self.name))
    }

    fn read(root: &Path, name: String, verdict: Verdict) -> Self {
        let mut program = Program {
            root: root.to_owned(),
            name,
            verdict,
            marks: Vec::new(),
            flags: Vec::new(),
            libraries: Vec::new(),
            status: 0,
            thread_state: ThreadState::Fixed,
            needs_unwinding: false,
            is_slow: false,
            limit: None,
        };
        let source = program.source();
        let text = read(&root.join(&source));
        for directive in text.lines().filter_map(|line| line.strip_prefix("//@ ")) {
            program.obey(directive);
        }
        for file in program.libraries.iter().chain([&source]) {
            program.marks.extend(marks(&file.to_string_lossy(), &read(&root.join(file))));
        }
        if verdict == Verdict::Race {
            let (name, count) = (&program.name, program.marks.len());
            assert_eq!(count, 2, "{name}.rs has to mark the two accesses of its race with `// race: kind`");
        }
        program
    }

    fn obey(&mut self, directive: &str) {
        let (word, rest) = directive.split_once(':').unwrap_or((directive, ""));
        let words = rest.split_whitespace();
        match word {
            "flags" => self.flags.extend(words.map(str::to_owned)),
            "library" => {
                let folder = Path::new(&self.name).parent().unwrap();
                self.libraries.extend(words.map(|file| folder.join(file)));
            }
            "race" => self.marks.push(Mark { kind: rest.trim().to_owned(), place: None }),
            "status" => self.status = rest.trim().parse().expect("a status is a number"),
            "thread-state" if rest.trim() == "any" => self.thread_state = ThreadState::Any,
            "needs" if rest.trim() == "unwinding" => self.needs_unwinding = true,
            "slow" => self.is_slow = true,
            "limit" => self.limit = Some(rest.trim().to_owned()),
            _ => panic!("{}.rs: no directive `{directive}` is known", self.name),
        }
    }
}

/// All programs below this folder, by name.
pub fn all_in(root: &Path) -> Vec<Program> {
    let mut programs = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let verdict = match name.strip_suffix(".rs") {
                Some(name) if name.ends_with("_race") => Some((name, Verdict::Race)),
                Some(name) if name.ends_with("_clean") => Some((name, Verdict::Clean)),
                _ => None,
            };
            programs.extend(verdict.map(|(name, verdict)| Program::read(root, name.to_owned(), verdict)));
        }
    }
    assert!(!programs.is_empty(), "no programs in {}", root.display());
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    programs
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The accesses of a source that are marked with `// race: kind`, or with several kinds, as a line can be both.
fn marks(file: &str, text: &str) -> Vec<Mark> {
    (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| Some((number, line.split_once("// race: ")?.1)))
        .flat_map(|(line, kinds)| {
            let place = format!("{file}:{line}");
            kinds
                .split(',')
                .map(move |kind| Mark { kind: kind.trim().to_owned(), place: Some(place.clone()) })
        })
        .collect()
}
