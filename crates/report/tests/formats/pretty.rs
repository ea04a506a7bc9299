//! rustc's look.

use racecheck_report::format::{Entry, Format, NoSources, View, pretty};
use racecheck_report::text::TextStyle;

use super::samples::{self, assert_golden, view};

fn shown(finding: &racecheck_report::Finding, view: &View<'_>) -> String {
    let mut text = String::new();
    pretty::write(&mut text, finding, view).unwrap();
    text
}

#[test]
fn pretty_goldens() {
    for (name, finding) in samples::all() {
        assert_golden(&format!("pretty/{name}.txt"), &shown(&finding, &view()));
    }
}

#[test]
fn the_usual_case_has_25_lines_at_most() {
    for (name, finding) in samples::all() {
        let text = shown(&finding, &view());
        assert!(text.lines().count() <= 25, "{name}:\n{text}");
    }
}

#[test]
fn without_sources_both_places_are_named() {
    let text = shown(&samples::heap(), &View::new(view().text, &NoSources));
    assert!(text.contains("src/main.rs:8:14") && text.contains("src/main.rs:18:25"), "{text}");
}

#[test]
fn colour_is_only_added() {
    let mut coloured = view();
    coloured.text.style = TextStyle::Colour;
    let text = shown(&samples::heap(), &coloured);
    assert!(text.contains("\x1b["));
}

#[test]
fn a_file_that_has_changed_is_no_panic() {
    let mut finding = samples::heap();
    finding.access.stack.frames[0].line = 4000;
    finding.previous.stack.frames[0].column = 4000;
    assert!(shown(&finding, &view()).contains("src/main.rs:4000"));
}

#[test]
fn github_goldens() {
    let entries: Vec<Entry> = samples::all().into_iter().map(|(_, finding)| Entry::new(finding)).collect();
    let mut text = String::new();
    Format::Github.write_all(&mut text, &entries, &view()).unwrap();
    assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
    assert_golden("github.txt", &text);
}
