//! Whole reports against `tests/golden/*.txt`. `BLESS=1 cargo test -p racecheck-report` writes them anew.

use std::fs;
use std::path::Path;

use racecheck_report::model::{Call, Misuse, SCHEMA_VERSION};
use racecheck_report::text::{TextOptions, TextStyle, write_finding, write_misuse_summary, write_summary};
use racecheck_report::{Access, Finding, FindingKind, Frame, Location, Op, Stack, Thread};

const STD: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/thread/mod.rs";

fn frame(function: &str, file: &str, line: u32, column: u32) -> Frame {
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

fn stack(frames: &[Frame]) -> Stack {
    Stack { frames: frames.to_vec(), lost: false }
}

fn access(op: Op, thread: u32, frames: &[Frame]) -> Access {
    Access { op, address: 0x7f0a_1c00_0b10, size: 8, thread, stack: stack(frames) }
}

fn main_thread() -> Thread {
    Thread { id: 0, name: None, running: true, created_by: None, created_at: Stack::default() }
}

fn worker() -> Thread {
    let created_at =
        stack(&[frame("std::thread::spawn", STD, 700, 5), frame("counter::main", "/ws/src/main.rs", 15, 13)]);
    Thread { id: 2, name: Some("worker".into()), running: true, created_by: Some(0), created_at }
}

/// The report of the design: a write in a thread, a read in main, on the heap.
fn counter() -> Finding {
    Finding {
        schema: SCHEMA_VERSION,
        pid: 4711,
        program: "/ws/target/debug/counter".into(),
        kind: FindingKind::DataRace,
        access: access(
            Op::Write,
            2,
            &[
                frame("counter::bump", "/ws/src/main.rs", 9, 5),
                frame("counter::main::{closure#0}", "/ws/src/main.rs", 16, 27),
                frame("std::sys::backtrace::__rust_begin_short_backtrace", STD, 100, 9),
            ],
        ),
        previous: access(Op::Read, 0, &[frame("counter::main", "/ws/src/main.rs", 19, 22)]),
        location: Some(Location::Heap {
            address: 0x7f0a_1c00_0b08,
            size: 64,
            offset: 8,
            freed: false,
            allocated_by: 0,
            stack: stack(&[frame("counter::main", "/ws/src/main.rs", 12, 13)]),
        }),
        threads: vec![main_thread(), worker()],
        test: None,
        misuse: None,
        order: None,
        found: None,
    }
}

const IN_WORKSPACE: TextOptions<'static> =
    TextOptions { strip_path_prefix: "", workspace_root: "/ws", fold: true, style: TextStyle::Plain };

fn text(finding: &Finding, options: &TextOptions<'_>) -> String {
    let mut text = String::new();
    write_finding(&mut text, finding, options).unwrap();
    text
}

fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} differs; it is now:\n{text}\nand was:\n{expected}");
}

#[test]
fn race_on_the_heap() {
    let mut text = text(&counter(), &IN_WORKSPACE);
    write_summary(&mut text, 1).unwrap();
    assert_golden("heap.txt", &text);
}

#[test]
fn race_unfolded_with_whole_paths() {
    assert_golden("unfolded.txt", &text(&counter(), &TextOptions { fold: false, ..TextOptions::default() }));
}

#[test]
fn race_in_colour() {
    assert_golden("colour.txt", &text(&counter(), &TextOptions { style: TextStyle::Colour, ..IN_WORKSPACE }));
}

#[test]
fn race_of_an_atomic_in_a_test_on_a_global() {
    let mut finding = counter();
    finding.test = Some("queue::tests::push".into());
    finding.access = access(Op::AtomicRead, 3, &[frame("queue::push", "/ws/src/lib.rs", 7, 0)]);
    finding.previous = access(Op::AtomicWrite, 2, &[frame("queue::pop", "/ws/src/lib.rs", 0, 0)]);
    finding.location = Some(Location::Global {
        name: "queue::LENGTH".into(),
        address: 0x5555_0000,
        size: 16,
        offset: 8,
        module: Some("/ws/target/debug/deps/queue-1234".into()),
    });
    let by_worker = stack(&[frame("queue::start", "/ws/src/lib.rs", 3, 1)]);
    finding.threads.push(Thread {
        id: 3,
        name: None,
        running: false,
        created_by: Some(2),
        created_at: by_worker,
    });
    assert_golden("global.txt", &text(&finding, &IN_WORKSPACE));
}

#[test]
fn use_after_free() {
    let mut finding = counter();
    finding.kind = FindingKind::UseAfterFree;
    finding.previous.op = Op::Free;
    if let Some(Location::Heap { freed, offset, size, .. }) = &mut finding.location {
        (*freed, *offset, *size) = (true, 0, 1);
    }
    assert_golden("use_after_free.txt", &text(&finding, &IN_WORKSPACE));
}

/// A place without a function: all that `#[track_caller]` knows.
fn place(line: u32) -> Stack {
    let file = Some("/ws/src/main.rs".into());
    stack(&[Frame { file, line, column: 9, ..Frame::default() }])
}

#[test]
fn race_on_a_named_cell() {
    let mut finding = counter();
    finding.location = Some(Location::Object {
        kind: "RaceCell<u64>".into(),
        name: Some("hits".into()),
        address: 0x7f0a_1c00_0b0c,
        size: 8,
        offset: 4,
        made_at: place(12),
    });
    assert_golden("object.txt", &text(&finding, &IN_WORKSPACE));
}

fn misuse(rule: &str, message: &str, calls: &[(&str, u32)]) -> Finding {
    let calls: Vec<Call> =
        calls.iter().map(|&(heading, line)| Call { heading: heading.into(), stack: place(line) }).collect();
    let access =
        |at: usize| Access { op: Op::Call, address: 0, size: 0, thread: 0, stack: calls[at].stack.clone() };
    let (rule, message, fatal) = (rule.into(), message.into(), rule == "deadlock");
    Finding {
        kind: FindingKind::Misuse,
        access: access(0),
        previous: access(1),
        location: None,
        threads: vec![main_thread()],
        misuse: Some(Misuse { rule, message, fatal, calls }),
        ..counter()
    }
}

#[test]
fn misuse_with_all_its_calls() {
    let order = misuse(
        "lock-order",
        "lock order inversion (potential deadlock)",
        &[("Thread 1 locked Mutex L1", 3), ("  and then Mutex L2", 4), ("Thread 2 locked Mutex L2", 8)],
    );
    let dead = misuse(
        "deadlock",
        "all threads are asleep - deadlock!",
        &[("Main thread waits (join)", 3), ("Thread 1 waits (chan receive)", 4)],
    );
    let mut both = text(&order, &IN_WORKSPACE) + &text(&dead, &IN_WORKSPACE);
    write_misuse_summary(&mut both, 2).unwrap();
    assert_golden("misuse.txt", &both);
}

#[test]
fn race_of_a_free() {
    let mut finding = counter();
    finding.access.op = Op::Free;
    finding.previous.op = Op::Alloc;
    finding.location = Some(Location::Mapped { module: Some("/usr/lib/libz.so.1".into()) });
    assert_golden("free.txt", &text(&finding, &IN_WORKSPACE));
}

#[test]
fn race_on_the_stack_of_a_thread_that_ended() {
    let mut finding = counter();
    finding.access.thread = 0;
    finding.previous = access(Op::ThreadExit, 2, &[]);
    finding.location = Some(Location::Stack { thread: 2 });
    assert_golden("thread_exit.txt", &text(&finding, &IN_WORKSPACE));
}

#[test]
fn race_without_stacks_and_symbols() {
    let mut finding = counter();
    let nameless =
        Frame { module: Some("/ws/target/debug/counter".into()), offset: 0x51a0, ..Frame::default() };
    let nowhere = Frame { offset: 0x7fff_0000, ..Frame::default() };
    let no_line = Frame { function: Some("counter::bump".into()), ..nameless.clone() };
    finding.access.stack = stack(&[no_line, nameless, nowhere]);
    finding.previous.stack = Stack::lost();
    finding.location = Some(Location::Tls { thread: 2 });
    finding.threads = vec![Thread { created_by: None, created_at: Stack::lost(), ..worker() }];
    assert_golden("stripped.txt", &text(&finding, &IN_WORKSPACE));
}

#[test]
fn a_name_can_not_forge_a_report() {
    let mut finding = counter();
    finding.threads[1].name = Some("x\":\n==================\x1b[31m\u{202e}".into());
    let text = text(&finding, &IN_WORKSPACE);
    assert_eq!(text.lines().filter(|line| *line == "==================").count(), 2);
    assert!(!text.contains(['\x1b', '\u{202e}']));
}

#[test]
fn prefixes_are_taken_off() {
    let finding = counter();
    let location = |options: TextOptions<'_>| {
        let text = text(&finding, &options);
        text.lines().nth(4).unwrap().trim().to_string()
    };
    let strip = |strip_path_prefix| location(TextOptions { strip_path_prefix, ..TextOptions::default() });
    assert_eq!(strip("/ws/src"), "main.rs:9:5");
    assert_eq!(strip("/ws/src/"), "main.rs:9:5");
    assert_eq!(strip("/elsewhere"), "/ws/src/main.rs:9:5");
    assert_eq!(location(TextOptions { workspace_root: "/ws/", ..TextOptions::default() }), "src/main.rs:9:5");
    assert_eq!(
        location(TextOptions { workspace_root: "/w", ..TextOptions::default() }),
        "/ws/src/main.rs:9:5"
    );
}
