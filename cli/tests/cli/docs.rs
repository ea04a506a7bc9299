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
