//! The model of a finding, and its JSON form: one object on one line.
//!
//! It is the contract between the runtime, which writes findings from inside the program under test,
//! and everything that reads them. The shim (`crates/sync`) writes the same. Addresses are those of the
//! process that was checked; functions and files are already resolved, so that a reader needs neither
//! the binary nor its debug info.
//!
//! Fields may be added within one [`SCHEMA_VERSION`] as long as an older reader may overlook them;
//! whatever changes a meaning raises the version, and an older reader then refuses the line
//! ([`DecodeError::NewerSchema`]) instead of misreading it.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the JSON form that this crate writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// Number of the thread that runs `main`. Threads are numbered in the order of their creation, and a
/// number is never used twice in a process.
pub const MAIN_THREAD: u32 = 0;

/// One thing that is wrong in the program: two accesses that no happens-before edge orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Version of the form, [`SCHEMA_VERSION`] when written by this crate.
    pub schema: u32,
    /// The process in which it was seen.
    pub pid: u32,
    /// Path of that process's executable.
    pub program: String,
    /// What is wrong.
    pub kind: FindingKind,
    /// The access at which it was seen.
    pub access: Access,
    /// The earlier access that it conflicts with.
    pub previous: Access,
    /// What lies at the address, if that is known.
    pub location: Option<Location>,
    /// Every thread that `access`, `previous` or `location` names, each once, the main thread
    /// included; a creator that is in none of those need not be here.
    pub threads: Vec<Thread>,
    /// Name of the test that ran it, if it was a test and is known.
    pub test: Option<String>,
    /// What was done wrong, if the kind is [`FindingKind::Misuse`]: `access` and `previous` are then the
    /// first two of its calls (or the only one, twice), for readers that look at two sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misuse: Option<Misuse>,
    /// What is known about the order of the two accesses, beside that nothing orders them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// How often it was found and whether it was known, in a file that joins others; without it the line
    /// stands for one time, and for a new finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
}

/// How the two threads synchronised, as far as the detector knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What the thread of [`Finding::access`] had learnt of the other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt: Option<Learnt>,
    /// The locks that it held at its access; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_locks: Option<Vec<Held>>,
    /// The locks that the other one held at [`Finding::previous`]; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_locks: Option<Vec<Held>>,
}

/// What a thread had learnt of another one by synchronisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Learnt {
    /// Nothing that it did: they have not synchronised since the other one began.
    Nothing,
    /// What it had done some time before the access, but not the access.
    Earlier,
}

/// A lock that a thread held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Its address.
    pub address: u64,
    /// It was held for reading only.
    pub shared: bool,
    /// Where it was taken.
    pub stack: Stack,
}

/// How often a finding was found, and whether it was known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// In all.
    pub count: u64,
    /// By each of the files that were joined.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shards: BTreeMap<String, u64>,
    /// That people had said something about it before; `None` if it was new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// What people had said about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Known {
    /// It is in the baseline.
    Baseline,
    /// A suppression holds for it.
    Suppression {
        /// Why, if the suppression says so.
        reason: Option<String>,
    },
}

/// A primitive that was used against its rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misuse {
    /// The rule that was broken, in a form for programs, such as `unlock-of-unlocked`.
    pub rule: String,
    /// What is wrong, in Go's words where Go has them.
    pub message: String,
    /// Whether the program can't go on, as Go's `fatal error` says.
    pub fatal: bool,
    /// Every call that has to do with it, the one at which it was seen first.
    pub calls: Vec<Call>,
}

/// One call that has to do with a misuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// What was done, as a heading without its colon.
    pub heading: String,
    /// Where.
    pub stack: Stack,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Two accesses to the same bytes, at least one of them a write and at least one not atomic, and
    /// nothing orders them.
    DataRace,
    /// An access to memory that was freed before; [`Finding::previous`] is the free, whether it is
    /// ordered before the access or not.
    UseAfterFree,
    /// A synchronisation primitive was used against its rules, or in a way that can deadlock;
    /// [`Finding::misuse`] says how.
    Misuse,
}

/// What an access does to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// A plain read.
    Read,
    /// A plain write.
    Write,
    /// An atomic load, or the load of a read-modify-write that failed.
    AtomicRead,
    /// An atomic store or read-modify-write.
    AtomicWrite,
    /// The block was freed: a write of all of its bytes.
    Free,
    /// The block was allocated: a write of all of its bytes.
    Alloc,
    /// The thread on whose stack (or in whose thread-local storage) the address lies came to its end.
    ThreadExit,
    /// A call of a synchronisation primitive: no access of the program's own.
    Call,
}

impl Op {
    /// Whether it counts as a write where two accesses are checked for a conflict.
    pub const fn is_write(self) -> bool {
        !matches!(self, Op::Read | Op::AtomicRead | Op::Call)
    }

    /// Whether it is atomic: two atomic accesses never race.
    pub const fn is_atomic(self) -> bool {
        matches!(self, Op::AtomicRead | Op::AtomicWrite)
    }
}

/// One side of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// What was done.
    pub op: Op,
    /// First byte of the access.
    pub address: u64,
    /// Number of bytes.
    pub size: u64,
    /// Who did it, a number of [`Finding::threads`]; [`MAIN_THREAD`] is the main thread.
    pub thread: u32,
    /// Where.
    pub stack: Stack,
}

/// A call stack, innermost frame first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// The frames, innermost first. Inlined calls have frames of their own.
    pub frames: Vec<Frame>,
    /// The stack is not known any more. `frames` then holds what is left, mostly nothing.
    pub lost: bool,
}

impl Stack {
    /// A stack of which nothing is known.
    pub const fn lost() -> Self {
        Stack { frames: Vec::new(), lost: true }
    }
}

/// One call of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function, demangled and without a hash.
    pub function: Option<String>,
    /// The source file: absolute, or as the debug info has it, joined with its compilation directory.
    pub file: Option<String>,
    /// Line in `file`, from 1; 0 if it is unknown.
    pub line: u32,
    /// Column in `line`, from 1; 0 if it is unknown.
    pub column: u32,
    /// Path of the executable or library that holds the code.
    pub module: Option<String>,
    /// Address of the instruction in `module`, as its ELF headers count; the address in the process
    /// if the module is unknown.
    pub offset: u64,
    /// The call was inlined: it shares its instruction with the next frame.
    pub inlined: bool,
}

/// A thread, as far as a report tells about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its number; [`MAIN_THREAD`] is the main thread.
    pub id: u32,
    /// Its name, if the program gave it one.
    pub name: Option<String>,
    /// Whether it still ran when the finding was made.
    pub running: bool,
    /// The thread that created it; `None` for the main thread and where it is unknown.
    pub created_by: Option<u32>,
    /// Where it was created; empty for the main thread.
    pub created_at: Stack,
}

impl Default for Finding {
    /// A finding of which nothing is known.
    fn default() -> Self {
        let access =
            || Access { op: Op::Read, address: 0, size: 0, thread: MAIN_THREAD, stack: Stack::default() };
        Finding {
            schema: SCHEMA_VERSION,
            pid: 0,
            program: String::new(),
            kind: FindingKind::DataRace,
            access: access(),
            previous: access(),
            location: None,
            threads: Vec::new(),
            test: None,
            misuse: None,
            order: None,
            found: None,
        }
    }
}

/// What lies at the address of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "in")]
pub enum Location {
    /// A block of the heap.
    Heap {
        /// First byte of the block.
        address: u64,
        /// Size of the block, as it was asked for.
        size: u64,
        /// Of the access within the block.
        offset: u64,
        /// The block was freed before the finding was made.
        freed: bool,
        /// The thread that allocated it.
        allocated_by: u32,
        /// Where it was allocated.
        stack: Stack,
    },
    /// A static variable.
    Global {
        /// Its name, demangled.
        name: String,
        /// Its first byte.
        address: u64,
        /// Its size.
        size: u64,
        /// Of the access within the variable.
        offset: u64,
        /// Path of the executable or library that defines it.
        module: Option<String>,
    },
    /// A synchronisation primitive or a checked cell.
    Object {
        /// What it is: its type, without its path.
        kind: String,
        /// The name that the program gave it.
        name: Option<String>,
        /// Its first byte.
        address: u64,
        /// Its size.
        size: u64,
        /// Of the access within it.
        offset: u64,
        /// Where it was made.
        made_at: Stack,
    },
    /// The stack of a thread.
    Stack {
        /// Whose.
        thread: u32,
    },
    /// The thread-local storage of a thread.
    Tls {
        /// Whose.
        thread: u32,
    },
    /// Memory that was mapped, but that no variable and no block is known for.
    Mapped {
        /// Path of the file that is mapped there, if any.
        module: Option<String>,
    },
}

impl Finding {
    /// The thread of this number, if the finding has it.
    pub fn thread(&self, id: u32) -> Option<&Thread> {
        self.threads.iter().find(|thread| thread.id == id)
    }

    /// The finding as one line of JSON, without the line's end.
    pub fn to_json_line(&self) -> String {
        // Every type of the model can be written (no maps with odd keys, no floats), and the writer
        // is a vector, so that the fallback is unreachable; it still is a line that decodes to an
        // error, not a panic in the program under test.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads back what [`Finding::to_json_line`] wrote.
    pub fn from_json_line(line: &str) -> Result<Self, DecodeError> {
        decode(line)
    }
}

/// Reads a line, unless it is of a newer version.
fn decode<T: DeserializeOwned>(line: &str) -> Result<T, DecodeError> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let line = line.trim();
    // What is read is mostly of this version: only what is not is looked at again.
    serde_json::from_str(line).map_err(|error| match serde_json::from_str::<Version>(line) {
        Ok(Version { schema: found }) if found > SCHEMA_VERSION => DecodeError::NewerSchema { found },
        _ => DecodeError::Broken { column: error.column(), reason: error.to_string() },
    })
}

/// What a process could not see and what the detector took, written at the process's end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessNote {
    /// Version of the form, as that of findings.
    pub schema: u32,
    /// The process.
    pub pid: u32,
    /// Path of its executable.
    pub program: String,
    /// What it says.
    pub process: Process,
}

/// What a [`ProcessNote`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Paths of the modules that ran without instrumentation: their accesses were not seen.
    pub uninstrumented: Vec<String>,
    /// What had to be given up.
    pub lost: Lost,
    /// What the detector took.
    pub memory: MemoryUse,
}

/// What the detector had to give up, so that races may have been missed or stacks are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Epochs that could not be told apart.
    pub epochs: u64,
    /// Sets of readers that could not be told apart.
    pub read_sets: u64,
    /// Calling contexts that found no room.
    pub contexts: u64,
    /// Reports that could not be written to where they belong.
    pub reports: u64,
    /// Pieces of eight bytes whose history was dropped to keep the memory limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub history: u64,
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUse {
    /// Of the whole process, the program's own included, at its most.
    pub peak: u64,
    /// Of the detector's own tables, at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<u64>,
    /// Of shadow memory, at the end; only where it was asked for, since it takes time to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<u64>,
    /// What the detector may take of shadow and tables, if there is a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What it had to take at its most, if that is above the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above_limit: Option<u64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl ProcessNote {
    /// As one line of JSON, without the line's end.
    pub fn to_json_line(&self) -> String {
        // As for a finding.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A line of a report file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Something was found.
    Finding(Box<Finding>),
    /// A process has ended.
    Process(ProcessNote),
}

impl Record {
    /// Reads a line of either kind.
    pub fn from_json_line(line: &str) -> Result<Self, DecodeError> {
        match Finding::from_json_line(line) {
            Ok(finding) => Ok(Record::Finding(finding.into())),
            // The rare kind is looked for where the usual one does not fit; what fits neither was
            // meant as a finding.
            Err(error @ DecodeError::Broken { .. }) => decode(line).map(Record::Process).map_err(|_| error),
            Err(error) => Err(error),
        }
    }
}

/// A line that is no finding for this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// No JSON, or not of the form: cut off, mixed with other output, or from something else.
    Broken {
        /// Where reading stopped, in bytes from 1.
        column: usize,
        /// What was expected there.
        reason: String,
    },
    /// Written by a newer racecheck.
    NewerSchema {
        /// The version that the line has.
        found: u32,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Broken { column, reason } => {
                write!(f, "not a racecheck finding: reading stopped at byte {column}: {reason}")
            }
            DecodeError::NewerSchema { found } => write!(
                f,
                "the finding has schema {found}, this racecheck reads up to {SCHEMA_VERSION}: \
                 use the racecheck that built the program, or build the program again with this one"
            ),
        }
    }
}

impl core::error::Error for DecodeError {}
