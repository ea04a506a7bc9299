//! `make instructions`: what the runtime's entry points cost, in instructions, against what they cost before.
//!
//! The program `probe` calls them; it is built by racecheck, so that they are in it as in every checked program. The
//! counts before are in `instructions.json`, with the compiler that they hold for.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::{Result, build, package, steps};

/// How much more is a regression.
const ALLOWED: f64 = 1.03;

/// Instructions for one operation, by name.
type Counts = BTreeMap<String, f64>;

/// The checked-in file.
#[derive(Debug, Serialize, Deserialize)]
struct Recorded {
    /// What `rustc -V` says.
    rustc: String,
    instructions: Counts,
}

impl Recorded {
    fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
    }

    fn read() -> Result<Recorded> {
        let path = Recorded::path();
        let read = std::fs::read(&path).map_err(|e| e.to_string());
        let parsed = read.and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()));
        let hint = "record it by `make instructions COUNTS=--record`";
        parsed.map_err(|e| format!("{}: {e}; {hint}", path.display()).into())
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        Ok(std::fs::write(Recorded::path(), text)?)
    }
}

/// Counts, and writes down what comes out.
pub fn record(racecheck: &Path) -> Result<()> {
    let found = Recorded { rustc: compiler()?, instructions: count(racecheck)? };
    found.instructions.iter().for_each(|(name, count)| println!("{count:8.2}  {name}"));
    found.write()?;
    println!("recorded in {}", Recorded::path().display());
    Ok(())
}

/// Counts, and compares with what was written down. Fails if anything costs more than it may.
pub fn check(racecheck: &Path) -> Result<serde_json::Value> {
    let (recorded, counts) = (Recorded::read()?, count(racecheck)?);
    println!("instructions for one operation, recorded and now");
    for (name, now) in &counts {
        let before = recorded.instructions.get(name).map_or("     new".to_owned(), |c| format!("{c:8.2}"));
        println!("{before} {now:8.2}  {name}");
    }
    let complaints = complaints(&recorded.instructions, &counts);
    if !complaints.is_empty() {
        let compiler = compiler()?;
        let mut text = complaints;
        if compiler != recorded.rustc {
            write!(text, "\n(recorded with {}, and this is {compiler})", recorded.rustc)?;
        }
        return Err(format!("{text}\nif this is as it should be: `make instructions COUNTS=--record`").into());
    }
    Ok(serde_json::to_value(counts)?)
}

/// What is wrong with these counts, a line each.
fn complaints(recorded: &Counts, counts: &Counts) -> String {
    let mut lines = Vec::new();
    for (name, &now) in counts {
        match recorded.get(name) {
            None => lines.push(format!("{name}: no count is recorded")),
            Some(&before) if now > before * ALLOWED => {
                lines.push(format!("{name}: {now:.2} instructions, {before:.2} before"));
            }
            Some(_) => {}
        }
    }
    let gone = recorded.keys().filter(|name| !counts.contains_key(*name));
    lines.extend(gone.map(|name| format!("{name}: a count is recorded, and nothing is called so")));
    lines.join("\n")
}

fn count(racecheck: &Path) -> Result<Counts> {
    let probe = package("probe");
    let target = probe.join("target");
    let mut command = Command::new(racecheck);
    command
        .args(["build", "--quiet", "--locked", "--release", "--manifest-path"])
        .arg(probe.join("Cargo.toml"));
    // The build is to be the same whatever the caller has set.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RACECHECK_NO_INLINE"] {
        command.env_remove(name);
    }
    if !command.arg("--target-dir").arg(&target).status()?.success() {
        return Err("the probe could not be built".into());
    }
    let program = target.join(build::TARGET).join("release/probe");
    let listed = build::output(&mut Command::new(&program))?;
    let probes = listed.lines().filter_map(|line| line.split_once(' '));
    probes.map(|(rounds, name)| Ok((name.to_owned(), one(&program, name, rounds.parse()?)?))).collect()
}

/// Instructions for each round.
fn one(program: &Path, name: &str, rounds: usize) -> Result<f64> {
    let counts = steps::between_marks(program, &[name])?;
    if counts.is_empty() || counts.len() % rounds != 0 {
        return Err(format!("probe {name:?}: {} marks in {rounds} rounds", counts.len()).into());
    }
    Ok(counts.iter().sum::<u64>() as f64 / rounds as f64)
}

fn compiler() -> Result<String> {
    build::output(Command::new("rustc").arg("-V"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(entries: &[(&str, f64)]) -> Counts {
        entries.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
    }

    #[test]
    fn three_percent_more_is_allowed_and_no_more() {
        let recorded = counts(&[("a", 100.0)]);
        assert_eq!(complaints(&recorded, &counts(&[("a", 103.0)])), "");
        assert_eq!(complaints(&recorded, &counts(&[("a", 50.0)])), "");
        assert_eq!(complaints(&recorded, &counts(&[("a", 103.1)])), "a: 103.10 instructions, 100.00 before");
    }

    #[test]
    fn nothing_goes_unrecorded_or_missing() {
        let (one, other) = (counts(&[("a", 1.0)]), counts(&[("b", 1.0)]));
        let said = complaints(&one, &other);
        assert!(said.contains("b: no count") && said.contains("a: a count"), "{said}");
    }
}
