//! One program, compiled against the standard library and against the shim: same API, same results.
#![cfg(feature = "detect")]

use racecheck::cell as shim_cell;

/// The standard library's names, as a crate has them.
mod with_std {
    use std as lib;
    use std::cell as cells;
    include!("parity/program.rs");
}

/// The shim's.
mod with_shim {
    use super::shim_cell as cells;
    use racecheck as lib;
    include!("parity/program.rs");
}

#[test]
fn no_race_and_the_same_results() {
    let mut with_shim = String::new();
    let report = racecheck::check(|| with_shim = with_shim::all());
    assert!(report.is_clean(), "{report}");
    assert_eq!(with_std::all(), with_shim);
}
