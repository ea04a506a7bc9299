//! The attribute that makes each field of a struct a cell.
#![cfg(feature = "detect")]

use std::sync::Arc;

use racecheck::{check, thread};
use racecheck_derive::checked;

/// Where money is.
#[checked]
pub struct Account<T: Copy> {
    /// How much.
    pub balance: T,
    limit: T,
    #[plain]
    owner: String,
}

#[checked(of)]
struct Pair(u32, u32);

#[test]
fn race_on_one_field_is_named_by_it() {
    let report = check(|| {
        let account = Account::new(100, 10, "Ada".to_owned());
        thread::scope(|s| {
            s.spawn(|| account.balance.set(90));
            s.spawn(|| account.balance.set(80));
        });
        assert_eq!(account.owner, "Ada");
    });
    assert_eq!(report.races.len(), 1, "{report}");
    let text = report.to_string();
    assert!(text.contains("RaceCell<i32> \"Account.balance\" of 4 bytes, made at:"), "{text}");
    assert!(text.contains("tests/checked.rs:"), "{text}");
}

#[test]
fn no_race_on_different_fields() {
    let report = check(|| {
        let (account, pair) = (Account::new(100, 10, String::new()), Arc::new(Pair::of(1, 2)));
        thread::scope(|s| {
            s.spawn(|| account.balance.set(90));
            s.spawn(|| account.limit.set(20));
            s.spawn(|| pair.0.set(1));
            s.spawn(|| pair.1.set(2));
        });
    });
    assert!(report.is_clean(), "{report}");
}
