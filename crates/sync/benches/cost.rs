//! What an event costs, beside the standard library's, parking_lot's and loom's types.
//!
//! Each line is the median of several rounds of one operation, uncontended, in nanoseconds, and its ratio to
//! the standard library's. `cargo bench -p racecheck` shows the shim switched on;
//! `cargo bench -p racecheck --no-default-features` shows it left out, where the ratios are 1.

use std::hint::black_box;
use std::time::Instant;

use racecheck::sync::atomic::Ordering;

/// Short rounds, and many: one that another process interrupts is no median.
const ROUNDS: usize = 401;
const OPERATIONS: u32 = 2_000;

/// Median time of one `f`, in nanoseconds.
fn measure(mut f: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..OPERATIONS).for_each(|_| f());
            start.elapsed().as_nanos() as f64 / f64::from(OPERATIONS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

/// The same for loom's types, which exist within a model only. The model has one thread, so one execution is all.
fn in_model<T: 'static>(make: fn() -> T, operation: fn(&T)) -> f64 {
    const OPERATIONS: u32 = 200;
    let rounds = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut model = loom::model::Builder::new();
    model.max_branches = 1_000_000;
    for _ in 0..25 {
        let rounds = rounds.clone();
        model.check(move || {
            let object = make();
            let start = Instant::now();
            (0..OPERATIONS).for_each(|_| operation(black_box(&object)));
            rounds.lock().unwrap().push(start.elapsed().as_nanos() as f64 / f64::from(OPERATIONS));
        });
    }
    let mut rounds = std::mem::take(&mut *rounds.lock().unwrap());
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

fn line(what: &str, std: f64, others: &[(&str, f64)]) {
    print!("{what:<28} std {std:>7.2} ns");
    for (name, time) in others {
        print!("   {name} {time:>7.2} ns (x{:.2})", time / std);
    }
    println!();
}

fn loom_atomic() -> loom::sync::atomic::AtomicU64 {
    loom::sync::atomic::AtomicU64::new(0)
}

fn main() {
    // SAFETY: no other thread was made yet.
    unsafe { std::env::set_var(racecheck::DETECT_VARIABLE, "1") };
    println!("recorded by {:?}", racecheck::detector());

    let (std, shim, pl) =
        (std::sync::Mutex::new(0_u64), racecheck::sync::Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
    let go = racecheck::go::Mutex::new();
    line(
        "Mutex lock + unlock",
        measure(|| *black_box(&std).lock().unwrap() += 1),
        &[
            ("shim", measure(|| *black_box(&shim).lock().unwrap() += 1)),
            ("go", measure(|| drop(black_box(&go).guard()))),
            ("parking_lot", measure(|| *black_box(&pl).lock() += 1)),
            ("loom", in_model(|| loom::sync::Mutex::new(0_u64), |m| *m.lock().unwrap() += 1)),
        ],
    );

    let (std, shim, pl) =
        (std::sync::RwLock::new(0_u64), racecheck::sync::RwLock::new(0_u64), parking_lot::RwLock::new(0_u64));
    line(
        "RwLock read + unlock",
        measure(|| _ = black_box(*black_box(&std).read().unwrap())),
        &[
            ("shim", measure(|| _ = black_box(*black_box(&shim).read().unwrap()))),
            ("parking_lot", measure(|| _ = black_box(*black_box(&pl).read()))),
            ("loom", in_model(|| loom::sync::RwLock::new(0_u64), |l| _ = black_box(*l.read().unwrap()))),
        ],
    );

    let (std, shim) = (std::sync::atomic::AtomicU64::new(0), racecheck::sync::atomic::AtomicU64::new(0));
    line(
        "AtomicU64 load, relaxed",
        measure(|| _ = black_box(black_box(&std).load(Ordering::Relaxed))),
        &[("shim", measure(|| _ = black_box(black_box(&shim).load(Ordering::Relaxed))))],
    );
    line(
        "AtomicU64 load, acquire",
        measure(|| _ = black_box(black_box(&std).load(Ordering::Acquire))),
        &[
            ("shim", measure(|| _ = black_box(black_box(&shim).load(Ordering::Acquire)))),
            ("loom", in_model(loom_atomic, |a| _ = black_box(a.load(Ordering::Acquire)))),
        ],
    );
    line(
        "AtomicU64 store, release",
        measure(|| black_box(&std).store(1, Ordering::Release)),
        &[
            ("shim", measure(|| black_box(&shim).store(1, Ordering::Release))),
            ("loom", in_model(loom_atomic, |a| a.store(1, Ordering::Release))),
        ],
    );
    line(
        "AtomicU64 fetch_add, acq_rel",
        measure(|| _ = black_box(&std).fetch_add(1, Ordering::AcqRel)),
        &[
            ("shim", measure(|| _ = black_box(&shim).fetch_add(1, Ordering::AcqRel))),
            ("loom", in_model(loom_atomic, |a| _ = a.fetch_add(1, Ordering::AcqRel))),
        ],
    );

    let (std, shim) = (std::cell::Cell::new(0_u64), racecheck::cell::RaceCell::new(0_u64));
    line(
        "Cell get / RaceCell get",
        measure(|| _ = black_box(black_box(&std).get())),
        &[("shim", measure(|| _ = black_box(black_box(&shim).get())))],
    );
    line(
        "Cell set / RaceCell set",
        measure(|| black_box(&std).set(1)),
        &[("shim", measure(|| black_box(&shim).set(1)))],
    );

    let (to, from) = std::sync::mpsc::channel();
    let (shim_to, shim_from) = racecheck::sync::mpsc::channel();
    let chan = racecheck::go::Chan::make(1);
    line(
        "channel send + receive",
        measure(|| {
            to.send(1).unwrap();
            from.recv().unwrap();
        }),
        &[
            (
                "shim",
                measure(|| {
                    shim_to.send(1).unwrap();
                    shim_from.recv().unwrap();
                }),
            ),
            (
                "go",
                measure(|| {
                    chan.send(1);
                    chan.recv();
                }),
            ),
        ],
    );
    let sizes = [
        ("Mutex<u64>", size_of::<std::sync::Mutex<u64>>(), size_of::<racecheck::sync::Mutex<u64>>()),
        ("RwLock<u64>", size_of::<std::sync::RwLock<u64>>(), size_of::<racecheck::sync::RwLock<u64>>()),
        (
            "AtomicU64",
            size_of::<std::sync::atomic::AtomicU64>(),
            size_of::<racecheck::sync::atomic::AtomicU64>(),
        ),
    ];
    for (name, std, shim) in sizes {
        println!("size of {name:<20} std {std:>3} bytes   shim {shim:>3} bytes");
    }
}
