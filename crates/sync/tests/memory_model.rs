//! Each sentence of <https://go.dev/ref/mem> about synchronisation, as a program that relies on it and must
//! be clean, and where it can be, as one that relies on a little more and must not be.
//!
//! Two of its sentences have no counterpart here: those about the order of packages' `init` functions (Rust runs
//! nothing before `main`) and about finalizers.
#![cfg(feature = "detect")]

use std::sync::Arc;

use racecheck::cell::RaceCell;
use racecheck::go::{self, Chan, Cond, Int32, Map, Mutex, Once, Pool, RWMutex, WaitGroup, select};
use racecheck::{Report, check, thread};

/// A value that one side writes and the other reads.
fn message() -> Arc<RaceCell<i32>> {
    Arc::new(RaceCell::named("message", 0))
}

/// `first` in a new thread, `second` in this one, with a cell that the first writes and the second reads.
fn hand_over(
    before: impl FnOnce() + Send + 'static,
    first: impl FnOnce() + Send + 'static,
    second: impl FnOnce(),
) -> Report {
    let cell = message();
    check(|| {
        let theirs = cell.clone();
        let thread = thread::spawn(move || {
            before();
            theirs.set(1);
            first();
        });
        second();
        cell.get();
        thread.join().unwrap();
    })
}

#[track_caller]
fn clean(report: &Report) {
    assert!(report.is_clean(), "{report}");
}

#[track_caller]
fn one_race(report: &Report) {
    assert_eq!((report.races.len(), report.misuses.len()), (1, 0), "{report}");
}

#[test]
fn no_race_the_go_statement_is_synchronized_before_the_start_of_the_goroutine() {
    clean(&check(|| {
        let cell = message();
        cell.set(1);
        let theirs = cell.clone();
        thread::spawn(move || theirs.get()).join().unwrap();
    }));
}

#[test]
fn race_the_exit_of_a_goroutine_is_not_synchronized_before_any_event() {
    let report = check(|| {
        let (cell, done) = (message(), Arc::new(std::sync::Barrier::new(2)));
        let (theirs, there) = (cell.clone(), done.clone());
        let thread = thread::spawn(move || {
            theirs.set(1);
            there.wait();
        });
        // By a barrier that the detector doesn't see: the write comes first in time, and in no other way.
        done.wait();
        cell.get();
        thread.join().unwrap();
    });
    one_race(&report);
}

#[test]
fn no_race_a_send_is_synchronized_before_the_completion_of_the_corresponding_receive() {
    for capacity in [0, 1, 10] {
        let c = Chan::make(capacity);
        let from = c.clone();
        clean(&hand_over(|| (), move || c.send(0), || assert_eq!(from.recv(), Some(0))));
    }
}

#[test]
fn race_a_receive_is_not_ordered_after_another_send() {
    let report = check(|| {
        let (c, a, b) = (Chan::make(2), message(), message());
        let (to, first, second) = (c.clone(), a.clone(), b.clone());
        let thread = thread::spawn(move || {
            first.set(1);
            to.send(1);
            second.set(1);
            to.send(2);
        });
        c.recv();
        a.get();
        b.get();
        c.recv();
        thread.join().unwrap();
    });
    one_race(&report);
}

#[test]
fn no_race_the_closing_of_a_channel_is_synchronized_before_a_receive_that_returns_because_of_it() {
    for capacity in [0, 1] {
        let c = Chan::<i32>::make(capacity);
        let from = c.clone();
        clean(&hand_over(|| (), move || c.close(), || assert_eq!(from.recv(), None)));
    }
}

#[test]
fn no_race_a_receive_from_an_unbuffered_channel_is_synchronized_before_the_completion_of_the_send() {
    let c = Chan::make(0);
    let to = c.clone();
    clean(&hand_over(|| (), move || assert_eq!(c.recv(), Some(0)), || to.send(0)));
}

#[test]
fn race_a_receive_from_a_buffered_channel_is_not() {
    let c = Chan::make(1);
    let to = c.clone();
    let seen = Arc::new(std::sync::Barrier::new(2));
    let there = seen.clone();
    let first = move || {
        c.recv();
        there.wait();
    };
    let second = || {
        to.send(0);
        seen.wait();
    };
    one_race(&hand_over(|| (), first, second));
}

#[test]
fn no_race_the_kth_receive_is_synchronized_before_the_completion_of_the_k_plus_cth_send() {
    let c = Chan::make(3);
    let to = c.clone();
    (0..3).for_each(|n| to.send(n));
    // The fourth send ends only after the first receive.
    clean(&hand_over(|| (), move || assert_eq!(c.recv(), Some(0)), || to.send(3)));
}

#[test]
fn race_the_k_plus_1st_receive_is_not_before_the_k_plus_cth_send() {
    let c = Chan::make(2);
    let to = c.clone();
    (0..2).for_each(|n| to.send(n));
    let seen = Arc::new(std::sync::Barrier::new(2));
    let there = seen.clone();
    let from = c.clone();
    let second = move || {
        from.recv();
        there.wait();
    };
    // The third send is ordered after the first receive, but the write lies between it and the second.
    one_race(&hand_over(
        move || _ = c.recv(),
        second,
        || {
            to.send(2);
            seen.wait();
        },
    ));
}

#[test]
fn no_race_a_buffered_channel_limits_concurrency() {
    clean(&check(|| {
        let (limit, cell, wg) = (Chan::make(1), message(), WaitGroup::new());
        for _ in 0..4 {
            let (limit, cell) = (limit.clone(), cell.clone());
            wg.go(move || {
                limit.send(());
                cell.update(|n| n + 1);
                limit.recv();
            });
        }
        wg.wait();
        assert_eq!(cell.get(), 4);
    }));
}

#[test]
fn no_race_call_n_of_unlock_is_synchronized_before_call_m_of_lock_returns() {
    clean(&check(|| {
        let (mu, cell) = (Arc::new(Mutex::new()), message());
        mu.lock();
        let (theirs, written) = (mu.clone(), cell.clone());
        let thread = thread::spawn(move || {
            written.set(1);
            theirs.unlock();
        });
        mu.lock();
        cell.get();
        thread.join().unwrap();
    }));
}

#[test]
fn no_race_a_successful_try_lock_is_equivalent_to_a_lock() {
    clean(&check(|| {
        let (mu, rw, cell) = (Arc::new(Mutex::new()), Arc::new(RWMutex::new()), message());
        for by_reader in [false, true] {
            let (mine, my_rw, written) = (mu.clone(), rw.clone(), cell.clone());
            mu.lock();
            rw.lock();
            let thread = thread::spawn(move || {
                written.set(1);
                if by_reader { my_rw.unlock() } else { mine.unlock() }
            });
            while !(if by_reader { rw.try_r_lock() } else { mu.try_lock() }) {
                thread::yield_now();
            }
            cell.get();
            thread.join().unwrap();
            if by_reader {
                rw.r_unlock();
                mu.unlock();
            } else {
                mu.unlock();
                rw.unlock();
            }
        }
    }));
}

#[test]
fn race_an_unsuccessful_try_lock_has_no_synchronizing_effect() {
    let mu = Arc::new(Mutex::new());
    let (locked, tried) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(std::sync::Barrier::new(2)));
    let (theirs, there, end) = (mu.clone(), locked.clone(), tried.clone());
    let first = move || {
        theirs.lock();
        there.wait();
        end.wait();
        theirs.unlock();
    };
    let report = hand_over(
        || (),
        first,
        || {
            locked.wait();
            assert!(!mu.try_lock());
            tried.wait();
        },
    );
    one_race(&report);
}

#[test]
fn no_race_an_unlock_is_synchronized_before_the_rlock_after_it_and_the_runlock_before_the_next_lock() {
    clean(&check(|| {
        let (mu, cell) = (Arc::new(RWMutex::new()), message());
        let wg = WaitGroup::new();
        for writes in [true, false, false, true, false] {
            let (mu, cell) = (mu.clone(), cell.clone());
            wg.go(move || {
                if writes {
                    let _guard = mu.guard();
                    cell.update(|n| n + 1);
                } else {
                    let _guard = mu.r_guard();
                    cell.get();
                }
            });
        }
        wg.wait();
    }));
}

#[test]
fn race_two_readers_are_not_ordered() {
    let mu = Arc::new(RWMutex::new());
    let theirs = mu.clone();
    let read = Arc::new(std::sync::Barrier::new(2));
    let end = read.clone();
    let first = move || {
        theirs.r_lock();
        theirs.r_unlock();
        end.wait();
    };
    one_race(&hand_over(
        || (),
        first,
        || {
            read.wait();
            mu.r_lock();
            mu.r_unlock();
        },
    ));
}

#[test]
fn no_race_the_completion_of_f_is_synchronized_before_the_return_of_any_once_do() {
    clean(&check(|| {
        let (once, cell, wg) = (Arc::new(Once::new()), message(), WaitGroup::new());
        for _ in 0..3 {
            let (once, cell) = (once.clone(), cell.clone());
            wg.go(move || {
                once.run(|| cell.set(1));
                assert_eq!(cell.get(), 1);
            });
        }
        wg.wait();
    }));
}

#[test]
fn no_race_an_atomic_operation_that_is_observed_is_synchronized_before_the_observer() {
    let flag = Arc::new(Int32::new(0));
    let theirs = flag.clone();
    clean(&hand_over(
        || (),
        move || theirs.store(1),
        || {
            while flag.load() == 0 {
                thread::yield_now();
            }
        },
    ));
}

#[test]
fn no_race_all_atomic_operations_have_one_order() {
    clean(&check(|| {
        for _ in 0..50 {
            let (x, y) = (Arc::new(Int32::new(0)), Arc::new(Int32::new(0)));
            let (their_x, their_y) = (x.clone(), y.clone());
            let thread = thread::spawn(move || {
                their_x.store(1);
                their_y.load()
            });
            y.store(1);
            let saw_x = x.load();
            let saw_y = thread.join().unwrap();
            assert!(saw_x == 1 || saw_y == 1, "each load came before the other thread's store");
        }
    }));
}

#[test]
fn no_race_done_is_synchronized_before_the_return_of_the_wait_that_it_unblocks() {
    let wg = WaitGroup::new();
    wg.add(1);
    let theirs = wg.clone();
    clean(&hand_over(|| (), move || theirs.done(), || wg.wait()));
}

#[test]
fn no_race_signal_is_synchronized_before_the_wait_that_it_unblocks() {
    let (mu, turn) = (Arc::new(Mutex::new()), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let cond = Arc::new(Cond::new(mu));
    let (theirs, set) = (cond.clone(), turn.clone());
    clean(&hand_over(
        || (),
        move || {
            theirs.l.lock();
            set.store(true, std::sync::atomic::Ordering::Relaxed);
            theirs.l.unlock();
            theirs.signal();
        },
        || {
            cond.l.lock();
            while !turn.load(std::sync::atomic::Ordering::Relaxed) {
                cond.wait();
            }
            cond.l.unlock();
        },
    ));
}

#[test]
fn no_race_broadcast_is_synchronized_before_the_waits_that_it_unblocks() {
    clean(&check(|| {
        let cond = Arc::new(Cond::new(Arc::new(Mutex::new())));
        let (cell, wg) = (message(), WaitGroup::new());
        let turn = Arc::new(std::sync::atomic::AtomicBool::new(false));
        for _ in 0..3 {
            let (cond, cell, turn) = (cond.clone(), cell.clone(), turn.clone());
            wg.go(move || {
                cond.l.lock();
                while !turn.load(std::sync::atomic::Ordering::Relaxed) {
                    cond.wait();
                }
                cond.l.unlock();
                cell.get();
            });
        }
        cell.set(1);
        cond.l.lock();
        turn.store(true, std::sync::atomic::Ordering::Relaxed);
        cond.l.unlock();
        cond.broadcast();
        wg.wait();
    }));
}

#[test]
fn no_race_new_is_synchronized_before_the_get_that_returns_its_value() {
    clean(&check(|| {
        let pool = Arc::new(Pool::new(|| {
            let cell = message();
            cell.set(1);
            cell
        }));
        let theirs = pool.clone();
        thread::spawn(move || theirs.get().get()).join().unwrap();
        pool.get().get();
    }));
}

#[test]
fn no_race_put_is_synchronized_before_the_get_that_returns_the_value() {
    let report = check(|| {
        let pool = Arc::new(Pool::new(message));
        let cell = pool.get();
        cell.set(1);
        let theirs = pool.clone();
        let there = Arc::new(std::sync::Barrier::new(2));
        let end = there.clone();
        let thread = thread::spawn(move || {
            end.wait();
            theirs.get().set(2);
        });
        pool.put(cell);
        // It is private to this thread; with a second one in its place it is shared.
        pool.put(message());
        there.wait();
        thread.join().unwrap();
    });
    clean(&report);
}

#[test]
fn race_a_pool_object_that_is_used_after_put() {
    let report = check(|| {
        let pool = Arc::new(Pool::new(message));
        let cell = pool.get();
        let kept = cell.clone();
        pool.put(cell);
        pool.put(message());
        let there = Arc::new(std::sync::Barrier::new(2));
        let (theirs, end) = (pool.clone(), there.clone());
        let thread = thread::spawn(move || {
            theirs.get().set(2);
            end.wait();
        });
        there.wait();
        kept.set(3);
        thread.join().unwrap();
    });
    one_race(&report);
}

#[test]
fn no_race_a_write_to_a_map_is_synchronized_before_the_read_that_observes_it() {
    let map = Arc::new(Map::new());
    let theirs = map.clone();
    clean(&hand_over(
        || (),
        move || theirs.store("ready", ()),
        || {
            while map.load(&"ready").is_none() {
                thread::yield_now();
            }
        },
    ));
}

#[test]
fn race_a_write_to_another_key_of_a_map_orders_nothing() {
    let map = Arc::new(Map::new());
    let there = Arc::new(std::sync::Barrier::new(2));
    let (theirs, end) = (map.clone(), there.clone());
    let first = move || {
        theirs.store("a", ());
        end.wait();
    };
    one_race(&hand_over(
        || (),
        first,
        || {
            there.wait();
            map.store("b", ());
            map.load(&"b");
        },
    ));
}

#[test]
fn no_race_a_select_makes_the_edges_of_the_case_that_it_chose() {
    for capacity in [0, 1] {
        let (c, other) = (Chan::make(capacity), Chan::<i32>::make(0));
        let from = c.clone();
        clean(&hand_over(
            || (),
            move || c.send(0),
            || {
                select! {
                    recv(from) -> value => assert_eq!(value, Some(0)),
                    recv(other) -> _ => unreachable!(),
                }
            },
        ));
    }
}

#[test]
fn no_race_selects_meet_each_other() {
    clean(&check(|| {
        let (a, b, cell) = (Chan::make(0), Chan::make(0), message());
        let (to_a, to_b, theirs) = (a.clone(), b.clone(), cell.clone());
        let thread = thread::spawn(move || {
            for n in 0..20 {
                theirs.update(|n| n + 1);
                select! {
                    send(to_a, n) => {}
                    send(to_b, n) => {}
                }
                select! {
                    recv(to_a) -> _ => {}
                    recv(to_b) -> _ => {}
                }
            }
        });
        for n in 0..20 {
            let got = select! {
                recv(a) -> got => got,
                recv(b) -> got => got,
            };
            assert_eq!(got, Some(n));
            cell.update(|n| n + 1);
            select! {
                send(a, n) => {}
                send(b, n) => {}
            }
        }
        thread.join().unwrap();
        assert_eq!(cell.get(), 40);
    }));
}

#[test]
fn race_incorrect_synchronization_double_checked_locking() {
    let report = check(|| {
        let (done, once, cell) = (Arc::new(RaceCell::named("done", false)), Arc::new(Once::new()), message());
        let (theirs, setup, written) = (done.clone(), once.clone(), cell.clone());
        let first = Arc::new(std::sync::Barrier::new(2));
        let there = first.clone();
        let thread = thread::spawn(move || {
            setup.run(|| {
                written.set(1);
                theirs.set(true);
            });
            there.wait();
        });
        first.wait();
        if !done.get() {
            once.run(|| {
                cell.set(1);
                done.set(true);
            });
        }
        thread.join().unwrap();
    });
    one_race(&report);
}

#[test]
fn race_incorrect_synchronization_busy_waiting() {
    // The writer stays until the read is done, seen by std's own atomic: the end of a thread is another matter.
    static READ: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let report = check(|| {
        let (done, cell) = (Arc::new(RaceCell::named("done", false)), message());
        let (theirs, written) = (done.clone(), cell.clone());
        let thread = thread::spawn(move || {
            written.set(1);
            theirs.set(true);
            while !READ.load(std::sync::atomic::Ordering::Relaxed) {
                std::thread::yield_now();
            }
        });
        while !done.get() {
            thread::yield_now();
        }
        cell.get();
        READ.store(true, std::sync::atomic::Ordering::Relaxed);
        thread.join().unwrap();
    });
    assert_eq!(report.races.len(), 2, "{report}");
}

#[test]
fn no_race_errgroup_semaphore_singleflight_and_context() {
    clean(&check(|| {
        let (cell, sem) = (message(), Arc::new(go::Weighted::new(1)));
        let (group, ctx) = go::Group::with_context(&go::Context::background());
        for _ in 0..3 {
            let (cell, sem) = (cell.clone(), sem.clone());
            group.go(move || {
                sem.acquire(1);
                cell.update(|n| n + 1);
                sem.release(1);
                Ok::<(), ()>(())
            });
        }
        group.wait().unwrap();
        assert_eq!((cell.get(), ctx.err()), (3, Some(go::ContextError::Canceled)));

        let flight = Arc::new(go::Flight::new());
        let wg = WaitGroup::new();
        for _ in 0..3 {
            let (flight, made) = (flight.clone(), message());
            wg.go(move || {
                let (got, _) = flight.run("key", || {
                    made.set(7);
                    made.clone()
                });
                assert_eq!(got.get(), 7);
            });
        }
        wg.wait();

        let (ctx, cancel) = go::Context::background().with_cancel();
        let written = cell.clone();
        let thread = thread::spawn(move || {
            written.set(9);
            cancel();
        });
        ctx.done().recv();
        assert_eq!(cell.get(), 9);
        thread.join().unwrap();
    }));
}
