//! The pitfalls of `docs/shim.md`, each with the report that it gives. An argument picks one of them, `all` or none all.

use std::sync::{Arc, Barrier};

use racecheck::cell::RaceCell;
use racecheck::go::{self, Chan, Once, RWMutex, WaitGroup};
use racecheck::sync::atomic::{AtomicBool, Ordering};
use racecheck::sync::{Mutex, RwLock};
use racecheck::{check, thread};

fn unlocked_counter() {
    let hits = RaceCell::named("hits", 0);
    thread::scope(|s| {
        s.spawn(|| hits.update(|n| n + 1));
        s.spawn(|| hits.update(|n| n + 1));
    });
}

fn relaxed_flag() {
    let (ready, data) = (AtomicBool::new(false), RaceCell::named("data", 0));
    thread::scope(|s| {
        s.spawn(|| {
            data.set(42);
            ready.store(true, Ordering::Relaxed); // Release is meant
        });
        while !ready.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        data.get();
    });
}

fn write_under_a_read_lock() {
    let (lock, value) = (RWMutex::new(), RaceCell::named("value", 0));
    thread::scope(|s| {
        for n in 0..2 {
            let (lock, value) = (&lock, &value);
            s.spawn(move || {
                let _guard = lock.r_guard();
                value.set(n);
            });
        }
    });
}

fn add_inside_of_the_thread() {
    let wg = WaitGroup::new();
    let theirs = wg.clone();
    let worker = thread::spawn(move || {
        theirs.add(1); // belongs before the spawn
        theirs.done();
    });
    wg.wait();
    worker.join().unwrap();
}

fn done_too_often() {
    let wg = WaitGroup::new();
    wg.add(1);
    wg.done();
    wg.done();
}

fn unlock_of_unlocked() {
    let mu = go::Mutex::new();
    mu.lock();
    mu.unlock();
    mu.unlock();
}

fn recursive_lock() {
    let value = Mutex::new(0);
    let _outer = value.lock().unwrap();
    let _inner = value.lock();
}

fn upgrade() {
    let value = RwLock::new(0);
    let _read = value.read().unwrap();
    let _write = value.write();
}

fn guard_across_join() {
    let value = Arc::new(Mutex::new(0));
    let guard = value.lock().unwrap();
    let theirs = value.clone();
    let worker = thread::Builder::new().name("worker".into());
    let worker = worker.spawn(move || *theirs.lock().unwrap() += 1).unwrap();
    worker.join().unwrap();
    drop(guard);
}

fn once_in_itself() {
    let once = Once::new();
    once.run(|| once.run(|| ()));
}

fn send_on_closed() {
    let c = Chan::make(1);
    c.close();
    c.send(1);
}

fn close_of_closed() {
    let c = Chan::<i32>::make(1);
    c.close();
    c.close();
}

fn lock_order() {
    let (a, b) = (Mutex::new(0), Mutex::new(0));
    thread::scope(|s| {
        s.spawn(|| drop((a.lock(), b.lock()))).join().unwrap();
        s.spawn(|| drop((b.lock(), a.lock())));
    });
}

fn nobody_sends() {
    let c = Chan::<i32>::make(0);
    let from = c.clone();
    let worker = thread::spawn(move || from.recv());
    worker.join().unwrap().unwrap();
}

fn forgotten_guard() {
    let value = Mutex::new(0);
    std::mem::forget(value.lock());
}

fn use_after_put() {
    let pool = Arc::new(go::Pool::new(|| Arc::new(RaceCell::named("buffer", 0))));
    let (buffer, put) = (pool.get(), Arc::new(Barrier::new(2)));
    let kept = buffer.clone();
    pool.put(buffer);
    pool.put(Arc::default());
    let (theirs, there) = (pool.clone(), put.clone());
    let other = thread::spawn(move || {
        theirs.get().set(1);
        there.wait();
    });
    put.wait();
    kept.set(2); // it is another thread's now
    other.join().unwrap();
}

fn value_of_another_type() {
    let value = go::Value::new();
    value.store(1);
    value.store("one");
}

const PITFALLS: [(&str, fn()); 17] = [
    ("unlocked_counter", unlocked_counter),
    ("relaxed_flag", relaxed_flag),
    ("write_under_a_read_lock", write_under_a_read_lock),
    ("add_inside_of_the_thread", add_inside_of_the_thread),
    ("done_too_often", done_too_often),
    ("unlock_of_unlocked", unlock_of_unlocked),
    ("recursive_lock", recursive_lock),
    ("upgrade", upgrade),
    ("guard_across_join", guard_across_join),
    ("once_in_itself", once_in_itself),
    ("send_on_closed", send_on_closed),
    ("close_of_closed", close_of_closed),
    ("lock_order", lock_order),
    ("nobody_sends", nobody_sends),
    ("forgotten_guard", forgotten_guard),
    ("use_after_put", use_after_put),
    ("value_of_another_type", value_of_another_type),
];

fn main() {
    let wanted = std::env::args().nth(1);
    for (name, f) in PITFALLS {
        if wanted.as_deref().is_none_or(|wanted| wanted == name || wanted == "all") {
            println!("## {name}\n{}", check(f));
        }
    }
}
