//! Atomic maxima and minima, which LLVM's pass has no call for: everywhere they are seen as what they order.

use std::fs;

use object::{Object, ObjectSymbol};
use racecheck_cli::instrument::rounds;

use super::support::{Folder, Ran, RunExt};

const MANIFEST: &str = "[workspace]\nmembers = ['app', 'marks', 'plugin']\nresolver = '2'\n";

/// A dependency with all kinds of operations, and one whose code is made in the crate that calls it.
const MARKS: &str = r#"
    use std::sync::atomic::{self, AtomicU64, Ordering};

    pub trait Mark {
        fn raise(&self, value: u8, order: Ordering) -> u8;
        fn lower(&self, value: u8, order: Ordering) -> u8;
    }

    macro_rules! marks {
        ($($name:ident $value:ty,)*) => {$(
            impl Mark for atomic::$name {
                #[inline(never)]
                fn raise(&self, value: u8, order: Ordering) -> u8 {
                    self.fetch_max(value as $value, order) as u8
                }
                #[inline(never)]
                fn lower(&self, value: u8, order: Ordering) -> u8 {
                    self.fetch_min(value as $value, order) as u8
                }
            }
        )*};
    }

    marks! {
        AtomicI8 i8, AtomicI16 i16, AtomicI32 i32, AtomicI64 i64, AtomicIsize isize,
        AtomicU8 u8, AtomicU16 u16, AtomicU32 u32, AtomicU64 u64, AtomicUsize usize,
    }

    /// Raises a mark for whoever is the witness.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// static MARK: AtomicU64 = AtomicU64::new(0);
    /// static mut DATA: u64 = 0;
    /// let reader = std::thread::spawn(|| {
    ///     while marks::raise_before(&MARK, 0, Ordering::Acquire, ()) == 0 {}
    ///     assert_eq!(unsafe { DATA }, 1);
    /// });
    /// unsafe { DATA = 1 };
    /// MARK.fetch_max(1, Ordering::Release);
    /// reader.join().unwrap();
    /// ```
    pub fn raise_before<T>(mark: &AtomicU64, value: u64, order: Ordering, witness: T) -> u64 {
        let before = mark.fetch_max(value, order);
        drop(witness);
        before
    }
"#;

const PLUGIN: &str = r#"
    use std::sync::atomic::{AtomicU64, Ordering};

    #[unsafe(no_mangle)]
    pub extern "C" fn plugin_raise(mark: &AtomicU64, value: u64, ordered: bool) -> u64 {
        mark.fetch_max(value, if ordered { Ordering::AcqRel } else { Ordering::Relaxed })
    }
"#;

/// Hands data from one thread to the other by one operation, used on both sides.
const APP: &str = r#"
    use std::ffi::{CString, c_char, c_int, c_void};
    use std::sync::atomic::*;
    use std::thread;
    use marks::Mark;

    static mut DATA: u64 = 0;

    /// `change(true)` tells that the data is there, and `change(false)` returns whether it was told.
    fn hand_over(change: impl Fn(bool) -> bool + Sync) {
        thread::scope(|s| {
            s.spawn(|| {
                while !change(false) {
                    thread::yield_now();
                }
                assert_eq!(unsafe { DATA }, 7);
            });
            unsafe { DATA = 7 };
            change(true);
        });
    }

    #[unsafe(no_mangle)]
    pub extern "C" fn exported_lower(mark: &AtomicU32, value: u32, ordered: bool) -> u32 {
        mark.fetch_min(value, if ordered { Ordering::AcqRel } else { Ordering::Relaxed })
    }

    unsafe extern "C" {
        fn dlopen(path: *const c_char, mode: c_int) -> *mut c_void;
        fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }

    type Raise = extern "C" fn(&AtomicU64, u64, bool) -> u64;

    fn plugin() -> Raise {
        let path = std::env::current_exe().unwrap().with_file_name("libplugin.so");
        let path = CString::new(path.to_str().unwrap()).unwrap();
        let library = unsafe { dlopen(path.as_ptr(), 2) };
        let raise = unsafe { dlsym(library, c"plugin_raise".as_ptr()) };
        assert!(!raise.is_null());
        unsafe { std::mem::transmute(raise) }
    }

    macro_rules! all {
        ($what:expr, $order:expr, $($name:ident $value:ty,)*) => {
            match $what {
                $(
                    concat!(stringify!($name), " max") => {
                        let mark = $name::new(0);
                        hand_over(|tell| mark.fetch_max(tell as $value, $order) == 1);
                    }
                    concat!(stringify!($name), " min") => {
                        let mark = $name::new(2);
                        hand_over(|tell| mark.fetch_min(2 - tell as $value, $order) == 1);
                    }
                    concat!(stringify!($name), " max in dependency") => {
                        let mark = $name::new(0);
                        hand_over(|tell| mark.raise(tell as u8, $order) == 1);
                    }
                    concat!(stringify!($name), " min in dependency") => {
                        let mark = $name::new(2);
                        hand_over(|tell| mark.lower(2 - tell as u8, $order) == 1);
                    }
                )*
                "generic" => {
                    let mark = AtomicU64::new(0);
                    hand_over(|tell| marks::raise_before(&mark, tell as u64, $order, "w".to_owned()) == 1);
                }
                "exported" => {
                    let mark = AtomicU32::new(2);
                    let ordered = $order != Ordering::Relaxed;
                    hand_over(|tell| exported_lower(&mark, 2 - tell as u32, ordered) == 1);
                }
                "plugin" => {
                    let (mark, raise) = (AtomicU64::new(0), plugin());
                    let ordered = $order != Ordering::Relaxed;
                    hand_over(|tell| raise(&mark, tell as u64, ordered) == 1);
                }
                other => panic!("{other}"),
            }
        };
    }

    macro_rules! all_types {
        ($what:expr, $order:expr) => {
            all! {
                $what, $order,
                AtomicI8 i8, AtomicI16 i16, AtomicI32 i32, AtomicI64 i64, AtomicIsize isize,
                AtomicU8 u8, AtomicU16 u16, AtomicU32 u32, AtomicU64 u64, AtomicUsize usize,
            }
        };
    }

    fn main() {
        let words: Vec<_> = std::env::args().skip(1).collect();
        match &*words[1] {
            "ordered" => all_types!(&*words[0], Ordering::AcqRel),
            "sequential" => all_types!(&*words[0], Ordering::SeqCst),
            _ => all_types!(&*words[0], Ordering::Relaxed),
        }
    }
"#;

const APP_TEST: &str = r#"
    use std::sync::atomic::{AtomicI32, Ordering};

    static mut DATA: u64 = 0;

    fn hand_over(raise: Ordering) {
        static MARK: AtomicI32 = AtomicI32::new(-1);
        let reader = std::thread::spawn(|| {
            while MARK.load(Ordering::Acquire) < 0 {
                std::thread::yield_now();
            }
            assert_eq!(unsafe { DATA }, 1);
        });
        unsafe { DATA = 1 };
        MARK.fetch_max(0, raise);
        reader.join().unwrap();
    }

    #[test]
    fn ordered() {
        hand_over(Ordering::Release);
    }

    #[test]
    fn relaxed() {
        hand_over(Ordering::Relaxed);
    }
"#;

const TYPES: [&str; 10] = [
    "AtomicI8",
    "AtomicI16",
    "AtomicI32",
    "AtomicI64",
    "AtomicIsize",
    "AtomicU8",
    "AtomicU16",
    "AtomicU32",
    "AtomicU64",
    "AtomicUsize",
];

fn workspace() -> Folder {
    let package = |name: &str, more: &str| {
        format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2024'\n{more}")
    };
    Folder::with(&[
        ("Cargo.toml", MANIFEST),
        ("app/Cargo.toml", &package("app", "[dependencies]\nmarks.path = '../marks'\n")),
        ("app/src/main.rs", APP),
        ("app/tests/hand_over.rs", APP_TEST),
        ("marks/Cargo.toml", &package("marks", "")),
        ("marks/src/lib.rs", MARKS),
        ("plugin/Cargo.toml", &package("plugin", "[lib]\ncrate-type = ['cdylib']\n")),
        ("plugin/src/lib.rs", PLUGIN),
    ])
}

/// Builds the workspace by `build` and runs the program with each operation, ordered and not.
fn check_all(build: &[&str], profile: &str) {
    let folder = workspace();
    folder.racecheck(build).ran().assert_status(0);
    let program = format!("target/racecheck/x86_64-unknown-linux-gnu/{profile}/app");
    let run = |what: &str, order: &str| -> Ran { folder.program(&program, &[what, order]).ran() };
    let mut operations: Vec<String> = ["generic", "exported", "plugin"].map(str::to_owned).into();
    for name in TYPES {
        operations.extend(["max", "min"].map(|operation| format!("{name} {operation}")));
        operations.extend(["max", "min"].map(|operation| format!("{name} {operation} in dependency")));
    }
    for operation in &operations {
        run(operation, "relaxed").assert_status(66).assert_stderr("WARNING: DATA RACE");
        for order in ["ordered", "sequential"] {
            let ran = run(operation, order);
            ran.assert_status(0);
            assert_eq!(ran.stderr, "", "{operation} {order}");
        }
    }
}

#[test]
fn race_only_if_relaxed_in_debug_builds() {
    check_all(&["build", "--workspace"], "debug");
}

#[test]
fn race_only_if_relaxed_in_debug_builds_that_are_optimised_first() {
    check_all(&["--opt-first", "build", "--workspace"], "debug");
}

#[test]
fn race_only_if_relaxed_in_release_builds() {
    check_all(&["build", "--workspace", "--release"], "release");
}

#[test]
fn race_only_if_relaxed_in_tests_and_doctests() {
    let folder = workspace();
    let test = |name: &str| {
        folder.racecheck(&["test", "-p", "app", "--test", "hand_over", "--", "--exact", name]).ran()
    };
    test("ordered").assert_status(0).assert_no_stderr("DATA RACE");
    let relaxed = test("relaxed");
    assert_ne!(relaxed.status, 0, "{relaxed:#?}");
    relaxed.assert_stderr("WARNING: DATA RACE");
    let doctest = folder.racecheck(&["test", "-p", "marks", "--doc"]).ran();
    doctest.assert_status(0).assert_stdout("1 passed").assert_no_stderr("DATA RACE");
}

/// What the second round repeats is taken out again, and what the first one inserted is there.
#[test]
fn no_access_is_instrumented_twice() {
    let source = "use std::sync::atomic::{AtomicU8, Ordering};\n\
         pub fn one(mark: &AtomicU8, place: &mut [u64; 9], from: &[u64; 9], done: fn(&String)) {\n    \
         let text = String::from(\"text\");\n    done(&text);\n    place[2] = from[1] + 1;\n    \
         mark.fetch_max(3, Ordering::AcqRel);\n}\n";
    let folder = Folder::with(&[("lib.rs", source)]);
    for level in ["0", "1", "2", "3", "s", "z"] {
        let level = format!("-Copt-level={level}");
        let words = ["rustc", "--crate-type=lib", "--emit=obj", &level, "-o", "lib.o", "lib.rs"];
        folder.racecheck(&words).ran().assert_status(0);
        let data = fs::read(folder.path("lib.o")).unwrap();
        let object = object::File::parse(&*data).unwrap();
        let called: Vec<_> =
            object.symbols().filter(|symbol| symbol.is_undefined()).map(|s| s.name().unwrap()).collect();
        let repeated: Vec<_> = rounds::REPEATED.map(rounds::name_by_pass).into();
        assert!(repeated.iter().all(|name| !called.contains(&&**name)), "{level}: {called:?}");
        // What the first round inserts is inlined, and these are what it calls in the rare case.
        for name in ["slow_entry", "slow_exit", "slow_read8", "slow_write8"] {
            assert!(called.contains(&&*rounds::name_of_first(name)), "{level}: {called:?}");
        }
        assert!(called.contains(&"__tsan_atomic8_compare_exchange_val"), "{level}: {called:?}");
    }
}
