//! What can't be run is an error of its own, with status 2 and a way out, and never silence.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::support::{CLEAN, Folder, Ran, RunExt};

/// A program that is not instrumented.
const PLAIN: &str = "/bin/true";

/// Offset of `e_machine` in an ELF header.
const MACHINE: usize = 18;

fn run(folder: &Folder, file: &str) -> Ran {
    let ran = folder.racecheck(&["run", file]).ran();
    ran.assert_status(2);
    assert_eq!(ran.stdout, "");
    ran
}

/// Writes an executable file.
fn write_program(folder: &Folder, name: &str, content: &[u8]) {
    let path = folder.write(name, content);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn misuse_missing_file() {
    let folder = Folder::new();
    run(&folder, "nothing").assert_stderr("there is no file nothing");
    run(&folder, "nothing.rs").assert_stderr("there is no file nothing.rs");
}

#[test]
fn misuse_directory() {
    let folder = Folder::with(&[("folder/Cargo.toml", "")]);
    run(&folder, "folder").assert_stderr("is a directory").assert_stderr("--manifest-path folder/Cargo.toml");
}

#[test]
fn misuse_script() {
    let folder = Folder::new();
    write_program(&folder, "script", b"#!/bin/sh -e\nexit 0\n");
    run(&folder, "script").assert_stderr("is a script (for /bin/sh -e)");
}

#[test]
fn misuse_no_program() {
    let folder = Folder::with(&[("text", "some text"), ("empty", "")]);
    run(&folder, "text").assert_stderr("neither a program (an ELF file) nor a Rust source file");
    run(&folder, "empty").assert_stderr("neither a program");
}

#[test]
fn misuse_other_machine() {
    let folder = Folder::new();
    let mut elf = fs::read(PLAIN).unwrap();
    elf[MACHINE] = 183;
    write_program(&folder, "arm", &elf);
    run(&folder, "arm").assert_stderr("is built for aarch64");
    elf[4] = 1;
    write_program(&folder, "narrow", &elf);
    run(&folder, "narrow").assert_stderr("is built for a 32-bit machine");
}

#[test]
fn misuse_truncated_program() {
    let folder = Folder::new();
    let elf = fs::read(PLAIN).unwrap();
    write_program(&folder, "cut", &elf[..elf.len() / 2]);
    run(&folder, "cut").assert_stderr("is a damaged ELF file");
    write_program(&folder, "stub", &elf[..20]);
    run(&folder, "stub").assert_stderr("is a damaged ELF file");
}

#[test]
fn misuse_not_instrumented() {
    let folder = Folder::new();
    run(&folder, PLAIN)
        .assert_stderr("/bin/true was not built with racecheck")
        .assert_stderr("`racecheck build`");
}

#[test]
fn misuse_statically_linked() {
    let folder = Folder::new();
    let mut elf = fs::read(PLAIN).unwrap();
    // Without its interpreter segment it is what a static program is to the kernel.
    let table = u64::from_le_bytes(elf[32..40].try_into().unwrap()) as usize;
    let size = usize::from(u16::from_le_bytes([elf[54], elf[55]]));
    let count = usize::from(u16::from_le_bytes([elf[56], elf[57]]));
    for at in (0..count).map(|index| table + index * size) {
        if elf[at..at + 4] == [3, 0, 0, 0] {
            elf[at..at + 4].fill(0);
        }
    }
    write_program(&folder, "static", &elf);
    run(&folder, "static").assert_stderr("is statically linked");
}

#[test]
fn misuse_object_file_and_library() {
    let folder = Folder::with(&[("lib.rs", "pub fn f() {}")]);
    folder.racecheck(&["rustc", "--crate-type=lib", "--emit=obj", "lib.rs"]).ran().assert_status(0);
    run(&folder, "lib.o").assert_stderr("is an object file");
    folder.racecheck(&["rustc", "--crate-type=cdylib", "lib.rs"]).ran().assert_status(0);
    run(&folder, "liblib.so").assert_stderr("is a shared library");
}

#[test]
fn misuse_not_executable() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    folder.racecheck(&["rustc", "main.rs"]).ran().assert_status(0);
    fs::set_permissions(folder.path("main"), fs::Permissions::from_mode(0o644)).unwrap();
    run(&folder, "main").assert_stderr("may not be executed");
}

#[test]
fn misuse_options() {
    let folder = Folder::with(&[("main.rs", CLEAN)]);
    let run = |options: &str| folder.racecheck(&["run", "main.rs"]).env("RACECHECK_OPTIONS", options).ran();
    run("exitcod=3").assert_status(2).assert_stderr("exitcod").assert_stderr("log_path, exitcode");
    run("exitcode=many").assert_status(2).assert_stderr("a number from 0 to 255");
}

#[test]
fn misuse_other_target() {
    let folder =
        Folder::with(&[("Cargo.toml", "[package]\nname = 'x'\nversion = '0.1.0'"), ("src/lib.rs", "")]);
    folder
        .racecheck(&["build", "--target", "aarch64-unknown-linux-gnu"])
        .ran()
        .assert_status(2)
        .assert_stderr("supports x86_64-unknown-linux-gnu only, not aarch64-unknown-linux-gnu (of --target)");
    folder.write(".cargo/config.toml", "build.target = 'x86_64-unknown-linux-musl'");
    folder
        .racecheck(&["build"])
        .ran()
        .assert_status(2)
        .assert_stderr("`build.target` in cargo's configuration");
}

#[test]
fn misuse_no_package_here() {
    let folder = Folder::new();
    folder.racecheck(&["test"]).ran().assert_status(101).assert_stderr("could not find `Cargo.toml`");
}

#[test]
fn misuse_unknown_command() {
    Folder::new().racecheck(&["tset"]).ran().assert_status(2).assert_stderr("test");
}

#[test]
fn misuse_source_that_does_not_compile() {
    let folder = Folder::with(&[("main.rs", "fn main() { nothing }")]);
    folder.racecheck(&["run", "main.rs"]).ran().assert_status(1).assert_stderr("cannot find value `nothing`");
}
