//! The picture of a finding: the threads from top to bottom, with what is known to have happened in
//! which order.
//!
//! What the model knows: who created whom, that the one access was seen before the other, and which
//! locks were held. The creation and the accesses have a place in time each; nothing is drawn
//! that is not in the finding, and the arrow that is missing is drawn as missing.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use super::Html;
use crate::format::{View, place, position, what};
use crate::model::{Access, Finding, Held, MAIN_THREAD, Op, Thread};
use crate::text::{ThreadName, When};

const LANE: usize = 330;
const LEFT: usize = 20;
const ROW: usize = 44;
const TOP: usize = 40;

/// Something that a thread did.
struct Event {
    lane: usize,
    class: &'static str,
    text: String,
    place: String,
    /// The lane that an arrow leads to from here.
    to: Option<usize>,
}

pub fn write(out: &mut dyn Write, finding: &Finding, view: &View<'_>) -> fmt::Result {
    let lanes = lanes(finding);
    let lane_of = |id: u32| lanes.iter().position(|lane| *lane == id);
    let events = events(finding, &lane_of, view);
    let (width, height) = (LEFT + lanes.len() * LANE, TOP + events.len() * ROW + 24);
    write!(
        out,
        "<figure><svg class=\"timeline\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"timeline of the threads\">"
    )?;
    for (at, id) in lanes.iter().enumerate() {
        let x = x(at);
        let name = ThreadName::of(finding, *id).to_string();
        let begins = events.iter().position(|event| event.to == Some(at)).map_or(TOP - 14, y);
        let ends = height - 12;
        write!(out, "<text x=\"{}\" y=\"16\">{}</text>", x - 5, Html(&name))?;
        write!(out, "<line class=\"lane\" x1=\"{x}\" y1=\"{begins}\" x2=\"{x}\" y2=\"{ends}\"/>")?;
    }
    for (at, event) in events.iter().enumerate() {
        let (x, y) = (x(event.lane), y(at));
        if let Some(to) = event.to {
            let to = self::x(to);
            let tip = if to > x { to - 6 } else { to + 6 };
            write!(
                out,
                "<path class=\"edge\" d=\"M{x} {y} H{tip} m{0} -4 l{1} 4 l{0} 4\"/>",
                if to > x { -4 } else { 4 },
                if to > x { 4 } else { -4 },
            )?;
        }
    }
    missing(out, &events)?;
    // Above the lines, so that they can be read.
    for (at, event) in events.iter().enumerate() {
        let (x, y) = (x(event.lane), y(at));
        write!(out, "<circle class=\"dot {}\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>", event.class)?;
        write!(out, "<text x=\"{}\" y=\"{}\">{}</text>", x + 12, y - 5, Html(&event.text))?;
        write!(out, "<text class=\"small\" x=\"{}\" y=\"{}\">{}</text>", x + 12, y + 14, Html(&event.place))?;
    }
    writeln!(
        out,
        "</svg><figcaption>Time goes down, as far as racecheck saw it. Arrows order; the dashed line is the \
         order that is missing.</figcaption></figure>"
    )
}

fn x(lane: usize) -> usize {
    LEFT + lane * LANE
}

fn y(event: usize) -> usize {
    TOP + event * ROW
}

/// The dashed line between the two accesses.
fn missing(out: &mut dyn Write, events: &[Event]) -> fmt::Result {
    let at = |class| events.iter().position(|event| event.class == class);
    let (Some(before), Some(now)) = (at("before"), at("now")) else { return Ok(()) };
    let (from, to) = (events[before].lane, events[now].lane);
    if from == to {
        return Ok(());
    }
    let (x1, y1, x2, y2) = (x(from), y(before), x(to), y(now));
    write!(out, "<line class=\"gap\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>")
}

/// The threads to show: the creator of both, if it is known and another one, and the two.
fn lanes(finding: &Finding) -> Vec<u32> {
    let (now, before) = (finding.access.thread, finding.previous.thread);
    let mut lanes = Vec::new();
    let mut add = |id: u32| {
        if !lanes.contains(&id) {
            lanes.push(id);
        }
    };
    let creators = [before, now].map(|id| finding.thread(id).and_then(|thread| thread.created_by));
    let main = |id: &u32| *id == MAIN_THREAD;
    // Whoever created another one stands to the left of it.
    creators.iter().flatten().copied().filter(main).for_each(&mut add);
    creators.iter().flatten().copied().for_each(&mut add);
    add(before);
    add(now);
    lanes
}

fn events(finding: &Finding, lane_of: &dyn Fn(u32) -> Option<usize>, view: &View<'_>) -> Vec<Event> {
    let (now, before) = (&finding.access, &finding.previous);
    let mut events = Vec::new();
    let mut create = |thread: &Thread| {
        let creator = thread.created_by.unwrap_or(MAIN_THREAD);
        if let (Some(lane), Some(to)) = (lane_of(creator), lane_of(thread.id)) {
            let at = place(&thread.created_at.frames, view.text.workspace_root);
            events.push(Event {
                lane,
                class: "",
                text: format!("creates {}", ThreadName::of(finding, thread.id)),
                place: at.map_or(String::new(), |frame| position(frame, view)),
                to: Some(to),
            });
        }
    };
    // Of two threads that were created the one with the smaller number was created first.
    let mut threads: Vec<&Thread> =
        [before.thread, now.thread].into_iter().filter_map(|id| finding.thread(id)).collect();
    threads.sort_by_key(|thread| thread.id);
    threads.dedup_by_key(|thread| thread.id);
    threads.into_iter().filter(|thread| thread.id != MAIN_THREAD).for_each(&mut create);
    let order = finding.order.as_ref();
    let (now_locks, before_locks) =
        (order.and_then(|o| o.access_locks.as_ref()), order.and_then(|o| o.previous_locks.as_ref()));
    let sides = [(before, When::Before, "before", before_locks), (now, When::Now, "now", now_locks)];
    for (access, when, class, locks) in sides {
        let Some(lane) = lane_of(access.thread) else { continue };
        for lock in locks.into_iter().flatten() {
            events.push(lock_event(lane, lock, view));
        }
        events.push(access_event(lane, access, when, class, view));
    }
    events
}

fn lock_event(lane: usize, lock: &Held, view: &View<'_>) -> Event {
    let at = place(&lock.stack.frames, view.text.workspace_root);
    let mode = if lock.shared { " for reading" } else { "" };
    Event {
        lane,
        class: "",
        text: format!("holds the lock at {:#x}{mode}", lock.address),
        place: at.map_or(String::new(), |frame| position(frame, view)),
        to: None,
    }
}

fn access_event(lane: usize, access: &Access, when: When, class: &'static str, view: &View<'_>) -> Event {
    let at = place(&access.stack.frames, view.text.workspace_root);
    let text = match access.op {
        Op::ThreadExit => "ends".to_string(),
        _ => what(access, when),
    };
    Event { lane, class, text, place: at.map_or(String::new(), |frame| position(frame, view)), to: None }
}
