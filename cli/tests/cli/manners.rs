//! racecheck's own manners: completions, manual, colour, silence, and a cache that can be kept small.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::support::{CLEAN, Folder, RunExt};

#[test]
fn completions_and_manual_come_from_the_definition() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        folder.racecheck(&["completions", shell]).ran().assert_status(0).assert_stdout("nextest");
    }
    let script = folder.racecheck(&["completions", "bash"]).ran().stdout;
    folder.write("completion.bash", script);
    folder.shell("bash -n completion.bash").ran().assert_status(0);
    folder
        .racecheck(&["man"])
        .ran()
        .assert_status(0)
        .assert_stdout(".TH racecheck 1")
        .assert_stdout("doctor");
    folder.racecheck(&["man", "pages"]).ran().assert_status(0);
    for page in ["racecheck.1", "racecheck-test.1", "racecheck-nextest.1", "racecheck-doctor.1"] {
        assert!(folder.path(&format!("pages/{page}")).is_file(), "{page}");
    }
    folder.racecheck(&["completions", "tcsh"]).ran().assert_status(2);
}

#[test]
fn colour_and_silence_are_obeyed() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    let fresh = |words: &[&str], cache: &str| {
        let mut racecheck = folder.racecheck(words);
        racecheck.env("RACECHECK_CACHE", folder.path(cache)).env_remove("NO_COLOR");
        racecheck.ran()
    };
    let quiet = fresh(&["--quiet", "run", "main.rs"], "quiet");
    quiet.assert_status(0);
    assert_eq!(quiet.stderr, "");
    let plain = fresh(&["--color=never", "run", "main.rs"], "plain");
    plain.assert_stderr("   Preparing the instrumented standard library\n").assert_no_stderr("\u{1b}[");
    let coloured = fresh(&["--color=always", "clean"], "quiet");
    coloured.assert_status(0).assert_stderr("\u{1b}[1m");
}

#[test]
fn what_was_not_used_for_long_is_removed() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    let cache = folder.path("cache");
    let racecheck = |words: &[&str]| {
        let mut racecheck = folder.racecheck(words);
        racecheck.env("RACECHECK_CACHE", &cache);
        racecheck.ran()
    };
    let count = |name: &str| fs::read_dir(cache.join(name)).map_or(0, Iterator::count);
    racecheck(&["run", "main.rs"]).assert_status(0);
    racecheck(&["clean", "--older-than", "1d"]).assert_status(0).assert_stderr("Removed 0 folder(s)");
    assert_eq!((count("kits"), count("sysroots"), count("runtime")), (1, 1, 1));
    // A kit that was used long ago, and a sysroot of a toolchain that is gone.
    let old = SystemTime::now() - Duration::from_secs(2 * 86_400);
    fs::create_dir_all(cache.join("sysroots/1.0.0-old")).unwrap();
    fs::create_dir_all(cache.join("kits/0123")).unwrap();
    for folder in ["sysroots/1.0.0-old", "kits/0123"] {
        File::open(cache.join(folder)).unwrap().set_modified(old).unwrap();
    }
    racecheck(&["clean", "--older-than", "1d"]).assert_status(0).assert_stderr("Removed 2 folder(s)");
    let ran = racecheck(&["run", "main.rs"]);
    ran.assert_status(0).assert_no_stderr("Preparing");
    racecheck(&["clean", "--older-than", "0m"]).assert_status(0);
    assert_eq!((count("kits"), count("sysroots"), count("runtime")), (0, 0, 0));
    racecheck(&["clean", "--older-than", "soon"]).assert_status(2).assert_stderr("a number and a unit");
}
