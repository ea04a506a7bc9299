//! What processes could not see, summed up.

use std::collections::{BTreeMap, BTreeSet};

use racecheck_report::model::{Lost, MemoryUse, Process, ProcessNote, SCHEMA_VERSION};

/// The sum of what the processes of a run said at their ends. Bounded by the number of programs and
/// modules, not of processes.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    programs: BTreeMap<String, Sum>,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    processes: u64,
    uninstrumented: BTreeSet<String>,
    lost: Lost,
    /// The most that any process took.
    memory: MemoryUse,
}

impl Notes {
    /// Adds what one process said.
    pub fn add(&mut self, note: ProcessNote) {
        let Process { uninstrumented, lost, memory } = note.process;
        let sum = self.programs.entry(note.program).or_default();
        sum.processes += 1;
        sum.uninstrumented.extend(uninstrumented);
        sum.lost.epochs += lost.epochs;
        sum.lost.read_sets += lost.read_sets;
        sum.lost.contexts += lost.contexts;
        sum.lost.reports += lost.reports;
        sum.lost.history += lost.history;
        sum.memory.peak = sum.memory.peak.max(memory.peak);
        sum.memory.tables = sum.memory.tables.max(memory.tables);
        sum.memory.shadow = sum.memory.shadow.max(memory.shadow);
        sum.memory.limit = sum.memory.limit.max(memory.limit);
        sum.memory.above_limit = sum.memory.above_limit.max(memory.above_limit);
    }

    /// One note for each program, for a file that joins others.
    pub fn joined(&self) -> impl Iterator<Item = ProcessNote> {
        self.programs.iter().map(|(program, sum)| ProcessNote {
            schema: SCHEMA_VERSION,
            pid: 0,
            program: program.clone(),
            process: Process {
                uninstrumented: sum.uninstrumented.iter().cloned().collect(),
                lost: sum.lost,
                memory: sum.memory,
            },
        })
    }

    /// What a user should know after every run, a line each: what silence does not mean.
    pub fn warnings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let modules: BTreeSet<&str> =
            self.programs.values().flat_map(|sum| &sum.uninstrumented).map(|path| file_name(path)).collect();
        if !modules.is_empty() {
            let modules: Vec<_> = modules.into_iter().collect();
            lines.push(format!("ran without instrumentation, so not seen inside: {}", modules.join(", ")));
        }
        let mut lost = Lost::default();
        for sum in self.programs.values() {
            lost.epochs += sum.lost.epochs;
            lost.read_sets += sum.lost.read_sets;
            lost.contexts += sum.lost.contexts;
            lost.reports += sum.lost.reports;
            lost.history += sum.lost.history;
        }
        for (count, what) in [
            (lost.epochs + lost.read_sets, "time(s) numbers ran out: races may have been missed"),
            (
                lost.history,
                "piece(s) of 8 bytes lost their history at the memory limit: races with those accesses are missed",
            ),
            (lost.contexts, "calling context(s) found no room: stacks may be missing"),
            (lost.reports, "report(s) could not be sent here: they are on the program's standard error"),
        ] {
            if count > 0 {
                lines.push(format!("{count} {what}"));
            }
        }
        for (program, sum) in &self.programs {
            if let (Some(limit), Some(above)) = (sum.memory.limit, sum.memory.above_limit) {
                lines.push(format!(
                    "{}: the memory limit of {} could not be kept: {} were needed for what cannot be dropped",
                    file_name(program),
                    mib(limit),
                    mib(above)
                ));
            }
        }
        lines
    }

    /// What `racecheck stats` shows.
    pub fn table(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (program, sum) in &self.programs {
            lines.push(format!("{program}: {} process(es)", sum.processes));
            let MemoryUse { peak, tables, shadow, limit, above_limit } = sum.memory;
            let mut line = format!("  memory: {} at most, the program's own included", mib(peak));
            for (bytes, what) in [
                (tables, "the detector's tables"),
                (shadow, "shadow"),
                (limit, "the limit"),
                (above_limit, "needed above the limit"),
            ] {
                if let Some(bytes) = bytes {
                    line += &format!("; {} {what}", mib(bytes));
                }
            }
            lines.push(line);
            let Lost { epochs, read_sets, contexts, reports, history } = sum.lost;
            let history = match history {
                0 => String::new(),
                count => format!(", history of {count} piece(s) of 8 bytes"),
            };
            lines.push(format!(
                "  dropped: {epochs} epoch(s), {read_sets} set(s) of readers, {contexts} context(s), \
                 {reports} report(s){history}"
            ));
            let modules: Vec<&str> = sum.uninstrumented.iter().map(String::as_str).collect();
            lines.push(match modules.as_slice() {
                [] => {
                    "  everything that was loaded is instrumented, but for the system's libraries".to_owned()
                }
                modules => format!("  without instrumentation: {}", modules.join(", ")),
            });
        }
        lines
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
