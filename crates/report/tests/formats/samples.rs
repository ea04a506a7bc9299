//! Findings, and the sources that they are in.

use std::fs;
use std::path::Path;
use std::rc::Rc;

use racecheck_report::format::{Sources, View};
use racecheck_report::model::{Call, Held, Learnt, Misuse, Order};
use racecheck_report::text::{TextOptions, TextStyle};
use racecheck_report::{Access, Finding, FindingKind, Frame, Location, Op, Stack, Thread};

pub const MAIN_RS: &str = include_str!("main.rs.txt");
const STD: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/thread/mod.rs";

/// The files of the program.
pub struct Files;

impl Sources for Files {
    fn text(&self, path: &str) -> Option<Rc<str>> {
        (path == "/ws/src/main.rs").then(|| MAIN_RS.into())
    }
}

pub fn view() -> View<'static> {
    let text =
        TextOptions { strip_path_prefix: "", workspace_root: "/ws", fold: true, style: TextStyle::Plain };
    View::new(text, &Files)
}

/// A frame at the first place in [`MAIN_RS`] where `code` is.
pub fn at(function: &str, code: &str) -> Frame {
    let offset = MAIN_RS.find(code).unwrap_or_else(|| panic!("{code:?} is not in the program"));
    let line = MAIN_RS[..offset].matches('\n').count() as u32 + 1;
    let column = (offset - MAIN_RS[..offset].rfind('\n').map_or(0, |at| at + 1)) as u32 + 1;
    frame(function, "/ws/src/main.rs", line, column)
}

pub fn frame(function: &str, file: &str, line: u32, column: u32) -> Frame {
    Frame {
        function: Some(function.into()),
        file: Some(file.into()),
        line,
        column,
        module: Some("/ws/target/debug/counter".into()),
        offset: 0x1234,
        inlined: false,
    }
}

pub fn stack(frames: &[Frame]) -> Stack {
    Stack { frames: frames.to_vec(), lost: false }
}

pub fn access(op: Op, thread: u32, frames: &[Frame]) -> Access {
    Access { op, address: 0x7f0a_1c00_0b10, size: 8, thread, stack: stack(frames) }
}

pub fn main_thread() -> Thread {
    Thread { id: 0, name: None, running: true, created_by: None, created_at: Stack::default() }
}

pub fn worker(id: u32, name: &str, code: &str) -> Thread {
    let created_at = stack(&[frame("std::thread::spawn", STD, 700, 5), at("counter::main", code)]);
    Thread { id, name: Some(name.into()), running: true, created_by: Some(0), created_at }
}

fn finding(access: Access, previous: Access) -> Finding {
    Finding { pid: 4711, program: "/ws/target/debug/counter".into(), access, previous, ..Finding::default() }
}

/// A write in a thread, a read in main, on the heap.
pub fn heap() -> Finding {
    let bump = [
        at("counter::bump", "*hits += 1"),
        at("counter::main::{closure#0}", "bump(hits)"),
        frame("std::sys::backtrace::__rust_begin_short_backtrace", STD, 100, 9),
    ];
    Finding {
        location: Some(Location::Heap {
            address: 0x7f0a_1c00_0b08,
            size: 64,
            offset: 8,
            freed: false,
            allocated_by: 0,
            stack: stack(&[at("counter::main", "Box::new")]),
        }),
        threads: vec![main_thread(), worker(2, "worker", "thread::Builder")],
        test: Some("tests::counts".into()),
        ..finding(access(Op::Write, 2, &bump), access(Op::Read, 0, &[at("counter::main", "*hits }")]))
    }
}

/// `TOTAL += 1` by two threads, on one line.
pub fn same_line() -> Finding {
    let frames = [at("counter::add", "TOTAL += 1"), at("counter::main::{closure#1}", "add()")];
    Finding {
        location: Some(Location::Global {
            name: "counter::TOTAL".into(),
            address: 0x5555_0000,
            size: 8,
            offset: 0,
            module: Some("/ws/target/debug/counter".into()),
        }),
        threads: vec![worker(1, "left", "left ="), worker(3, "right", "right =")],
        order: Some(Order {
            learnt: Some(Learnt::Earlier),
            access_locks: Some(vec![]),
            previous_locks: Some(vec![Held {
                address: 0x7f00,
                shared: false,
                stack: stack(&[at("counter::main::{closure#1}", "add()")]),
            }]),
        }),
        ..finding(access(Op::Read, 3, &frames), access(Op::Write, 1, &frames))
    }
}

/// An atomic flag on one side only.
pub fn half_atomic() -> Finding {
    let load = [
        frame("core::sync::atomic::AtomicBool::load", "/rustc/1/library/core/src/sync/atomic.rs", 1, 1),
        at("counter::main", "READY.load"),
    ];
    Finding {
        threads: vec![main_thread(), worker(1, "left", "left =")],
        ..finding(
            access(Op::AtomicRead, 0, &load),
            access(Op::Write, 1, &[at("counter::main::{closure#1}", "READY.get_mut")]),
        )
    }
}

/// Freed by one thread, read by another.
pub fn freed() -> Finding {
    let location = Some(Location::Heap {
        address: 0x7f0a_1c00_0b10,
        size: 8,
        offset: 0,
        freed: true,
        allocated_by: 0,
        stack: stack(&[at("counter::main", "Box::new")]),
    });
    Finding {
        kind: FindingKind::UseAfterFree,
        location,
        ..finding(
            access(Op::Read, 2, &[at("counter::main::{closure#0}", "bump(hits)")]),
            access(Op::Free, 0, &[at("counter::main", "*hits }")]),
        )
    }
}

/// A crate of which there is no source here, and a name that wants to be markup.
pub fn foreign() -> Finding {
    let file = "/home/u/.cargo/registry/src/x/dashmap-6.1.0/src/lib.rs";
    let mut previous = access(Op::Write, 0, &[]);
    previous.stack = Stack::lost();
    let mut thread = worker(1, "<script>alert(1)</script>\u{1b}[2J", "left =");
    thread.running = false;
    Finding {
        threads: vec![main_thread(), thread],
        program: "/ws/target/a \"b\" & c".into(),
        ..finding(access(Op::Read, 1, &[frame("dashmap::Map<K, V>::get", file, 120, 9)]), previous)
    }
}

/// Locks in two orders.
pub fn misuse() -> Finding {
    let calls = [("Thread 1 locked Mutex L1", "left ="), ("  and then Mutex L2", "right =")];
    let calls: Vec<Call> = calls
        .iter()
        .map(|(heading, code)| Call {
            heading: (*heading).into(),
            stack: stack(&[at("counter::main", code)]),
        })
        .collect();
    let call =
        |at: usize| Access { op: Op::Call, address: 0, size: 0, thread: 0, stack: calls[at].stack.clone() };
    let (access, previous) = (call(0), call(1));
    let (rule, message) = ("lock-order".into(), "lock order inversion (potential deadlock)".into());
    Finding {
        kind: FindingKind::Misuse,
        threads: vec![main_thread()],
        misuse: Some(Misuse { rule, message, fatal: false, calls }),
        ..finding(access, previous)
    }
}

pub fn all() -> Vec<(&'static str, Finding)> {
    vec![
        ("heap", heap()),
        ("same_line", same_line()),
        ("half_atomic", half_atomic()),
        ("freed", freed()),
        ("foreign", foreign()),
        ("misuse", misuse()),
    ]
}

#[track_caller]
pub fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(golden == text, "{} differs; it is now:\n{text}", path.display());
}
