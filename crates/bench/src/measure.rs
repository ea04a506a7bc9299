//! Running programs and taking medians.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

use crate::Result;
use crate::build::{Build, Programs};

/// What one run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run {
    wall: f64,
    cpu: f64,
    memory: f64,
}

impl Run {
    /// Seconds on the clock.
    pub fn wall(&self) -> f64 {
        self.wall
    }

    /// Seconds of processor time, user and system.
    pub fn cpu(&self) -> f64 {
        self.cpu
    }

    /// Peak of resident memory in bytes.
    pub fn memory(&self) -> f64 {
        self.memory
    }

    /// All three.
    pub fn json(&self) -> serde_json::Value {
        json!({ "wall_seconds": self.wall, "cpu_seconds": self.cpu, "peak_bytes": self.memory })
    }
}

/// Runs the three builds in turn, and gives the medians of each.
pub fn interleaved(programs: &Programs, runs: usize, arguments: &[&str]) -> Result<[Run; 3]> {
    let mut all: [Vec<Run>; 3] = Default::default();
    for _ in 0..runs {
        for build in Build::ALL {
            all[build as usize].push(run(programs, build, arguments)?);
        }
    }
    Ok(all.map(|runs| median(&runs)))
}

/// The medians of each measure.
pub fn median(runs: &[Run]) -> Run {
    let of = |measure: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(measure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Run { wall: of(Run::wall), cpu: of(Run::cpu), memory: of(Run::memory) }
}

fn run(programs: &Programs, build: Build, arguments: &[&str]) -> Result<Run> {
    let program = programs.executable(build);
    let begin = Instant::now();
    let mut command = Command::new(&program);
    // LLVM's runtime does not know fences and reports what is none (in rayon); writing that would be measured too.
    command.args(arguments).env("TSAN_OPTIONS", "report_bugs=0").stdout(Stdio::null());
    let child = command.spawn()?;
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both results can be written; the child is this process's and is waited for nowhere else.
    let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &raw mut status, 0, usage.as_mut_ptr()) };
    let wall = begin.elapsed().as_secs_f64();
    if waited < 0 || status != 0 {
        let arguments = arguments.join(" ");
        return Err(format!("{} {arguments} failed (wait status {status})", program.display()).into());
    }
    // SAFETY: it was zeroed, and filled by the kernel.
    let usage = unsafe { usage.assume_init() };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    Ok(Run {
        wall,
        cpu: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        memory: usage.ru_maxrss as f64 * 1024.0,
    })
}
