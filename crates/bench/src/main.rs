//! `make bench`: builds the kernels three ways from the same source, runs them in turn, and prints ratios.
//!
//! The three ways: native; instrumented with the toolchain's own ThreadSanitizer runtime behind it; instrumented
//! with racecheck's. The latter two are the same objects, the instrumented standard library included. Runs are
//! interleaved, since machines are shared and their speed drifts: ratios hold, single times do not.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::json;

/// The names under which the instrumented standard library calls the runtime.
#[path = "../../../cli/src/instrument/rounds.rs"]
mod rounds;

/// One way of building the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Build {
    Native,
    Stock,
    Racecheck,
}

const BUILDS: [Build; 3] = [Build::Native, Build::Stock, Build::Racecheck];

/// What one run took.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Seconds on the clock.
    wall: f64,
    /// Seconds of processor time, user and system.
    cpu: f64,
    /// Peak of resident memory in bytes.
    memory: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let racecheck =
        PathBuf::from(arguments.next().ok_or("usage: racecheck-bench RACECHECK [RUNS] [KERNEL]...")?);
    let runs: usize = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let folder = std::env::temp_dir().join(format!("racecheck-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    for build in BUILDS {
        compile(build, &racecheck, &folder)?;
    }
    let mut kernels: Vec<String> = arguments.collect();
    if kernels.is_empty() {
        let listed = Command::new(program(&folder, Build::Native)).output()?;
        kernels = String::from_utf8(listed.stdout)?.lines().map(str::to_owned).collect();
    }
    println!("                        time ÷ native       time ÷ stock      memory ÷ native");
    println!("kernel           native    stock racecheck   wall    cpu       stock racecheck");
    let mut rows = Vec::new();
    for kernel in &kernels {
        rows.push(measure(kernel, runs, &folder)?);
    }
    let mean = |column: fn(&Row) -> f64| {
        (rows.iter().map(|r| column(r).ln()).sum::<f64>() / rows.len() as f64).exp()
    };
    println!(
        "geometric mean           {:6.2} {:9.2} {:6.2} {:6.2}      {:6.2} {:9.2}",
        mean(|r| r.stock),
        mean(|r| r.racecheck),
        mean(|r| r.wall),
        mean(|r| r.cpu),
        mean(|r| r.stock_memory),
        mean(|r| r.memory)
    );
    let file = folder.join("results.json");
    std::fs::write(&file, serde_json::to_string_pretty(&rows.iter().map(Row::json).collect::<Vec<_>>())?)?;
    println!("as JSON: {}", file.display());
    Ok(())
}

fn program(folder: &Path, build: Build) -> PathBuf {
    folder.join(format!("{build:?}"))
}

fn compile(build: Build, racecheck: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/kernels.rs");
    let mut command = match build {
        Build::Racecheck => {
            let mut command = Command::new(racecheck);
            command.arg("rustc");
            command
        }
        _ => Command::new("rustc"),
    };
    command.args(["--edition", "2024", "-O", "-Cdebuginfo=1", "-o"]).arg(program(folder, build)).arg(&source);
    if build == Build::Stock {
        // The standard library that racecheck instruments, so that both runtimes see the same calls.
        let checked = output(Command::new(racecheck).arg("doctor"))?;
        let sysroot =
            checked.lines().find_map(|line| line.split_once("instrumented, in ").map(|(_, path)| path));
        let sysroot = sysroot.ok_or("`racecheck doctor` names no instrumented standard library")?;
        let own = output(Command::new("rustc").args(["--print", "sysroot"]))?;
        let runtime = format!("{own}/lib/rustlib/x86_64-unknown-linux-gnu/lib/librustc-stable_rt.tsan.a");
        command.args(["--sysroot", sysroot, "-Cpasses=forceattrs,function(dce),tsan-module,function(tsan)"]);
        command.arg("-Cllvm-args=-force-attribute=sanitize_thread");
        command.args(["-Clink-arg=-Wl,--whole-archive", &format!("-Clink-arg={runtime}")]);
        command.arg("-Clink-arg=-Wl,--no-whole-archive");
        command.arg("-Clink-args=-lm -lpthread -ldl -lrt -Wl,--export-dynamic");
        command.args(rounds::REPEATED.map(|function| {
            let (name, alias) = (rounds::name_by_pass(function), rounds::name_of_first(function));
            format!("-Clink-arg=-Wl,--defsym={alias}={name}")
        }));
    }
    match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("the kernels could not be built {build:?}").into()),
    }
}

fn output(command: &mut Command) -> Result<String, Box<dyn Error>> {
    Ok(String::from_utf8(command.output()?.stdout)?.trim().to_owned())
}

/// A kernel's ratios.
struct Row {
    kernel: String,
    native_seconds: f64,
    stock: f64,
    racecheck: f64,
    wall: f64,
    cpu: f64,
    stock_memory: f64,
    memory: f64,
}

impl Row {
    fn json(&self) -> serde_json::Value {
        json!({
            "kernel": self.kernel, "native_seconds": self.native_seconds, "stock_by_native": self.stock,
            "racecheck_by_native": self.racecheck, "racecheck_by_stock": self.wall,
            "racecheck_by_stock_cpu": self.cpu, "stock_memory_by_native": self.stock_memory,
            "racecheck_memory_by_native": self.memory,
        })
    }
}

fn measure(kernel: &str, runs: usize, folder: &Path) -> Result<Row, Box<dyn Error>> {
    let mut all: [Vec<Run>; 3] = Default::default();
    for _ in 0..runs {
        for (build, runs) in BUILDS.iter().zip(&mut all) {
            runs.push(run(&program(folder, *build), kernel)?);
        }
    }
    let median = |build: Build, of: fn(&Run) -> f64| {
        let mut values: Vec<f64> = all[build as usize].iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let wall = BUILDS.map(|b| median(b, |r| r.wall));
    let cpu = BUILDS.map(|b| median(b, |r| r.cpu));
    let memory = BUILDS.map(|b| median(b, |r| r.memory));
    let row = Row {
        kernel: kernel.to_owned(),
        native_seconds: wall[0],
        stock: wall[1] / wall[0],
        racecheck: wall[2] / wall[0],
        wall: wall[2] / wall[1],
        cpu: cpu[2] / cpu[1],
        stock_memory: memory[1] / memory[0],
        memory: memory[2] / memory[0],
    };
    println!(
        "{kernel:16} {:4.0} ms {:6.2} {:9.2} {:6.2} {:6.2}      {:6.2} {:9.2}",
        wall[0] * 1e3,
        row.stock,
        row.racecheck,
        row.wall,
        row.cpu,
        row.stock_memory,
        row.memory
    );
    Ok(row)
}

fn run(program: &Path, kernel: &str) -> Result<Run, Box<dyn Error>> {
    let begin = Instant::now();
    let child = Command::new(program).arg(kernel).stdout(Stdio::null()).spawn()?;
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::zeroed());
    // SAFETY: both results can be written; the child is this process's and is waited for nowhere else.
    let waited = unsafe { libc::wait4(child.id() as libc::pid_t, &raw mut status, 0, usage.as_mut_ptr()) };
    let wall = begin.elapsed().as_secs_f64();
    if waited < 0 || status != 0 {
        return Err(format!("{} {kernel} failed (wait status {status})", program.display()).into());
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
