//! Races that well-known crates make on purpose.
//!
//! A few lock-free structures read memory that another thread may be writing, and throw the value away
//! if it was: by the memory model that is a data race, as their authors say beside the code, but Rust
//! has no bytewise atomic copy to write it otherwise. A user of such a crate can do nothing about it,
//! so those races are held back, counted, and shown with `suppress_known=0`.
//!
//! An entry names the functions of *both* sides, and each side's innermost frame of user code has to
//! be in one of them: a race between such a function and anything else is reported.

use crate::fold::to_first_user_frame;
use crate::model::{Access, Finding, FindingKind, Op};
use crate::rust_path::plain_path;

/// A race that is known and meant.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownRace {
    /// The crate that makes it.
    pub crate_name: &'static str,
    /// Why it is there, in a sentence.
    pub reason: &'static str,
    /// Plain path of the function that reads what may be written meanwhile.
    reader: &'static str,
    /// Plain paths of the functions that write; one that ends with `::` stands for all below it.
    writers: &'static [&'static str],
}

/// All known races.
pub static KNOWN_RACES: &[KnownRace] = &[
    KnownRace {
        crate_name: "crossbeam-utils",
        reason: "AtomicCell reads values that fit no atomic type under a sequence lock: a volatile read, \
                 thrown away if a writer came between",
        reader: "crossbeam_utils::atomic::atomic_cell::atomic_load",
        writers: &["crossbeam_utils::atomic::atomic_cell::"],
    },
    KnownRace {
        crate_name: "crossbeam-deque",
        reason: "a stealer of the Chase-Lev deque reads a slot before it knows whether the task is its own: \
                 a volatile read, thrown away if it was not",
        reader: "crossbeam_deque::deque::Buffer::read",
        writers: &["crossbeam_deque::deque::Buffer::write"],
    },
    KnownRace {
        crate_name: "SQLite",
        reason: "a reader copies the header of the write-ahead log's index without a lock, and takes it only if \
                 two copies and a checksum agree; the authors mark the functions as not for such checks",
        reader: "walIndexTryHdr",
        writers: &["walIndexWriteHdr"],
    },
    KnownRace {
        crate_name: "SQLite",
        reason: "a reader that has its lock compares the header once more with its copy, and starts again if a \
                 writer came between",
        reader: "walTryBeginRead",
        writers: &["walIndexWriteHdr"],
    },
];

/// The entry that the finding is, if it is a known race.
pub fn known_race(finding: &Finding) -> Option<&'static KnownRace> {
    if finding.kind != FindingKind::DataRace {
        return None;
    }
    let (one, other) = (&finding.access, &finding.previous);
    let (read, write) = match (one.op, other.op) {
        (Op::Read, Op::Write) => (one, other),
        (Op::Write, Op::Read) => (other, one),
        _ => return None,
    };
    KNOWN_RACES.iter().find(|known| known.is_read_by(read) && known.is_written_by(write))
}

impl KnownRace {
    fn is_read_by(&self, access: &Access) -> bool {
        in_function(access, |path| path == self.reader)
    }

    fn is_written_by(&self, access: &Access) -> bool {
        in_function(access, |path| {
            self.writers
                .iter()
                .any(|writer| path == *writer || (writer.ends_with("::") && path.starts_with(writer)))
        })
    }
}

fn in_function(access: &Access, is_it: impl Fn(&str) -> bool) -> bool {
    let innermost = to_first_user_frame(&access.stack.frames).last();
    innermost.and_then(|frame| frame.function.as_deref()).is_some_and(|name| is_it(&plain_path(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Frame, SCHEMA_VERSION, Stack};
    use alloc::vec;

    fn finding(access: (Op, &str), previous: (Op, &str)) -> Finding {
        let side = |(op, function): (Op, &str)| {
            let frame = |function: &str, file: &str| Frame {
                function: Some(function.into()),
                file: Some(file.into()),
                ..Frame::default()
            };
            let volatile = frame("core::ptr::read_volatile", "/rustc/1/library/core/src/ptr/mod.rs");
            let frames =
                vec![volatile, frame(function, "/r/c/src/deque.rs"), frame("app::main", "/ws/src/main.rs")];
            Access { op, address: 8, size: 8, thread: 0, stack: Stack { frames, lost: false } }
        };
        Finding {
            schema: SCHEMA_VERSION,
            pid: 1,
            program: "a".into(),
            kind: FindingKind::DataRace,
            access: side(access),
            previous: side(previous),
            location: None,
            threads: vec![],
            test: None,
            misuse: None,
            order: None,
            found: None,
        }
    }

    fn name(finding: &Finding) -> Option<&'static str> {
        known_race(finding).map(|known| known.crate_name)
    }

    const READ: &str = "<crossbeam_deque::deque::Buffer<rayon_core::job::JobRef>>::read";
    const WRITE: &str = "crossbeam_deque::deque::Buffer<T>::write";

    #[test]
    fn no_race_is_reported_for_a_known_pair_in_either_order() {
        assert_eq!(name(&finding((Op::Read, READ), (Op::Write, WRITE))), Some("crossbeam-deque"));
        assert_eq!(name(&finding((Op::Write, WRITE), (Op::Read, READ))), Some("crossbeam-deque"));
        let load = "crossbeam_utils::atomic::atomic_cell::atomic_load::<[u64; 4]>";
        let add = "crossbeam_utils::atomic::atomic_cell::AtomicCell<T>::fetch_add";
        assert_eq!(name(&finding((Op::Read, load), (Op::Write, add))), Some("crossbeam-utils"));
    }

    #[test]
    fn race_with_anything_else_is_reported() {
        assert_eq!(name(&finding((Op::Read, READ), (Op::Write, "app::work"))), None);
        assert_eq!(name(&finding((Op::Read, "app::work"), (Op::Write, WRITE))), None);
        assert_eq!(name(&finding((Op::Write, WRITE), (Op::Write, WRITE))), None);
        assert_eq!(name(&finding((Op::Read, READ), (Op::Free, WRITE))), None);
        let mut freed = finding((Op::Read, READ), (Op::Write, WRITE));
        freed.kind = FindingKind::UseAfterFree;
        assert_eq!(name(&freed), None);
    }
}
