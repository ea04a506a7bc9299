//! Threads of all kinds, ended at any time.
#![cfg(feature = "detect")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use racecheck::cell::{RaceCell, RaceSlice};
use racecheck::sync::atomic::AtomicU32;
use racecheck::sync::{Mutex, RwLock, mpsc};
use racecheck::{check, thread};

#[test]
fn no_race_in_destructors_of_thread_local_variables() {
    thread_local!(static LAST: RaceCell<Option<Write>> = const { RaceCell::new(None) });
    struct Write(Arc<RaceCell<i32>>);
    impl Drop for Write {
        fn drop(&mut self) {
            self.0.update(|n| n + 1);
        }
    }
    let report = check(|| {
        let cell = Arc::new(RaceCell::new(0));
        let theirs = Write(cell.clone());
        thread::spawn(move || LAST.with(|last| last.set(Some(theirs)))).join().unwrap();
        assert_eq!(cell.get(), 1);
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn no_race_in_the_next_object_at_the_same_address() {
    let report = check(|| {
        for _ in 0..50 {
            let cell = Box::new(RaceCell::new([0_u8; 64]));
            thread::spawn(move || cell.set([1; 64]));
        }
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn no_race_after_a_scope_and_after_joins_in_any_order() {
    let report = check(|| {
        let row = RaceSlice::new(vec![0_u16; 64]);
        for _ in 0..4 {
            thread::scope(|s| {
                for part in 0..8 {
                    let row = &row;
                    s.spawn(move || row.fill(part * 8..(part + 1) * 8, part as u16));
                }
            });
            assert_eq!(row.get(63), 7);
        }
        let cells: Vec<_> = (0..8).map(|_| Arc::new(RaceCell::new(0))).collect();
        let mut threads: Vec<_> = cells
            .iter()
            .map(|cell| {
                let cell = cell.clone();
                thread::spawn(move || cell.set(1))
            })
            .collect();
        while let Some(thread) = threads.pop() {
            thread.join().unwrap();
        }
        assert!(cells.iter().all(|cell| cell.get() == 1));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn race_of_neighbours_that_overlap_by_one() {
    let report = check(|| {
        let row = RaceSlice::new(vec![0_u8; 16]);
        thread::scope(|s| {
            s.spawn(|| row.fill(0..9, 1));
            s.spawn(|| row.fill(8..16, 2));
        });
    });
    assert_eq!(report.races.len(), 1, "{report}");
}

#[test]
fn no_race_under_load() {
    let report = check(|| {
        let (m, rw, cell, other) = (Mutex::new(0), RwLock::new(0), RaceCell::new(0), RaceCell::new(0));
        let (count, (to, from)) = (AtomicU32::new(0), mpsc::sync_channel(2));
        thread::scope(|s| {
            for _ in 0..4 {
                let to = to.clone();
                let (m, rw, cell, other, count) = (&m, &rw, &cell, &other, &count);
                s.spawn(move || {
                    for n in 0..300 {
                        let mut guard = m.lock().unwrap();
                        *guard += 1;
                        cell.update(|v| v + 1);
                        drop(guard);
                        if n % 8 == 0 {
                            let _guard = rw.write().unwrap();
                            other.update(|v| v + 1);
                        } else {
                            let _guard = rw.read().unwrap();
                            other.get();
                        }
                        count.fetch_add(1, Ordering::Relaxed);
                        to.send(n).unwrap();
                    }
                });
            }
            drop(to);
            assert_eq!(from.iter().count(), 1200);
        });
        assert_eq!((cell.get(), other.get(), count.load(Ordering::Relaxed)), (1200, 4 * 38, 1200));
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn race_between_a_relaxed_flag_and_its_data_and_no_race_with_release() {
    for (store, load, races) in
        [(Ordering::Relaxed, Ordering::Relaxed, 1), (Ordering::Release, Ordering::Acquire, 0)]
    {
        let report = check(|| {
            let (flag, data) = (AtomicU32::new(0), RaceCell::new(0));
            thread::scope(|s| {
                s.spawn(|| {
                    data.set(1);
                    flag.store(1, store);
                });
                while flag.load(load) == 0 {
                    thread::yield_now();
                }
                data.get();
            });
        });
        assert_eq!(report.races.len(), races, "{report}");
    }
}

#[test]
fn no_race_with_fences() {
    use racecheck::sync::atomic::fence;
    let report = check(|| {
        let (flag, data) = (AtomicU32::new(0), RaceCell::new(0));
        thread::scope(|s| {
            s.spawn(|| {
                data.set(1);
                fence(Ordering::Release);
                flag.store(1, Ordering::Relaxed);
            });
            while flag.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            fence(Ordering::Acquire);
            data.get();
        });
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn race_report_names_threads_and_places() {
    let report = check(|| {
        let cell = Arc::new(RaceCell::named("temperature", 0));
        let theirs = cell.clone();
        let writer = thread::Builder::new().name("thermometer".into()).spawn(move || theirs.set(20)).unwrap();
        cell.get();
        writer.join().unwrap();
    });
    let text = report.to_string();
    for words in [
        "WARNING: DATA RACE",
        "Test: race_report_names_threads_and_places",
        "\"thermometer\"",
        "\"temperature\" of 4 bytes, made at:",
        "created by",
    ] {
        assert!(text.contains(words), "no {words} in\n{text}");
    }
    assert!(!text.contains("src/rt/"), "{text}");
    // Where debug info holds only lines, inlined frames have no full names.
    let function = "threads::race_report_names_threads_and_places::{{closure}}";
    assert!(text.contains(function) || !cfg!(debug_assertions), "{text}");
    let (a, b) = report.races[0].places();
    assert!(a.starts_with("crates/sync/tests/threads.rs:") && b.starts_with("crates/sync/tests/threads.rs:"));
}
