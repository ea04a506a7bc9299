//! A code for each kind of finding, and what `racecheck explain` says about it.
//!
//! Codes are written into reports, suppressions of other tools and people's notes: one that was given
//! never changes its meaning. `RC00…` are about memory, `RC01…` about primitives that are used against
//! their rules.

use core::fmt;
use core::str::FromStr;

use crate::model::{Finding, FindingKind, Op};

/// What kind of finding it is, as precisely as its text depends on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(&'static Row);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Row {
    id: &'static str,
    title: &'static str,
    /// [`crate::model::Misuse::rule`], for misuses.
    rule: Option<&'static str>,
    explanation: &'static str,
}

macro_rules! codes {
    (@rule) => { None };
    (@rule $rule:literal) => { Some($rule) };
    ($($name:ident = $id:literal $title:literal $(rule $rule:literal)?;)*) => {
        impl Code {
            $(
                #[doc = concat!($id, ": ", $title)]
                pub const $name: Code = Code(&Row {
                    id: $id,
                    title: $title,
                    rule: codes!(@rule $($rule)?),
                    explanation: include_str!(concat!("../explain/", $id, ".md")),
                });
            )*

            /// All codes, in their order.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];
        }
    };
}

codes! {
    DATA_RACE = "RC0001" "data race";
    USE_AFTER_FREE = "RC0002" "use after free";
    USE_AFTER_THREAD = "RC0003" "use of a thread's memory after its end";
    MISUSE = "RC0100" "misuse of a synchronisation primitive";
    NEGATIVE_COUNTER = "RC0101" "negative WaitGroup counter" rule "negative-counter";
    WAIT_GROUP_REUSE = "RC0102" "WaitGroup reused before its wait returned" rule "wait-group-reuse";
    ADD_IN_THREAD = "RC0103" "WaitGroup counted inside of the thread" rule "add-in-thread";
    UNLOCK_OF_UNLOCKED = "RC0104" "unlock of what is not locked" rule "unlock-of-unlocked";
    RECURSIVE_LOCK = "RC0105" "lock taken twice by one thread" rule "recursive-lock";
    UPGRADE = "RC0106" "write lock wanted under a read lock" rule "upgrade";
    RECURSIVE_ONCE = "RC0107" "Once that calls itself" rule "recursive-once";
    SEND_ON_CLOSED = "RC0108" "send on a closed channel" rule "send-on-closed";
    CLOSE_OF_CLOSED = "RC0109" "close of a closed channel" rule "close-of-closed";
    CLOSE_OF_NIL = "RC0110" "close of a nil channel" rule "close-of-nil";
    LOCK_ORDER = "RC0111" "locks taken in different orders" rule "lock-order";
    DEADLOCK = "RC0112" "threads wait for each other" rule "deadlock";
    ALL_ASLEEP = "RC0113" "all threads are asleep" rule "all-asleep";
    DROPPED_LOCKED = "RC0114" "lock dropped while it was locked" rule "dropped-locked";
    INCONSISTENT_TYPE = "RC0115" "value of another type than the first" rule "inconsistent-type";
    SEMAPHORE_OVER_RELEASE = "RC0116" "semaphore released more than it was held" rule "semaphore-over-release";
}

impl Code {
    /// The code of a finding.
    pub fn of(finding: &Finding) -> Code {
        match finding.kind {
            FindingKind::DataRace if finding.previous.op == Op::ThreadExit => Code::USE_AFTER_THREAD,
            FindingKind::DataRace => Code::DATA_RACE,
            FindingKind::UseAfterFree => Code::USE_AFTER_FREE,
            FindingKind::Misuse => {
                let rule = finding.misuse.as_ref().map(|misuse| misuse.rule.as_str());
                // A rule of a newer shim is still a misuse.
                let known = Code::ALL.iter().find(|code| rule.is_some() && code.0.rule == rule);
                known.copied().unwrap_or(Code::MISUSE)
            }
        }
    }

    /// As it is written: `RC0001`.
    pub const fn id(self) -> &'static str {
        self.0.id
    }

    /// What it is, in a few words.
    pub const fn title(self) -> &'static str {
        self.0.title
    }

    /// What it is, with an example and how it is repaired: Markdown.
    pub const fn explanation(self) -> &'static str {
        self.0.explanation
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}

/// There is no such code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchCode;

impl FromStr for Code {
    type Err = NoSuchCode;

    /// Reads `RC0001`, `rc1` or `1`.
    fn from_str(text: &str) -> Result<Self, NoSuchCode> {
        let digits = text.strip_prefix("RC").or_else(|| text.strip_prefix("rc")).unwrap_or(text);
        if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoSuchCode);
        }
        let number: u32 = digits.parse().map_err(|_| NoSuchCode)?;
        let is_it = |code: &&Code| code.0.id[2..].parse() == Ok(number);
        Code::ALL.iter().find(is_it).copied().ok_or(NoSuchCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_as_people_write_them() {
        for text in ["RC0001", "rc0001", "rc1", "1"] {
            assert_eq!(text.parse(), Ok(Code::DATA_RACE), "{text}");
        }
        for text in ["", "RC", "RC9999", "-1", "RC00001", "data-race"] {
            assert_eq!(text.parse::<Code>(), Err(NoSuchCode), "{text}");
        }
    }

    #[test]
    fn codes_are_in_order_and_explained() {
        assert!(Code::ALL.windows(2).all(|two| two[0].id() < two[1].id()));
        for code in Code::ALL {
            let heading = alloc::format!("# {}: {}\n", code.id(), code.title());
            assert!(code.explanation().starts_with(&heading), "explain/{code}.md begins with {heading:?}");
        }
    }
}
