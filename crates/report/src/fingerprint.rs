//! When two findings are the same one.
//!
//! - [`PairKey`]: within one build. The two places in the source, down to the column. It tells whether a
//!   race was reported before, and holds for every process that runs the same binary.
//! - [`StableFingerprint`]: across builds. Functions and files, but no lines, addresses or versions, so
//!   that it outlives edits elsewhere in the file. It is what a baseline of known races holds.
//! - [`SiteKey`]: across machines and checkouts of one version of the source. As the first, but with files
//!   named from their crate's folder on.
//!
//! All take the two sides without their order: which access came second is chance.
//!
//! The hash is FNV-1a with 64 bits (Fowler, Noll, Vo; offset basis and prime below). It is written
//! into files, so that it may never change; it need not resist an attacker.

use core::fmt;
use core::str::FromStr;

use crate::fold::to_first_user_frame;
use crate::model::{Access, Finding, FindingKind, Location, Op};
use crate::rust_path::plain_path;

/// Two places in one build of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairKey(pub u64);

/// Two places in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StableFingerprint(pub u64);

/// Two places in one version of the source, wherever it was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteKey(pub u64);

/// The key under which findings of many runs are one.
///
/// A side's place is as for [`pair_key`]; files are named from their crate's folder on, and functions tell
/// the crates apart.
pub fn site_key(finding: &Finding) -> SiteKey {
    let side = |access: &Access| {
        let mut hash = Hash::new();
        if access.stack.frames.is_empty() {
            hash.text(op_name(access.op));
        }
        for frame in to_first_user_frame(&access.stack.frames) {
            hash.text(frame.function.as_deref().unwrap_or(""));
            match &frame.file {
                Some(file) => {
                    hash.text(path_in_crate(file));
                    hash.number(u64::from(frame.line));
                    hash.number(u64::from(frame.column));
                }
                None => {
                    let module = frame.module.as_deref().unwrap_or("");
                    hash.text(module.rsplit('/').next().unwrap_or(module));
                    hash.number(frame.offset);
                }
            }
        }
        hash
    };
    SiteKey(pair(finding, side))
}

/// The key under which a finding is reported once.
///
/// A side's place is that of the frames from the innermost one to the first one of user code: with the
/// innermost frame alone, all races inside of `memcpy` or of one method of the standard library would be
/// one. What was done there does not count: `x += 1` against itself is one race, although its read
/// and its write both conflict with the other side's write.
pub fn pair_key(finding: &Finding) -> PairKey {
    let side = |access: &Access| {
        let mut hash = Hash::new();
        if access.stack.frames.is_empty() {
            hash.text(op_name(access.op));
        }
        for frame in to_first_user_frame(&access.stack.frames) {
            match &frame.file {
                Some(file) => {
                    hash.text(file);
                    hash.number(u64::from(frame.line));
                    hash.number(u64::from(frame.column));
                }
                None => {
                    hash.text(frame.module.as_deref().unwrap_or(""));
                    hash.number(frame.offset);
                }
            }
        }
        hash
    };
    PairKey(pair(finding, side))
}

/// The fingerprint that outlives edits which do not touch the two functions.
///
/// A side's place is whether it was atomic, a free or the like, the path of the first function of user
/// code without generic arguments, and its file below the crate's folder. A static variable counts with
/// its name. Whether a side was seen to read or to write does not count: of `x += 1` it is chance.
pub fn stable_fingerprint(finding: &Finding) -> StableFingerprint {
    let side = |access: &Access| {
        let mut hash = Hash::new();
        hash.text(op_class(access.op));
        if let Some(frame) = to_first_user_frame(&access.stack.frames).last() {
            hash.text(&plain_path(frame.function.as_deref().unwrap_or("")));
            hash.text(path_in_crate(frame.file.as_deref().unwrap_or("")));
        }
        hash
    };
    let mut hash = Hash::new();
    hash.number(pair(finding, side));
    if let Some(Location::Global { name, .. } | Location::Object { name: Some(name), .. }) = &finding.location
    {
        hash.text(name);
    }
    StableFingerprint(hash.0)
}

fn pair(finding: &Finding, side: impl Fn(&Access) -> Hash) -> u64 {
    let (one, other) = (side(&finding.access).0, side(&finding.previous).0);
    let mut hash = Hash::new();
    hash.text(match finding.kind {
        FindingKind::DataRace => "data-race",
        FindingKind::UseAfterFree => "use-after-free",
        FindingKind::Misuse => "misuse",
    });
    if let Some(misuse) = &finding.misuse {
        hash.text(&misuse.rule);
    }
    hash.number(one.min(other));
    hash.number(one.max(other));
    hash.0
}

/// As [`op_name`], but for reads and writes.
fn op_class(op: Op) -> &'static str {
    match op {
        Op::Read | Op::Write => "access",
        Op::AtomicRead | Op::AtomicWrite => "atomic",
        Op::Free | Op::Alloc | Op::ThreadExit | Op::Call => op_name(op),
    }
}

/// Names that are hashed, and so must stay as they are.
fn op_name(op: Op) -> &'static str {
    match op {
        Op::Read => "read",
        Op::Write => "write",
        Op::AtomicRead => "atomic-read",
        Op::AtomicWrite => "atomic-write",
        Op::Free => "free",
        Op::Alloc => "alloc",
        Op::ThreadExit => "thread-exit",
        Op::Call => "call",
    }
}

/// A file's path from its crate's folder on: `/home/u/.cargo/…/dashmap-6.1.0/src/lib.rs` gives
/// `src/lib.rs`. The crate itself is part of the function's path.
pub fn path_in_crate(path: &str) -> &str {
    const FOLDERS: [&str; 4] = ["/src/", "/tests/", "/benches/", "/examples/"];
    match FOLDERS.iter().filter_map(|folder| path.rfind(folder)).max() {
        Some(at) => &path[at + 1..],
        None => path.rsplit('/').next().unwrap_or(path),
    }
}

/// FNV-1a over fields that can't run into each other.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;

    const fn new() -> Self {
        Hash(Self::OFFSET_BASIS)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(Self::PRIME);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for StableFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAFingerprint;

impl fmt::Display for NotAFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint has 16 hexadecimal digits, as in 00c0ffee00c0ffee")
    }
}

impl core::error::Error for NotAFingerprint {}

impl FromStr for StableFingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAFingerprint);
        }
        u64::from_str_radix(text, 16).map(StableFingerprint).map_err(|_| NotAFingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Frame, SCHEMA_VERSION, Stack};
    use alloc::string::ToString;
    use alloc::vec;

    fn frame(function: &str, file: &str, line: u32, offset: u64) -> Frame {
        Frame {
            function: Some(function.into()),
            file: Some(file.into()),
            line,
            column: 1,
            module: Some("/ws/a".into()),
            offset,
            inlined: false,
        }
    }

    fn finding(inner: Frame, other: Frame) -> Finding {
        let access = |op, thread, frames| Access {
            op,
            address: 8,
            size: 8,
            thread,
            stack: Stack { frames, lost: false },
        };
        let outer = frame("a::main", "/ws/src/main.rs", 1, 999);
        Finding {
            schema: SCHEMA_VERSION,
            pid: 1,
            program: "/ws/a".into(),
            kind: FindingKind::DataRace,
            access: access(Op::Write, 1, vec![inner, outer]),
            previous: access(Op::Read, 0, vec![other]),
            location: None,
            threads: vec![],
            test: None,
            misuse: None,
            order: None,
            found: None,
        }
    }

    fn usual() -> Finding {
        finding(frame("a::S<u8>::set", "/ws/src/s.rs", 7, 70), frame("a::get", "/ws/src/s.rs", 9, 90))
    }

    #[test]
    fn the_order_of_the_sides_is_chance() {
        let one = usual();
        let mut other = one.clone();
        core::mem::swap(&mut other.access, &mut other.previous);
        (other.pid, other.access.address) = (2, 4096);
        assert_eq!(pair_key(&one), pair_key(&other));
        assert_eq!(stable_fingerprint(&one), stable_fingerprint(&other));
    }

    #[test]
    fn the_caller_of_the_user_s_function_does_not_matter() {
        let one = usual();
        let mut other = one.clone();
        other.access.stack.frames[1].offset = 1;
        assert_eq!(pair_key(&one), pair_key(&other));
    }

    #[test]
    fn races_inside_of_one_library_function_are_told_apart() {
        let write = || frame("core::ptr::write", "/rustc/abc/library/core/src/ptr/mod.rs", 1, 5);
        let mut one = usual();
        one.access.stack.frames.insert(0, write());
        let mut other = one.clone();
        other.access.stack.frames[1].line = 71;
        assert_ne!(pair_key(&one), pair_key(&other));
    }

    #[test]
    fn lines_instances_and_versions_do_not_matter_to_a_baseline() {
        let one = usual();
        let other = finding(
            frame("<a::S<u16>>::set", "/home/ci/a-1.2.3/src/s.rs", 70, 1),
            frame("a::get", "/home/ci/a-1.2.3/src/s.rs", 99, 2),
        );
        assert_eq!(stable_fingerprint(&one), stable_fingerprint(&other));
        assert_ne!(pair_key(&one), pair_key(&other));
    }

    #[test]
    fn sites_are_the_same_in_every_checkout_but_have_lines() {
        let one = usual();
        let mut other = one.clone();
        for frame in other.access.stack.frames.iter_mut().chain(&mut other.previous.stack.frames) {
            frame.file = frame.file.as_ref().map(|file| file.replace("/ws/", "/home/runner/a/"));
        }
        assert_eq!(site_key(&one), site_key(&other));
        assert_ne!(pair_key(&one), pair_key(&other));
        other.access.stack.frames[0].line += 1;
        assert_ne!(site_key(&one), site_key(&other));
    }

    #[test]
    fn which_access_of_an_increment_was_seen_is_chance() {
        let one = usual();
        let mut other = one.clone();
        (other.access.op, other.previous.op) = (Op::Read, Op::Write);
        assert_eq!(stable_fingerprint(&one), stable_fingerprint(&other));
        assert_eq!(site_key(&one), site_key(&other));
    }

    #[test]
    fn what_differs_has_another_fingerprint() {
        let one = usual();
        let mut operation = one.clone();
        operation.access.op = Op::AtomicWrite;
        let mut kind = one.clone();
        kind.kind = FindingKind::UseAfterFree;
        let mut global = one.clone();
        global.location =
            Some(Location::Global { name: "a::X".into(), address: 0, size: 8, offset: 0, module: None });
        for other in [operation, kind, global] {
            assert_ne!(stable_fingerprint(&one), stable_fingerprint(&other));
        }
    }

    /// Baselines are kept in repositories: this number may not change.
    #[test]
    fn the_fingerprint_is_stable() {
        let text = stable_fingerprint(&usual()).to_string();
        assert_eq!(text, "769811bf324f5b34");
        assert_eq!(text.parse(), Ok(stable_fingerprint(&usual())));
        assert_eq!("+000000000000000".parse::<StableFingerprint>(), Err(NotAFingerprint));
        assert_eq!("12".parse::<StableFingerprint>(), Err(NotAFingerprint));
    }

    #[test]
    fn files_are_named_from_their_crate_on() {
        assert_eq!(path_in_crate("/r/dashmap-6.1.0/src/a/src/lib.rs"), "src/lib.rs");
        assert_eq!(path_in_crate("/ws/tests/src_of/t.rs"), "tests/src_of/t.rs");
        assert_eq!(path_in_crate("/tmp/main.rs"), "main.rs");
        assert_eq!(path_in_crate(""), "");
    }
}
