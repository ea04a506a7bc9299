//! The detector runtime that this executable carries, and its place in the cache.

use std::path::PathBuf;

use crate::cache::{self, Cache};
use crate::error::Result;

/// The object that is linked into every program under test.
static OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/racecheck-rt.o"));

/// What such a program exports, so that shared libraries use the runtime too.
static DYNAMIC_LIST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/racecheck-rt.dynlist"));

/// Names the content of both.
pub const HASH: &str = env!("RACECHECK_RT_HASH");

/// The symbol by which a program is known to be instrumented: the runtime defines it, and the dynamic
/// list exports it.
pub const MARKER: &str = "racecheck_rt_version";

/// Name of the object's file.
pub const OBJECT_FILE: &str = "racecheck-rt.o";

/// Name of the dynamic list's file.
pub const DYNAMIC_LIST_FILE: &str = "racecheck-rt.dynlist";

/// Makes sure that the runtime is in the cache and whole, and returns its folder.
pub fn ensure(cache: &Cache) -> Result<PathBuf> {
    let folder = cache.folder(&format!("runtime/{HASH}"))?;
    for (name, content) in [(OBJECT_FILE, OBJECT), (DYNAMIC_LIST_FILE, DYNAMIC_LIST)] {
        let path = folder.join(name);
        let whole = std::fs::metadata(&path).is_ok_and(|status| status.len() == content.len() as u64);
        if !whole {
            cache::write_whole(&path, content)?;
        }
    }
    Ok(folder)
}
