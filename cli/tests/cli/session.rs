//! A run: reports, their channel, and the status.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use super::support::{CLEAN, Folder, RACY, RunExt};

/// A program that writes a finding into the channel as the runtime does, and then does what its first
/// argument says.
pub const REPORTER: &str = r##"
use std::io::{Read, Write};
fn stack(line: u32) -> String {
    format!(r#"{{"frames":[{{"function":"f","file":"/src/x.rs","line":{line},"column":1,"module":null,"offset":0,"inlined":false}}],"lost":false}}"#)
}
fn access(op: &str, thread: u32, line: u32) -> String {
    format!(r#"{{"op":"{op}","address":4096,"size":8,"thread":{thread},"stack":{}}}"#, stack(line))
}
fn write(text: &str) {
    let pid = std::process::id();
    let path = format!("{}/{pid}.jsonl", std::env::var("RACECHECK_CHANNEL").unwrap());
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
fn report(line: u32) {
    let pid = std::process::id();
    write(&format!(
        "{{\"schema\":1,\"pid\":{pid},\"program\":\"/x\",\"kind\":\"data-race\",\"access\":{},\"previous\":{},\"location\":null,\"threads\":[],\"test\":null}}\n",
        access("write", 1, line), access("read", 0, 7),
    ));
}
fn main() {
    let what = std::env::args().nth(1).unwrap_or_default();
    match &*what {
        "silent" => {}
        "twice" => { report(1); report(1); report(2) }
        "fail" => { report(1); std::process::exit(3) }
        "abort" => { report(1); std::process::abort() }
        "children" => {
            report(1);
            let me = std::env::current_exe().unwrap();
            assert!(std::process::Command::new(me).arg("one").status().unwrap().success());
        }
        "only-child" => {
            let me = std::env::current_exe().unwrap();
            assert!(std::process::Command::new(me).arg("one").status().unwrap().success());
        }
        "cut" => write("{\"schema\":1,\"pid\""),
        "remove" => std::fs::remove_dir_all(std::env::var("RACECHECK_CHANNEL").unwrap()).unwrap(),
        "newer" => write("{\"schema\":99}\n"),
        "wait" => {
            report(1);
            println!("ready");
            let _ = std::io::stdin().read(&mut [0]);
        }
        _ => report(1),
    }
}
"##;

/// Runs [`REPORTER`].
pub fn reporter(words: &[&str]) -> (Folder, std::process::Command) {
    let folder = Folder::with(&[("r.rs", REPORTER)]);
    let words: Vec<_> = ["run", "r.rs"].iter().chain(words).copied().collect();
    let command = folder.racecheck(&words);
    (folder, command)
}

#[test]
fn race_is_printed_whole_and_fails() {
    let (_folder, mut command) = reporter(&[]);
    command
        .ran()
        .assert_status(66)
        .assert_stderr("==================\nWARNING: DATA RACE\nWrite at 0x1000 by thread 1:\n  f()\n      /src/x.rs:1:1\n")
        .assert_stderr("==================\nFound 1 data race(s)\n");
}

#[test]
fn no_race_is_silent() {
    let (_folder, mut command) = reporter(&["silent"]);
    let ran = command.ran();
    ran.assert_status(0).assert_no_stderr("RACE").assert_no_stderr("Found");
}

#[test]
fn race_at_the_same_places_is_printed_once() {
    let (_folder, mut command) = reporter(&["twice"]);
    let ran = command.ran();
    ran.assert_status(66).assert_stderr("Found 2 data race(s)");
    assert_eq!(ran.stderr.matches("WARNING: DATA RACE").count(), 2);
}

#[test]
fn race_does_not_hide_the_programs_own_failure() {
    let (_folder, mut command) = reporter(&["fail"]);
    command.ran().assert_status(3).assert_stderr("Found 1 data race(s)");
    let (_folder, mut command) = reporter(&["abort"]);
    command.ran().assert_status(128 + libc::SIGABRT).assert_stderr("Found 1 data race(s)");
}

#[test]
fn race_in_a_child_process_counts() {
    let (_folder, mut command) = reporter(&["only-child"]);
    command.ran().assert_status(66).assert_stderr("Found 1 data race(s)");
    let (_folder, mut command) = reporter(&["children"]);
    command.ran().assert_status(66).assert_stderr("Found 1 data race(s)").assert_stderr("1 more report(s)");
}

#[test]
fn race_that_can_not_be_read_is_no_success() {
    let (_folder, mut command) = reporter(&["cut"]);
    command.ran().assert_status(66).assert_stderr("can't be shown");
    let (_folder, mut command) = reporter(&["remove"]);
    command.ran().assert_status(66).assert_stderr("the folder for reports");
    let (_folder, mut command) = reporter(&["newer"]);
    command.ran().assert_status(66).assert_stderr("schema 99");
}

#[test]
fn options_are_heeded() {
    let (_folder, mut command) = reporter(&[]);
    command.env("RACECHECK_OPTIONS", "exitcode=7").ran().assert_status(7);
    let (_folder, mut command) = reporter(&[]);
    command.env("RACECHECK_OPTIONS", "exitcode=0").ran().assert_status(0).assert_stderr("Found 1");
    let (_folder, mut command) = reporter(&[]);
    let ran = command.env("RACECHECK_OPTIONS", "strip_path_prefix=/src/").ran();
    ran.assert_stderr("\n      x.rs:1:1\n");
}

#[test]
fn log_path_takes_the_reports() {
    let (_folder, mut command) = reporter(&[]);
    command
        .env("RACECHECK_OPTIONS", "log_path=stdout")
        .ran()
        .assert_status(66)
        .assert_no_stderr("RACE")
        .assert_stdout("WARNING: DATA RACE")
        .assert_stdout("Found 1 data race(s)");

    let (folder, mut command) = reporter(&[]);
    let log = folder.path("log");
    let ran = command.env("RACECHECK_OPTIONS", format!("log_path={}", log.display())).ran();
    ran.assert_status(66).assert_no_stderr("WARNING").assert_stderr("found 1 data race(s), see ");
    let logs: Vec<_> = fs::read_dir(folder.path(""))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("log."))
        .collect();
    let [log] = &*logs else { panic!("{logs:?}") };
    let text = fs::read_to_string(log.path()).unwrap();
    assert!(text.contains("WARNING: DATA RACE") && text.ends_with("Found 1 data race(s)\n"), "{text}");
}

#[test]
fn race_is_printed_while_the_program_runs_and_signals_reach_it() {
    let (_folder, mut command) = reporter(&["wait"]);
    let mut racecheck =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(racecheck.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("WARNING: DATA RACE") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "the report did not come before the end");
    }
    // SAFETY: `kill` touches no memory, and the process is a child that is not waited for yet.
    unsafe { libc::kill(racecheck.id().cast_signed(), libc::SIGTERM) };
    let rest = std::io::read_to_string(stderr).unwrap();
    assert!(rest.contains("Found 1 data race(s)"), "{rest}");
    assert_eq!(racecheck.wait().unwrap().code(), Some(128 + libc::SIGTERM));
}

#[test]
fn under_another_racecheck_the_outer_one_prints() {
    let (folder, mut command) = reporter(&[]);
    let channel = folder.path("channel");
    fs::create_dir(&channel).unwrap();
    command.env("RACECHECK_CHANNEL", &channel).ran().assert_status(0).assert_no_stderr("RACE");
    assert_eq!(fs::read_dir(channel).unwrap().count(), 1, "the finding went to the outer one");
}

#[test]
fn a_source_file_has_edition_2021_unless_it_is_given() {
    let source = "fn main() { let small: Result<u8, _> = 300_u32.try_into(); assert!(small.is_err()); }";
    let folder = Folder::with(&[("main.rs", source)]);
    folder.racecheck(&["run", "main.rs"]).ran().assert_status(0);
    folder
        .racecheck(&["run", "--edition", "2018", "main.rs"])
        .ran()
        .assert_status(1)
        .assert_stderr("try_into");
}

#[test]
fn race_in_a_source_file_is_reported() {
    let folder = Folder::with(&[("main.rs", RACY)]);
    for words in [
        &["run", "main.rs"][..],
        &["run", "-O", "main.rs"],
        &["run", "--edition=2024", "-Copt-level=1", "main.rs"],
        &["--opt-first", "run", "main.rs"],
    ] {
        folder
            .racecheck(words)
            .ran()
            .assert_status(66)
            .assert_stdout("done\n")
            .assert_stderr("WARNING: DATA RACE")
            .assert_stderr("main.rs:5:")
            .assert_stderr("main.rs:4:")
            .assert_stderr("Found 1 data race(s)");
    }
}

#[test]
fn no_race_in_a_source_file_is_silent() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    for options in [&[][..], &["-O"]] {
        let ran = folder.racecheck(&[&["run"][..], options, &["main.rs"]].concat()).ran();
        assert_eq!((ran.status, &*ran.stdout), (0, "done\n"), "{ran:#?}");
        ran.assert_no_stderr("WARNING");
    }
}

#[test]
fn race_in_a_built_program_is_reported_with_and_without_racecheck() {
    let folder = Folder::with(&[("main.rs", RACY)]);
    folder.racecheck(&["rustc", "main.rs"]).ran().assert_status(0);
    folder.racecheck(&["run", "./main"]).ran().assert_status(66).assert_stderr("Found 1 data race(s)");
    folder.racecheck(&["run", "main"]).ran().assert_status(66).assert_stdout("done\n");
    let alone = std::process::Command::new(folder.path("main")).env_remove("RACECHECK_CHANNEL").ran();
    alone.assert_status(66).assert_stderr("WARNING: DATA RACE").assert_stderr("Found 1 data race(s)");
}

#[test]
fn race_that_could_not_be_told_is_printed_by_the_program() {
    let folder = Folder::with(&[("main.rs", RACY)]);
    folder.racecheck(&["rustc", "main.rs"]).ran().assert_status(0);
    let lost = std::process::Command::new(folder.path("main")).env("RACECHECK_CHANNEL", "/nonexistent").ran();
    lost.assert_status(66).assert_stderr("WARNING: DATA RACE").assert_stderr("Found 1 data race(s)");
}
