//! Names addresses of a file, and says what that took: `symbolize FILE [ADDRESS…]`.
//!
//! Without addresses it names an address of every thousandth function of the symbol table.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use object::{Object, ObjectSymbol, SymbolKind};
use racecheck_report::symbols::{Limits, ModuleAddress, Symbolizer};

struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator; only sizes are counted on the way.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(used, Ordering::Relaxed);
        // SAFETY: the caller's obligations are the same as the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block came from `alloc` above, thus from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: symbolize FILE [ADDRESS…]")?;
    let addresses = arguments
        .map(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16))
        .collect::<Result<Vec<_>, _>>()?;
    let file = std::fs::read(&path)?;
    let sampled = addresses.is_empty();
    let addresses = if sampled { sample(&file)? } else { addresses };
    let before = USED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);

    let start = Instant::now();
    let mut symbolizer = Symbolizer::new(&file, Limits::default())?;
    let mut first = None;
    let mut frames = 0;
    let mut with_line = 0;
    let mut slowest = std::time::Duration::ZERO;
    for &address in &addresses {
        let this = Instant::now();
        let found = symbolizer.frames(ModuleAddress(address), None);
        if first.get_or_insert_with(|| start.elapsed()) != &this.elapsed() && frames > 0 {
            slowest = slowest.max(this.elapsed());
        }
        frames += found.len();
        with_line += usize::from(found[0].line != 0);
        if !sampled {
            for frame in found {
                let name = frame.function.as_deref().unwrap_or("??");
                let file = frame.file.as_deref().unwrap_or("??");
                let inlined = if frame.inlined { " (inlined)" } else { "" };
                println!("{address:#x} {name}{inlined}\n    {file}:{}:{}", frame.line, frame.column);
            }
            println!("    {:?}", symbolizer.global_at(ModuleAddress(address)));
        }
    }
    println!(
        "{} addresses, {with_line} with a line, {frames} frames: first {:?}, slowest other {slowest:?}, all {:?}; peak {} KiB",
        addresses.len(),
        first.unwrap_or_default(),
        start.elapsed(),
        (PEAK.load(Ordering::Relaxed) - before) >> 10,
    );
    Ok(())
}

fn sample(file: &[u8]) -> Result<Vec<u64>, Box<dyn Error>> {
    let elf = object::read::elf::ElfFile64::<object::LittleEndian>::parse(file)?;
    let functions = elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 8);
    Ok(functions.step_by(1000).map(|symbol| symbol.address() + symbol.size() / 2).collect())
}
