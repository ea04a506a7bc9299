//! The findings of a run: a channel of our own, around the one that `racecheck test` would open.
//!
//! A racecheck that finds `RACECHECK_CHANNEL` set leaves its findings there, so that they can be counted
//! and classified as data instead of as text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use racecheck_report::Finding;
use racecheck_report::fingerprint::{PairKey, pair_key};
use racecheck_report::known::known_race;
use racecheck_report::text::{TextOptions, write_finding};
use tempfile::TempDir;

use crate::error::{Error, Result};

/// Tells racecheck and the runtime where findings go.
pub const CHANNEL_VARIABLE: &str = "RACECHECK_CHANNEL";

/// Where findings of a run arrive. The folder goes with it.
#[derive(Debug)]
pub struct Channel(TempDir);

/// What a run reported.
#[derive(Debug, Default)]
pub struct Reports {
    /// Each pair of places once.
    pub races: Vec<Finding>,
    /// All of them, repeats included, without those that were held back.
    pub count: usize,
    /// Those of races that are known and meant, by the crate that makes them.
    pub held_back: BTreeMap<&'static str, usize>,
    /// Lines that could not be understood.
    pub broken: usize,
}

impl Channel {
    /// Opens one.
    pub fn open() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("racecheck-suites-")
            .tempdir()
            .map_err(Error::file("create a folder in", &std::env::temp_dir()))?;
        Ok(Channel(folder))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Reads what arrived.
    pub fn read(self) -> Result<Reports> {
        let folder = self.0.path();
        let mut reports = Reports::default();
        let mut seen = BTreeMap::<PairKey, usize>::new();
        for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
            let path = entry.map_err(Error::file("read", folder))?.path();
            let lines = fs::read(&path).map_err(Error::file("read", &path))?;
            for line in String::from_utf8_lossy(&lines).lines() {
                reports.add(line, &mut seen);
            }
        }
        Ok(reports)
    }
}

impl Reports {
    fn add(&mut self, line: &str, seen: &mut BTreeMap<PairKey, usize>) {
        let Ok(finding) = Finding::from_json_line(line) else {
            self.broken += 1;
            return;
        };
        if let Some(known) = known_race(&finding) {
            *self.held_back.entry(known.crate_name).or_insert(0) += 1;
            return;
        }
        self.count += 1;
        let times = seen.entry(pair_key(&finding)).or_insert(0);
        *times += 1;
        if *times == 1 {
            self.races.push(finding);
        }
    }

    /// The reports as racecheck prints them, each below the program that it came from.
    pub fn to_text(&self, root: &Path) -> String {
        let root = root.to_string_lossy();
        let options = TextOptions { workspace_root: &root, ..TextOptions::default() };
        let mut text = String::new();
        for finding in &self.races {
            text.push_str(&format!("{}\n", finding.program));
            // Writing to a string never fails.
            let _ = write_finding(&mut text, finding, &options);
        }
        text
    }
}
