//! What is said about how locks are used. One test: the counts are those of the process.
#![cfg(feature = "detect")]

use std::sync::Barrier;
use std::time::Duration;

use racecheck::advice;
use racecheck::go::RWMutex;
use racecheck::sync::{Mutex, RwLock};
use racecheck::thread;

#[test]
fn advice_says_which_tool_fits() {
    advice::start();
    let first = line!() + 1;
    let number = Mutex::new(0_u64);
    let words = Mutex::new(String::new());
    let written = RwLock::new(0);
    let read = RwLock::new(0);
    let go = RWMutex::new();
    for n in 0..40 {
        *number.lock().unwrap() += 1;
        words.lock().unwrap().push('a');
        *written.write().unwrap() += n;
        assert!(*read.read().unwrap() == 0 && *written.read().unwrap() >= n);
        drop(go.guard());
    }
    let slept_line = line!() + 1;
    let slept = Mutex::new(());
    let guard = slept.lock().unwrap();
    thread::sleep(Duration::from_millis(1));
    drop(guard);
    let written_line = line!() + 1;
    let written = Mutex::new(std::fs::File::create("/dev/null").unwrap());
    std::io::Write::write_all(&mut *written.lock().unwrap(), b"a line").unwrap();
    let (fought, here) = (Mutex::new(()), Barrier::new(2));
    thread::scope(|s| {
        let guard = fought.lock().unwrap();
        s.spawn(|| {
            here.wait();
            drop(fought.lock());
        });
        here.wait();
        // Until the other one waits for it.
        while advice::collect().locks.iter().all(|lock| lock.contended() == 0) {
            thread::yield_now();
        }
        drop(guard);
    });

    let all = advice::collect();
    let hints = |line: u32| {
        let place = format!("advice.rs:{line}:");
        let lock = all.locks.iter().find(|lock| lock.place().contains(&place)).expect("the lock was used");
        lock.hints().join("; ")
    };
    assert!(hints(first).contains("it guards a single u64: an atomic needs no lock"), "{all}");
    assert_eq!(hints(first + 1), "", "{all}");
    assert!(hints(first + 2).contains("50 % of its acquisitions are reads: below 90 %"), "{all}");
    assert_eq!(hints(first + 3), "", "{all}");
    assert!(hints(first + 4).contains("0 % of its acquisitions are reads"), "{all}");
    assert!(hints(slept_line).contains("it was held over a sleep (1 times)"), "{all}");
    if cfg!(target_os = "linux") {
        assert!(hints(written_line).contains("it was held over input or output (1 times)"), "{all}");
    }
    let json: serde_json::Value = serde_json::from_str(&all.to_json()).unwrap();
    let locks = json["locks"].as_array().unwrap();
    assert_eq!(locks.len(), all.locks.len());
    assert!(locks.iter().any(|lock| lock["contended"] == 1), "{json}");
    assert!(locks.iter().any(|lock| lock["acquisitions"] == 80 && lock["reads"] == 40), "{json}");
}
