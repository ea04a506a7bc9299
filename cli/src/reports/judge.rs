//! What people have said about findings: suppressions and the baseline.

use std::fs;
use std::path::{Path, PathBuf};

use racecheck_report::Finding;
use racecheck_report::format::Standing;
use racecheck_report::known::known_race;
use racecheck_report::suppress::{Date, Rule, Suppressions, Verdict};

use super::baseline::Baseline;
use crate::error::{Error, Result};

/// The file of suppressions that is used without being named, below the workspace's root.
pub const DEFAULT_SUPPRESSIONS: &str = ".racecheck/suppressions";

/// Decides about findings, and keeps count of what it decided by.
#[derive(Debug)]
pub struct Judge {
    files: Vec<RuleFile>,
    baseline: Option<Baseline>,
    suppress_known: KnownRaces,
    today: Date,
    tally: Tally,
}

/// What becomes of races that well-known crates make on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownRaces {
    /// They are held back.
    HeldBack,
    /// They are shown as any other.
    Shown,
}

/// How many findings were not new, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    meant: usize,
    in_baseline: usize,
}

#[derive(Debug)]
struct RuleFile {
    path: PathBuf,
    rules: Suppressions,
    /// For each rule, what it did.
    uses: Vec<Use>,
}

/// What a rule did.
#[derive(Clone, Debug, Default)]
struct Use {
    suppressed: usize,
    expired: usize,
    /// The first finding for which it nearly held.
    nearly: Option<String>,
}

impl Judge {
    /// Reads what is to be judged by.
    pub fn new(suppressions: &[PathBuf], baseline: Option<&Path>, known: KnownRaces) -> Result<Self> {
        Ok(Judge {
            files: suppressions.iter().map(|path| RuleFile::read(path)).collect::<Result<_>>()?,
            baseline: baseline.map(Baseline::read).transpose()?,
            suppress_known: known,
            today: Date::today(),
            tally: Tally::default(),
        })
    }

    /// The standing of a finding.
    pub fn standing(&mut self, finding: &Finding) -> Standing {
        if self.suppress_known == KnownRaces::HeldBack
            && let Some(known) = known_race(finding)
        {
            self.tally.meant += 1;
            return Standing::Suppressed { reason: Some(known.reason.to_owned()) };
        }
        for file in &mut self.files {
            if let Some(standing) = file.standing(finding, self.today) {
                return standing;
            }
        }
        if self.baseline.as_ref().is_some_and(|baseline| baseline.has(finding)) {
            self.tally.in_baseline += 1;
            return Standing::Known;
        }
        Standing::New
    }

    /// What there is to say about suppressions and baseline at the end, a line each.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.tally.meant > 0 {
            lines.push(format!(
                "{} report(s) of races that are meant were held back (suppress_known=0 shows them)",
                self.tally.meant
            ));
        }
        for file in &self.files {
            file.summary(&mut lines);
        }
        if let Some(baseline) = &self.baseline
            && self.tally.in_baseline > 0
        {
            lines.push(format!(
                "{} report(s) of races that are in the baseline {}",
                self.tally.in_baseline,
                baseline.path().display()
            ));
        }
        lines
    }
}

impl RuleFile {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::file("read the suppressions", path))?;
        let rules = Suppressions::parse(&text).map_err(|errors| {
            let problems: Vec<_> = errors
                .iter()
                .map(|error| format!("{}:{}: {}", path.display(), error.line, error.problem))
                .collect();
            Error::Suppressions { problems: problems.join("\n  ") }
        })?;
        let uses = vec![Use::default(); rules.rules().len()];
        Ok(RuleFile { path: path.to_owned(), rules, uses })
    }

    /// What the file says about the finding, if it says anything.
    fn standing(&mut self, finding: &Finding, today: Date) -> Option<Standing> {
        let index = |rule: &Rule| self.rules.rules().iter().position(|other| std::ptr::eq(other, rule));
        match self.rules.verdict(finding, today) {
            Verdict::Suppressed(rule) => {
                let (at, reason) = (index(rule), rule.reason.clone());
                self.used(at, |used| used.suppressed += 1);
                Some(Standing::Suppressed { reason })
            }
            Verdict::Expired(rule) => {
                let at = index(rule);
                self.used(at, |used| used.expired += 1);
                None
            }
            Verdict::NearMiss(rule) => {
                let at = index(rule);
                self.used(at, |used| {
                    used.nearly.get_or_insert_with(|| super::baseline::description(finding));
                });
                None
            }
            Verdict::Reported => None,
        }
    }

    fn used(&mut self, at: Option<usize>, what: impl FnOnce(&mut Use)) {
        if let Some(used) = at.and_then(|at| self.uses.get_mut(at)) {
            what(used);
        }
    }

    fn summary(&self, lines: &mut Vec<String>) {
        let path = self.path.display();
        let suppressed: usize = self.uses.iter().map(|used| used.suppressed).sum();
        if suppressed > 0 {
            lines.push(format!("{suppressed} report(s) suppressed by {path}"));
        }
        let mut unused = Vec::new();
        for (rule, used) in self.rules.rules().iter().zip(&self.uses) {
            let place = format!("{path}:{}", rule.line);
            if used.expired > 0 {
                let date = rule.until.map_or(String::new(), |date| format!(" on {date}"));
                lines.push(format!("{place}: expired{date}, and would hold for a race that was reported"));
            } else if let (0, Some(nearly)) = (used.suppressed, &used.nearly) {
                lines.push(format!("{place}: nearly holds, but not whole, for: {nearly}"));
            } else if used.suppressed == 0 {
                unused.push(rule.line.to_string());
            }
        }
        if !unused.is_empty() {
            lines.push(format!("{path}: not used in this run: line {}", unused.join(", ")));
        }
    }
}
