//! What doctor asks the machine: whether the runtime's address space fits, what a container allows, and what is
//! there to build with.
//!
//! Facts are read where the kernel has them, and judged by pure functions.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Opinion;

/// Memory below which a checked build, let alone a checked program, is a matter of luck.
const LITTLE_MEMORY: u64 = 1 << 30;

/// Processes and threads below which test suites fail for want of them.
const FEW_TASKS: u64 = 256;

/// Bits of randomisation up to which the address layout of the runtime is known to hold.
const MOST_RANDOM_BITS: u64 = 32;

/// The address space that the runtime reserves from.
pub fn address_space() -> Opinion {
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    judge_address_space(
        number("/proc/sys/vm/overcommit_memory"),
        number("/proc/sys/vm/mmap_rnd_bits"),
        address_limit(),
    )
}

fn judge_address_space(overcommit: Option<u64>, random_bits: Option<u64>, limit: Option<u64>) -> Opinion {
    if let Some(limit) = limit {
        return Opinion::Bad(format!(
            "limited to {} MiB of addresses; the runtime reserves 64 TB of them (not of memory): run \
             `ulimit -v unlimited` first",
            limit >> 20
        ));
    }
    match (overcommit, random_bits) {
        (Some(2), _) => Opinion::Bad(
            "vm.overcommit_memory is 2, so that addresses can't be reserved without memory: \
             `sysctl vm.overcommit_memory=0`"
                .to_owned(),
        ),
        (_, Some(bits)) if bits > MOST_RANDOM_BITS => Opinion::Doubtful(format!(
            "mmap_rnd_bits is {bits}, more than x86_64 is known to have; if programs end at once, lower it to \
             {MOST_RANDOM_BITS}"
        )),
        (_, bits) => Opinion::Good(format!(
            "unlimited, with full randomisation ({} bits)",
            bits.map_or("unknown".to_owned(), |bits| bits.to_string())
        )),
    }
}

/// The limit of `ulimit -v` in bytes, if there is one.
fn address_limit() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max address space"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// What the control groups of a container allow.
pub fn limits() -> Opinion {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = |controller: &str, new: &str, old: &str| {
        let (unified, own) = groups_of(&groups, controller);
        let root = Path::new("/sys/fs/cgroup");
        let number = |path: &Path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let at = |folder: &Path, file: &str| {
            // The group's own file, or that of the root, which is the container's own group inside of one.
            number(&folder.join(file))
        };
        let below = |group: Option<&str>| group.unwrap_or("/").trim_start_matches('/').to_owned();
        at(&root.join(below(unified)), new)
            .or_else(|| at(root, new))
            .or_else(|| at(&root.join(controller).join(below(own)), old))
    };
    judge_limits(
        limit("memory", "memory.max", "memory.limit_in_bytes"),
        limit("pids", "pids.max", "pids.max"),
    )
}

/// The process's group in the unified hierarchy, and in a controller's own.
fn groups_of<'a>(groups: &'a str, controller: &str) -> (Option<&'a str>, Option<&'a str>) {
    let find = |wanted: &dyn Fn(&str) -> bool| {
        groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            wanted(controllers).then_some(path)
        })
    };
    (find(&str::is_empty), find(&|controllers| controllers.split(',').any(|name| name == controller)))
}

fn judge_limits(memory: Option<u64>, tasks: Option<u64>) -> Opinion {
    // Where nothing is limited, the old hierarchy says so by a number near the greatest.
    let memory = memory.filter(|&bytes| bytes < 1 << 60);
    let text = format!(
        "memory {}, processes and threads {}",
        memory.map_or("unlimited".to_owned(), |bytes| format!("{} MiB", bytes >> 20)),
        tasks.map_or("unlimited".to_owned(), |count| count.to_string())
    );
    let little = memory.is_some_and(|bytes| bytes < LITTLE_MEMORY);
    let few = tasks.is_some_and(|count| count < FEW_TASKS);
    match little || few {
        true => Opinion::Doubtful(format!(
            "{text}: little for checked programs, which take two to three times as much. Raise it"
        )),
        false => Opinion::Good(text),
    }
}

/// The kernel, and the one call of it that the runtime is faster with.
pub fn kernel() -> Opinion {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    // SAFETY: a query that touches no memory.
    let commands = unsafe { libc::syscall(libc::SYS_membarrier, 0, 0, 0) };
    let text = format!("Linux {}", release.trim());
    match commands >= 0 {
        true => Opinion::Good(format!("{text}, with membarrier")),
        false => Opinion::Doubtful(format!(
            "{text}, without membarrier (a sandbox may forbid it): all works, collections and forks are slower"
        )),
    }
}

/// The linker that rustc calls.
pub fn linker() -> Opinion {
    match first_line(Command::new("cc").arg("--version")) {
        Some(version) => Opinion::Good(format!("cc, {version}")),
        None => Opinion::Doubtful(
            "no `cc` in PATH: programs can only be linked if cargo's configuration names another linker. Install \
             gcc or clang"
                .to_owned(),
        ),
    }
}

/// Whether the C compiler can instrument.
pub fn c_compiler(folder: &Path) -> Opinion {
    let source = folder.join("probe.c");
    if fs::write(&source, "int x;\nvoid f(void) { x++; }\n").is_err() {
        return Opinion::Doubtful(format!("not tried: {} can't be written", source.display()));
    }
    let mut cc = Command::new("cc");
    cc.args(["-fsanitize=thread", "-c", "-o"]).arg(folder.join("probe.o")).arg(&source);
    match cc.stdin(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Opinion::Good("C of build scripts is instrumented".to_owned()),
        Ok(_) => Opinion::Doubtful(
            "cc does not know -fsanitize=thread: packages with C need `racecheck --rust-only …`, or CC set to gcc \
             or clang"
                .to_owned(),
        ),
        Err(_) => Opinion::Doubtful("no `cc` in PATH: packages with C can't be built".to_owned()),
    }
}

/// cargo-nextest, which `racecheck nextest` calls.
pub fn nextest() -> Opinion {
    match first_line(Command::new("cargo-nextest").args(["nextest", "--version"])) {
        Some(version) => Opinion::Good(version),
        None => Opinion::Good(
            "not installed, and needed by `racecheck nextest` only (`cargo install --locked cargo-nextest`)"
                .to_owned(),
        ),
    }
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_must_not_be_limited() {
        assert!(matches!(judge_address_space(Some(0), Some(32), None), Opinion::Good(_)));
        assert!(matches!(judge_address_space(None, None, None), Opinion::Good(_)));
        assert!(matches!(judge_address_space(Some(2), Some(32), None), Opinion::Bad(_)));
        assert!(matches!(judge_address_space(Some(0), Some(32), Some(8 << 30)), Opinion::Bad(_)));
        assert!(matches!(judge_address_space(Some(0), Some(40), None), Opinion::Doubtful(_)));
    }

    #[test]
    fn small_containers_are_told() {
        assert!(matches!(judge_limits(None, None), Opinion::Good(_)));
        assert!(matches!(judge_limits(Some(0x7fff_ffff_ffff_f000), Some(4096)), Opinion::Good(_)));
        assert!(matches!(judge_limits(Some(512 << 20), None), Opinion::Doubtful(_)));
        assert!(matches!(judge_limits(None, Some(64)), Opinion::Doubtful(_)));
    }

    #[test]
    fn control_groups_of_both_kinds_are_read() {
        let groups = "9:name=systemd:/\n4:cpu,memory:/box/a:b\n0::/unified\n";
        assert_eq!(groups_of(groups, "memory"), (Some("/unified"), Some("/box/a:b")));
        assert_eq!(groups_of("", "memory"), (None, None));
    }
}
