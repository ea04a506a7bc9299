//! Running programs and taking medians.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

use crate::Result;

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

/// A program and its arguments.
#[derive(Clone, Debug)]
pub struct Invocation {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Invocation {
    /// A program with these arguments.
    pub fn new(program: PathBuf, arguments: &[&str]) -> Invocation {
        Invocation { program, arguments: arguments.iter().map(OsString::from).collect() }
    }

    /// The same, run by another program.
    pub fn under(self, runner: &str, options: &[&str]) -> Invocation {
        let own = [self.program.into_os_string()].into_iter().chain(self.arguments);
        let arguments = options.iter().map(OsString::from).chain(own).collect();
        Invocation { program: runner.into(), arguments }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // LLVM's runtime does not know fences and reports what is none (in rayon); writing that would be measured too.
        command.args(&self.arguments).env("TSAN_OPTIONS", "report_bugs=0");
        command.stdout(Stdio::null());
        command
    }
}

/// Runs all of them in turn, so often, and gives the medians of each.
pub fn interleaved(invocations: &[Invocation], runs: usize) -> Result<Vec<Run>> {
    let mut all = vec![Vec::new(); invocations.len()];
    for _ in 0..runs {
        for (invocation, runs) in invocations.iter().zip(&mut all) {
            runs.push(run(&mut invocation.command())?);
        }
    }
    Ok(all.iter().map(|runs| median(runs)).collect())
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

/// Runs a command to its successful end. Its processor time is that of its children too.
pub fn run(command: &mut Command) -> Result<Run> {
    let begin = Instant::now();
    let child = command.spawn().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both results can be written; the child is this process's and is waited for nowhere else.
    let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &raw mut status, 0, usage.as_mut_ptr()) };
    let wall = begin.elapsed().as_secs_f64();
    if waited < 0 || status != 0 {
        return Err(format!("{command:?} failed (wait status {status})").into());
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
