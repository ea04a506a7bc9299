//! Files of findings: formats, suppressions, baselines, merges, and what goes wrong with them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::session::reporter;
use super::support::{Folder, RunExt};

/// A finding as the runtime writes it: the function `a::FUNCTION` at two lines of `src/lib.rs`.
fn line(function: &str, lines: (u32, u32), pid: u32) -> String {
    let access = |op: &str, thread: u32, line: u32| {
        format!(
            r#"{{"op":"{op}","address":{pid}096,"size":8,"thread":{thread},"stack":{{"frames":[{{"function":"a::{function}","file":"/ws/src/lib.rs","line":{line},"column":5,"module":"/ws/t","offset":7,"inlined":false}}],"lost":false}}}}"#
        )
    };
    let (now, before) = (access("write", 1, lines.0), access("read", 0, lines.1));
    format!(
        r#"{{"schema":1,"pid":{pid},"program":"/ws/t","kind":"data-race","access":{now},"previous":{before},"location":null,"threads":[],"test":null}}"#
    ) + "\n"
}

/// What a process says at its end.
const NOTE: &str = concat!(
    r#"{"schema":1,"pid":7,"program":"/ws/t","process":{"uninstrumented":["/usr/lib/libfoo.so.1"],"#,
    r#""lost":{"epochs":0,"read_sets":0,"contexts":3,"reports":0},"memory":{"peak":10485760,"tables":2097152}}}"#,
    "\n"
);

/// The names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn convert_writes_every_format() {
    let folder = Folder::with(&[("in.jsonl", &(line("f", (3, 9), 1) + &line("f", (3, 9), 2)))]);
    let outputs = ["o.jsonl", "o.sarif", "o.xml", "o.html", "o.txt"];
    let mut words = vec!["report", "convert", "in.jsonl", "--format", "github=o.github"];
    outputs.iter().for_each(|output| words.extend(["--output", output]));
    let ran = folder.racecheck(&words).ran();
    ran.assert_status(0);
    assert_eq!(ran.stdout, "", "with files only, nothing is shown");
    let text = |name: &str| fs::read_to_string(folder.path(name)).unwrap();
    let json: Value = serde_json::from_str(&text("o.jsonl")).unwrap();
    assert_eq!(json["found"]["count"], 2);
    let sarif: Value = serde_json::from_str(&text("o.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["occurrenceCount"], 2);
    assert!(text("o.xml").contains("<testsuite name=\"t\" tests=\"1\""), "{}", text("o.xml"));
    assert!(text("o.html").contains("RC0001"));
    assert!(
        text("o.txt").contains("WARNING: DATA RACE\n") && text("o.txt").ends_with("Found 1 data race(s)\n")
    );
    assert!(text("o.github").starts_with("::error file=/ws/src/lib.rs,line=3,col=5,title=RC0001"));
}

#[test]
fn convert_shows_rustcs_look() {
    let folder = Folder::new();
    let source = folder.write("src/lib.rs", "fn f() {\n    let x = *p;\n}\n");
    let line = line("f", (2, 2), 1)
        .replace("/ws/src/lib.rs", source.to_str().unwrap())
        .replace("\"column\":5", "\"column\":13");
    folder.write("in.jsonl", line);
    let ran = folder.racecheck(&["report", "convert", "in.jsonl"]).ran();
    ran.assert_status(0).assert_stdout("error[RC0001]: data race\n").assert_stdout("--> src/lib.rs:2:13\n");
    ran.assert_stdout(
        "2 |     let x = *p;\n  |             ^^ write by thread 1, and previous read by main thread\n",
    );
}

#[test]
fn broken_lines_are_named_and_the_rest_is_used() {
    let good = line("f", (3, 9), 1);
    let cut = &line("g", (3, 9), 1)[..100];
    let text = format!("{good}{{\"schema\":1,\"oops\n{{\"schema\":99}}\n\n{good}{cut}");
    let folder = Folder::with(&[("in.jsonl", &text)]);
    for words in [
        &["report", "convert", "in.jsonl", "--output", "o.jsonl"][..],
        &["report", "merge", "in.jsonl", "--output", "o.jsonl"],
    ] {
        let ran = folder.racecheck(words).ran();
        ran.assert_status(2)
            .assert_stderr("racecheck: in.jsonl:2: not a racecheck finding: reading stopped at byte")
            .assert_stderr("racecheck: in.jsonl:3: the finding has schema 99, this racecheck reads up to 1")
            .assert_stderr("racecheck: in.jsonl:6: the line is cut off");
        let json: Value = serde_json::from_str(&fs::read_to_string(folder.path("o.jsonl")).unwrap()).unwrap();
        assert_eq!(json["found"]["count"], 2);
    }
    folder.racecheck(&["report", "baseline", "in.jsonl"]).ran().assert_status(2).assert_stdout("a::f");
}

#[test]
fn what_can_t_be_read_is_named() {
    let folder = Folder::with(&[("b", "769811bf324f5b34 no header\n"), ("r.jsonl", &line("f", (3, 9), 1))]);
    folder.write("new", "# racecheck baseline 9\n");
    folder.write("bad", "# racecheck baseline 1\n\nxyz what\n");
    folder.write("rules", "# mine\nsuppress function=a::f\nrace:x\nsuppress funktion=y reason=z\n");
    for (words, error) in [
        (&["report", "convert", "none.jsonl"][..], "could not read none.jsonl: No such file"),
        (&["report", "convert", "."], "could not read .: is a directory"),
        (&["report", "merge", "/dev/null"], "/dev/null is no regular file"),
        (&["report", "merge", "."], ""),
        (&["report", "convert", "r.jsonl", "--baseline", "b"], "b:1: the first line has to be"),
        (&["report", "convert", "r.jsonl", "--baseline", "new"], "new:1: it has version 9"),
        (&["report", "convert", "r.jsonl", "--baseline", "bad"], "bad:3: a fingerprint has 16"),
        (
            &["report", "convert", "r.jsonl", "--suppressions", "none"],
            "could not read the suppressions none: No such",
        ),
        (&["report", "convert", "r.jsonl", "--suppressions", "rules"], "rules:2: it does not say why"),
        (
            &["report", "convert", "r.jsonl", "--suppressions", "rules"],
            "rules:4: there is no key \"funktion\"",
        ),
        (
            &["report", "convert", "r.jsonl", "--format", "yaml"],
            "there is no format \"yaml\"; the formats are text",
        ),
        (&["report", "convert", "r.jsonl", "--format", "html"], "html is a document: it needs a file, as in"),
        (&["report", "convert", "r.jsonl", "--output", "x.yaml"], "the ending of x.yaml tells no format"),
    ] {
        let status = if error.is_empty() { 0 } else { 2 };
        folder.racecheck(words).ran().assert_status(status).assert_stderr(error);
    }
}

#[test]
fn wrong_suppressions_stop_before_anything_is_run() {
    let (folder, mut command) = reporter(&["one"]);
    folder.write(".racecheck/suppressions", "suppress function=f\n");
    command
        .ran()
        .assert_status(2)
        .assert_stderr(".racecheck/suppressions:1: it does not say why")
        .assert_no_stderr("DATA RACE");
}

#[test]
fn a_full_device_is_told() {
    let folder = Folder::with(&[("in.jsonl", &line("f", (3, 9), 1))]);
    for words in [
        &["report", "convert", "in.jsonl", "--format", "sarif=/dev/full"][..],
        &["report", "merge", "in.jsonl", "--output", "/dev/full"],
        &["report", "baseline", "in.jsonl", "--output", "/dev/full"],
    ] {
        folder
            .racecheck(words)
            .ran()
            .assert_status(2)
            .assert_stderr("could not write to /dev/full: No space left");
    }
    let racecheck = env!("CARGO_BIN_EXE_racecheck");
    for command in ["convert", "merge", "baseline"] {
        let script = format!("{racecheck} report {command} in.jsonl > /dev/full");
        folder
            .shell(&script)
            .ran()
            .assert_status(2)
            .assert_stderr("could not write to stdout: No space left");
    }
}

#[test]
fn no_partial_file_is_left() {
    let many: String = (1..200).map(|at| line("f", (at, 9), at)).collect();
    let folder = Folder::with(&[("in.jsonl", &many), ("old.html", "old")]);
    let before = names(&folder.path("."));
    let racecheck = env!("CARGO_BIN_EXE_racecheck");
    for command in ["convert in.jsonl --output old.html", "merge in.jsonl --output old.html"] {
        // Files may have 8 blocks: what is more is refused as by a full disk.
        let script = format!("trap '' XFSZ; ulimit -f 8; {racecheck} report {command}");
        folder
            .shell(&script)
            .ran()
            .assert_status(2)
            .assert_stderr("could not write to old.html: File too large");
        assert_eq!(names(&folder.path(".")), before);
        assert_eq!(fs::read_to_string(folder.path("old.html")).unwrap(), "old");
    }
}

#[test]
fn a_folder_that_can_t_be_written_to_stops_before_anything_is_run() {
    let (folder, _) = reporter(&[]);
    let ran = folder.racecheck(&["run", "--output", "/proc/races.jsonl", "r.rs"]).ran();
    ran.assert_status(2).assert_stderr("could not create a file in /proc").assert_no_stderr("DATA RACE");
}

#[test]
fn a_run_writes_its_reports() {
    let (folder, _) = reporter(&[]);
    let words =
        ["run", "--format", "pretty", "--format=sarif=out/r.sarif", "--output", "r.jsonl", "r.rs", "twice"];
    let ran = folder.racecheck(&words).ran();
    ran.assert_status(66).assert_stderr("error[RC0001]: data race\n").assert_no_stderr("WARNING: DATA RACE");
    ran.assert_stderr("Found 2 data race(s)\n");
    let sarif: Value = serde_json::from_slice(&fs::read(folder.path("out/r.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
    let lines = fs::read_to_string(folder.path("r.jsonl")).unwrap();
    assert!(lines.lines().count() >= 2 && lines.contains("\"found\":{\"count\":2}"), "{lines}");
}

#[test]
fn suppressions_hold_in_a_run_and_are_summed_up() {
    let (folder, _) = reporter(&[]);
    let rules = "\
        # the reporter's races\n\
        suppress function=f file=x.rs reason=\"known, #1\" until=2999-01-01\n\
        suppress function=f reason=\"old\" until=2020-01-01\n\
        suppress function=f other-function=g reason=\"one side only\"\n\
        race:nowhere\n";
    folder.write("rules", rules);
    let ran = folder.racecheck(&["run", "--suppressions", "rules", "r.rs"]).ran();
    ran.assert_status(0)
        .assert_no_stderr("DATA RACE")
        .assert_stderr("racecheck: 1 report(s) suppressed by rules\n");
    ran.assert_stderr("rules: not used in this run: line 3, 4, 5\n");
    folder.write("rules", rules.lines().skip(2).collect::<Vec<_>>().join("\n"));
    let ran = folder.racecheck(&["run", "--suppressions", "rules", "r.rs"]).ran();
    ran.assert_status(66).assert_stderr("rules:1: expired on 2020-01-01, and would hold for a race");
    // The file that needs no name, in ThreadSanitizer's form.
    folder.write(".racecheck/suppressions", "race:^f$\n");
    folder.racecheck(&["run", "r.rs"]).ran().assert_status(0).assert_stderr("suppressed by");
    fs::remove_file(folder.path(".racecheck/suppressions")).unwrap();
    let options = ("RACECHECK_OPTIONS", "suppressions=tsan");
    folder.write("tsan", "race_top:f\n");
    folder.racecheck(&["run", "r.rs"]).env(options.0, options.1).ran().assert_status(0);
    // A near miss is told.
    folder.write("rules", "suppress function=f other-function=g reason=\"one side only\"\n");
    let ran = folder.racecheck(&["run", "--suppressions", "rules", "r.rs"]).ran();
    ran.assert_status(66)
        .assert_stderr("rules:1: nearly holds, but not whole, for: RC0001 f (src/x.rs) | f (src/x.rs)\n");
}

#[test]
fn with_a_baseline_only_new_races_fail() {
    let (folder, _) = reporter(&[]);
    folder.racecheck(&["run", "--output", "r.jsonl", "r.rs"]).ran().assert_status(66);
    let ran = folder.racecheck(&["report", "baseline", "r.jsonl", "--output", ".racecheck/baseline"]).ran();
    ran.assert_status(0).assert_stderr("1 race(s) are known in .racecheck/baseline");
    let ran = folder.racecheck(&["run", "--baseline", ".racecheck/baseline", "r.rs", "twice"]).ran();
    // The same two functions: the fingerprint knows no lines.
    ran.assert_status(0)
        .assert_no_stderr("DATA RACE")
        .assert_stderr("3 report(s) of races that are in the baseline");
    folder.write("empty", "# racecheck baseline 1\n");
    folder
        .racecheck(&["run", "--baseline", "empty", "r.rs"])
        .ran()
        .assert_status(66)
        .assert_stderr("DATA RACE");
}

#[test]
fn merge_counts_by_shard_and_keeps_the_first_evidence() {
    let folder = Folder::with(&[
        ("s/one.jsonl", &(line("f", (3, 9), 1) + &line("f", (3, 9), 2) + NOTE)),
        (
            "s/deep/two.jsonl",
            &(line("g", (4, 9), 3) + &line("f", (9, 3), 4).replace("/ws/", "/home/runner/ws/") + NOTE),
        ),
    ]);
    let ran = folder.racecheck(&["report", "merge", "s", "--output", "all.jsonl"]).ran();
    ran.assert_status(0).assert_stderr("4 report(s) of 2 race(s)").assert_stderr("  one: 2 report(s)");
    let text = fs::read_to_string(folder.path("all.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    let f = lines.iter().find(|line| text_of(line).contains("a::f")).unwrap();
    assert_eq!(f["found"], serde_json::json!({"count": 3, "shards": {"one": 2, "two": 1}}));
    // Files are read in the order of their paths.
    assert_eq!(f["pid"], 4);
    // A merge of merges adds up.
    let ran = folder.racecheck(&["report", "merge", "all.jsonl", "s/one.jsonl"]).ran();
    ran.assert_status(0)
        .assert_stderr("6 report(s) of 2 race(s)")
        .assert_stdout("\"shards\":{\"one\":4,\"two\":1}");
}

fn text_of(value: &Value) -> String {
    value.to_string()
}

#[test]
fn diff_says_what_is_new_and_gone() {
    let folder = Folder::with(&[
        ("a.jsonl", &(line("f", (3, 9), 1) + &line("g", (3, 9), 1))),
        ("b.jsonl", &(line("f", (30, 90), 1) + &line("h", (3, 9), 1))),
    ]);
    let ran = folder.racecheck(&["report", "diff", "a.jsonl", "b.jsonl"]).ran();
    ran.assert_status(1).assert_stdout(" RC0001 a::h (src/lib.rs) | a::h (src/lib.rs)\n");
    ran.assert_stdout("1 new, 1 gone, 1 still there\n");
    assert!(ran.stdout.starts_with("+ ") && ran.stdout.contains("\n- "), "{}", ran.stdout);
    folder.racecheck(&["report", "diff", "a.jsonl", "a.jsonl"]).ran().assert_status(0);
}

#[test]
fn stats_tell_what_was_not_seen() {
    let folder = Folder::with(&[("r.jsonl", &(line("f", (3, 9), 1) + NOTE))]);
    let ran = folder.racecheck(&["stats", "r.jsonl"]).ran();
    ran.assert_status(0).assert_stdout("without instrumentation: /usr/lib/libfoo.so.1");
    ran.assert_stdout(
        "memory: 10.0 MiB at most, the program's own included; 2.0 MiB the detector's tables\n",
    );
    ran.assert_stdout("0 epoch(s), 0 set(s) of readers, 3 context(s), 0 report(s)");
}

#[test]
fn explain_has_every_code() {
    let folder = Folder::new();
    let list = folder.racecheck(&["explain"]).ran();
    list.assert_status(0).assert_stdout("RC0001  data race\n");
    folder.racecheck(&["explain", "RC0001"]).ran().assert_status(0).assert_stdout("# RC0001: data race\n");
    folder.racecheck(&["explain", "RC9"]).ran().assert_status(2).assert_stderr("there is no code \"RC9\"");
}

#[test]
fn a_run_says_what_ran_without_instrumentation() {
    let program = "\
        #[link(name = \"plain\")] unsafe extern \"C\" { fn seven() -> i32; }\n\
        fn main() { assert_eq!(unsafe { seven() }, 7); }\n";
    let folder = Folder::with(&[("plain.c", "int seven(void) { return 7; }\n"), ("main.rs", program)]);
    folder.shell("cc -shared -fPIC -o libplain.so plain.c").ran().assert_status(0);
    let words = ["run", "--stats", "--output", "r.jsonl", "-L", ".", "main.rs"];
    let ran = folder.racecheck(&words).env("LD_LIBRARY_PATH", folder.path(".")).ran();
    ran.assert_status(0).assert_stderr("ran without instrumentation, so not seen inside: libplain.so\n");
    ran.assert_stderr(" at most, the program's own included; ").assert_stderr(" shadow\n");
    let text = fs::read_to_string(folder.path("r.jsonl")).unwrap();
    let note: Value = serde_json::from_str(text.trim()).unwrap();
    assert!(note["process"]["memory"]["shadow"].as_u64().unwrap() > 0, "{note}");
    folder.racecheck(&["stats", "r.jsonl"]).ran().assert_stdout("without instrumentation: ");
}

#[test]
fn a_program_on_its_own_heeds_suppressions() {
    let folder =
        Folder::with(&[("main.rs", super::support::RACY), ("rules", "race:main::main\n"), ("bad", "\nx\n")]);
    folder.racecheck(&["rustc", "main.rs"]).ran().assert_status(0);
    let run = |options: &str| folder.shell("./main").env("RACECHECK_OPTIONS", options).ran();
    run("").assert_status(66).assert_stderr("DATA RACE");
    run("suppressions=rules")
        .assert_status(0)
        .assert_no_stderr("DATA RACE")
        .assert_stderr(" suppressed by rules\n");
    run("suppressions=bad").assert_status(2).assert_stderr("bad:2: not a suppression");
    run("suppressions=none").assert_status(2).assert_stderr("the suppressions none cannot be read");
}

#[test]
fn a_report_says_what_the_later_thread_had_learnt() {
    let program = "\
use std::sync::Mutex;
static mut X: u64 = 0;
static LOCK: Mutex<bool> = Mutex::new(false);
fn main() {
    let worker = std::thread::spawn(|| {
        *LOCK.lock().unwrap() = true;
        unsafe { X += 1 };
        loop { std::thread::yield_now() }
    });
    while !*LOCK.lock().unwrap() {}
    std::thread::sleep(std::time::Duration::from_millis(200));
    unsafe { X += 1 };
    assert!(!worker.is_finished());
}
";
    let folder = Folder::with(&[("main.rs", program)]);
    let ran = folder.racecheck(&["run", "--format", "pretty", "main.rs"]).ran();
    ran.assert_status(66).assert_stderr(
        "main thread has synchronised with thread 1, but what it learnt ends before the write",
    );
}
