//! Waits that can never end.
//!
//! Two kinds are seen, at the moment when the last thread of them is about to sleep (or ends):
//!
//! - a *cycle*: each waits for a lock that the next one holds, or for the next one's end. Certain always, since only locks count that
//!   nobody but their holder can unlock (those with a guard).
//! - *all threads blocked*: within a [`check`](crate::check()) that is all of its threads, for its closure is
//!   to be self-contained; elsewhere all threads of the process, where the system tells their number.
//!   In a process with threads that this crate does not know nothing is said, since one of them could end
//!   the wait.
//!
//! # Invariants
//! - A thread counts as waiting only between its last try and its waker's notification (see
//!   [`parking`](super::parking)): threads that all count as waiting can't wake each other any more.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use racecheck_report::model::Stack;

use super::lock::Owner;
use super::misuse::{self, Kind, Misuse};
use super::parking::{On, Waiting};
use super::report::Group;
use super::{Info, lock, os, place, states};

/// Go's words for a program in which nobody can go on.
pub(crate) const ALL_ASLEEP: &str = "all threads are asleep - deadlock!";

/// The threads that are in no group.
static WORLD: Mutex<Vec<Arc<Info>>> = Mutex::new(Vec::new());

fn members(group: Option<&Arc<Group>>) -> &Mutex<Vec<Arc<Info>>> {
    group.map_or(&WORLD, |group| &group.members)
}

/// A thread is there, and runs.
pub(crate) fn thread_made(info: &Arc<Info>) {
    lock(members(info.group.as_ref())).push(info.clone());
}

/// A thread goes from one group to another.
pub(crate) fn moved(old: &Arc<Info>, new: &Arc<Info>) {
    lock(members(old.group.as_ref())).retain(|i| i.id != old.id);
    thread_made(new);
}

/// A thread runs no more: those that are left may be waiting for nobody.
pub(crate) fn thread_ended(info: &Arc<Info>) {
    lock(members(info.group.as_ref())).retain(|i| i.id != info.id);
    end_if_all_asleep(info.group.as_ref());
}

/// `info`'s thread is about to sleep and counts as waiting. Panics if that would be for ever.
pub(crate) fn about_to_block(info: &Arc<Info>, waiting: &Waiting) {
    if waiting.on != On::Anybody
        && let Some(cycle) = cycle(info)
        && still_asleep(&cycle)
    {
        report_cycle(&cycle);
    }
    end_if_all_asleep(info.group.as_ref());
}

/// Somebody who waits, what for, and the number of that wait.
type Waiter = (Arc<Info>, Waiting, u64);

fn waiter(info: &Arc<Info>) -> Option<Waiter> {
    let (waiting, wait) = info.parker.waiting()?;
    Some((info.clone(), waiting, wait))
}

/// True if all of them are still in the same waits. They were looked at one after the other: only now it is
/// known that there was a moment, namely the end of the first look, at which all of them slept.
fn still_asleep(waiters: &[Waiter]) -> bool {
    waiters.iter().all(|(info, _, wait)| info.parker.waiting().is_some_and(|(_, now)| now == *wait))
}

/// The chain of waits from `info` back to itself.
fn cycle(info: &Arc<Info>) -> Option<Vec<Waiter>> {
    let mut path = vec![waiter(info)?];
    let mut seen = vec![];
    follow(info.id, &mut path, &mut seen).then_some(path)
}

fn follow(start: u32, path: &mut Vec<Waiter>, seen: &mut Vec<u32>) -> bool {
    let Some((_, waiting, _)) = path.last() else { return false };
    for next in blockers(waiting.on) {
        if next.id == start {
            return true;
        }
        if seen.contains(&next.id) {
            continue;
        }
        seen.push(next.id);
        if let Some(waiter) = waiter(&next) {
            path.push(waiter);
            if follow(start, path, seen) {
                return true;
            }
            path.pop();
        }
    }
    false
}

/// Those who would have to do something.
fn blockers(on: On) -> Vec<Arc<Info>> {
    let all = states();
    all.iter()
        .filter_map(|state| {
            state.peek(|inner| {
                let blocks = match on {
                    On::Lock(lock) => inner.held.iter().any(|h| h.lock == lock && h.owner == Owner::Guard),
                    On::Thread(id) => inner.info.id == id,
                    On::Anybody => false,
                };
                blocks.then(|| inner.info.clone())
            })
        })
        .collect()
}

fn report_cycle(cycle: &[Waiter]) {
    let (info, _, _) = &cycle[0];
    // It will not sleep after all.
    info.parker.cancel();
    misuse::fail(misuse_of(Kind::Deadlock, "deadlock: each of these threads waits for the next", cycle));
}

fn misuse_of(kind: Kind, message: &str, waiters: &[Waiter]) -> Misuse {
    let mut misuse = Misuse::new(kind, message);
    for (info, waiting, _) in waiters {
        let mut heading = String::new();
        // Writing to a string cannot fail.
        let _ = write!(heading, "{} waits ({})", misuse::thread_name(info), waiting.what);
        misuse.add(heading, place::at(waiting.place));
        for held in held_by(info.id) {
            misuse.add(format!("  and holds a {} locked", held.0), held.1);
        }
    }
    misuse
}

fn held_by(id: u32) -> Vec<(&'static str, Stack)> {
    let all = states();
    let mut result = Vec::new();
    for state in all.iter() {
        state.peek(|inner| {
            if inner.info.id == id {
                result.extend(inner.held.iter().map(|h| (h.kind, place::at(h.place))));
            }
        });
    }
    result
}

/// All threads of the group, if all of them wait.
fn all_asleep(group: Option<&Arc<Group>>) -> Option<Vec<Waiter>> {
    // The lock is held while they are looked at: who is woken meanwhile makes no new thread that is overlooked.
    let members = lock(members(group));
    let waiters: Vec<Waiter> = members.iter().filter_map(waiter).collect();
    let all = !members.is_empty()
        && waiters.len() == members.len()
        && still_asleep(&waiters)
        && (group.is_some() || are_all_threads(members.len()));
    all.then_some(waiters)
}

fn end_if_all_asleep(group: Option<&Arc<Group>>) {
    let Some(waiters) = all_asleep(group) else { return };
    let misuse = misuse_of(Kind::AllAsleep, ALL_ASLEEP, &waiters);
    let text = misuse.panic_text();
    misuse::record(misuse, group);
    if group.is_none() {
        // As in Go: nobody is left who could handle it.
        std::process::exit(2);
    }
    for (info, _, _) in &waiters {
        info.parker.doom(&text);
    }
}

/// True if the process has no other thread than `known` ones, this one perhaps in addition as it ends.
fn are_all_threads(known: usize) -> bool {
    // A thread that ended is still counted for a moment.
    const TRIES: usize = 20;
    (0..TRIES).any(|_| {
        let all = os::threads();
        let alone = all.is_some_and(|all| all <= known);
        if !alone && all.is_some() {
            std::thread::yield_now();
        }
        alone
    })
}
