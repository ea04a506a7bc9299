//! Programs that link the shim: as they are, and instrumented.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::{Folder, RunExt};

/// What the shim's primitives promise and what not, one program each.
const PRIMITIVES: &str = include_str!("shim/primitives.rs");

/// A test that races, and one that doesn't.
const TESTS: &str = r#"
use racecheck::{cell::RaceCell, sync::Mutex, thread};

#[test]
fn racy() {
    let cell = RaceCell::named("shared", 0);
    let cell = &cell;
    // Handles that are dropped after their thread's end order it: these are kept.
    thread::scope(|s| [0, 1].map(|n| s.spawn(move || cell.set(n))).map(|t| t.join().unwrap()));
}

#[test]
fn right() {
    let cell = Mutex::new(RaceCell::named("locked", 0));
    thread::scope(|s| (0..2).for_each(|n| _ = s.spawn({ let cell = &cell; move || cell.lock().unwrap().set(n) })));
}
"#;

/// Where the packages of these tests are built: once for all of them.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("shim")
}

fn package() -> Folder {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shim = workspace.join("crates/sync");
    let manifest = format!(
        "[package]\nname = 'primitives'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n\
         [dependencies]\nracecheck.path = {shim:?}\n"
    );
    let files = [("src/main.rs", PRIMITIVES), ("tests/races.rs", TESTS), ("Cargo.toml", &manifest)];
    let folder = Folder::with(&files);
    // What was downloaded for the workspace is enough.
    fs::copy(workspace.join("Cargo.lock"), folder.path("Cargo.lock")).unwrap();
    folder
}

/// Each right program is silent, each racy one is found out, and named.
fn judge(folder: &Folder, program: &Path) {
    let program = program.to_str().unwrap();
    let list = folder.shell(&format!("RACECHECK_DETECT=0 {program} list")).ran();
    assert!(list.stdout.lines().count() >= 20, "{list:?}");
    for name in list.stdout.lines() {
        let right = folder.racecheck(&["run", program, name, "right"]).ran();
        right.assert_status(0);
        assert_eq!(right.stderr, "", "{name}");
        let racy = folder.racecheck(&["run", program, name, "racy"]).ran();
        racy.assert_status(66).assert_stderr("WARNING: DATA RACE").assert_stderr("Found 1 data race(s)");
        let what = if name == "slice" {
            "RaceSlice<u64> of 128 bytes"
        } else {
            "RaceCell<i32> \"shared\" of 4 bytes"
        };
        racy.assert_stderr(&format!("Location: {what}")).assert_stderr("src/main.rs:");
    }
    folder.racecheck(&["run", program, "foreign"]).ran().assert_status(0).assert_no_stderr("RACE");
    folder
        .racecheck(&["run", program, "misuse"])
        .ran()
        .assert_status(66)
        .assert_stderr("WARNING: lock order inversion (potential deadlock)")
        .assert_stderr("Found 1 misuse(s) of synchronisation");
    folder
        .racecheck(&["run", program, "recursive"])
        .ran()
        .assert_status(101)
        .assert_stderr("fatal error: deadlock: recursive lock by the thread that holds it");
    folder
        .racecheck(&["run", program, "child"])
        .ran()
        .assert_status(66)
        .assert_stderr("Found 1 data race(s)");
}

#[test]
fn race_in_a_program_that_links_the_shim() {
    let folder = package();
    folder.cargo(&["build", "--quiet", "--target-dir"]).arg(target()).ran().assert_status(0);
    let program = target().join("debug/primitives");
    judge(&folder, &program);
    let run = |options: &str| {
        let words = ["run", program.to_str().unwrap(), "mutex", "racy"];
        folder.racecheck(&words).env("RACECHECK_OPTIONS", options).ran()
    };
    run("exitcode=7").assert_status(7);
    run("exitcode=0").assert_status(0).assert_stderr("Found 1 data race(s)");
    run("log_path=stdout").assert_status(66).assert_no_stderr("RACE").assert_stdout("WARNING: DATA RACE");
    run("no_such=1").assert_status(2);
    // Alone it prints and decides by itself.
    let alone = folder.shell(&format!("{} mutex racy", program.display())).ran();
    alone.assert_status(66).assert_stderr("WARNING: DATA RACE").assert_stderr("Found 1 data race(s)");
    misuse_of_another_version(&folder, &program);
}

/// The number in the program's section says in which form it writes.
fn misuse_of_another_version(folder: &Folder, program: &Path) {
    use object::{Object, ObjectSection};
    let mut bytes = fs::read(program).unwrap();
    let (at, _) = {
        let file = object::File::parse(&*bytes).unwrap();
        file.section_by_name(".racecheck_shim").unwrap().file_range().unwrap()
    };
    bytes[at as usize] = 77;
    let other = folder.write("other", bytes);
    fs::set_permissions(&other, fs::metadata(program).unwrap().permissions()).unwrap();
    folder.racecheck(&["run", "other"]).ran().assert_status(2).assert_stderr("form 77");
}

#[test]
fn race_in_an_optimised_program_that_links_the_shim() {
    let folder = package();
    folder.cargo(&["build", "--quiet", "--release", "--target-dir"]).arg(target()).ran().assert_status(0);
    judge(&folder, &target().join("release/primitives"));
}

#[test]
fn race_in_an_instrumented_program_with_the_shim() {
    let folder = package();
    folder.racecheck(&["build", "--quiet", "--target-dir"]).arg(target().join("i")).ran().assert_status(0);
    judge(&folder, &target().join("i/x86_64-unknown-linux-gnu/debug/primitives"));
}

#[test]
fn race_in_a_test_that_uses_the_shim() {
    let folder = package();
    let plain = folder.cargo(&["test", "--quiet", "--target-dir"]).arg(target()).ran();
    plain.assert_status(66).assert_stderr("WARNING: DATA RACE\nTest: racy\n").assert_no_stderr("\"locked\"");
    plain.assert_stderr("Found 1 data race(s)");
    let instrumented = folder.racecheck(&["test", "--quiet", "--target-dir"]).arg(target().join("i")).ran();
    instrumented.assert_status(101).assert_stderr("WARNING: DATA RACE").assert_no_stderr("\"locked\"");
    instrumented.assert_stdout("racy --- FAILED").assert_stdout("race detected during execution of test");
    instrumented.assert_stderr("Location: RaceCell<i32> \"shared\"").assert_stderr("Found 1 data race(s)");
}
