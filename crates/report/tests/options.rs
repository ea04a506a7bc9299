//! `RACECHECK_OPTIONS` as people write it.

use racecheck_report::options::{LogTarget, OPTIONS, OptionError, OptionKind, Options};

fn parse(text: &str) -> Options {
    Options::parse(text).unwrap()
}

#[test]
fn nothing_gives_the_defaults() {
    let options = parse("");
    assert_eq!(options, Options::default());
    assert_eq!(options, parse(" \n\t:, "));
    assert_eq!((options.exitcode, options.history_size, options.atexit_sleep_ms), (66, 1, 0));
    assert_eq!(options.log_target(), LogTarget::Stderr);
    assert!(options.fold && options.suppress_known && !options.halt_on_error && !options.advise);
}

#[test]
fn each_default_is_a_value_of_its_kind() {
    for option in OPTIONS {
        let text = format!("{}=\"{}\"", option.name, option.default);
        assert_eq!(parse(&text), Options::default(), "{text}");
    }
}

#[test]
fn go_s_form_with_spaces() {
    let options = parse("log_path=/tmp/race/report strip_path_prefix=/my/go/sources/ exitcode=3");
    assert_eq!(options.log_path, "/tmp/race/report");
    assert_eq!(options.log_target(), LogTarget::FilePerProcess { path: "/tmp/race/report" });
    assert_eq!(options.strip_path_prefix, "/my/go/sources/");
    assert_eq!(options.exitcode, 3);
}

#[test]
fn colons_and_commas_separate_pairs() {
    let options = parse("exitcode=3:halt_on_error=1,history_size=7, fold=no:");
    assert_eq!((options.exitcode, options.halt_on_error, options.history_size), (3, true, 7));
    assert!(!options.fold);
}

#[test]
fn a_path_may_hold_separators() {
    assert_eq!(parse("log_path=/a:b/c,d=e:x=y").log_path, "/a:b/c,d=e:x=y");
    let options = parse("log_path=/a:b:exitcode=0");
    assert_eq!((options.log_path.as_str(), options.exitcode), ("/a:b", 0));
    assert_eq!(parse("log_path='/my logs/race':exitcode=1").log_path, "/my logs/race");
    assert_eq!(parse("log_path=\"a:exitcode=1\"").log_path, "a:exitcode=1");
}

#[test]
fn the_later_value_holds() {
    assert_eq!(parse("exitcode=1 exitcode=2").exitcode, 2);
}

#[test]
fn misuse_unknown_option() {
    for text in ["exit_code=1", "exitcode=1:exit_code=1", "exitcode=1 exit_code=1"] {
        let error = Options::parse(text).unwrap_err();
        assert_eq!(error, OptionError::Unknown { name: "exit_code".into() });
        let message = error.to_string();
        for option in OPTIONS {
            assert!(message.contains(option.name), "{message}");
        }
    }
}

#[test]
fn misuse_bad_value() {
    let error = Options::parse("exitcode=256").unwrap_err();
    let expected = OptionKind::Number { least: 0, most: 255 };
    assert_eq!(error, OptionError::BadValue { name: "exitcode", value: "256".into(), expected });
    assert_eq!(
        error.to_string(),
        "RACECHECK_OPTIONS: exitcode=256: the value has to be a number from 0 to 255"
    );
    for text in
        ["exitcode=", "exitcode=-1", "exitcode=+1", "exitcode=1x", "history_size=8", "halt_on_error=2"]
    {
        assert!(matches!(Options::parse(text), Err(OptionError::BadValue { .. })), "{text}");
    }
    assert!(Options::parse("exitcode=99999999999999999999").is_err());
}

#[test]
fn misuse_no_pair() {
    for text in ["exitcode", "=1", "exitcode=1 halt", "ä=1"] {
        assert!(matches!(Options::parse(text), Err(OptionError::NotAPair { .. })), "{text}");
    }
    assert_eq!(Options::parse("log_path='x"), Err(OptionError::OpenQuote { name: "log_path" }));
}

#[test]
fn help_tells_every_option() {
    let mut help = String::new();
    Options::write_help(&mut help).unwrap();
    for option in OPTIONS {
        assert!(help.contains(&format!("  {}=", option.name)), "{help}");
    }
    assert!(help.lines().all(|line| line.len() <= 100), "{help}");
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[a-z_=:, '\"0-9é]{0,40}") {
        let _ = Options::parse(&text);
        let _ = Options::parse(&format!("log_path={text}"));
    }
}
