//! The instrumented standard library: made once, healed when damaged, made by one at a time.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::support::{CLEAN, Folder, Ran, RunExt, files_below, find};

/// What racecheck says when it makes one.
const MAKES: &str = "Preparing the instrumented standard library";

/// Compiles a program with a cache of its own.
fn compile(folder: &Folder) -> Command {
    let mut racecheck = folder.racecheck(&["rustc", "main.rs"]);
    racecheck.env("RACECHECK_CACHE", folder.path("cache"));
    racecheck
}

#[test]
fn it_is_made_once_and_heals() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    let compile = || compile(&folder).ran();
    compile().assert_status(0).assert_stderr(MAKES);
    compile().assert_status(0).assert_no_stderr(MAKES);

    let sysroots = folder.path("cache/sysroots");
    let is_std = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    };
    let library = find(&sysroots, is_std);
    let size = fs::metadata(&library).unwrap().len();
    fs::File::options().write(true).open(&library).unwrap().set_len(size / 2).unwrap();
    compile().assert_status(0).assert_stderr("Repairing").assert_stderr(MAKES);
    assert_eq!(fs::metadata(&library).unwrap().len(), size);

    let runtime = find(&folder.path("cache/runtime"), |name| name == "racecheck-rt.o");
    let size = fs::metadata(&runtime).unwrap().len();
    fs::write(&runtime, "").unwrap();
    compile().assert_status(0).assert_no_stderr(MAKES);
    assert_eq!(fs::metadata(&runtime).unwrap().len(), size);

    // Nothing temporary is left, and nothing twice.
    assert_eq!(fs::read_dir(&sysroots).unwrap().count(), 1);
    assert!(files_below(&sysroots).iter().all(|path| !path.to_string_lossy().contains(".new-")));

    let mut clean = folder.racecheck(&["clean"]);
    clean.env("RACECHECK_CACHE", folder.path("cache")).ran().assert_status(0);
    assert!(!folder.path("cache").exists());
}

#[test]
fn two_first_runs_at_once_make_one() {
    let folder = Folder::with(&[("a/main.rs", CLEAN), ("b/main.rs", CLEAN)]);
    let start = |name: &str| {
        let mut racecheck = compile(&folder);
        racecheck.current_dir(folder.path(name)).stdout(Stdio::piped()).stderr(Stdio::piped());
        racecheck.spawn().unwrap()
    };
    let both = [start("a"), start("b")].map(|child| Ran::from(child.wait_with_output().unwrap()));
    for ran in &both {
        ran.assert_status(0);
    }
    let makers = both.iter().filter(|ran| ran.stderr.contains(MAKES)).count();
    assert_eq!(makers, 1, "{both:#?}");
    assert_eq!(fs::read_dir(folder.path("cache/sysroots")).unwrap().count(), 1);
}

#[test]
fn misuse_cache_that_can_not_be_written() {
    let folder = Folder::with(&[("main.rs", CLEAN), ("cache", "a file")]);
    compile(&folder)
        .ran()
        .assert_status(2)
        .assert_stderr("could not create")
        .assert_stderr("Set RACECHECK_CACHE to a folder that racecheck may write to");
}

#[test]
fn misuse_cache_with_white_space_in_its_path() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    let mut racecheck = folder.racecheck(&["rustc", "main.rs"]);
    racecheck.env("RACECHECK_CACHE", folder.path("my cache"));
    racecheck
        .ran()
        .assert_status(2)
        .assert_stderr("my cache")
        .assert_stderr("Set RACECHECK_CACHE to a folder");
}

#[test]
fn misuse_toolchain_without_rust_lld() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    let toolchain = fake_toolchain(&folder);
    fs::remove_file(toolchain.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld")).unwrap();
    compile(&folder)
        .env("RUSTC", folder.path("rustc"))
        .ran()
        .assert_status(2)
        .assert_stderr("has no rust-lld")
        .assert_stderr("rustup toolchain install stable");
}

#[test]
fn misuse_toolchain_without_bitcode() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    fake_toolchain(&folder);
    compile(&folder)
        .env("RUSTC", folder.path("rustc"))
        .ran()
        .assert_status(2)
        .assert_stderr("carries no LLVM bitcode");
    assert_eq!(files_below(&folder.path("cache/sysroots")).len(), 0, "nothing half-made is left");
}

/// A rustc that says it belongs to a toolchain in the folder, whose libraries are empty.
fn fake_toolchain(folder: &Folder) -> std::path::PathBuf {
    let root = folder.path("toolchain");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *sysroot*) echo {};; *) \
         printf 'rustc 1.95.0\\nhost: x86_64-unknown-linux-gnu\\nrelease: 1.95.0\\n';; esac\n",
        root.display()
    );
    let rustc = folder.write("rustc", script);
    fs::set_permissions(rustc, fs::Permissions::from_mode(0o755)).unwrap();
    folder.write("toolchain/bin/rustc", "");
    let target = "toolchain/lib/rustlib/x86_64-unknown-linux-gnu";
    folder.write(&format!("{target}/bin/rust-lld"), "");
    for name in ["core", "alloc", "std"] {
        folder.write(&format!("{target}/lib/lib{name}-0123456789abcdef.rlib"), "!<arch>\n");
    }
    root
}
