//! Wrong uses of the primitives: each is told in Go's words where Go has them, with the places of both sides.
#![cfg(feature = "detect")]

use std::sync::{Arc, Barrier};
use std::time::Duration;

use racecheck::cell::RaceCell;
use racecheck::go::{self, Chan, RWMutex, WaitGroup, Weighted, select};
use racecheck::sync::{Condvar, Mutex, Once, OnceLock, RwLock};
use racecheck::{Kind, Report, check, thread};

/// The report has this one misuse, in these words, and so many places of this file.
#[track_caller]
fn only(report: &Report, kind: Kind, words: &str, places: usize) {
    assert_eq!(report.kinds(), [kind], "{report}");
    assert!(report.races.is_empty(), "{report}");
    let misuse = &report.misuses[0];
    assert!(misuse.message().contains(words), "{report}");
    let here = misuse.places().filter(|(_, place)| place.contains("misuse.rs")).count();
    assert_eq!(here, places, "{report}");
}

#[test]
fn misuse_negative_wait_group_counter() {
    let report = check(|| {
        let wg = WaitGroup::new();
        wg.add(1);
        wg.done();
        wg.done();
    });
    only(&report, Kind::NegativeCounter, "sync: negative WaitGroup counter", 2);
}

#[test]
fn misuse_add_inside_of_the_thread() {
    let report = check(|| {
        let wg = WaitGroup::new();
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let wg = wg.clone();
                thread::spawn(move || {
                    wg.add(1);
                    wg.done();
                })
            })
            .collect();
        wg.wait();
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
    only(&report, Kind::AddInThread, "Add called concurrently with Wait", 2);
}

#[test]
fn no_misuse_add_in_a_thread_that_is_counted() {
    let report = check(|| {
        let wg = WaitGroup::new();
        let inner = wg.clone();
        wg.go(move || {
            inner.add(1);
            inner.done();
        });
        wg.wait();
        wg.go(|| ());
        wg.wait();
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn misuse_wait_group_reused_before_wait_returned() {
    // Two threads wait; one of them counts up again while the other is still on its way out. Which of them is
    // first is chance, so that the detector looks at it until it was so.
    for _ in 0..500 {
        let report = check(|| {
            let wg = WaitGroup::new();
            wg.add(1);
            let waiters: Vec<_> = (0..2)
                .map(|_| {
                    let wg = wg.clone();
                    thread::spawn(move || {
                        wg.wait();
                        wg.add(1);
                        wg.done();
                    })
                })
                .collect();
            wg.done();
            waiters.into_iter().for_each(|t| t.join().unwrap());
        });
        if report.kinds().contains(&Kind::WaitGroupReuse) {
            let words = "sync: WaitGroup is reused before previous Wait has returned";
            assert!(report.misuses.iter().any(|m| m.message() == words), "{report}");
            return;
        }
        // In any other order the add is concurrent with the other thread's wait.
        assert!(report.kinds().contains(&Kind::AddInThread), "{report}");
    }
}

#[test]
fn misuse_unlock_of_unlocked_mutex() {
    let report = check(|| {
        let mu = go::Mutex::new();
        mu.lock();
        mu.unlock();
        mu.unlock();
    });
    only(&report, Kind::UnlockOfUnlocked, "sync: unlock of unlocked mutex", 3);
}

#[test]
fn misuse_unlock_of_unlocked_rw_mutex() {
    let report = check(|| RWMutex::new().unlock());
    only(&report, Kind::UnlockOfUnlocked, "sync: Unlock of unlocked RWMutex", 2);
    let report = check(|| RWMutex::new().r_unlock());
    only(&report, Kind::UnlockOfUnlocked, "sync: RUnlock of unlocked RWMutex", 2);
}

#[test]
fn misuse_recursive_lock() {
    let report = check(|| {
        let m = Mutex::new(0);
        let _first = m.lock().unwrap();
        let _second = m.lock();
    });
    only(&report, Kind::RecursiveLock, "recursive lock", 2);
    let report = check(|| {
        let m = go::Mutex::new();
        let _first = m.guard();
        let _second = m.guard();
    });
    only(&report, Kind::RecursiveLock, "recursive lock", 2);
}

#[test]
fn misuse_recursive_lock_that_nobody_else_can_unlock() {
    // Another thread could unlock it, if there was one: what is certain is that nobody does.
    let report = check(|| {
        let m = go::Mutex::new();
        m.lock();
        m.lock();
    });
    only(&report, Kind::AllAsleep, "all threads are asleep - deadlock!", 2);
    assert!(report.to_string().contains("and holds a sync.Mutex locked"), "{report}");
}

#[test]
fn misuse_upgrade_of_a_read_lock() {
    let report = check(|| {
        let m = RwLock::new(0);
        let _read = m.read().unwrap();
        let _write = m.write();
    });
    only(&report, Kind::Upgrade, "write lock is wanted by the thread that holds a read lock", 2);
    let report = check(|| {
        let m = RWMutex::new();
        let _read = m.r_guard();
        let _write = m.guard();
    });
    only(&report, Kind::Upgrade, "write lock is wanted by the thread that holds a read lock", 2);
}

#[test]
fn misuse_recursive_read_lock_with_a_writer_between() {
    let report = check(|| {
        let m = Arc::new(RWMutex::new());
        let _read = m.r_guard();
        let theirs = m.clone();
        let writer = thread::spawn(move || drop(theirs.guard()));
        // Until the writer waits, a second read lock succeeds.
        while m.try_r_lock() {
            m.r_unlock();
            thread::yield_now();
        }
        drop(m.r_guard());
        writer.join().unwrap();
    });
    assert!(report.kinds().contains(&Kind::Deadlock), "{report}");
}

#[test]
fn misuse_guard_held_across_the_join_of_a_thread_that_waits_for_it() {
    let report = check(|| {
        let m = Arc::new(Mutex::new(0));
        let guard = m.lock().unwrap();
        let theirs = m.clone();
        let thread = thread::spawn(move || *theirs.lock().unwrap() += 1);
        thread.join().unwrap();
        drop(guard);
    });
    assert!(report.kinds().contains(&Kind::Deadlock), "{report}");
    let text = report.to_string();
    assert!(text.contains("(join)") && text.contains("(Mutex lock)"), "{text}");
    assert!(text.contains("holds a Mutex locked"), "{text}");
}

#[test]
fn misuse_guard_held_across_the_end_of_a_scope() {
    let report = check(|| {
        let m = Mutex::new(0);
        thread::scope(|s| {
            let guard = m.lock().unwrap();
            s.spawn(|| *m.lock().unwrap() += 1).join().unwrap();
            drop(guard);
        });
    });
    assert!(report.kinds().contains(&Kind::Deadlock), "{report}");
}

#[test]
fn misuse_once_that_calls_itself() {
    let report = check(|| {
        let once = Once::new();
        once.call_once(|| once.call_once(|| ()));
    });
    only(&report, Kind::RecursiveOnce, "Once is called by the function that it runs", 2);
    let report = check(|| {
        let once = go::Once::new();
        once.run(|| once.run(|| ()));
    });
    only(&report, Kind::RecursiveOnce, "Once is called by the function that it runs", 2);
    let report = check(|| {
        let cell = OnceLock::new();
        cell.get_or_init(|| *cell.get_or_init(|| 1));
    });
    only(&report, Kind::RecursiveOnce, "Once is called by the function that it runs", 2);
}

#[test]
fn misuse_send_on_closed_channel() {
    for capacity in [0, 1] {
        let report = check(|| {
            let c = Chan::make(capacity);
            c.close();
            c.send(1);
        });
        only(&report, Kind::SendOnClosed, "send on closed channel", 2);
        let report = check(|| {
            let c = Chan::make(capacity);
            c.close();
            select! {
                send(c, 1) => {}
                default => {}
            }
        });
        only(&report, Kind::SendOnClosed, "send on closed channel", 2);
    }
}

#[test]
fn misuse_a_send_that_waits_when_the_channel_is_closed() {
    let report = check(|| {
        let c = Chan::make(0);
        let theirs = c.clone();
        let thread = thread::spawn(move || theirs.send(1));
        thread::sleep(Duration::from_millis(1));
        c.close();
        assert!(thread.join().is_err());
    });
    only(&report, Kind::SendOnClosed, "send on closed channel", 2);
}

#[test]
fn misuse_close_of_closed_and_of_nil_channel() {
    let report = check(|| {
        let c = Chan::<i32>::make(0);
        c.close();
        c.close();
    });
    only(&report, Kind::CloseOfClosed, "close of closed channel", 2);
    let report = check(|| Chan::<i32>::nil().close());
    only(&report, Kind::CloseOfNil, "close of nil channel", 1);
}

/// Both orders, one after the other: this run can't deadlock.
fn both_orders(gate: Option<&Mutex<()>>) -> Report {
    check(|| {
        let (a, b) = (Mutex::new(0), Mutex::new(0));
        thread::scope(|s| {
            let ab = s.spawn(|| {
                let _gate = gate.map(|gate| gate.lock());
                let _a = a.lock();
                let _b = b.lock();
            });
            ab.join().unwrap();
            s.spawn(|| {
                let _gate = gate.map(|gate| gate.lock());
                let _b = b.lock();
                let _a = a.lock();
            });
        });
    })
}

#[test]
fn misuse_lock_order_inversion() {
    only(&both_orders(None), Kind::LockOrder, "lock order inversion (potential deadlock)", 4);
}

#[test]
fn no_misuse_lock_order_inversion_behind_a_gate() {
    let report = both_orders(Some(&Mutex::new(())));
    assert!(report.is_clean(), "{report}");
}

#[test]
fn no_misuse_lock_order_of_one_thread_or_of_readers() {
    let report = check(|| {
        let (a, b) = (RwLock::new(0), RwLock::new(0));
        drop((a.write(), b.write()));
        drop((b.write(), a.write()));
        let (a, b) = (RwLock::new(0), RwLock::new(0));
        thread::scope(|s| {
            s.spawn(|| drop((a.read(), b.read())));
            s.spawn(|| drop((b.read(), a.read())));
        });
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn misuse_lock_order_inversion_of_three() {
    let report = check(|| {
        let forks = [Mutex::new(()), Mutex::new(()), Mutex::new(())];
        for at in 0..3 {
            let (left, right) = (&forks[at], &forks[(at + 1) % 3]);
            thread::scope(|s| _ = s.spawn(|| drop((left.lock(), right.lock()))));
        }
    });
    only(&report, Kind::LockOrder, "lock order inversion (potential deadlock)", 6);
}

#[test]
fn misuse_deadlock_of_two_locks() {
    let report = check(|| {
        let (a, b, both) = (Mutex::new(0), Mutex::new(0), Barrier::new(2));
        thread::scope(|s| {
            s.spawn(|| {
                let _a = a.lock();
                both.wait();
                let _b = b.lock();
            });
            let _b = b.lock();
            both.wait();
            let _a = a.lock();
        });
    });
    assert!(report.kinds().contains(&Kind::Deadlock), "{report}");
}

#[test]
fn misuse_all_threads_are_asleep() {
    let report = check(|| {
        let c = Chan::<i32>::make(0);
        let from = c.clone();
        let thread = thread::spawn(move || from.recv());
        thread.join().unwrap();
    });
    assert_eq!(report.kinds(), [Kind::AllAsleep], "{report}");
    let text = report.to_string();
    assert!(text.contains("all threads are asleep - deadlock!"), "{text}");
    assert!(text.contains("(chan receive)") && text.contains("(join)"), "{text}");
}

#[test]
fn misuse_all_threads_are_asleep_of_other_kinds() {
    let blocked: [fn(); 7] = [
        || Chan::make(0).send(1),
        || _ = Chan::<i32>::nil().recv(),
        || select! {},
        || {
            let wg = WaitGroup::new();
            wg.add(1);
            wg.wait();
        },
        || drop(Condvar::new().wait(Mutex::new(0).lock().unwrap())),
        || _ = racecheck::sync::Barrier::new(2).wait(),
        thread::park,
    ];
    for f in blocked {
        let report = check(f);
        assert_eq!(report.kinds(), [Kind::AllAsleep], "{report}");
    }
}

#[test]
fn no_misuse_a_wait_that_a_timer_ends() {
    let report = check(|| {
        let c = Chan::<i32>::make(0);
        select! {
            recv(c) -> _ => unreachable!(),
            recv(go::after(Duration::from_millis(1))) -> _ => {}
        }
        let (ctx, _cancel) = go::Context::background().with_timeout(Duration::from_millis(1));
        ctx.done().recv();
        assert!(!Weighted::new(1).acquire_timeout(2, Duration::from_millis(1)));
        thread::park_timeout(Duration::from_millis(1));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn misuse_lock_dropped_while_its_guard_is_forgotten() {
    let report = check(|| {
        let m = Mutex::new(0);
        std::mem::forget(m.lock());
    });
    only(&report, Kind::DroppedLocked, "a lock was dropped while it was locked", 2);
}

#[test]
fn misuse_value_of_another_type() {
    let report = check(|| {
        let value = go::Value::new();
        value.store(1);
        value.store("one");
    });
    only(&report, Kind::InconsistentType, "sync/atomic: store of inconsistently typed value into Value", 2);
}

#[test]
fn misuse_semaphore_released_more_than_held() {
    let report = check(|| Weighted::new(1).release(1));
    only(&report, Kind::SemaphoreOverRelease, "semaphore: released more than held", 1);
}

#[test]
fn a_check_is_told_about_its_own_threads_only() {
    let shared = RaceCell::new(0);
    let report = check(|| {
        let inner = check(|| {
            thread::scope(|s| {
                s.spawn(|| shared.set(1));
                s.spawn(|| shared.set(2));
            });
        });
        assert_eq!(inner.races.len(), 1);
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
#[should_panic(expected = "race detected during execution of test counter")]
fn race_lets_the_test_fail_with_its_name() {
    racecheck::check_test("counter", || {
        let n = RaceCell::new(0);
        thread::scope(|s| {
            s.spawn(|| n.update(|n| n + 1));
            s.spawn(|| n.update(|n| n + 1));
        });
    });
}

#[test]
#[should_panic(expected = "mine")]
fn a_panic_of_the_closure_goes_on() {
    let _ = check(|| panic!("mine"));
}
