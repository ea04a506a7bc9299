//! Which findings rules hide, and which lines are no rules.

use racecheck_report::model::SCHEMA_VERSION;
use racecheck_report::suppress::{Date, Problem, Suppressions, Verdict};
use racecheck_report::{Access, Finding, FindingKind, Frame, Location, Op, Stack};

fn access(function: &str, file: &str) -> Access {
    let frame = |function: &str, file: &str| Frame {
        function: Some(function.into()),
        file: Some(file.into()),
        module: Some("/ws/target/app".into()),
        ..Frame::default()
    };
    let frames = vec![
        frame("core::ptr::write", "/rustc/1/library/core/src/ptr/mod.rs"),
        frame(function, file),
        frame("app::main", "/ws/src/main.rs"),
    ];
    Access { op: Op::Write, address: 8, size: 8, thread: 0, stack: Stack { frames, lost: false } }
}

fn finding() -> Finding {
    Finding {
        schema: SCHEMA_VERSION,
        pid: 1,
        program: "app".into(),
        kind: FindingKind::DataRace,
        access: access("<cache::Slot<u8>>::set::<u16>", "/ws/cache/src/slot.rs"),
        previous: access("pool::stop", "/ws/pool/src/lib.rs"),
        location: Some(Location::Global {
            name: "app::COUNT".into(),
            address: 8,
            size: 8,
            offset: 0,
            module: None,
        }),
        threads: vec![],
        test: Some("stress::many".into()),
        misuse: None,
        order: None,
        found: None,
    }
}

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

fn verdict(rules: &str) -> &'static str {
    match Suppressions::parse(rules).unwrap().verdict(&finding(), day("2026-11-24")) {
        Verdict::Suppressed(_) => "suppressed",
        Verdict::Expired(_) => "expired",
        Verdict::NearMiss(_) => "near miss",
        Verdict::Reported => "reported",
    }
}

fn ours(keys: &str) -> &'static str {
    verdict(&format!("suppress {keys} reason=\"because\""))
}

#[test]
fn both_sides_have_to_fit() {
    assert_eq!(ours("function=cache::Slot::set"), "near miss");
    assert_eq!(ours("function=*"), "suppressed");
    assert_eq!(ours("crate=cache"), "near miss");
    assert_eq!(ours("function=nothing::like::it"), "reported");
}

#[test]
fn the_other_side_can_be_named_in_either_order() {
    assert_eq!(ours("function=cache::Slot::* other-function=pool::stop"), "suppressed");
    assert_eq!(ours("function=pool::stop other-function=cache::*"), "suppressed");
    assert_eq!(ours("function=cache::* other-function=cache::*"), "near miss");
    assert_eq!(ours("function=cache::Slot::set other-function=*"), "suppressed");
    assert_eq!(ours("file=src/slot.rs other-crate=pool"), "suppressed");
    assert_eq!(ours("file=lot.rs other-crate=pool"), "near miss");
}

#[test]
fn the_shown_name_fits_too() {
    assert_eq!(ours("function=<cache::Slot<u8>>::set::<u16> other-function=*"), "suppressed");
}

#[test]
fn a_frame_further_out_has_to_be_asked_for() {
    assert_eq!(ours("function=app::main"), "reported");
    assert_eq!(ours("anywhere=app::main"), "suppressed");
}

#[test]
fn all_conditions_have_to_fit() {
    assert_eq!(ours("global=app::COUNT test=stress::*"), "suppressed");
    assert_eq!(ours("global=app::COUNT test=other::*"), "near miss");
    assert_eq!(ours("global=x test=other::*"), "reported");
    assert_eq!(ours("kind=use-after-free global=app::COUNT"), "near miss");
    assert_eq!(ours("kind=data-race global=app::COUNT"), "suppressed");
}

#[test]
fn a_rule_ends_with_its_last_day() {
    assert_eq!(ours("global=app::* until=2026-11-24"), "suppressed");
    assert_eq!(ours("global=app::* until=2026-11-23"), "expired");
    let renewed = "suppress global=app::* reason=a until=2020-01-01\nsuppress global=app::* reason=b";
    assert_eq!(verdict(renewed), "suppressed");
}

#[test]
fn a_lost_stack_fits_only_what_fits_everything() {
    let mut finding = finding();
    finding.previous.stack = Stack::lost();
    let fits = |keys: &str| {
        let rules = Suppressions::parse(&format!("suppress {keys} reason=a")).unwrap();
        matches!(rules.verdict(&finding, day("2026-01-01")), Verdict::Suppressed(_))
    };
    assert!(!fits("crate=cache"));
    assert!(fits("crate=cache other-crate=*"));
}

#[test]
fn thread_sanitizer_s_form() {
    for (rule, expected) in [
        ("race:app::main", "suppressed"),
        ("race:slot.rs", "suppressed"),
        ("race:target/app", "suppressed"),
        ("race:app::COUNT", "suppressed"),
        ("race:^main", "reported"),
        ("race:^pool::st*p$", "suppressed"),
        ("race:pool::sto$", "reported"),
        ("race_top:core::ptr", "suppressed"),
        ("race_top:pool", "reported"),
        ("deadlock:pool", "reported"),
    ] {
        assert_eq!(verdict(rule), expected, "{rule}");
    }
}

#[test]
fn comments_and_empty_lines_are_no_rules() {
    let rules = Suppressions::parse("# a comment\n\n  race:x  \r\n").unwrap();
    assert_eq!(rules.rules().len(), 1);
    assert_eq!((rules.rules()[0].line, rules.rules()[0].text.as_str()), (3, "race:x"));
}

#[test]
fn misuse_is_named_with_its_line() {
    let problem = |line: &str| {
        let errors = Suppressions::parse(&format!("race:ok\n{line}")).unwrap_err();
        assert_eq!((errors.len(), errors[0].line), (1, 2));
        assert!(errors[0].to_string().starts_with("line 2: "));
        errors[0].problem.clone()
    };
    let word = |word: &str| Problem::NotAPair { word: word.into() };
    assert_eq!(problem("rcae:x"), Problem::NotARule);
    assert_eq!(problem("race:"), Problem::NotARule);
    assert_eq!(problem("suppress"), Problem::NotARule);
    assert_eq!(problem("suppress function"), word("function"));
    assert_eq!(problem("suppress a function=b"), word("a"));
    assert_eq!(problem("suppress funtcion=b"), Problem::UnknownKey { key: "funtcion".into() });
    assert_eq!(problem("suppress reason=\"a"), Problem::OpenQuote { key: "reason".into() });
    assert_eq!(problem("suppress global=a"), Problem::NoReason);
    assert_eq!(problem("suppress kind=data-race reason=a"), Problem::HidesEverything);
    assert_eq!(problem("suppress other-crate=a reason=a"), Problem::OtherWithoutOne);
    for bad in ["kind=x", "until=2026-02-29", "until=tomorrow", "until=2026-1-1", "function="] {
        assert!(matches!(problem(&format!("suppress {bad} reason=a")), Problem::BadValue { .. }), "{bad}");
    }
    assert_eq!(Suppressions::parse("a\nrace:b\nc").unwrap_err().len(), 2);
}

#[test]
fn days_are_counted_right() {
    for (seconds, date) in [
        (0, "1970-01-01"),
        (86_399, "1970-01-01"),
        (951_782_400, "2000-02-29"),
        (951_868_800, "2000-03-01"),
        (1_795_564_799, "2026-11-24"),
        (4_107_542_400, "2100-03-01"),
    ] {
        assert_eq!(Date::from_unix_time(seconds).to_string(), date);
    }
    assert!(Date::parse("2000-02-29").is_some() && Date::parse("2100-02-29").is_none());
    Date::from_unix_time(u64::MAX);
}

proptest::proptest! {
    #[test]
    fn no_line_panics(line in "(suppress )?[a-z:=*^$\"# é-]{0,40}") {
        if let Ok(rules) = Suppressions::parse(&line) {
            rules.verdict(&finding(), day("2026-01-01"));
        }
    }
}
