//! One program for each primitive of the shim: `primitives NAME right` is ordered by it, `primitives NAME racy` leaves
//! it out or asks more of it than it promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool as StdBool, Ordering as StdOrdering};

use racecheck::cell::{RaceCell, RaceSlice};
use racecheck::go::{self, Chan, WaitGroup};
use racecheck::sync::atomic::{AtomicBool, Ordering, fence};
use racecheck::sync::{Barrier, Condvar, Mutex, Once, OnceLock, RwLock, mpsc};
use racecheck::thread;

/// Whether the program is to race.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Right,
    Racy,
}
use Way::{Racy, Right};

/// Both threads write the cell, each within what `around` does.
fn both(around: impl Fn(&dyn Fn()) + Sync) {
    let cell = RaceCell::named("shared", 0);
    twice(|n| around(&|| cell.set(n)));
}

/// Runs it in two threads that nothing else orders: a handle that is dropped after its thread's end would.
fn twice(run: impl Fn(i32) + Sync) {
    let run = &run;
    thread::scope(|s| [0, 1].map(|n| s.spawn(move || run(n))).map(|thread| thread.join().unwrap()));
}

fn mutex(way: Way) {
    let lock = Mutex::new(());
    both(|write| {
        let guard = lock.lock().unwrap();
        if way == Racy {
            drop(guard);
            return write();
        }
        write();
    });
}

fn rwlock(way: Way) {
    let lock = RwLock::new(());
    both(|write| match way {
        Right => {
            let _guard = lock.write().unwrap();
            write();
        }
        Racy => {
            let _guard = lock.read().unwrap();
            write();
        }
    });
}

fn condvar(way: Way) {
    let (ready, changed, cell) = (Mutex::new(false), Condvar::new(), RaceCell::named("shared", 0));
    thread::scope(|s| {
        let _kept = s.spawn(|| {
            if way == Right {
                cell.set(1);
            }
            *ready.lock().unwrap() = true;
            changed.notify_one();
            if way == Racy {
                cell.set(1);
            }
        });
        let _ready = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
        cell.get();
    });
}

fn once(way: Way) {
    let (once, cell) = (Once::new(), RaceCell::named("shared", 0));
    twice(|n| match way {
        Right => {
            once.call_once(|| cell.set(n));
            cell.get();
        }
        Racy => cell.set(n),
    });
}

fn once_lock(way: Way) {
    let (value, cell) = (OnceLock::new(), RaceCell::named("shared", 0));
    twice(|n| {
        value.get_or_init(|| cell.set(n));
        if way == Racy { cell.set(n) } else { _ = cell.get() }
    });
}

fn barrier(way: Way) {
    let (barrier, cell) = (Barrier::new(2), RaceCell::named("shared", 0));
    thread::scope(|s| {
        let _kept = s.spawn(|| {
            cell.set(1);
            barrier.wait();
            if way == Racy {
                cell.set(2);
            }
        });
        let _kept = s.spawn(|| {
            barrier.wait();
            cell.get();
        });
    });
}

fn mpsc_channel(way: Way) {
    let (to, from) = mpsc::channel();
    let cell = Arc::new(RaceCell::named("shared", 0));
    let theirs = cell.clone();
    let sender = thread::spawn(move || {
        if way == Right {
            theirs.set(1);
        }
        to.send(()).unwrap();
        if way == Racy {
            theirs.set(1);
        }
    });
    from.recv().unwrap();
    cell.get();
    sender.join().unwrap();
}

fn release_store(way: Way) {
    let (ready, cell) = (AtomicBool::new(false), RaceCell::named("shared", 0));
    let order = if way == Right { Ordering::Release } else { Ordering::Relaxed };
    thread::scope(|s| {
        let _kept = s.spawn(|| {
            cell.set(1);
            ready.store(true, order);
        });
        while !ready.load(Ordering::Acquire) {
            thread::yield_now();
        }
        cell.get();
    });
}

fn fences(way: Way) {
    let (ready, cell) = (AtomicBool::new(false), RaceCell::named("shared", 0));
    thread::scope(|s| {
        let _kept = s.spawn(|| {
            cell.set(1);
            fence(Ordering::Release);
            ready.store(true, Ordering::Relaxed);
        });
        while !ready.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        if way == Right {
            fence(Ordering::Acquire);
        }
        cell.get();
    });
}

fn join(way: Way) {
    let cell = Arc::new(RaceCell::named("shared", 0));
    let theirs = cell.clone();
    let thread = thread::spawn(move || theirs.set(1));
    if way == Racy {
        cell.set(2);
    }
    thread.join().unwrap();
    cell.get();
}

fn park(way: Way) {
    let cell = Arc::new(RaceCell::named("shared", 0));
    let (theirs, me) = (cell.clone(), thread::current());
    let other = thread::spawn(move || {
        if way == Right {
            theirs.set(1);
        }
        me.unpark();
        if way == Racy {
            theirs.set(1);
        }
    });
    thread::park();
    cell.get();
    other.join().unwrap();
}

fn slice(way: Way) {
    let row = RaceSlice::new(vec![0_u64; 16]);
    let end = if way == Right { 8 } else { 9 };
    thread::scope(|s| {
        let _kept = s.spawn(|| row.fill(0..end, 1));
        let _kept = s.spawn(|| row.fill(8..16, 2));
    });
}

fn go_mutex(way: Way) {
    let mu = go::Mutex::new();
    both(|write| {
        mu.lock();
        if way == Right {
            write();
        }
        mu.unlock();
        if way == Racy {
            write();
        }
    });
}

fn go_rwmutex(way: Way) {
    let mu = go::RWMutex::new();
    both(|write| match way {
        Right => {
            mu.lock();
            write();
            mu.unlock();
        }
        Racy => {
            mu.r_lock();
            write();
            mu.r_unlock();
        }
    });
}

fn wait_group(way: Way) {
    let (wg, cell) = (WaitGroup::new(), Arc::new(RaceCell::named("shared", 0)));
    let theirs = cell.clone();
    wg.go(move || theirs.set(1));
    if way == Racy {
        cell.set(2);
    }
    wg.wait();
    cell.get();
}

/// A receive from a channel with room does not wait for the send after it.
fn go_channel(way: Way) {
    let (c, cell) = (Chan::make(if way == Right { 0 } else { 1 }), Arc::new(RaceCell::named("shared", 0)));
    let (theirs, cell2) = (c.clone(), cell.clone());
    let other = thread::spawn(move || {
        cell2.set(1);
        theirs.recv();
    });
    c.send(());
    cell.get();
    other.join().unwrap();
}

fn go_once(way: Way) {
    let (once, cell) = (go::Once::new(), RaceCell::named("shared", 0));
    both_of(&once, &cell, way);
}

fn both_of(once: &go::Once, cell: &RaceCell<i32>, way: Way) {
    twice(|n| {
        once.run(|| cell.set(n));
        if way == Racy { cell.set(n) } else { _ = cell.get() }
    });
}

/// A pool hands what was put to whoever gets it; a thread that keeps a reference has no order with him.
fn pool(way: Way) {
    let pool = Arc::new(go::Pool::new(|| Arc::new(RaceCell::named("shared", 0))));
    let theirs = pool.clone();
    let putter = thread::spawn(move || {
        let buffer = theirs.get();
        buffer.set(1);
        let kept = (way == Racy).then(|| buffer.clone());
        theirs.put(buffer);
        // What a thread put last is its own for the next get.
        theirs.put(Arc::new(RaceCell::named("other", 0)));
        if let Some(kept) = kept {
            kept.set(2);
        }
    });
    // Ordered by nothing but the pool: the end of the thread is not waited for by a join.
    while !putter.is_finished() {
        thread::yield_now();
    }
    let buffer = pool.get();
    buffer.set(3);
}

fn map(way: Way) {
    let map = Arc::new(go::Map::new());
    let cell = Arc::new(RaceCell::named("shared", 0));
    let (theirs, cell2) = (map.clone(), cell.clone());
    let other = thread::spawn(move || {
        if way == Right {
            cell2.set(1);
        }
        theirs.store("ready", ());
        if way == Racy {
            cell2.set(1);
        }
    });
    while map.load("ready").is_none() {
        thread::yield_now();
    }
    cell.get();
    other.join().unwrap();
}

fn semaphore(way: Way) {
    let semaphore = go::Weighted::new(1);
    both(|write| {
        semaphore.acquire(1);
        if way == Right {
            write();
        }
        semaphore.release(1);
        if way == Racy {
            write();
        }
    });
}

/// Two threads that std made, ordered by what the shim does not see and is told of.
fn foreign() {
    static TURN: StdBool = StdBool::new(false);
    let cell = RaceCell::named("shared", 0);
    std::thread::scope(|s| {
        let _kept = s.spawn(|| {
            cell.set(1);
            racecheck::release(&TURN);
            TURN.store(true, StdOrdering::Relaxed);
        });
        let _kept = s.spawn(|| {
            while !TURN.load(StdOrdering::Relaxed) {
                std::thread::yield_now();
            }
            racecheck::acquire(&TURN);
            cell.set(2);
        });
    });
}

type Program = fn(Way);

const PROGRAMS: [(&str, Program); 20] = [
    ("mutex", mutex),
    ("rwlock", rwlock),
    ("condvar", condvar),
    ("once", once),
    ("once_lock", once_lock),
    ("barrier", barrier),
    ("mpsc", mpsc_channel),
    ("release_store", release_store),
    ("fences", fences),
    ("join", join),
    ("park", park),
    ("slice", slice),
    ("go_mutex", go_mutex),
    ("go_rwmutex", go_rwmutex),
    ("wait_group", wait_group),
    ("go_channel", go_channel),
    ("go_once", go_once),
    ("pool", pool),
    ("map", map),
    ("semaphore", semaphore),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let way = if words.contains(&"racy") { Racy } else { Right };
    match words[..] {
        ["list"] => PROGRAMS.iter().for_each(|(name, _)| println!("{name}")),
        ["foreign"] => foreign(),
        ["misuse"] => {
            let (a, b) = (Mutex::new(()), Mutex::new(()));
            for (first, second) in [(&a, &b), (&b, &a)] {
                thread::scope(|s| _ = s.spawn(|| _ = (first.lock(), second.lock())));
            }
        }
        ["recursive"] => {
            let lock = Mutex::new(());
            let _guard = lock.lock();
            let _again = lock.lock();
        }
        ["child"] => {
            let me = std::env::current_exe().unwrap();
            std::process::Command::new(me).args(["mutex", "racy"]).status().unwrap();
        }
        [name, _] => PROGRAMS.iter().find(|(n, _)| *n == name).expect("a name of the list").1(way),
        _ => panic!("say which, and right or racy"),
    }
}
