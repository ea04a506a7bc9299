//! `--focus`: plain accesses are looked at in some crates only, synchronisation in all.

use super::support::{Folder, RunExt};

const MANIFEST: &str = "[workspace]\nmembers = ['app', 'ours', 'other']\nresolver = '2'\n";

const APP: &str = r#"
    use std::thread;

    fn main() {
        let ordered = other::Handover::new();
        thread::scope(|s| {
            s.spawn(|| {
                ours::count();
                ours::fill();
                other::fill();
                ordered.take(|| unsafe { ours::PLAIN });
            });
            unsafe { ours::PLAIN = 7 };
            ordered.give();
            ours::count();
            ours::fill();
            other::fill();
            // A handle that is dropped after its thread's end orders it: this one is kept.
            let counting = s.spawn(other::count);
            other::count();
            counting.join().unwrap();
        });
    }
"#;

/// Two races, one of them by a call of `memset`.
const RACES: &str = r#"
    static mut COUNT: u64 = 0;
    static mut BUFFER: [u8; 512] = [0; 512];

    #[inline(never)]
    pub fn count() {
        unsafe { COUNT += 1 }
    }

    #[inline(never)]
    pub fn fill() {
        unsafe { BUFFER = [7; 512] }
    }
"#;

/// A variable that needs the other crate's order.
const PLAIN: &str = "pub static mut PLAIN: u64 = 0;";

/// A handover by atomics.
const HANDOVER: &str = r#"
    use std::sync::atomic::{AtomicBool, Ordering};

    pub struct Handover(AtomicBool);

    impl Handover {
        pub fn new() -> Self {
            Handover(AtomicBool::new(false))
        }
        pub fn give(&self) {
            self.0.store(true, Ordering::Release);
        }
        pub fn take(&self, look: fn() -> u64) {
            while !self.0.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            assert_eq!(look(), 7);
        }
    }
"#;

fn folder() -> Folder {
    let package = |name: &str, dependencies: &str| {
        format!(
            "[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2024'\n[dependencies]\n{dependencies}"
        )
    };
    Folder::with(&[
        ("Cargo.toml", MANIFEST),
        ("app/Cargo.toml", &package("app", "ours = { path = '../ours' }\nother = { path = '../other' }\n")),
        ("app/src/main.rs", APP),
        ("ours/Cargo.toml", &package("ours", "")),
        ("ours/src/lib.rs", &format!("{PLAIN}{RACES}")),
        ("other/Cargo.toml", &package("other", "")),
        ("other/src/lib.rs", &format!("{HANDOVER}{RACES}")),
    ])
}

#[test]
fn only_races_in_focus_are_reported() {
    let folder = folder();
    let ran = folder.racecheck(&["--focus", "ours", "run"]).ran();
    ran.assert_status(66).assert_stderr("ours::count").assert_stderr("ours::fill");
    ran.assert_stderr("Found 2 data race")
        .assert_no_stderr("other::count")
        .assert_no_stderr("other::fill")
        .assert_no_stderr("PLAIN");
}

#[test]
fn the_workspace_is_in_focus_by_one_word() {
    let folder = folder();
    let ran = folder.racecheck(&["--focus", "workspace", "run"]).ran();
    ran.assert_status(66).assert_stderr("ours::count").assert_stderr("other::count");
    ran.assert_stderr("ours::fill")
        .assert_stderr("other::fill")
        .assert_stderr("Found 4 data race")
        .assert_no_stderr("PLAIN");
}
