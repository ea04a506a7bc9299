//! Tests of the program: which one a finding belongs to, and whether the one that ends here has raced.
//!
//! A finding belongs to the test whose code its stack shows; a helper thread's stack shows none, and then it is the
//! test in which its thread was created, or that thread's creator, and so on. Names are taken from stacks
//! ([`racecheck_report::test_name`]), never from the names of threads, which the system cuts.
//!
//! The harness that the command line links asks at the end of each test ([`racecheck_rt_test_raced`]). A race is
//! reported once, but every test that runs it has raced: which of them comes first is chance.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use racecheck_engine::{Ctx, Race, Side, ThreadId};
use racecheck_report::test_name;

use crate::gate::enter;
use crate::report::{Fate, info, stack_frames};
use crate::resolve::Resolver;
use crate::runtime::Runtime;

/// So many pairs of threads are remembered with their races; further repeats go to no test.
const COUNTED: usize = 1 << 14;

/// So many creators are followed; a chain of threads that is longer belongs to no test.
const GENERATIONS: usize = 64;

/// What is known of the program's tests.
#[derive(Debug, Default)]
pub struct Tests {
    /// The test in which a thread was created, if it was one.
    creations: BTreeMap<ThreadId, Option<String>>,
    /// What became of the findings of each test.
    raced: BTreeMap<String, BTreeSet<Fate>>,
    /// Which threads ran which race, by the contexts of its accesses.
    counted: BTreeSet<(Ctx, ThreadId, Ctx, ThreadId)>,
}

impl Tests {
    /// The test that did this.
    pub fn name(&mut self, runtime: &Runtime, resolver: &mut Resolver, side: &Side) -> Option<String> {
        let here = test_name::of_stack(&stack_frames(runtime, resolver, side.ctx));
        here.or_else(|| self.creation(runtime, resolver, side.thread?))
    }

    /// The test in which a thread, or the first of its ancestors of which that is known, was created.
    fn creation(&mut self, runtime: &Runtime, resolver: &mut Resolver, thread: ThreadId) -> Option<String> {
        if let Some(known) = self.creations.get(&thread) {
            return known.clone();
        }
        let mut next = Some(thread);
        let mut found = None;
        for _ in 0..GENERATIONS {
            let Some(thread) = next.and_then(|id| info(runtime, id)) else { break };
            found = test_name::of_stack(&stack_frames(runtime, resolver, thread.created_at));
            if found.is_some() {
                break;
            }
            next = thread.creator;
        }
        self.creations.insert(thread, found.clone());
        found
    }

    /// Both sides' tests ran a race of which this became.
    pub fn count(&mut self, runtime: &Runtime, resolver: &mut Resolver, race: &Race, fate: Fate) {
        let thread = |side: &Side| side.thread.unwrap_or(ThreadId(0));
        let (current, previous) = (&race.current, &race.previous);
        let key = (current.ctx, thread(current), previous.ctx, thread(previous));
        if self.counted.len() >= COUNTED || !self.counted.insert(key) {
            return;
        }
        for side in [current, previous] {
            if let Some(test) = self.name(runtime, resolver, side) {
                self.raced.entry(test).or_default().insert(fate);
            }
        }
    }

    /// In a forked child: what the parent's tests did is the parent's.
    pub fn forget(&mut self) {
        self.raced.clear();
        self.counted.clear();
    }

    fn fates(&self, test: &str) -> Vec<Fate> {
        self.raced.get(test).map(|fates| fates.iter().copied().collect()).unwrap_or_default()
    }
}

/// Called by the harness, in the thread of a test that has passed so far: whether a race was seen in it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn racecheck_rt_test_raced() -> bool {
    core::arch::naked_asm!("mov rdi, qword ptr [rsp]", "jmp {raced}", raced = sym raced)
}

extern "C" fn raced(pc: u64) -> bool {
    let found = enter(|runtime, thread| {
        if !runtime.reporter.has_found() {
            return None;
        }
        let context = thread.context(&runtime.engine.contexts, pc);
        let fates = runtime.reporter.inspect(|resolver, tests| {
            let test = test_name::of_stack(&stack_frames(runtime, resolver, context))?;
            Some(tests.fates(&test))
        });
        Some((runtime, fates?))
    });
    // Outside of the gate: the command line may take its time.
    match found.flatten() {
        Some((runtime, fates)) => fates.iter().any(|&fate| runtime.reporter.counts(fate)),
        None => false,
    }
}
