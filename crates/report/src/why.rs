//! The missing edge in words: why nothing orders the two accesses, and what would.
//!
//! Everything said here follows from the finding. That it is a race at all says a lot: whatever would
//! have ordered the two, had it been there, was not. (If one thread created the other, it had not
//! joined it; if it is the child, the parent did its access after the creation.) What the finding does
//! not say (which locks were held, what a flag was for) is not guessed at, unless the model has it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::fold::to_first_user_frame;
use crate::model::{Access, Finding, FindingKind, Frame, Held, Learnt, Location, MAIN_THREAD, Op, Thread};
use crate::text::{Escaped, TextOptions, ThreadName, short_path};

/// Why the two accesses are not ordered, a sentence each; the most telling first.
pub fn missing_edge(finding: &Finding, paths: &TextOptions<'_>) -> Vec<String> {
    let story = Story { finding, paths };
    let mut sentences = Vec::new();
    match finding.kind {
        FindingKind::Misuse => {}
        FindingKind::UseAfterFree => sentences.push(story.freed()),
        FindingKind::DataRace => {
            sentences.extend(story.locks());
            sentences.extend(story.half_atomic());
            sentences.push(match finding.previous.op {
                Op::ThreadExit => story.ended(),
                _ => story.threads(),
            });
            sentences.extend(story.learnt());
        }
    }
    sentences
}

/// What would order the two, or make the order unimportant, a sentence each.
pub fn remedies(finding: &Finding) -> Vec<String> {
    let story = Story { finding, paths: &TextOptions::default() };
    match finding.kind {
        FindingKind::Misuse => Vec::new(),
        FindingKind::UseAfterFree => Vec::from([
            "let whoever uses the memory own it: `Arc` frees it after the last use, and a scoped thread ends \
             before what it borrows"
                .to_string(),
        ]),
        FindingKind::DataRace => story.remedy().into_iter().collect(),
    }
}

struct Story<'a> {
    finding: &'a Finding,
    paths: &'a TextOptions<'a>,
}

impl Story<'_> {
    fn name(&self, id: u32) -> ThreadName<'_> {
        ThreadName::of(self.finding, id)
    }

    fn place(&self, frame: &Frame) -> String {
        let file = Escaped(short_path(frame.file.as_deref().unwrap_or("?"), self.paths)).to_string();
        match frame.line {
            0 => file,
            line => format!("{file}:{line}"),
        }
    }

    /// ` at FILE:LINE`, of the place where a thread was created; nothing if it is unknown.
    fn creation(&self, thread: &Thread) -> String {
        let frame = to_first_user_frame(&thread.created_at.frames).last();
        frame.filter(|frame| frame.file.is_some()).map_or(String::new(), |f| format!(" at {}", self.place(f)))
    }

    fn freed(&self) -> String {
        let (by, before) = (self.name(self.finding.access.thread), self.name(self.finding.previous.thread));
        match self.finding.access.thread == self.finding.previous.thread {
            true => format!("{before} freed the memory itself, and touched it afterwards"),
            false => format!("{by} still used the memory that {before} had freed"),
        }
    }

    fn ended(&self) -> String {
        let (user, owner) = (self.name(self.finding.access.thread), self.name(self.finding.previous.thread));
        format!("the memory was {owner}'s own, and {user} touched it without waiting for that thread's end")
    }

    /// A race between an atomic and a plain access.
    fn half_atomic(&self) -> Option<String> {
        let (now, before) = (&self.finding.access, &self.finding.previous);
        let (atomic, plain) = match (now.op.is_atomic(), before.op.is_atomic()) {
            (true, false) => (now, before),
            (false, true) => (before, now),
            _ => return None,
        };
        let noun = match plain.op {
            Op::Read => "read",
            Op::Write => "write",
            // Freeing and the like are no accesses that could be atomic.
            _ => return None,
        };
        Some(format!(
            "only {}'s access is atomic; the {noun} by {} is plain, and one plain side is enough for a race",
            self.name(atomic.thread),
            self.name(plain.thread),
        ))
    }

    /// How the two threads are related, and what their relation did not order.
    fn threads(&self) -> String {
        let (now, before) = (&self.finding.access, &self.finding.previous);
        let (later, earlier) = (self.name(now.thread), self.name(before.thread));
        let noun = noun(before.op);
        if let Some(child) = self.child(before.thread, now.thread) {
            let place = self.creation(child);
            let end = if child.running { "" } else { " (it has ended, but was not joined before)" };
            return format!(
                "{later} created {earlier}{place}, and nothing led from its {noun} back to {later}: no join, \
                 lock, channel or Release/Acquire pair{end}"
            );
        }
        if let Some(child) = self.child(now.thread, before.thread) {
            let place = self.creation(child);
            return format!(
                "{earlier} created {later}{place} and did its {noun} after that: only what comes before the \
                 creation is ordered before the new thread"
            );
        }
        format!(
            "{earlier} and {later} run side by side: no lock, channel, join or Release/Acquire pair led from \
             the {noun} to {later}"
        )
    }

    fn child(&self, id: u32, parent: u32) -> Option<&Thread> {
        self.finding.thread(id).filter(|thread| id != MAIN_THREAD && thread.created_by == Some(parent))
    }

    /// A lock that only one side held, or that both held, but another one each.
    fn locks(&self) -> Option<String> {
        let order = self.finding.order.as_ref()?;
        let (later, earlier) =
            (self.name(self.finding.access.thread), self.name(self.finding.previous.thread));
        let held = |locks: &[Held]| {
            let place = locks.last().and_then(|lock| to_first_user_frame(&lock.stack.frames).last());
            place.map_or(String::new(), |frame| format!(" (taken at {})", self.place(frame)))
        };
        let one_sided = |holder: &ThreadName<'_>, other: &ThreadName<'_>, locks: &[Held]| {
            let place = held(locks);
            format!("{holder} held a lock{place}, {other} did not: a lock orders only those who take it")
        };
        match (order.access_locks.as_deref(), order.previous_locks.as_deref()) {
            (Some([]), Some(locks @ [_, ..])) => Some(one_sided(&earlier, &later, locks)),
            (Some(locks @ [_, ..]), Some([])) => Some(one_sided(&later, &earlier, locks)),
            // Had the other side held it as well, the two would be ordered by it.
            (Some(locks), None) if locks.iter().any(|lock| !lock.shared) => {
                Some(one_sided(&later, &earlier, locks))
            }
            (Some(now @ [_, ..]), Some(before @ [_, ..])) => {
                let is_common = |lock: &Held| before.iter().any(|other| other.address == lock.address);
                match now.iter().any(is_common) {
                    // Then both held it for reading only, or it was no lock after all.
                    true => now
                        .iter()
                        .all(|lock| lock.shared)
                        .then(|| format!("{earlier} and {later} held the same lock, but only for reading")),
                    false => Some(format!(
                        "{later} held one lock{}, {earlier} another{}: different locks order nothing",
                        held(now),
                        held(before)
                    )),
                }
            }
            _ => None,
        }
    }

    fn learnt(&self) -> Option<String> {
        let (now, before) = (self.finding.access.thread, self.finding.previous.thread);
        let (later, earlier) = (self.name(now), self.name(before));
        match self.finding.order.as_ref()?.learnt? {
            // Its creation is what it has learnt of its creator, and was told.
            Learnt::Earlier if self.child(now, before).is_some() => None,
            Learnt::Earlier => Some(format!(
                "{later} has synchronised with {earlier}, but what it learnt ends before the {}",
                noun(self.finding.previous.op)
            )),
            // That nothing led back to the creator was said.
            Learnt::Nothing if self.child(before, now).is_some() => None,
            Learnt::Nothing => {
                Some(format!("{later} has not synchronised with {earlier} in any way since that one began"))
            }
        }
    }

    fn remedy(&self) -> Option<String> {
        let (now, before) = (&self.finding.access, &self.finding.previous);
        let is_word = |access: &Access| matches!(access.size, 1 | 2 | 4 | 8);
        let text = match &self.finding.location {
            _ if before.op == Op::ThreadExit => {
                "join the thread before its memory is used, or let the value live longer than both: \
                 `thread::scope`, or an `Arc`"
                    .to_string()
            }
            _ if now.op.is_atomic() != before.op.is_atomic() => {
                "make both sides atomic, or let the atomic publish the data: store it with `Release` after \
                 writing, and read the data only after an `Acquire` load has seen that store"
                    .to_string()
            }
            Some(Location::Global { name, .. }) => {
                let name = Escaped(name);
                let atomic = if is_word(now) { "an atomic, " } else { "" };
                format!("make `{name}` {atomic}a `Mutex`, or a `OnceLock` if it is set once")
            }
            Some(Location::Heap { .. }) => {
                "share it as `Arc<Mutex<…>>`, hand it over by a channel, or join the one thread before the \
                 other goes on"
                    .to_string()
            }
            Some(Location::Stack { .. }) => {
                "give each thread its own value, put a `Mutex` around it, or join the one thread before the \
                 other goes on"
                    .to_string()
            }
            _ => {
                "take the same lock around both, or join the one thread before the other goes on".to_string()
            }
        };
        Some(text)
    }
}

fn noun(op: Op) -> &'static str {
    match op {
        Op::Read => "read",
        Op::Write => "write",
        Op::AtomicRead => "atomic read",
        Op::AtomicWrite => "atomic write",
        Op::Free => "free",
        Op::Alloc => "allocation",
        Op::ThreadExit => "end",
        Op::Call => "call",
    }
}
