//! racecheck's own command line, from which its help comes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::focus::Focus;
use crate::instrument;
use crate::progress::Verbosity;

/// Commands of which all words are for cargo, rustc or the program.
const PASSING_ON: [&str; 6] = ["run", "build", "test", "nextest", "bench", "rustc"];

/// What the user asks for.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// How to build.
    pub manner: Manner,
    /// How reports are judged, shown and written.
    pub reports: ReportOptions,
    /// Words for cargo, rustc or the program.
    pub words: Vec<OsString>,
}

/// How to build, and how much to say about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Where plain accesses are looked at.
    pub focus: Focus,
    /// What happens to unoptimised code.
    pub debug: instrument::Debug,
    /// What happens to C and C++.
    pub c: instrument::CCode,
    /// How much racecheck says.
    pub verbosity: Verbosity,
}

impl Request {
    /// Splits the command line into what is racecheck's and what is passed on.
    ///
    /// The parser must not see the latter: it would take away a `--`, and `--help` for the program.
    pub fn parse(mut line: Vec<OsString>) -> Self {
        let command = place_of_command(&line);
        let passes_on = line.get(command).is_some_and(|word| PASSING_ON.iter().any(|name| word == name));
        let wants_help = line.get(command + 1).is_some_and(|word| word == "--help" || word == "-h");
        let mut words = if passes_on && !wants_help { line.split_off(command + 1) } else { Vec::new() };
        let own = take_report_options(&mut words, line.get(command).is_some_and(|word| word == "run"));
        line.splice(1..1, own);
        let options = Options::parse_from(line);
        options.color.choice().write_global();
        Request { manner: options.manner(), command: options.command, reports: options.reports, words }
    }
}

/// The definition of the command line, for completions and man pages.
pub fn definition() -> clap::Command {
    Options::command()
}

/// The options about reports that have a value. None of cargo's and its subcommands' is called so.
const REPORT_OPTIONS: [&str; 5] = ["--format", "--output", "--suppressions", "--baseline", "--memory-limit"];

/// Where on the line the command stands: behind racecheck's own options and their values.
fn place_of_command(line: &[OsString]) -> usize {
    let mut at = 1;
    while let Some(word) =
        line.get(at).map(|word| word.to_string_lossy()).filter(|word| word.starts_with('-'))
    {
        at += if REPORT_OPTIONS.contains(&&*word) || word == "--focus" { 2 } else { 1 };
    }
    at
}

/// Takes the options about reports out of words that are for others: people write them behind the command
/// as well. What stands after `--` is the program's, and for `run` what stands after its name.
fn take_report_options(words: &mut Vec<OsString>, runs_a_program: bool) -> Vec<OsString> {
    let mut taken = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let text = word.to_string_lossy();
        let is_program = runs_a_program && ((at == 0 && !text.starts_with('-')) || text.ends_with(".rs"));
        if text == "--" || is_program {
            break;
        }
        let name = text.split_once('=').map_or(&*text, |(name, _)| name);
        let own = match REPORT_OPTIONS.contains(&name) {
            true if name.len() < text.len() => 1,
            true => 2,
            false => usize::from(text == "--stats"),
        };
        if own > 0 {
            taken.extend(words.drain(at..words.len().min(at + own)));
        } else {
            at += 1;
        }
    }
    taken
}

/// Find data races in unchanged Rust programs, on stable.
#[derive(Debug, Parser)]
#[command(
    name = "racecheck",
    bin_name = "racecheck",
    version,
    about,
    long_about = "Find data races in unchanged Rust programs, on stable.\n\n\
        racecheck builds a program with a race detector inside and runs it. A data race is two accesses \
        to the same memory by two threads, at least one of them a write and at least one not atomic, \
        that nothing orders. Every report shows such a pair that really ran, with both stacks.",
    disable_help_subcommand = false,
    after_help = "Examples:\n  \
        racecheck test                         test the package here, as `cargo test` does\n  \
        racecheck run --release -- --port 80   build and run a program, as `cargo run` does\n  \
        racecheck run main.rs                  compile and run one file\n  \
        racecheck run ./target/racecheck/x86_64-unknown-linux-gnu/debug/server\n  \
        racecheck +nightly test                with another toolchain, as `cargo +nightly test`\n\n\
        The exit status is the program's own if it is not 0, and 66 if a race was reported.\n\
        `racecheck COMMAND --help` tells more about each command.",
    after_long_help = after_long_help()
)]
struct Options {
    /// Optimise debug builds a little before they are instrumented: they run 2 to 5 times faster, but accesses
    /// that the optimiser finds useless are not seen. Give it before the command
    #[arg(long)]
    opt_first: bool,
    /// Look at plain accesses in these crates only (with commas between them; `workspace` stands for those that are not
    /// from a registry): the rest runs at nearly native speed. What synchronises is seen everywhere, so no report
    /// becomes false. Give it before the command
    #[arg(long, value_name = "CRATES")]
    focus: Option<String>,
    /// Leave C and C++ that build scripts compile as they are: their accesses are not seen then. Give it before the
    /// command
    #[arg(long)]
    rust_only: bool,
    /// Say nothing about racecheck's own work. Reports and errors stay
    #[arg(short, long)]
    quiet: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, require_equals = true)]
    color: ColorWhen,
    #[command(flatten)]
    reports: ReportOptions,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

impl Options {
    fn manner(&self) -> Manner {
        Manner {
            focus: self.focus.as_deref().map(Focus::on).unwrap_or_default(),
            debug: if self.opt_first { instrument::Debug::OptimisedFirst } else { instrument::Debug::AsItIs },
            c: if self.rust_only { instrument::CCode::AsItIs } else { instrument::CCode::Instrumented },
            verbosity: if self.quiet { Verbosity::Quiet } else { Verbosity::Normal },
        }
    }
}

/// When to use colour, in cargo's words.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

impl ColorWhen {
    fn choice(self) -> anstream::ColorChoice {
        match self {
            ColorWhen::Auto => anstream::ColorChoice::Auto,
            ColorWhen::Always => anstream::ColorChoice::Always,
            ColorWhen::Never => anstream::ColorChoice::Never,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build (if need be) and run a program, and report its races
    #[command(
        override_usage = "racecheck run PROGRAM [ARGS]...\n       \
            racecheck run [RUSTC OPTIONS] FILE.rs [ARGS]...\n       \
            racecheck run [CARGO OPTIONS] [-- ARGS]...",
        after_help = "Examples:\n  \
            racecheck run                            the package's program, as `cargo run`\n  \
            racecheck run --example echo -- 8080     an example, with an argument\n  \
            racecheck run main.rs 8080               a single file, as `rustc main.rs && ./main 8080`\n  \
            racecheck run -O --edition 2024 main.rs  with options for rustc before the file\n  \
            racecheck run ./server 8080              a program built by `racecheck build`\n\n\
            A word that comes first and is no option is always a file: arguments of a package's program \
            come after `--`."
    )]
    Run,
    /// Build a package with the detector inside, as `cargo build`
    #[command(
        override_usage = "racecheck build [CARGO OPTIONS]...",
        after_help = "Examples:\n  \
            racecheck build --workspace --tests\n  \
            racecheck build --release --bin server && racecheck run \
            target/racecheck/x86_64-unknown-linux-gnu/release/server\n\n\
            Programs are put into target/racecheck, beside ordinary builds. They report races by \
            themselves when they are started without racecheck, too."
    )]
    Build,
    /// Run tests, doctests included, and report their races, as `cargo test`
    #[command(
        override_usage = "racecheck test [CARGO OPTIONS]... [TESTNAME] [-- TEST OPTIONS]...",
        after_help = "Examples:\n  \
            racecheck test --workspace\n  \
            racecheck test -p queue --test stress -- --nocapture\n  \
            racecheck test --doc"
    )]
    Test,
    /// Run tests by cargo-nextest, each in a process of its own, and report their races
    #[command(
        override_usage = "racecheck nextest run [NEXTEST OPTIONS]...\n       \
            racecheck nextest list|archive [NEXTEST OPTIONS]...",
        after_help = "Examples:\n  \
            racecheck nextest run --workspace --retries 2\n  \
            racecheck nextest run --partition count:1/4\n  \
            racecheck nextest archive --archive-file tests.tar.zst\n  \
            racecheck nextest run --archive-file tests.tar.zst --partition count:1/4\n\n\
            It needs cargo-nextest: `cargo install --locked cargo-nextest`. A test in which a race is seen \
            fails; one that passes at a retry has raced all the same, and the status says so."
    )]
    Nextest,
    /// Run benchmarks and report their races, as `cargo bench`
    #[command(override_usage = "racecheck bench [CARGO OPTIONS]... [BENCHNAME] [-- BENCH OPTIONS]...")]
    Bench,
    /// Compile one crate with the detector inside, as `rustc`
    #[command(
        override_usage = "racecheck rustc [RUSTC OPTIONS] FILE.rs",
        after_help = "Example:\n  racecheck rustc -O main.rs && ./main"
    )]
    Rustc,
    /// Print what to set so that plain cargo builds with the detector inside
    #[command(after_help = "Example:\n  \
        eval \"$(racecheck env)\" && cargo build --tests\n\n\
        The folder is that of the package here. Programs built like this print their reports themselves.")]
    Env(EnvOptions),
    /// Remove what racecheck keeps: instrumented standard libraries and its own runtime
    #[command(after_help = "Builds are cargo's: `rm -r target/racecheck` removes those.")]
    Clean(CleanOptions),
    /// Check whether racecheck can work here, and say what to do if not
    Doctor,
    /// Convert, join and compare files of reports, and write baselines
    #[command(subcommand)]
    Report(ReportCommand),
    /// Explain a code such as RC0001: what it is, an example, and how it is repaired
    #[command(after_help = "Without a code: the list of codes.")]
    Explain {
        /// The code
        code: Option<String>,
    },
    /// Show what was dropped, what ran without instrumentation, and what memory it took
    #[command(after_help = "Example:\n  \
        racecheck test --stats --output races.jsonl; racecheck stats races.jsonl")]
    Stats {
        /// Files of findings, as `--output FILE.jsonl` writes them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print completions for a shell
    #[command(after_help = "Examples:\n  \
        racecheck completions bash > ~/.local/share/bash-completion/completions/racecheck\n  \
        racecheck completions fish > ~/.config/fish/completions/racecheck.fish")]
    Completions(CompletionOptions),
    /// Print the manual, or write its pages to a folder
    #[command(after_help = "Examples:\n  racecheck man | man -l -\n  racecheck man ~/.local/share/man/man1")]
    Man(ManOptions),
}

/// What to do with files of reports.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Show reports, or write them in other formats
    #[command(after_help = "Examples:\n  \
        racecheck report convert races.jsonl --format pretty\n  \
        racecheck report convert races.jsonl --output races.sarif --output races.html")]
    Convert {
        /// Files of findings; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        /// How they are judged, shown and written.
        reports: ReportOptions,
    },
    /// Write a baseline: these races are known, and later runs with `--baseline` fail on new ones only
    #[command(after_help = "Example:\n  \
        racecheck test --output races.jsonl; racecheck report baseline races.jsonl --output .racecheck/baseline")]
    Baseline {
        /// Files of findings; `-` is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The baseline; standard output without
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Join the files of many shards: every race once, with how often which shard found it
    #[command(after_help = "Example:\n  \
        racecheck report merge shard-*.jsonl --output all.jsonl")]
    Merge {
        /// Files of findings, or folders with such files (*.jsonl)
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The joined file; standard output without
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Say which races are new in one file, and which are gone. Status 1 if there are new ones
    Diff {
        /// The earlier findings
        before: PathBuf,
        /// The later ones
        after: PathBuf,
    },
}

/// How reports are judged, shown and written. To be given before the command or behind it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Reports")]
pub struct ReportOptions {
    /// Show reports as text, pretty, json or github; with =FILE, write a file: those, sarif, junit, html
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub format: Vec<String>,
    /// Write a file, in the format that its ending tells (.jsonl, .sarif, .xml, .html, .txt)
    #[arg(long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
    /// Suppress reports by the rules in a file (.racecheck/suppressions is used without being named)
    #[arg(long, value_name = "FILE")]
    pub suppressions: Vec<PathBuf>,
    /// Fail on races only that are not in this baseline
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Say at the end what memory the detector took, and count its shadow memory for it
    #[arg(long)]
    pub stats: bool,
    /// Ceiling for the detector's own memory in each process; what is dropped to keep it is told at the end
    #[arg(long, value_name = "MIB")]
    pub memory_limit: Option<u64>,
}

/// Options of `racecheck clean`.
#[derive(Debug, Args)]
pub struct CleanOptions {
    /// Remove only what was not used for so long: a number and `m`, `h`, `d` or `w` (30d)
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub older_than: Option<Duration>,
}

/// Options of `racecheck completions`.
#[derive(Debug, Args)]
pub struct CompletionOptions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Options of `racecheck man`.
#[derive(Debug, Args)]
pub struct ManOptions {
    /// Where to write a page for racecheck and one for each command
    pub folder: Option<PathBuf>,
}

/// A length of time as people write it.
fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 4] = [('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
    let expected = || "a number and a unit: 90m, 12h, 30d, 4w".to_owned();
    let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit)).ok_or_else(expected)?;
    let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| expected())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(expected)
}

/// Options of `racecheck env`.
#[derive(Debug, Args)]
pub struct EnvOptions {
    /// Path to the Cargo.toml of the package to build
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<OsString>,
}

/// What `--help` tells at its end.
fn after_long_help() -> String {
    let mut help = "Examples:\n  \
        racecheck test                         test the package here, as `cargo test` does\n  \
        racecheck run --release -- --port 80   build and run a program, as `cargo run` does\n  \
        racecheck run main.rs                  compile and run one file\n  \
        racecheck run ./target/racecheck/x86_64-unknown-linux-gnu/debug/server\n  \
        racecheck +nightly test                with another toolchain, as `cargo +nightly test`\n\n\
        Exit status:\n  \
        the program's own, if it is not 0\n  \
        66   a race was reported (`exitcode` in RACECHECK_OPTIONS)\n  \
        2    racecheck could not do its work\n  \
        0    the program ended well, and no race was seen in this run\n\n\
        Environment:\n  \
        RACECHECK_OPTIONS  how the detector behaves, see below\n  \
        RACECHECK_CACHE    folder for instrumented standard libraries (~/.cache/racecheck)\n  \
        NO_COLOR           no colour in reports\n\n"
        .to_owned();
    // Writing to a string never fails.
    let _ = racecheck_report::options::Options::write_help(&mut help);
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_definition_holds_together() {
        Options::command().debug_assert();
        for command in PASSING_ON {
            assert!(Options::command().find_subcommand(command).is_some(), "{command}");
        }
    }

    #[test]
    fn what_is_passed_on_is_not_touched() {
        let request = Request::parse(words("racecheck run -- --help -- x"));
        assert!(matches!(request.command, Command::Run));
        assert_eq!(request.words, words("-- --help -- x"));
        let request = Request::parse(words("racecheck --opt-first test --opt-first -- --nocapture"));
        assert_eq!(request.manner.debug, instrument::Debug::OptimisedFirst);
        assert_eq!(request.words, words("--opt-first -- --nocapture"));
    }

    #[test]
    fn options_about_reports_may_stand_behind_the_command() {
        let line = "racecheck --baseline b test --format sarif=x.sarif -p q --output=y.html --stats -- --format json";
        let request = Request::parse(words(line));
        assert_eq!(request.reports.format, ["sarif=x.sarif"]);
        assert_eq!(request.reports.output, [PathBuf::from("y.html")]);
        assert_eq!(request.reports.baseline, Some("b".into()));
        assert!(request.reports.stats);
        assert_eq!(request.words, words("-p q -- --format json"));
    }

    #[test]
    fn a_program_keeps_its_own_options() {
        for program in ["./server --format x", "-O --edition 2024 a.rs --format x"] {
            let request = Request::parse(words(&format!("racecheck run --format pretty {program}")));
            assert_eq!(request.reports.format, ["pretty"]);
            assert_eq!(request.words, words(program));
        }
    }

    #[test]
    fn a_length_of_time_has_a_unit() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(age("0h"), Ok(Duration::ZERO));
        for wrong in ["", "30", "d", "-1d", "1.5h", "99999999999999999999w", "99999999999999999w"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_commands_are_parsed() {
        let request = Request::parse(words("racecheck env --manifest-path a/Cargo.toml"));
        assert!(matches!(request.command, Command::Env(EnvOptions { manifest_path: Some(_) })));
        assert!(request.words.is_empty());
        assert_eq!(request.manner.debug, instrument::Debug::AsItIs);
    }
}
