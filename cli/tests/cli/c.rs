//! C and C++ that build scripts compile: instrumented with the program, and not with the build script.

use super::support::{Folder, RunExt};

/// A build script that finds the compilers as the `cc` crate does. The library that it uses itself has the same C
/// code, which must not be instrumented there.
const BUILD: &str = r#"
use std::process::Command;

fn compiler(name: &str, usual: &str) -> String {
    let of_target = format!("{name}_x86_64_unknown_linux_gnu");
    std::env::var(of_target).or_else(|_| std::env::var(name)).unwrap_or(usual.to_owned())
}

fn run(program: &str, words: &[&str]) {
    let status = Command::new(program).args(words).status().unwrap();
    assert!(status.success(), "{program} {words:?}");
}

fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let (c, cxx) = (compiler("CC", "cc"), compiler("CXX", "c++"));
    run(&c, &["-O1", "-fPIC", "-c", "part.c", "-o", &format!("{out}/part.o")]);
    run(&cxx, &["-O1", "-fPIC", "-c", "part.cpp", "-o", &format!("{out}/partpp.o")]);
    // What configure scripts do: in one step, and in two.
    std::fs::write(format!("{out}/try.c"), "int main(void) { return 0; }\n").unwrap();
    run(&c, &[&format!("{out}/try.c"), "-o", &format!("{out}/try")]);
    run(&format!("{out}/try"), &[]);
    run(&c, &["-c", &format!("{out}/try.c"), "-o", &format!("{out}/try.o")]);
    run(&c, &[&format!("{out}/try.o"), "-o", &format!("{out}/try")]);
    run(&format!("{out}/try"), &[]);
    run("ar", &["rcs", &format!("{out}/libpart.a"), &format!("{out}/part.o"), &format!("{out}/partpp.o")]);
    println!("cargo::rustc-link-search=native={out}");
    println!("cargo::rustc-link-lib=static=part");
    println!("cargo::rustc-link-lib=stdc++");
    println!("cargo::rerun-if-changed=part.c");
}
"#;

const PART_C: &str = "\
#include <stdatomic.h>
#include <string.h>
int counter;
static char buffer[64];
static _Atomic int ready;
static int payload;
void c_bump(void) { counter++; }
int *c_counter(void) { return &counter; }
void c_fill(char byte) { memset(buffer, byte, sizeof buffer); }
void c_publish(int value) {
    payload = value;
    atomic_store_explicit(&ready, 1, memory_order_release);
}
int c_take(void) {
    while (!atomic_load_explicit(&ready, memory_order_acquire)) {}
    return payload;
}
";

const PART_CPP: &str = "\
struct Base { virtual ~Base() {} virtual int value() { return 1; } };
struct Derived : Base { int field = 2; int value() override { return field; } };
static Derived shared;
extern \"C\" int cpp_bump() { return shared.field++; }
extern \"C\" int cpp_own() { Base *own = new Derived; int value = own->value(); delete own; return value; }
";

const MAIN: &str = r#"
use std::thread;
extern "C" {
    fn c_bump();
    fn c_counter() -> *mut i32;
    fn c_fill(byte: i8);
    fn c_publish(value: i32);
    fn c_take() -> i32;
    fn cpp_bump() -> i32;
    fn cpp_own() -> i32;
}
fn both(one: impl FnOnce() + Send + 'static, other: impl FnOnce()) {
    let worker = thread::spawn(one);
    other();
    worker.join().unwrap();
}
fn main() {
    both(|| assert_eq!(unsafe { c_take() }, 5), || unsafe { c_publish(5) });
    assert_eq!(unsafe { cpp_own() }, 2);
    match std::env::args().nth(1).as_deref() {
        Some("mixed") => both(|| unsafe { c_bump() }, || unsafe { *c_counter() += 1 }),
        Some("c") => both(|| unsafe { c_fill(1) }, || unsafe { c_fill(2) }),
        Some("cpp") => both(|| unsafe { _ = cpp_bump() }, || unsafe { _ = cpp_bump() }),
        _ => println!("clean"),
    }
}
"#;

fn package() -> Folder {
    let of_build =
        "extern \"C\" { fn c_counter() -> *mut i32; }\npub fn number() -> i32 { unsafe { *c_counter() } }\n";
    let manifest = "edition = '2021'\nversion = '0.1.0'\n";
    Folder::with(&[
        (
            "Cargo.toml",
            &format!(
                "[workspace]\nmembers = ['helper']\n[package]\nname = 'mixed'\n{manifest}\
                 [build-dependencies]\nhelper.path = 'helper'\n"
            ),
        ),
        ("build.rs", &BUILD.replace("fn main() {", "fn main() {\n    assert_eq!(helper::number(), 0);")),
        ("part.c", PART_C),
        ("part.cpp", PART_CPP),
        ("src/main.rs", MAIN),
        ("helper/Cargo.toml", &format!("[package]\nname = 'helper'\n{manifest}")),
        ("helper/build.rs", BUILD),
        ("helper/part.c", PART_C),
        ("helper/part.cpp", PART_CPP),
        ("helper/src/lib.rs", of_build),
    ])
}

fn has(folder: &Folder, compiler: &str) -> bool {
    let has = folder.shell(&format!("command -v {compiler}")).ran().status == 0;
    if !has {
        eprintln!("not tested: {compiler} is not installed");
    }
    has
}

#[test]
fn race_between_c_and_rust_has_both_stacks() {
    let folder = package();
    for (c, cxx) in [("gcc", "g++"), ("clang", "clang++")] {
        if !has(&folder, c) {
            continue;
        }
        let run = |word: &str| {
            let mut racecheck = folder.racecheck(&["run", "-q", "--", word]);
            racecheck.env("CC", c).env("CXX", cxx).ran()
        };
        let clean = run("nothing");
        clean.assert_status(0).assert_stdout("clean\n");
        clean.assert_no_stderr("WARNING");
        run("mixed")
            .assert_status(66)
            .assert_stderr("  c_bump()\n      part.c:7:")
            .assert_stderr("      src/main.rs:21:");
        run("c")
            .assert_status(66)
            .assert_stderr("      part.c:9:")
            .assert_stderr("Location: global buffer of 64 bytes");
        run("cpp").assert_status(66).assert_stderr("  cpp_bump()\n      part.cpp:4:");
    }
}

#[test]
fn race_in_c_is_seen_in_a_release_build_with_lines() {
    let ran = package().racecheck(&["run", "-q", "--release", "--", "mixed"]).ran();
    ran.assert_status(66).assert_stderr("      part.c:7:").assert_stderr("      src/main.rs:21:");
}

#[test]
fn no_race_is_seen_in_c_that_is_left_as_it_is() {
    let folder = package();
    let run = |word: &str| folder.racecheck(&["--rust-only", "run", "-q", "--", word]).ran();
    run("c").assert_status(0);
    run("nothing").assert_status(0).assert_stdout("clean\n");
}

#[test]
fn the_users_compiler_is_called() {
    let folder = package();
    let log = folder.path("log");
    let launcher =
        folder.write("launcher", format!("#!/bin/sh\necho \"$@\" >> {}\nexec \"$@\"\n", log.display()));
    std::fs::set_permissions(&launcher, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let users = format!("{} cc -DMINE", launcher.display());
    let mut build = folder.racecheck(&["build", "-q"]);
    build.env("CC_x86_64_unknown_linux_gnu", users).ran().assert_status(0);
    let log = std::fs::read_to_string(log).unwrap();
    let of_part: Vec<_> = log.lines().filter(|line| line.contains("-c part.c ")).collect();
    // That of the program is instrumented, that of the build script is not.
    assert_eq!(of_part.len(), 2, "{log}");
    assert!(of_part.iter().all(|line| line.starts_with("cc -DMINE ")), "{log}");
    assert_eq!(of_part.iter().filter(|line| line.contains("-fsanitize=thread")).count(), 1, "{log}");
}
