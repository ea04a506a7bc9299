//! What libtest says about tests, read from the output of `cargo test`.

use std::collections::BTreeMap;

/// A test: the program that holds it, as cargo names it, and its name there.
pub type TestName = (String, String);

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passed.
    Ok,
    /// It did not.
    Failed,
    /// It was not run.
    Ignored,
}

/// The tests of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Those whose verdict could be read.
    pub tests: BTreeMap<TestName, Verdict>,
    /// Passed, by the summaries of the test programs. A test that prints beside libtest can spoil its
    /// line, but not the summary.
    pub passed: usize,
    /// Failed, by the summaries.
    pub failed: usize,
}

impl Verdicts {
    /// Reads the output of `cargo test`, stdout and stderr in one.
    pub fn read(output: &str) -> Self {
        let mut verdicts = Verdicts::default();
        let mut program = String::new();
        for line in output.lines() {
            let line = line.trim();
            if let Some(running) = running(line) {
                running.clone_into(&mut program);
            } else if let Some(summary) = line.strip_prefix("test result: ") {
                verdicts.passed += count_before(summary, " passed");
                verdicts.failed += count_before(summary, " failed");
            } else if let Some((name, verdict)) = test(line) {
                verdicts.tests.insert((program.clone(), name.to_owned()), verdict);
            }
        }
        verdicts
    }

    /// Tests that passed there and not here: what the other run had and this one lost.
    pub fn lost_since<'a>(&'a self, other: &'a Verdicts) -> impl Iterator<Item = &'a TestName> {
        let passed = |verdicts: &Verdicts, name| verdicts.tests.get(name) == Some(&Verdict::Ok);
        other.tests.keys().filter(move |name| passed(other, name) && !passed(self, name))
    }
}

/// `Running tests/list.rs (target/debug/deps/list-0a1b)` gives `tests/list.rs`: the rest differs from
/// build to build.
fn running(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("Running ").or_else(|| line.strip_prefix("Doc-tests "))?;
    Some(rest.split_once(" (").map_or(rest, |(program, _)| program))
}

fn test(line: &str) -> Option<(&str, Verdict)> {
    let (name, verdict) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let verdict = match verdict.split([' ', ',']).next()? {
        "ok" => Verdict::Ok,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Ignored,
        _ => return None,
    };
    Some((name.trim_end_matches(" - should panic"), verdict))
}

fn count_before(summary: &str, word: &str) -> usize {
    let Some((before, _)) = summary.split_once(word) else { return 0 };
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/a-1f)

running 3 tests
test one ... ok
test two - should panic ... ok
test three ... ignored, slow

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/list.rs (target/debug/deps/list-2e)
test one ... FAILED
test spoiled ... noise
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    fn name(program: &str, test: &str) -> TestName {
        (program.to_owned(), test.to_owned())
    }

    #[test]
    fn tests_are_told_apart_by_their_program() {
        let verdicts = Verdicts::read(OUTPUT);
        assert_eq!(verdicts.tests[&name("unittests src/lib.rs", "one")], Verdict::Ok);
        assert_eq!(verdicts.tests[&name("unittests src/lib.rs", "two")], Verdict::Ok);
        assert_eq!(verdicts.tests[&name("unittests src/lib.rs", "three")], Verdict::Ignored);
        assert_eq!(verdicts.tests[&name("tests/list.rs", "one")], Verdict::Failed);
        assert_eq!(verdicts.tests.len(), 4);
        assert_eq!((verdicts.passed, verdicts.failed), (3, 1));
    }

    #[test]
    fn a_test_that_failed_or_vanished_is_lost() {
        let native =
            Verdicts::read("Running a (x)\ntest one ... ok\ntest two ... ok\ntest three ... FAILED\n");
        let checked = Verdicts::read("Running a (y)\ntest one ... ok\ntest three ... FAILED\n");
        assert_eq!(checked.lost_since(&native).collect::<Vec<_>>(), [&name("a", "two")]);
        assert_eq!(native.lost_since(&checked).count(), 0);
    }
}
