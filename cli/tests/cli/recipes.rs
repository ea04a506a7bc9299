//! The recipes for CI: their shell steps are run here, as they stand in `action.yml` and in the book.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Folder, Ran, RunExt};

const ACTION: &str = include_str!("../../../action.yml");
const BOOK: &str = include_str!("../../../docs/ci.md");

fn sources() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// A package whose tests race if `racy` says so.
fn package(racy: bool) -> Folder {
    let body = if racy { "unsafe { X += 1 }" } else { "{ X.fetch_add(1, Relaxed); }" };
    let variable = match racy {
        true => "static mut X: u32 = 0;",
        false => {
            "use std::sync::atomic::{AtomicU32, Ordering::Relaxed};\n    static X: AtomicU32 = AtomicU32::new(0);"
        }
    };
    // Each with a variable of its own: races between two tests would depend on how they come together.
    let test = |name: &str| {
        format!(
            "#[test]\nfn {name}() {{\n    {variable}\n    let worker = std::thread::spawn(|| {body});\n    {body};\n    \
             worker.join().unwrap();\n}}\n"
        )
    };
    Folder::with(&[
        ("Cargo.toml", "[package]\nname = 'recipe'\nversion = '0.1.0'\nedition = '2021'\n"),
        ("src/lib.rs", &format!("{}{}", test("one"), test("two"))),
    ])
}

/// racecheck where `ci/install.sh` puts it, as if it had been built there.
fn install(folder: &Folder) -> PathBuf {
    let root = folder.path("install");
    fs::create_dir_all(root.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_racecheck"), root.join("bin/racecheck")).unwrap();
    root
}

/// The block below a heading of the book that is for a shell.
fn shell_blocks(heading: &str) -> Vec<&'static str> {
    let (_, text) = BOOK.split_once(&format!("\n## {heading}\n")).unwrap();
    let text = text.split("\n## ").next().unwrap();
    text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

/// A script run in the package, with racecheck in `PATH` and these variables.
fn run(folder: &Folder, script: &str, variables: &[(&str, &str)]) -> Ran {
    let root = folder.path("install");
    let mut shell: Command = folder.shell(script);
    let path = format!("{}:{}", root.join("bin").display(), std::env::var("PATH").unwrap());
    shell.env("PATH", path).env("RACECHECK_INSTALL", &root).env("RACECHECK_SOURCES", sources());
    shell.envs(variables.iter().copied()).ran()
}

/// The commands of a composite action's steps, with what GitHub would put in for its expressions.
fn action_steps() -> Vec<&'static str> {
    ACTION.lines().filter_map(|line| line.trim().strip_prefix("run: ")).collect()
}

#[test]
fn the_actions_steps_run() {
    for racy in [false, true] {
        let folder = package(racy);
        let root = install(&folder);
        let (output, path) = (folder.write("output", ""), folder.write("path", ""));
        // What the install step would have left behind: the state of this checkout.
        let script = fs::read_to_string(sources().join("ci/install.sh")).unwrap();
        let state = script.split("state=$(").nth(1).unwrap().split("\n\n").next().unwrap();
        let state = format!("sources={}; state=$({state}\nprintf %s \"$state\"", sources().display());
        let state = run(&folder, &state, &[]);
        fs::write(root.join("state"), state.assert_status(0).stdout.trim()).unwrap();
        let sources = sources();
        let variables = [
            ("GITHUB_ACTION_PATH", sources.to_str().unwrap()),
            ("SOURCES", sources.to_str().unwrap()),
            ("GITHUB_OUTPUT", output.to_str().unwrap()),
            ("GITHUB_PATH", path.to_str().unwrap()),
            ("COMMAND", "test --lib -- --test-threads '1'"),
            ("RACECHECK_OPTIONS", ""),
            ("TOOLCHAIN", ""),
        ];
        let steps: Vec<_> = action_steps().iter().map(|step| run(&folder, step, &variables)).collect();
        let [key, install, racecheck] = &steps[..] else { panic!("{steps:#?}") };
        key.assert_status(0);
        install.assert_status(0).assert_stdout("racecheck is installed in");
        let output = fs::read_to_string(output).unwrap();
        assert!(output.contains("key=racecheck-") && output.contains("prefix=racecheck-"), "{output}");
        assert!(fs::read_to_string(path).unwrap().contains("install/bin"));
        let status = if racy { 101 } else { 0 };
        racecheck.assert_status(status);
        assert!(output.contains(&format!("status={status}\n")), "{output}");
        let said = if racy { "what it ran ended with 101" } else { "no data race in this run" };
        racecheck.assert_stdout(said);
    }
}

#[test]
fn the_recipe_for_any_shell_runs() {
    let folder = package(true);
    install(&folder);
    let blocks = shell_blocks("Anywhere else");
    // The first line would build racecheck; the action's test covers it.
    let script = blocks[0].lines().skip(1).collect::<Vec<_>>().join("\n");
    run(&folder, &script, &[]).assert_status(101).assert_stderr("Test: one");
}

#[test]
fn shards_are_run_and_merged() {
    let folder = package(true);
    if !folder.cargo(&["nextest", "--version"]).ran().stdout.starts_with("cargo-nextest") {
        eprintln!("not tested: cargo-nextest is not installed");
        return;
    }
    install(&folder);
    let blocks = shell_blocks("Shards");
    let [archive, shard, merge] = &blocks[..] else { panic!("{blocks:#?}") };
    run(&folder, archive, &[]).assert_status(0);
    for number in ["1", "2"] {
        run(&folder, shard, &[("SHARD", number), ("SHARDS", "2")]).assert_status(100);
        assert!(folder.path(&format!("shard-{number}.jsonl")).is_file());
    }
    // The two tests race at places of their own.
    let merged = run(&folder, merge, &[]);
    let all = fs::read_to_string(folder.path("all.jsonl")).unwrap();
    assert_eq!(all.matches("\"kind\":\"data-race\"").count(), 2, "{all}{merged:#?}");
}

#[test]
fn a_baseline_lets_only_new_races_fail() {
    let folder = package(true);
    install(&folder);
    let blocks = shell_blocks("A suite that has races already");
    run(&folder, &format!("set -e\n{}", blocks[0]), &[]).assert_status(0);
}
