//! Source files, as far as they can be read here.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use racecheck_report::format::Sources;

/// A longer file is no source that somebody has written.
const LONGEST: u64 = 4 << 20;

/// So many files are kept.
const KEPT: usize = 64;

/// Source files on this machine.
#[derive(Debug, Default)]
pub struct SourceFiles {
    known: RefCell<HashMap<String, Option<Rc<str>>>>,
}

impl Sources for SourceFiles {
    fn text(&self, path: &str) -> Option<Rc<str>> {
        let mut known = self.known.borrow_mut();
        if let Some(text) = known.get(path) {
            return text.clone();
        }
        if known.len() >= KEPT {
            known.clear();
        }
        let text = read(Path::new(path));
        known.insert(path.to_owned(), text.clone());
        text
    }
}

/// Paths come from reports, which may come from anywhere: only regular files are read.
fn read(path: &Path) -> Option<Rc<str>> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > LONGEST {
        return None;
    }
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into())
}
