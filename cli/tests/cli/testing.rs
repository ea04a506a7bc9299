//! Tests of the program under test: a report names the one that ran the race, and it fails.

use super::support::{Folder, Ran, RunExt};

const MANIFEST: &str = "[package]\nname = 'suite'\nversion = '0.1.0'\nedition = '2021'\n";

/// Tests that race by themselves, through helper threads, and together, beside clean ones.
const SUITE: &str = r#"
use std::thread;

pub static mut SHARED: u64 = 0;

pub fn race() {
    let worker = thread::spawn(|| unsafe { SHARED += 1 });
    unsafe { SHARED += 1 };
    worker.join().unwrap();
}

#[cfg(test)]
mod tests {
    use std::thread;
    static mut DEEP: u64 = 0;
    static mut PANICKED: u64 = 0;

    #[test]
    fn a_test_with_a_name_that_no_thread_can_have() {
        super::race();
    }

    #[test]
    fn the_same_race_again() {
        super::race();
    }

    #[test]
    fn helpers_of_helpers() {
        thread::spawn(|| {
            let worker = thread::spawn(|| unsafe { DEEP += 1 });
            unsafe { DEEP += 1 };
            worker.join().unwrap();
        })
        .join()
        .unwrap();
    }

    #[test]
    #[should_panic]
    fn panics_as_it_should() {
        let worker = thread::spawn(|| unsafe { PANICKED += 1 });
        unsafe { PANICKED += 1 };
        worker.join().unwrap();
        panic!("as it should");
    }

    #[test]
    fn clean() -> Result<(), String> {
        thread::spawn(|| ()).join().map_err(|_| "it panicked".to_owned())
    }
}
"#;

fn suite() -> Folder {
    Folder::with(&[("Cargo.toml", MANIFEST), ("src/lib.rs", SUITE)])
}

/// The test that each report names.
fn named(ran: &Ran) -> Vec<&str> {
    let mut named: Vec<_> = ran.stderr.lines().filter_map(|line| line.strip_prefix("Test: ")).collect();
    named.sort_unstable();
    named.dedup();
    named
}

#[test]
fn race_in_a_test_fails_that_test_and_the_rest_go_on() {
    let folder = suite();
    for threads in ["1", "4"] {
        let ran = folder.racecheck(&["test", "--lib", "--", "--test-threads", threads]).ran();
        ran.assert_status(101)
            .assert_stdout("test tests::a_test_with_a_name_that_no_thread_can_have ... FAILED")
            .assert_stdout("test tests::the_same_race_again ... FAILED")
            .assert_stdout("test tests::helpers_of_helpers ... FAILED")
            .assert_stdout("test tests::clean ... ok")
            .assert_stdout(
                "---- tests::helpers_of_helpers stdout ----\nrace detected during execution of test\n",
            )
            .assert_stdout("2 passed; 3 failed;")
            .assert_stderr("racecheck: race detected during execution of:\n")
            .assert_stderr("    tests::helpers_of_helpers\n");
        assert!(named(&ran).contains(&"tests::helpers_of_helpers"), "{ran:#?}");
        assert!(named(&ran).contains(&"tests::panics_as_it_should"), "{ran:#?}");
    }
}

#[test]
fn no_race_in_the_tests_that_are_clean() {
    let ran = suite().racecheck(&["test", "--lib", "clean"]).ran();
    ran.assert_status(0).assert_stdout("1 passed; 0 failed;").assert_no_stderr("DATA RACE");
}

#[test]
fn race_in_a_test_that_has_to_panic_fails_its_process() {
    let ran = suite().racecheck(&["test", "--lib", "panics_as_it_should"]).ran();
    ran.assert_status(66)
        .assert_stdout("1 passed; 0 failed;")
        .assert_stderr("error: test failed")
        .assert_stderr("Test: tests::panics_as_it_should\n");
}

#[test]
fn race_in_an_optimised_test_has_the_same_name() {
    let ran = suite().racecheck(&["test", "--release", "--lib", "helpers"]).ran();
    ran.assert_status(101)
        .assert_stderr("Test: tests::helpers_of_helpers\n")
        .assert_stdout("0 passed; 1 failed;");
}

#[test]
fn race_in_a_doctest_names_its_file_and_line_and_fails_it() {
    let folder = Folder::with(&[
        ("Cargo.toml", MANIFEST),
        (
            "src/lib.rs",
            "pub mod part;\n/// ```\n/// assert_eq!(suite::two(), 2);\n/// ```\npub fn two() -> u32 {\n    2\n}\n",
        ),
        (
            "src/part.rs",
            "static mut X: u32 = 0;\n\n/// ```\n/// suite::part::race();\n/// ```\npub fn race() {\n    \
             let worker = std::thread::spawn(|| unsafe { X += 1 });\n    unsafe { X += 1 };\n    \
             worker.join().unwrap();\n}\n",
        ),
    ]);
    let ran = folder.racecheck(&["test", "--doc"]).ran();
    assert_ne!(ran.status, 0, "{ran:#?}");
    ran.assert_stderr("Test: src/part.rs (line 3)\n")
        .assert_stdout("test src/part.rs - part::race (line 3) ... FAILED")
        .assert_stdout("test src/lib.rs - two (line 2) ... ok");
}

#[test]
fn race_in_a_test_without_libtest_fails_its_process_and_cargo_goes_on() {
    let racy = format!(
        "{}\nfn main() {{\n    race();\n    println!(\"done\");\n}}\n",
        &SUITE[..SUITE.find("#[cfg").unwrap()]
    );
    let folder = Folder::with(&[
        (
            "Cargo.toml",
            &format!(
                "{MANIFEST}[[test]]\nname = 'own'\nharness = false\n[[bench]]\nname = 'speed'\nharness = false\n"
            ),
        ),
        ("src/lib.rs", ""),
        ("tests/own.rs", &racy),
        ("tests/other.rs", "#[test]\nfn other() {}\n"),
        ("benches/speed.rs", &racy),
    ]);
    folder
        .racecheck(&["test", "--tests", "--no-fail-fast"])
        .ran()
        .assert_status(101)
        .assert_stdout("done\n")
        .assert_stdout("test other ... ok")
        .assert_stderr("`--test own`");
    folder.racecheck(&["bench"]).ran().assert_status(66).assert_stdout("done\n");
}

#[test]
fn race_in_a_program_that_a_test_starts_shows_in_its_status() {
    let main = format!("{}\nfn main() {{\n    race();\n}}\n", &SUITE[..SUITE.find("#[cfg").unwrap()]);
    let folder = Folder::with(&[
        ("Cargo.toml", MANIFEST),
        ("src/main.rs", &main),
        (
            "tests/program.rs",
            "#[test]\nfn ends_well() {\n    let program = env!(\"CARGO_BIN_EXE_suite\");\n    \
             let status = std::process::Command::new(program).status().unwrap();\n    \
             assert!(status.success(), \"{status}\");\n}\n",
        ),
    ]);
    let ran = folder.racecheck(&["test", "--test", "program"]).ran();
    ran.assert_status(101).assert_stdout("test ends_well ... FAILED").assert_stdout("exit status: 66");
    // A program that is run, and not tested, is left alone.
    let status = "let status = std::process::Command::new(std::env::args().nth(1).unwrap()).status().unwrap();\n    println!(\"{status}\");";
    folder.write("examples/starts.rs", format!("fn main() {{\n    {status}\n}}\n"));
    let program = "target/racecheck/x86_64-unknown-linux-gnu/debug/suite";
    folder
        .racecheck(&["run", "-q", "--example", "starts", "--", program])
        .ran()
        .assert_status(66)
        .assert_stdout("exit status: 0\n");
}

#[test]
fn nextest_fails_the_tests_that_race() {
    let folder = suite();
    if !folder.cargo(&["nextest", "--version"]).ran().stdout.starts_with("cargo-nextest") {
        eprintln!("not tested: cargo-nextest is not installed");
        return;
    }
    let ran = folder.racecheck(&["nextest", "run", "--no-fail-fast", "--retries", "1"]).ran();
    ran.assert_status(100)
        .assert_stderr("Test: tests::helpers_of_helpers\n")
        .assert_stderr("5 tests run: 1 passed, 4 failed")
        .assert_stderr("TRY 2 FAIL");
    // Shards of an archive, as on several machines.
    folder.racecheck(&["nextest", "archive", "--archive-file", "tests.tar.zst"]).ran().assert_status(0);
    let run = |part: &str| {
        let words =
            ["nextest", "run", "--no-fail-fast", "--archive-file", "tests.tar.zst", "--partition", part];
        folder.racecheck(&words).ran()
    };
    let (one, two) = (run("count:1/2"), run("count:2/2"));
    one.assert_stderr("3 tests run: ");
    two.assert_stderr("2 tests run: ");
    let raced = |ran: &Ran| ran.stderr.lines().filter(|line| line.starts_with("    tests::")).count();
    assert_eq!(raced(&one) + raced(&two), 4, "{one:#?}{two:#?}");
}
