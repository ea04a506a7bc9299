//! The documents say what is.

use racecheck_report::options::OPTIONS;

use super::support::{Folder, RunExt};

const USAGE: &str = include_str!("../../../docs/usage.md");

#[test]
fn usage_has_every_option_with_its_default() {
    for option in OPTIONS {
        let default =
            if option.default.is_empty() { String::new() } else { format!("`{}` ", option.default) };
        let row = format!("| `{}` | {default}| ", option.name);
        assert!(USAGE.contains(&row), "docs/usage.md has no row that begins with {row:?}");
    }
}

#[test]
fn usage_and_help_have_every_command() {
    let help = Folder::new().racecheck(&["--help"]).ran();
    help.assert_status(0);
    let commands = help.stdout.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for command in names.filter(|name| !name.is_empty() && *name != "help") {
        let heading = format!("### racecheck {command}\n");
        assert!(USAGE.contains(&heading), "docs/usage.md has no section {heading:?}");
    }
}

#[test]
fn the_book_has_every_page_and_no_dead_link() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).unwrap();
    let links = |text: &str| {
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let local = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
        local.map(|target| target.split('#').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let summary = links(&read("SUMMARY.md"));
    for entry in std::fs::read_dir(&docs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".md") {
            continue;
        }
        assert!(name == "SUMMARY.md" || summary.contains(&name), "docs/SUMMARY.md does not name {name}");
        for target in links(&read(&name)).iter().filter(|target| !target.contains([' ', ',', '|', '"'])) {
            assert!(docs.join(target).exists(), "docs/{name} has a link to {target}");
        }
    }
}
