//! The symboliser against what rustc really writes: a small program is compiled in each of the forms
//! that debug info takes, and each must give the same functions, lines and inlined calls.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object, ObjectSymbol};
use racecheck_report::Frame;
use racecheck_report::symbols::{ElfError, Limits, ModuleAddress, Symbolizer};

const SOURCE: &str = r#"
use std::cell::Cell;
use std::hint::black_box;

pub static COUNTER: [u64; 4] = [1, 2, 3, 4];
thread_local! { static LOCAL: Cell<u64> = const { Cell::new(7) }; }

#[inline(always)]
fn innermost(x: u64) -> u64 {
    black_box(x).wrapping_mul(black_box(3)) // innermost-line
}

#[inline(always)]
fn middle(x: u64) -> u64 {
    innermost(x) // middle-line
}

#[inline(never)]
fn outer(x: u64) -> u64 {
    let value = middle(x); // outer-line
    black_box(value)
}

struct Wrapper<T>(T);

trait Act {
    fn act(&self) -> u64;
}

impl<T: Copy + Into<u64>> Act for Wrapper<T> {
    #[inline(never)]
    fn act(&self) -> u64 {
        outer(self.0.into()) // method-line
    }
}

fn main() {
    let closure = |x: u64| black_box(x) + LOCAL.with(|local| local.get()); // closure-line
    let closure: &dyn Fn(u64) -> u64 = black_box(&closure);
    let sum = closure(black_box(5)) + Wrapper(black_box(4u32)).act() + COUNTER[black_box(1)];
    println!("{sum}");
}
"#;

/// A program that was compiled for a test.
struct Program {
    directory: PathBuf,
    file: Vec<u8>,
}

impl Program {
    fn compile(name: &str, options: &[&str]) -> Self {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(directory.join("src")).unwrap();
        fs::write(directory.join("src/tiny.rs"), SOURCE).unwrap();
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(rustc)
            .current_dir(&directory)
            .args(["--edition=2021", "src/tiny.rs", "-o", "tiny"])
            .args(options)
            .output()
            .expect("rustc can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = fs::read(directory.join("tiny")).unwrap();
        Program { directory, file }
    }

    fn symbolizer(&self) -> Symbolizer<'_> {
        Symbolizer::new(&self.file, Limits::default()).unwrap()
    }

    /// The frames at each address of the functions with this name.
    fn stacks_of(&self, name: &str) -> Vec<Vec<Frame>> {
        let elf = object::File::parse(&*self.file).unwrap();
        let mut symbolizer = self.symbolizer();
        let mut stacks = Vec::new();
        for symbol in elf.symbols().filter(|symbol| symbol.size() > 0) {
            let is_it = format!("{:#}", rustc_demangle::demangle(symbol.name().unwrap())) == name;
            for offset in (0..symbol.size()).filter(|_| is_it) {
                stacks.push(symbolizer.frames(ModuleAddress(symbol.address() + offset), Some("tiny")));
            }
        }
        stacks.dedup();
        assert!(!stacks.is_empty(), "no function {name}");
        stacks
    }

    fn assert_has_lines(&self) {
        self.assert_has_lines_of(["tiny::innermost", "tiny::middle"]);
    }

    /// `inlined`: the names of the inlined functions.
    fn assert_has_lines_of(&self, inlined: [&str; 2]) {
        let source = self.directory.join("src/tiny.rs");
        let stacks = self.stacks_of("tiny::outer");
        let expected = [
            (inlined[0], "innermost-line", true),
            (inlined[1], "middle-line", true),
            ("tiny::outer", "outer-line", false),
        ];
        let ends_so = |stack: &&Vec<Frame>| {
            let own = &stack[stack.len().saturating_sub(expected.len())..];
            own.len() == expected.len()
                && own.iter().zip(expected).all(|(frame, (function, marker, inlined))| {
                    frame.function.as_deref() == Some(function)
                        && frame.line == line_of(marker)
                        && frame.column > 0
                        && frame.inlined == inlined
                        && frame.file.as_deref().map(Path::new) == Some(&source)
                        && frame.module.as_deref() == Some("tiny")
                })
        };
        assert!(stacks.iter().any(|stack| ends_so(&stack)), "{stacks:#?}");
        for stack in &stacks {
            let (outermost, inlined) = stack.split_last().unwrap();
            assert_eq!(outermost.function.as_deref(), Some("tiny::outer"));
            assert!(!outermost.inlined && inlined.iter().all(|frame| frame.inlined), "{stack:#?}");
        }
        let method = self.stacks_of("<tiny::Wrapper<T> as tiny::Act>::act");
        assert!(method.iter().any(|stack| stack.iter().any(|frame| frame.line == line_of("method-line"))));
    }
}

fn line_of(marker: &str) -> u32 {
    1 + SOURCE.lines().position(|line| line.ends_with(&format!("// {marker}"))).unwrap() as u32
}

#[test]
fn debug_build() {
    let program = Program::compile("debug", &["-g"]);
    program.assert_has_lines();
    let closures = program.stacks_of("tiny::main::{{closure}}");
    assert!(
        closures.iter().flatten().any(|frame| {
            frame.function.as_deref() == Some("tiny::main::{closure#0}")
                && frame.line == line_of("closure-line")
        }),
        "{closures:#?}"
    );
}

#[test]
fn optimised_build() {
    Program::compile("optimised", &["-g", "-O"]).assert_has_lines();
}

#[test]
fn newer_mangling() {
    let program = Program::compile("v0", &["-g", "-O", "-C", "symbol-mangling-version=v0"]);
    let mut names: Vec<_> = program.stacks_of("tiny::outer").into_iter().flatten().collect();
    names.retain(|frame| frame.function.as_deref() == Some("tiny::middle"));
    assert!(!names.is_empty());
}

#[test]
fn dwarf_5() {
    Program::compile("dwarf5", &["-g", "-O", "-C", "dwarf-version=5"]).assert_has_lines();
}

#[test]
fn lines_only() {
    // Such debug info has no paths, and inlined functions are in no symbol table.
    Program::compile("lines", &["-C", "debuginfo=line-tables-only", "-O"])
        .assert_has_lines_of(["innermost", "middle"]);
}

#[test]
fn link_time_optimised() {
    Program::compile("lto", &["-g", "-O", "-C", "lto=fat"]).assert_has_lines();
}

#[test]
fn compressed_sections() {
    let options = ["-g", "-C", "link-arg=-Wl,--compress-debug-sections=zlib"];
    let program = Program::compile("compressed", &options);
    program.assert_has_lines();
    // Without room for them it is as if they were not there.
    let limits = Limits { decompressed: 1 << 10, ..Limits::default() };
    assert!(!Symbolizer::new(&program.file, limits).unwrap().has_debug_info());
}

#[test]
fn a_tiny_cache_changes_nothing() {
    let program = Program::compile("cache", &["-g"]);
    let addresses: Vec<_> = object::File::parse(&*program.file)
        .unwrap()
        .symbols()
        .filter(|symbol| symbol.size() > 4)
        .step_by(7)
        .map(|symbol| ModuleAddress(symbol.address() + symbol.size() / 2))
        .collect();
    let mut usual = program.symbolizer();
    let mut tiny = Symbolizer::new(&program.file, Limits { units: 0, ..Limits::default() }).unwrap();
    for address in addresses {
        assert_eq!(usual.frames(address, None), tiny.frames(address, None));
    }
}

#[test]
fn without_debug_info_the_symbol_table_has_the_name() {
    let program = Program::compile("names", &["-C", "strip=debuginfo"]);
    let frame = program.stacks_of("tiny::outer").concat().remove(0);
    assert_eq!(frame.function.as_deref(), Some("tiny::outer"));
    assert_eq!((frame.file, frame.line), (None, 0));
}

#[test]
fn debug_info_that_lies_elsewhere_leaves_name_or_line() {
    let program = Program::compile("split", &["-g", "-C", "split-debuginfo=unpacked"]);
    let frame = program.stacks_of("tiny::outer").concat().remove(0);
    assert_eq!(frame.function.as_deref(), Some("tiny::outer"));
}

#[test]
fn a_stripped_file_leaves_the_address() {
    let whole = Program::compile("whole", &["-g"]);
    let stripped = Program::compile("stripped", &["-C", "strip=symbols"]);
    let elf = object::File::parse(&*whole.file).unwrap();
    let address = elf.symbols().find(|symbol| symbol.name().unwrap().contains("outer")).unwrap().address();
    let frames = stripped.symbolizer().frames(ModuleAddress(address), Some("/bin/tiny"));
    let expected = Frame { module: Some("/bin/tiny".into()), offset: address, ..Frame::default() };
    assert_eq!(frames, [expected]);
}

#[test]
fn variables_have_names() {
    let program = Program::compile("variables", &["-g"]);
    let symbolizer = program.symbolizer();
    let elf = object::File::parse(&*program.file).unwrap();
    let address_of = |part: &str| {
        let symbol = elf.symbols().find(|symbol| symbol.name().is_ok_and(|name| name.contains(part)));
        symbol.unwrap().address()
    };
    let counter = symbolizer.global_at(ModuleAddress(address_of("COUNTER") + 8)).unwrap();
    assert_eq!((counter.name.as_str(), counter.size), ("tiny::COUNTER", 32));
    assert_eq!(counter.address, ModuleAddress(address_of("COUNTER")));

    let tls = symbolizer.tls_segment().unwrap();
    assert!(tls.size >= tls.template_size);
    let offset = elf
        .symbols()
        .find(|symbol| {
            symbol.name().is_ok_and(|name| name.contains("5LOCAL") && name.contains("STD_INTERNAL"))
        })
        .unwrap()
        .address();
    assert_eq!(symbolizer.thread_local_at(offset).unwrap().name, "tiny::LOCAL");
}

#[test]
fn what_is_no_elf_file_is_said() {
    let new = |bytes: &'static [u8]| Symbolizer::new(bytes, Limits::default()).err();
    assert_eq!(new(b""), Some(ElfError::NotElf));
    assert_eq!(new(b"#!/bin/sh\n"), Some(ElfError::NotElf));
    assert_eq!(new(b"\x7fELF\x01\x01"), Some(ElfError::NotElf64LittleEndian));
    assert!(matches!(new(b"\x7fELF\x02\x01\x01"), Some(ElfError::Broken { .. })));
}

/// Damage of every kind gives less, but never a panic and never a hang.
#[test]
fn broken_files_do_no_harm() {
    let program = Program::compile("broken", &["-g", "-O"]);
    let elf = object::File::parse(&*program.file).unwrap();
    let addresses: Vec<_> = elf
        .symbols()
        .filter(|symbol| symbol.size() > 4)
        .step_by(40)
        .map(|symbol| ModuleAddress(symbol.address() + 3))
        .collect();
    // A linear congruential generator: the same damage each time (constants of Knuth's MMIX).
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let debug: Vec<_> = [".debug_info", ".debug_abbrev", ".debug_line", ".debug_ranges", ".debug_aranges"]
        .into_iter()
        .filter_map(|name| object::ObjectSection::file_range(&elf.section_by_name(name)?))
        .collect();
    for round in 0..60 {
        let mut file = program.file.clone();
        if round % 10 == 0 {
            file.truncate(random(file.len()));
        }
        for _ in 0..200 {
            let (begin, size) = match round % 10 {
                0 | 1 => (0, 1000),
                _ => debug[random(debug.len())],
            };
            let at = begin as usize + random(size as usize);
            if let Some(byte) = file.get_mut(at) {
                *byte = random(256) as u8;
            }
        }
        if let Ok(mut symbolizer) = Symbolizer::new(&file, Limits::default()) {
            for &address in &addresses {
                assert!(!symbolizer.frames(address, None).is_empty());
                symbolizer.global_at(address);
            }
        }
    }
}
