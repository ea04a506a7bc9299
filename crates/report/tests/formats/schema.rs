//! JSON lines against their own JSON Schema.

use racecheck_report::Finding;
use racecheck_report::format::Entry;
use racecheck_report::model::{ProcessNote, Record, SCHEMA_VERSION};
use serde_json::{Value, json};

use super::documents::entries;

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(include_str!("../../schema/finding.schema.json")).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

#[track_caller]
fn check(validator: &jsonschema::Validator, line: &str) {
    let value: Value = serde_json::from_str(line).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(&value).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{line}");
}

#[test]
fn every_line_passes_the_schema_and_is_read_back() {
    let validator = validator();
    for entry in entries() {
        let line = entry.to_json_line();
        check(&validator, &line);
        let back = Entry::new(Finding::from_json_line(&line).unwrap());
        assert_eq!((back.count, &back.shards, &back.standing), (entry.count, &entry.shards, &entry.standing));
    }
}

#[test]
fn notes_of_processes_pass_the_schema() {
    let mut note = ProcessNote { schema: SCHEMA_VERSION, pid: 7, ..ProcessNote::default() };
    note.process.uninstrumented.push("/usr/lib/libfoo.so".into());
    note.process.memory.shadow = Some(4096);
    let line = note.to_json_line();
    check(&validator(), &line);
    assert_eq!(Record::from_json_line(&line), Ok(Record::Process(note)));
}

#[test]
fn the_schema_refuses_what_is_no_line() {
    let validator = validator();
    let mut line: Value = serde_json::from_str(&entries()[0].to_json_line()).unwrap();
    line["kind"] = json!("something");
    assert!(!validator.is_valid(&line));
    for bad in [json!({}), json!([]), json!({"schema": 2})] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
