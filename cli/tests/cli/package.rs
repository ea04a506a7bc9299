//! Packages: cargo's own arguments, what is instrumented and what is not, and where it goes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::support::{Folder, RunExt};

/// A workspace with all that must not get in the way: a build script and a proc macro that use a crate
/// which the program uses too, and a C library.
fn workspace() -> Folder {
    let race = "unsafe { X += 1 }";
    Folder::with(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = ['app', 'macros', 'library']\nresolver = '2'\n[profile.release]\nlto = 'fat'\n",
        ),
        (
            "app/Cargo.toml",
            "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2021'\n[dependencies]\nmacros.path = '../macros'\n\
             library.path = '../library'\n[build-dependencies]\nlibrary.path = '../library'\n",
        ),
        ("app/part.c", "int c_add(int a, int b) { return a + b; }\n"),
        (
            "app/build.rs",
            r#"
            use std::process::Command;
            fn main() {
                assert_eq!(library::count(), 2);
                let out = std::env::var("OUT_DIR").unwrap();
                let object = format!("{out}/part.o");
                assert!(Command::new("cc").args(["-fPIC", "-c", "part.c", "-o", &object]).status().unwrap().success());
                let library = format!("{out}/libpart.a");
                assert!(Command::new("ar").args(["rcs", &library, &object]).status().unwrap().success());
                println!("cargo::rustc-link-search=native={out}");
                println!("cargo::rustc-link-lib=static=part");
                println!("cargo::rerun-if-changed=part.c");
            }
            "#,
        ),
        (
            "app/src/main.rs",
            r#"
            extern "C" { fn c_add(a: i32, b: i32) -> i32; }
            #[macros::unchanged]
            fn answer() -> i32 { unsafe { c_add(40, 2) } }
            fn main() {
                println!("{} {} {}", answer(), library::count(), cfg!(racecheck));
                if std::env::args().nth(1).as_deref() == Some("race") {
                    library::race();
                }
            }
            "#,
        ),
        (
            "app/examples/arguments.rs",
            "fn main() { println!(\"{:?}\", std::env::args().skip(1).collect::<Vec<_>>()); std::process::exit(7) }",
        ),
        (
            "app/tests/program.rs",
            r#"
            #[test]
            fn runs_the_program() {
                let program = env!("CARGO_BIN_EXE_app");
                let output = std::process::Command::new(program).arg("race").output().unwrap();
                assert!(output.stdout.starts_with(b"42 2 true"));
            }
            "#,
        ),
        (
            "macros/Cargo.toml",
            "[package]\nname = 'macros'\nversion = '0.1.0'\nedition = '2021'\n[lib]\nproc-macro = true\n[dependencies]\nlibrary.path = '../library'\n",
        ),
        (
            "macros/src/lib.rs",
            "use proc_macro::TokenStream;\n#[proc_macro_attribute]\npub fn unchanged(_: TokenStream, item: TokenStream) -> TokenStream \
             {\n    assert_eq!(library::count(), 2);\n    item\n}\n",
        ),
        ("library/Cargo.toml", "[package]\nname = 'library'\nversion = '0.1.0'\nedition = '2021'\n"),
        (
            "library/src/lib.rs",
            &format!(
                "use std::sync::{{Arc, Mutex}};\nuse std::thread;\n\
                 pub fn count() -> u32 {{\n    let one = Arc::new(Mutex::new(0));\n    let other = one.clone();\n    \
                 thread::spawn(move || *other.lock().unwrap() += 1).join().unwrap();\n    \
                 *one.lock().unwrap() += 1;\n    let count = *one.lock().unwrap();\n    count\n}}\n\
                 static mut X: u32 = 0;\n/// ```\n/// library::race();\n/// ```\n\
                 pub fn race() {{\n    let worker = thread::spawn(|| {race});\n    {race};\n    worker.join().unwrap();\n}}\n\
                 #[cfg(test)]\nmod tests {{\n    #[test]\n    fn count() {{\n        assert_eq!(super::count(), 2);\n    }}\n    \
                 #[test]\n    #[ignore]\n    fn race() {{\n        super::race();\n    }}\n}}\n"
            ),
        ),
    ])
}

#[test]
fn no_race_in_a_workspace_with_everything() {
    let folder = workspace();
    folder.racecheck(&["build", "--workspace", "--all-targets"]).ran().assert_status(0);
    let ran = folder.racecheck(&["run", "--quiet"]).ran();
    ran.assert_status(0).assert_stdout("42 2 true\n");
    assert_eq!(ran.stderr, "");
    // Fresh: nothing is built again.
    folder.racecheck(&["build", "--workspace", "--all-targets"]).ran().assert_no_stderr("Compiling");
}

#[test]
fn ordinary_builds_stay_as_they_are() {
    let folder = workspace();
    folder.cargo(&["build"]).ran().assert_status(0);
    folder.racecheck(&["build"]).ran().assert_status(0);
    folder.cargo(&["build"]).ran().assert_status(0).assert_no_stderr("Compiling");
    folder.cargo(&["run", "-q"]).ran().assert_status(0).assert_stdout("42 2 false\n");
    assert!(folder.path("target/racecheck").is_dir());
}

#[test]
fn the_users_target_folder_is_used() {
    let folder = workspace();
    folder.racecheck(&["build", "-p", "library", "--target-dir", "own"]).ran().assert_status(0);
    assert!(folder.path("own/x86_64-unknown-linux-gnu/debug/liblibrary.rlib").is_file());
    assert!(!folder.path("target").exists());
    folder.racecheck(&["build", "-p", "library"]).env("CARGO_TARGET_DIR", "other").ran().assert_status(0);
    assert!(folder.path("other/racecheck/x86_64-unknown-linux-gnu/debug/liblibrary.rlib").is_file());
}

#[test]
fn arguments_and_status_are_the_programs() {
    let folder = workspace();
    folder
        .racecheck(&["run", "--example", "arguments", "--", "--help", "--", "x"])
        .ran()
        .assert_status(7)
        .assert_stdout(r#"["--help", "--", "x"]"#);
}

#[test]
fn race_in_a_release_build_with_lto_is_reported() {
    let folder = workspace();
    folder
        .racecheck(&["run", "--release", "--", "race"])
        .ran()
        .assert_status(66)
        .assert_stdout("42 2 true\n")
        .assert_stderr("library/src/lib.rs:")
        .assert_stderr("Found 1 data race(s)");
}

#[test]
fn race_in_a_test_is_reported_and_fails() {
    let folder = workspace();
    let test =
        |words: &[&str]| folder.racecheck(&[&["test", "-p", "library", "--lib"][..], words].concat()).ran();
    test(&[]).assert_status(0).assert_no_stderr("WARNING: DATA RACE");
    let racy = test(&["--", "--include-ignored"]);
    assert_ne!(racy.status, 0, "{racy:#?}");
    racy.assert_stderr("WARNING: DATA RACE").assert_stderr("library/src/lib.rs:");
}

#[test]
fn race_in_the_program_that_a_test_starts_is_reported_and_fails() {
    let folder = workspace();
    let ran = folder.racecheck(&["test", "-p", "app", "--test", "program"]).ran();
    assert_ne!(ran.status, 0, "{ran:#?}");
    ran.assert_stdout("test runs_the_program ... ok").assert_stderr("Found 1 data race(s)");
}

#[test]
fn race_in_a_doctest_is_reported_and_fails() {
    let folder = workspace();
    let ran = folder.racecheck(&["test", "-p", "library", "--doc"]).ran();
    assert_ne!(ran.status, 0, "{ran:#?}");
    ran.assert_stderr("WARNING: DATA RACE").assert_stderr("Found 1 data race(s)");
}

#[test]
fn race_in_merged_doctests_is_reported_and_fails() {
    let folder = Folder::with(&[
        ("Cargo.toml", "[package]\nname = 'merged'\nversion = '0.1.0'\nedition = '2024'\n"),
        (
            "src/lib.rs",
            "static mut X: u32 = 0;\n/// ```\n/// merged::race();\n/// ```\npub fn race() {\n    \
             let worker = std::thread::spawn(|| unsafe { X += 1 });\n    unsafe { X += 1 }\n    \
             worker.join().unwrap();\n}\n/// ```\n/// assert_eq!(merged::three(), 3);\n/// ```\n\
             pub fn three() -> u32 {\n    3\n}\n",
        ),
    ]);
    let ran = folder.racecheck(&["test", "--doc"]).ran();
    assert_ne!(ran.status, 0, "{ran:#?}");
    ran.assert_stdout("three (line 10) ... ok")
        .assert_stderr("src/lib.rs:7:")
        .assert_stderr("Found 1 data race(s)");
}

#[test]
fn no_run_builds_only() {
    let folder = workspace();
    let ran = folder.racecheck(&["test", "--workspace", "--no-run"]).ran();
    ran.assert_status(0).assert_stderr("Executable").assert_no_stderr("Running");
}

#[test]
fn the_users_flags_are_kept() {
    let folder = workspace();
    let source = "#[cfg(not(mine))] compile_error!(\"the flag is lost\");\n";
    folder.write("library/src/lib.rs", source);
    let build = || folder.racecheck(&["build", "-p", "library"]);
    build().env("RUSTFLAGS", "--cfg mine").ran().assert_status(0);
    build().env("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}mine").ran().assert_status(0);
    build().env("CARGO_BUILD_RUSTFLAGS", "--cfg mine").ran().assert_status(0);
    for config in [
        "build.rustflags = ['--cfg', 'mine']",
        "target.x86_64-unknown-linux-gnu.rustflags = ['--cfg', 'mine']",
        "target.'cfg(unix)'.rustflags = '--cfg mine'",
    ] {
        folder.write(".cargo/config.toml", config);
        build().ran().assert_status(0);
    }
}

#[test]
fn the_users_wrappers_are_called() {
    let folder = workspace();
    for name in ["wrapper", "workspace-wrapper"] {
        let script = format!(
            "#!/bin/sh\necho called >> {}\nexec \"$@\"\n",
            folder.path(&format!("{name}.log")).display()
        );
        let path = folder.write(name, script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let words = ["run", "--quiet", "--bin", "app"];
    folder
        .racecheck(&words)
        .env("RUSTC_WRAPPER", folder.path("wrapper"))
        .env("RUSTC_WORKSPACE_WRAPPER", folder.path("workspace-wrapper"))
        .ran()
        .assert_status(0)
        .assert_stdout("42 2 true\n");
    assert!(folder.path("wrapper.log").is_file() && folder.path("workspace-wrapper.log").is_file());

    fs::remove_file(folder.path("wrapper.log")).unwrap();
    folder.write(".cargo/config.toml", "build.rustc-wrapper = './wrapper'");
    folder.racecheck(&["build", "--release"]).ran().assert_status(0);
    assert!(folder.path("wrapper.log").is_file());
}

#[test]
fn env_makes_plain_cargo_do_the_same() {
    let folder = workspace();
    let env = folder.racecheck(&["env"]).ran();
    env.assert_status(0);
    let script = format!(
        "{}\ncargo build --quiet && cargo run --quiet && {racecheck} build && {racecheck} env > again",
        env.stdout,
        racecheck = env!("CARGO_BIN_EXE_racecheck"),
    );
    let ran = folder.shell(&script).ran();
    // It goes to the same place with the same flags, so nothing is left to do for racecheck, here or there.
    ran.assert_status(0).assert_stdout("42 2 true\n").assert_no_stderr("Compiling");
    assert_eq!(fs::read_to_string(folder.path("again")).unwrap(), env.stdout);
    folder.racecheck(&["build"]).ran().assert_status(0).assert_no_stderr("Compiling");
}

#[test]
fn cargo_racecheck_is_the_same() {
    let folder = workspace();
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_cargo-racecheck"));
    let mut path = own.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut cargo = folder.cargo(&["racecheck", "run", "--quiet"]);
    cargo.env("PATH", path);
    cargo.ran().assert_status(0).assert_stdout("42 2 true\n");
}

#[test]
fn shared_libraries_are_instrumented_and_use_the_programs_runtime() {
    let folder = Folder::with(&[
        ("Cargo.toml", "[workspace]\nmembers = ['app', 'shared', 'plugin']\nresolver = '2'\n"),
        (
            "app/Cargo.toml",
            "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2021'\n[dependencies]\nshared.path = '../shared'\n",
        ),
        (
            "app/src/main.rs",
            r#"
            use std::ffi::{c_char, c_int, c_void, CString};
            extern "C" {
                fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
                fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
            }
            fn main() {
                assert_eq!(shared::count(), 2);
                let path = CString::new(std::env::args().nth(1).unwrap()).unwrap();
                let (library, bump) = unsafe {
                    let library = dlopen(path.as_ptr(), 2);
                    (library, dlsym(library, c"bump".as_ptr()))
                };
                assert!(!library.is_null() && !bump.is_null());
                let bump: extern "C" fn() = unsafe { std::mem::transmute(bump) };
                let worker = std::thread::spawn(move || bump());
                bump();
                worker.join().unwrap();
            }
            "#,
        ),
        (
            "shared/Cargo.toml",
            "[package]\nname = 'shared'\nversion = '0.1.0'\nedition = '2021'\n[lib]\ncrate-type = ['dylib']\n",
        ),
        (
            "shared/src/lib.rs",
            r#"
            use std::sync::{Arc, Mutex};
            pub fn count() -> u32 {
                let one = Arc::new(Mutex::new(0));
                let other = one.clone();
                std::thread::spawn(move || *other.lock().unwrap() += 1).join().unwrap();
                *one.lock().unwrap() += 1;
                let count = *one.lock().unwrap();
                count
            }
            "#,
        ),
        (
            "plugin/Cargo.toml",
            "[package]\nname = 'plugin'\nversion = '0.1.0'\nedition = '2021'\n[lib]\ncrate-type = ['cdylib']\n",
        ),
        (
            "plugin/src/lib.rs",
            "static mut X: u32 = 0;\n#[no_mangle]\npub extern \"C\" fn bump() {\n    unsafe { X += 1 }\n}\n",
        ),
    ]);
    folder.racecheck(&["build", "-p", "plugin"]).ran().assert_status(0);
    let plugin = "target/racecheck/x86_64-unknown-linux-gnu/debug/libplugin.so";
    folder
        .racecheck(&["run", "--quiet", "-p", "app", "--", plugin])
        .ran()
        .assert_status(66)
        .assert_stderr("plugin/src/lib.rs:4:")
        .assert_stderr("Found 1 data race(s)");
}

#[test]
fn shared_libraries_that_do_not_depend_on_each_other_share_an_instrumented_standard_library() {
    let manifest = |name: &str, rest: &str| {
        format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\n{rest}")
    };
    let library = |name: &str| {
        format!(
            "use std::sync::{{Arc, Mutex}};\npub fn name() -> String {{\n    let name = Arc::new(Mutex::new(String::new()));\n    \
             let other = name.clone();\n    std::thread::spawn(move || other.lock().unwrap().push_str({name:?})).join().unwrap();\n    \
             let name = name.lock().unwrap().clone();\n    name\n}}\n"
        )
    };
    let is_dylib = "[lib]\ncrate-type = ['dylib']\n";
    let folder = Folder::with(&[
        ("Cargo.toml", "[workspace]\nmembers = ['app', 'one', 'two']\nresolver = '2'\n"),
        ("app/Cargo.toml", &manifest("app", "[dependencies]\none.path = '../one'\ntwo.path = '../two'\n")),
        (
            "app/src/main.rs",
            "static mut X: u32 = 0;\nfn main() {\n    println!(\"{} {}\", one::name(), two::name());\n    \
             if std::env::args().nth(1).is_some() {\n        let worker = std::thread::spawn(|| unsafe { X += 1 });\n        \
             unsafe { X += 1 };\n        worker.join().unwrap();\n    }\n}\n",
        ),
        ("one/Cargo.toml", &manifest("one", is_dylib)),
        ("one/src/lib.rs", &library("one")),
        ("two/Cargo.toml", &manifest("two", is_dylib)),
        ("two/src/lib.rs", &library("two")),
    ]);
    let clean = folder.racecheck(&["run", "-q", "-p", "app"]).ran();
    clean.assert_status(0).assert_stdout("one two\n");
    assert_eq!(clean.stderr, "");
    let racy = folder.racecheck(&["run", "-q", "-p", "app", "--", "race"]).ran();
    racy.assert_status(66).assert_stdout("one two\n").assert_stderr("app/src/main.rs:");
}
