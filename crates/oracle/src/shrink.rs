//! Making a failing program small.

use crate::program::{Event, Op, Order, Program};

/// A program that still `fails`, from which no event can be taken and no order weakened.
pub fn shrink(program: &Program, fails: impl Fn(&Program) -> bool) -> Program {
    let mut small = program.clone();
    loop {
        let before = small.clone();
        drop_threads(&mut small, &fails);
        drop_runs(&mut small, &fails);
        simplify(&mut small, &fails);
        if small == before {
            return small;
        }
    }
}

fn try_events(small: &mut Program, events: Vec<Event>, fails: &impl Fn(&Program) -> bool) -> bool {
    let candidate = small.filtered(events);
    let better = candidate != *small && candidate.events.len() <= small.events.len() && fails(&candidate);
    if better {
        *small = candidate;
    }
    better
}

fn drop_threads(small: &mut Program, fails: &impl Fn(&Program) -> bool) {
    let mut threads: Vec<u32> = small.events.iter().map(|e| e.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    for thread in threads {
        let rest = small.events.iter().copied().filter(|e| e.thread != thread && e.op != Op::Spawn(thread));
        let rest = rest.collect();
        try_events(small, rest, fails);
    }
}

fn drop_runs(small: &mut Program, fails: &impl Fn(&Program) -> bool) {
    let mut len = small.events.len().div_ceil(2);
    while len > 0 {
        // From the end, since what follows the failing event is dropped by the first success.
        let mut end = small.events.len();
        while end > 0 {
            let start = end.saturating_sub(len);
            let mut rest = small.events.clone();
            rest.drain(start..end.min(rest.len()));
            try_events(small, rest, fails);
            end = start;
        }
        len /= 2;
    }
}

fn simplify(small: &mut Program, fails: &impl Fn(&Program) -> bool) {
    for i in 0..small.events.len() {
        for op in simpler(small.events[i].op) {
            let mut events = small.events.clone();
            events[i].op = op;
            if try_events(small, events, fails) {
                break;
            }
        }
        if i >= small.events.len() {
            break;
        }
    }
}

/// What could stand in the place of `op` and is easier to read; each simpler than `op`, so that this ends.
fn simpler(op: Op) -> Vec<Op> {
    let weaker = |order| match order {
        Order::Relaxed => vec![],
        Order::Acquire | Order::Release => vec![Order::Relaxed],
        Order::AcqRel => vec![Order::Relaxed, Order::Acquire, Order::Release],
        Order::SeqCst => vec![Order::Relaxed, Order::Acquire, Order::Release, Order::AcqRel],
    };
    match op {
        Op::Load(b, order) => {
            weaker(order).into_iter().filter(|o| !o.releases()).map(|o| Op::Load(b, o)).collect()
        }
        Op::Store(b, order) => {
            weaker(order).into_iter().filter(|o| !o.acquires()).map(|o| Op::Store(b, o)).collect()
        }
        Op::Rmw(b, order) => weaker(order).into_iter().map(|o| Op::Rmw(b, o)).collect(),
        Op::Exchanged(b, success, _) => vec![Op::Rmw(b, success)],
        Op::Refused(b, _, failure) => vec![Op::Load(b, failure)],
        Op::Fence(order) => {
            weaker(order).into_iter().filter(|o| *o != Order::Relaxed).map(Op::Fence).collect()
        }
        Op::Read(b) if b.size > 8 => vec![Op::Read(crate::bytes(b.at, b.size / 2))],
        Op::Write(b) if b.size > 8 => vec![Op::Write(crate::bytes(b.at, b.size / 2))],
        _ => vec![],
    }
}
