//! How long building takes, with and without racecheck: the package of the programs and all that it depends on.

use std::path::Path;

use serde_json::json;

use crate::build::{Build, Profile, Programs};
use crate::measure;
use crate::{Request, Result};

/// Builds from nothing, in turn, and prints ratios.
pub fn measure(request: &Request, racecheck: &Path) -> Result<serde_json::Value> {
    let mut results = serde_json::Map::new();
    for profile in [Profile::Debug, Profile::Release] {
        let [mut native, mut checked] = [Vec::new(), Vec::new()];
        // What the first run makes once, the instrumented standard library, is not counted.
        for run in 0..=request.runs.get() {
            for (build, runs) in [(Build::Native, &mut native), (Build::Racecheck, &mut checked)] {
                let folder = tempfile::tempdir()?;
                let took =
                    measure::run(&mut Programs::command(racecheck, profile, build, "build", folder.path())?)?;
                if run > 0 {
                    runs.push(took);
                }
            }
        }
        let [native, checked] = [native, checked].map(|runs| measure::median(&runs));
        println!(
            "{:8} native {:.1} s of processor time, racecheck ÷ native: processor time {:.2}, wall {:.2}",
            profile.name(),
            native.cpu(),
            checked.cpu() / native.cpu(),
            checked.wall() / native.wall()
        );
        results.insert(
            profile.name().to_owned(),
            json!({ "native": native.json(), "racecheck": checked.json() }),
        );
    }
    Ok(results.into())
}
