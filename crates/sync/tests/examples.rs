//! The programs of `examples/`, as users run them: what each variant reports, and with which status it ends.
#![cfg(feature = "detect")]

use std::path::PathBuf;
use std::process::{Command, Output};

/// Runs an example, which `cargo test` has built beside this test.
fn run(example: &str, variant: &str, options: &str) -> Output {
    let here = std::env::current_exe().expect("a test has a path");
    let folder = here.parent().and_then(|deps| deps.parent()).expect("tests lie in target/<profile>/deps");
    let path: PathBuf = folder.join("examples").join(example);
    assert!(path.exists(), "{} is missing: run `cargo build -p racecheck --examples`", path.display());
    Command::new(path)
        .arg(variant)
        .env("RACECHECK_OPTIONS", options)
        .env("RACECHECK_DETECT", "1")
        .env_remove("RACECHECK_CHANNEL")
        .output()
        .expect("an example can be run")
}

#[track_caller]
fn clean(example: &str, variant: &str) {
    let output = run(example, variant, "");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.is_empty(), "{example} {variant}: {}\n{text}", output.status);
}

#[track_caller]
fn reports(example: &str, variant: &str, words: &[&str]) {
    let output = run(example, variant, "");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(66), "{example} {variant}:\n{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{example} {variant}:\n{text}");
}

#[test]
fn race_counter() {
    reports(
        "counter",
        "racy",
        &["WARNING: DATA RACE", "\"count\" of 8 bytes, made at:", "counter.rs:14", "data race(s)"],
    );
    clean("counter", "right");
    clean("counter", "atomic");
}

#[test]
fn race_cache() {
    reports("cache", "racy", &["WARNING: DATA RACE", "squares", "cache.rs:29"]);
    clean("cache", "right");
}

#[test]
fn race_worker_pool() {
    reports("worker_pool", "racy", &["WARNING: DATA RACE", "results", "worker_pool.rs:39"]);
    reports(
        "worker_pool",
        "early",
        &["Add called concurrently with Wait", "worker_pool.rs:52", "worker_pool.rs:58"],
    );
    clean("worker_pool", "right");
}

#[test]
fn race_lazy_config() {
    reports("lazy_config", "racy", &["WARNING: DATA RACE", "lazy_config.rs:17"]);
    clean("lazy_config", "right");
    clean("lazy_config", "value");
}

#[test]
fn race_buffer_pool() {
    reports("buffer_pool", "racy", &["WARNING: DATA RACE", "\"buffer\" of"]);
    clean("buffer_pool", "right");
}

#[test]
fn race_cas_loop() {
    reports("cas_loop", "racy", &["WARNING: DATA RACE", "largest"]);
    clean("cas_loop", "right");
}

#[test]
fn misuse_bank() {
    reports("bank", "racy", &["WARNING: DATA RACE", "balance"]);
    reports("bank", "inverted", &["lock order inversion (potential deadlock)", "bank.rs:30", "bank.rs:31"]);
    clean("bank", "right");
}

#[test]
fn options_are_followed() {
    let output = run("counter", "racy", "exitcode=7");
    assert_eq!(output.status.code(), Some(7));
    let output = run("counter", "racy", "no_such_option=1");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("no_such_option") && text.contains("exitcode"), "{text}");
    let output = run("cache", "right", "advise=1");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("sync.RWMutex made at") && text.contains("% reads"), "{text}");
}

/// The guide shows the code of each pitfall as it is, and its report. Which thread comes second is chance, so that
/// only the headline is compared. `BLESS=1` puts the reports of this run into the guide.
#[test]
fn the_guide_shows_what_the_pitfalls_report() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/shim.md");
    let guide = std::fs::read_to_string(path).expect("the guide can be read");
    let mut blessed = guide.clone();
    let code = include_str!("../examples/pitfalls.rs");
    let output = run("pitfalls", "all", "");
    let reports = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut shown = 0;
    for report in reports.split("## ").skip(1) {
        let (name, report) = report.split_once('\n').expect("a report follows the name");
        let headline = report.lines().nth(1).expect("the second line says what it is");
        let start = code.find(&format!("fn {name}()")).expect("a pitfall has the name of its function");
        let function = &code[start..start + code[start..].find("\n}\n").expect("a function ends")];
        let in_guide =
            guide.split(function).nth(1).unwrap_or_else(|| panic!("the guide has not\n{function}"));
        let in_guide = in_guide.split("```").nth(2).expect("the report follows the code");
        shown += 1;
        if std::env::var_os("BLESS").is_some() {
            blessed = blessed.replace(in_guide, &format!("text\n{}\n", report.trim_end()));
            continue;
        }
        assert!(in_guide.contains(headline), "the guide has not {headline:?} but\n{in_guide}");
    }
    if blessed != guide {
        std::fs::write(path, blessed).expect("the guide can be written");
    }
    assert_eq!(shown, 17);
}
