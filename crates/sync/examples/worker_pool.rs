//! Workers that take jobs from a channel and put results into another one. `racy` gathers the workers' sums in
//! a shared vector instead; `early` counts the workers in the workers, so that the wait may come too early.

use racecheck::cell::RaceCell;
use racecheck::go::{Chan, WaitGroup};
use racecheck::thread;
use std::sync::Arc;

const JOBS: u32 = 20;
const WORKERS: usize = 3;

fn jobs() -> Chan<u32> {
    let jobs = Chan::make(JOBS as usize);
    (0..JOBS).for_each(|n| jobs.send(n));
    jobs.close();
    jobs
}

fn right() -> u32 {
    let (jobs, results, wg) = (jobs(), Chan::make(0), WaitGroup::new());
    for _ in 0..WORKERS {
        let (jobs, results) = (jobs.clone(), results.clone());
        wg.go(move || jobs.iter().for_each(|n| results.send(n * 2)));
    }
    let end = results.clone();
    thread::spawn(move || {
        wg.wait();
        end.close();
    });
    results.iter().sum()
}

fn racy() -> u32 {
    let (jobs, results, wg) = (jobs(), Arc::new(RaceCell::named("results", Vec::new())), WaitGroup::new());
    for _ in 0..WORKERS {
        let (jobs, results) = (jobs.clone(), results.clone());
        wg.go(move || {
            let sum: u32 = jobs.iter().map(|n| n * 2).sum();
            results.with_mut(|r| r.push(sum));
        });
    }
    wg.wait();
    results.with(|r| r.iter().sum())
}

fn early() -> u32 {
    let (jobs, results, wg) = (jobs(), Chan::make(JOBS as usize), WaitGroup::new());
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (jobs, results, wg) = (jobs.clone(), results.clone(), wg.clone());
            thread::spawn(move || {
                wg.add(1); // too late: the wait may be over
                jobs.iter().for_each(|n| results.send(n * 2));
                wg.done();
            })
        })
        .collect();
    wg.wait();
    workers.into_iter().for_each(|w| w.join().unwrap());
    results.close();
    results.iter().sum()
}

fn main() {
    let sum = match std::env::args().nth(1).as_deref() {
        Some("racy") => racy(),
        Some("right") => right(),
        Some("early") => early(),
        _ => panic!("say racy, right or early"),
    };
    println!("the sum is {sum}");
}
