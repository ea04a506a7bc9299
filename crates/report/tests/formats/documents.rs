//! SARIF and JUnit XML.

use std::process::Command;

use racecheck_report::format::{Entry, Format, Standing};
use serde_json::Value;

use super::samples::{self, assert_golden, view};

/// All samples, some of them in every standing.
pub fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = samples::all().into_iter().map(|(_, f)| Entry::new(f)).collect();
    entries[1].standing = Standing::Known;
    entries[2].standing = Standing::Suppressed { reason: Some("flag, #12 <&>".into()) };
    entries[0].count = 7;
    entries[0].shards = [("shard-1".to_owned(), 5), ("shard-2".to_owned(), 2)].into();
    entries
}

fn document(format: Format, entries: &[Entry]) -> String {
    let mut text = String::new();
    format.write_all(&mut text, entries, &view()).unwrap();
    text
}

/// OASIS's schema of SARIF 2.1.0, as the crate that has the types ships it.
fn sarif_schema() -> Value {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let sarif = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    let manifest = std::path::Path::new(sarif["manifest_path"].as_str().unwrap());
    let schema = std::fs::read(manifest.with_file_name("src").join("schema.json")).unwrap();
    let mut schema: Value = serde_json::from_slice(&schema).unwrap();
    // As published these have a bracket too many to be a regular expression. Nothing here has a language.
    for pointer in ["/definitions/run/properties/language", "/definitions/toolComponent/properties/language"]
    {
        let language = schema.pointer_mut(pointer).and_then(Value::as_object_mut);
        language.map(|language| language.remove("pattern"));
    }
    schema
}

#[test]
fn sarif_passes_the_official_schema() {
    let validator = jsonschema::options().should_validate_formats(true).build(&sarif_schema()).unwrap();
    for entries in [entries(), Vec::new()] {
        let sarif: Value = serde_json::from_str(&document(Format::Sarif, &entries)).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&sarif).map(|e| format!("{e} at {}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn sarif_has_both_places_and_stacks() {
    let sarif: Value = serde_json::from_str(&document(Format::Sarif, &entries())).unwrap();
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "RC0001");
    let uri = |location: &Value| {
        let physical = &location["physicalLocation"];
        format!(
            "{}:{}",
            physical["artifactLocation"]["uri"].as_str().unwrap(),
            physical["region"]["startLine"]
        )
    };
    assert_eq!(uri(&result["locations"][0]), "src/main.rs:8");
    assert_eq!(uri(&result["relatedLocations"][0]), "src/main.rs:18");
    assert_eq!(result["stacks"][0]["frames"].as_array().unwrap().len(), 2);
    assert_eq!(result["stacks"][1]["frames"].as_array().unwrap().len(), 1);
    assert_eq!(result["codeFlows"][0]["threadFlows"].as_array().unwrap().len(), 2);
    assert_eq!(result["occurrenceCount"], 7);
    assert_eq!(run["results"][1]["baselineState"], "unchanged");
    assert_eq!(run["results"][2]["suppressions"][0]["justification"], "flag, #12 <&>");
    assert_eq!(run["originalUriBaseIds"]["SRCROOT"]["uri"], "file:///ws/");
    let pretty = serde_json::to_string_pretty(&sarif).unwrap();
    // The texts of `explain` have tests of their own.
    assert_golden("report.sarif", &without_help_texts(&pretty));
}

/// Without the lines that hold an explanation.
fn without_help_texts(text: &str) -> String {
    let is_help =
        |line: &&str| !line.contains("\"markdown\":") && !line.trim_start().starts_with("\"text\": \"#");
    let lines: Vec<&str> = text.lines().filter(is_help).collect();
    lines.join("\n") + "\n"
}

#[test]
fn junit_is_well_formed_and_complete() {
    let xml = document(Format::Junit, &entries());
    assert_golden("report.xml", &xml);
    let report = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    let cases: Vec<_> = report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
    assert_eq!(cases.len(), 6);
    assert!(cases.iter().any(|case| case.name.as_str() == "tests::counts"));
    assert_eq!((report.tests, report.failures), (6, 4));
}
