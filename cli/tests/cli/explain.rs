//! The examples of `racecheck explain` do what they say. (Those about primitives, RC01…, are doctests of
//! the crate `racecheck`.)

use racecheck_report::code::Code;
use serde_json::Value;

use super::support::{Folder, RunExt};

/// The programs in a Markdown text.
fn programs(markdown: &str) -> Vec<&str> {
    let blocks = markdown.split("\n```rust\n").skip(1);
    blocks.map(|block| block.split_once("\n```\n").unwrap().0).collect()
}

fn check(code: Code) {
    let programs = programs(code.explanation());
    assert!(programs.len() >= 2, "{code} has a wrong and a right example");
    for (number, program) in programs.into_iter().enumerate() {
        let folder = Folder::with(&[("example.rs", program)]);
        let ran = folder.racecheck(&["run", "--output", "r.jsonl", "--edition", "2024", "example.rs"]).ran();
        if !program.starts_with("// RC") {
            ran.assert_status(0).assert_no_stderr("racecheck: ");
            continue;
        }
        ran.assert_status(66);
        let report = std::fs::read_to_string(folder.path("r.jsonl")).unwrap();
        let finding: Value = serde_json::from_str(report.lines().next().unwrap()).unwrap();
        let finding = racecheck_report::Finding::from_json_line(&finding.to_string()).unwrap();
        assert_eq!(Code::of(&finding), code, "example {number}: {ran:#?}");
    }
}

#[test]
fn race_examples_of_rc0001() {
    check(Code::DATA_RACE);
}

#[test]
fn race_examples_of_rc0002() {
    check(Code::USE_AFTER_FREE);
}

#[test]
fn race_examples_of_rc0003() {
    check(Code::USE_AFTER_THREAD);
}
