//! What the process says of itself at its end: what was not seen, what was given up, what it took.
//!
//! A module is instrumented if one of its constructors called `__tsan_init`; every crate of an instrumented program
//! has such a constructor, so that the calls are many and the places few. Those are kept in a small table without
//! locks; if it is full, nothing is said of modules rather than something wrong.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use racecheck_engine::Stats;
use racecheck_report::model::{Lost, MemoryUse, Process, ProcessNote, SCHEMA_VERSION};

use crate::modules::{Module, ModuleKind, Modules, read_whole};
use crate::runtime::Runtime;
use crate::shadow::{HIGHEST, LOWEST};
use crate::sys::process;

/// So many places in instrumented modules can be kept.
const PLACES: usize = 512;

/// Constructors this near to each other are of one module: none that has a standard library in it is smaller.
const NEAR_BITS: u32 = 16;

/// One instruction of each part of an instrumented module; 0 where nothing is kept yet.
static INSTRUMENTED: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];

/// A constructor at `pc` has called the runtime.
pub fn instrumented(pc: u64) {
    for place in &INSTRUMENTED {
        let known = match place.load(Ordering::Relaxed) {
            // Whoever came first has kept its own.
            0 => place.compare_exchange(0, pc, Ordering::Relaxed, Ordering::Relaxed).err().unwrap_or(pc),
            known => known,
        };
        if known >> NEAR_BITS == pc >> NEAR_BITS {
            return;
        }
    }
}

/// The note of this process.
pub fn note(runtime: &Runtime, modules: &mut Modules, program: String, untold: u64) -> ProcessNote {
    let Stats { lost_epochs, lost_sets, lost_history, lost_contexts, .. } = runtime.engine.stats();
    ProcessNote {
        schema: SCHEMA_VERSION,
        pid: process::process_id().0,
        program,
        process: Process {
            uninstrumented: uninstrumented(modules),
            lost: Lost {
                epochs: lost_epochs,
                read_sets: lost_sets,
                contexts: lost_contexts,
                reports: untold,
                history: lost_history,
            },
            memory: MemoryUse {
                peak: peak().unwrap_or(0),
                tables: tables(),
                shadow: runtime.options.stats.then(shadow).flatten(),
                limit: runtime.ceiling.limit(),
                above_limit: runtime.ceiling.exceeded(),
            },
        },
    }
}

/// Paths of the modules whose code told the runtime nothing.
fn uninstrumented(modules: &mut Modules) -> Vec<String> {
    let places: Vec<u64> =
        INSTRUMENTED.iter().map(|place| place.load(Ordering::Relaxed)).filter(|&pc| pc != 0).collect();
    if places.len() == PLACES || modules.refresh().is_err() {
        return Vec::new();
    }
    let known: BTreeSet<_> = places.iter().filter_map(|&pc| Some(modules.find(pc as usize)?.id)).collect();
    let unseen = modules.iter().filter(|(id, module)| {
        module.kind() == ModuleKind::Library && !known.contains(id) && !is_of_the_system(module)
    });
    unseen.map(|(_, module)| module.display_path()).collect()
}

/// The C library and its kin: what they do for the program is told by interceptors, or is none of its business.
fn is_of_the_system(module: &Module) -> bool {
    const NAMES: [&[u8]; 9] = [
        b"libc.so",
        b"libm.so",
        b"libpthread.so",
        b"libdl.so",
        b"librt.so",
        b"libutil.so",
        b"libresolv.so",
        b"libgcc_s.so",
        b"ld-linux-x86-64.so",
    ];
    let name = module.path().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    NAMES.iter().any(|system| name.starts_with(system)) || name.starts_with(b"libnss_")
}

/// The most memory that the process had.
fn peak() -> Option<u64> {
    let status = read_whole(c"/proc/self/status").ok()?;
    kilobytes(core::str::from_utf8(&status).ok()?, "VmHWM:")
}

/// What the runtime's own objects take.
fn tables() -> Option<u64> {
    #[cfg(feature = "packed")]
    return Some(crate::packed::ALLOCATOR.bytes_in_use() as u64);
    // The tests' allocator is the standard library's.
    #[cfg(not(feature = "packed"))]
    None
}

/// What the shadow's words take. The kernel goes through all of their pages to count.
fn shadow() -> Option<u64> {
    let maps = read_whole(c"/proc/self/smaps").ok()?;
    let text = String::from_utf8_lossy(&maps);
    let mut sum = 0;
    let mut is_shadow = false;
    for line in text.lines() {
        match line.split_once('-').and_then(|(start, _)| u64::from_str_radix(start, 16).ok()) {
            Some(start) => is_shadow = (LOWEST..HIGHEST).contains(&start),
            None if is_shadow => sum += kilobytes(line, "Rss:").unwrap_or(0),
            None => {}
        }
    }
    Some(sum)
}

/// The value of a line `NAME   1234 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_kept_once() {
        let count = || INSTRUMENTED.iter().filter(|place| place.load(Ordering::Relaxed) != 0).count();
        let before = count();
        for pc in [0x5000_0010, 0x5000_0020, 0x7000_0000, 0x5000_0030] {
            instrumented(pc);
        }
        assert_eq!(count(), before + 2);
    }

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        assert_eq!(kilobytes("VmPeak:\t 20 kB\nVmHWM:\t    12 kB\n", "VmHWM:"), Some(12 << 10));
        assert!(peak().unwrap() > 100 << 10);
    }
}
