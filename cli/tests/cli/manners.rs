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

#[test]
fn doctor_says_a_line_for_each_thing() {
    let ran = Folder::new().racecheck(&["doctor"]).ran();
    ran.assert_status(0);
    for name in [
        "toolchain",
        "rust-lld",
        "bitcode",
        "cache",
        "standard library",
        "linker",
        "C compiler",
        "address space",
        "limits",
        "kernel",
        "nextest",
        "racy probe",
        "clean probe",
    ] {
        assert!(ran.stdout.contains(&format!(" {name}: ")), "no line about {name} in {ran:#?}");
    }
    ran.assert_stdout("ok    racy probe: its race is reported, with both stacks and lines, and status 66\n");
}

#[test]
fn misuse_limited_addresses_are_told_by_doctor() {
    let script = format!("ulimit -v 16777216; {} doctor", env!("CARGO_BIN_EXE_racecheck"));
    let ran = Folder::new().shell(&script).ran();
    ran.assert_status(2)
        .assert_stdout("FAIL  address space: limited to 16384 MiB")
        .assert_stdout("ulimit -v unlimited");
}

#[test]
fn cargos_runner_is_used() {
    let folder = Folder::with(&[
        ("Cargo.toml", "[package]\nname = 'ran'\nversion = '0.1.0'\nedition = '2021'\n"),
        ("src/main.rs", CLEAN),
        ("tests/one.rs", "#[test]\nfn one() {}\n"),
    ]);
    let script = format!("#!/bin/sh\necho \"$1\" >> {}\nexec \"$@\"\n", folder.path("log").display());
    let runner = folder.write("runner", script);
    fs::set_permissions(&runner, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder.write(".cargo/config.toml", "target.x86_64-unknown-linux-gnu.runner = './runner'\n");
    folder.racecheck(&["run", "-q"]).ran().assert_status(0).assert_stdout("done\n");
    folder.racecheck(&["test", "--test", "one"]).ran().assert_status(0).assert_stdout("1 passed");
    assert_eq!(fs::read_to_string(folder.path("log")).unwrap().lines().count(), 2);
}

#[test]
fn profiles_of_ones_own_and_messages_for_machines_pass_through() {
    let folder = Folder::with(&[
        (
            "Cargo.toml",
            "[package]\nname = 'own'\nversion = '0.1.0'\nedition = '2021'\n[profile.ci]\ninherits = 'dev'\nopt-level = 1\n",
        ),
        ("src/main.rs", CLEAN),
    ]);
    let words = ["build", "--profile", "ci", "--message-format", "json", "--offline", "--locked"];
    folder.cargo(&["generate-lockfile", "--offline"]).ran().assert_status(0);
    let ran = folder.racecheck(&words).ran();
    ran.assert_status(0).assert_stdout("\"reason\":\"build-finished\",\"success\":true");
    assert!(folder.path("target/racecheck/x86_64-unknown-linux-gnu/ci/own").is_file());
    let of_cargo = folder.racecheck(&["build", "--profile", "none"]).ran();
    assert_eq!(of_cargo.status, folder.cargo(&["build", "--profile", "none"]).ran().status);
}

#[test]
fn the_package_holds_the_runtimes_sources() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let ran = Folder::new().cargo(&["package", "--list", "--allow-dirty", "--manifest-path", manifest]).ran();
    ran.assert_status(0);
    for file in [
        "sources/lock.toml",
        "sources/workspace.toml",
        "sources/engine/manifest.toml",
        "sources/engine/src/lib.rs",
        "sources/report/manifest.toml",
        "sources/report/src/lib.rs",
        "sources/report/explain/RC0001.md",
        "sources/runtime/manifest.toml",
        "sources/runtime/src/lib.rs",
    ] {
        assert!(ran.stdout.lines().any(|line| line == file), "{file} is not packed: {ran:#?}");
    }
}
