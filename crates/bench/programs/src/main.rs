//! Programs whose cost is measured. `programs NAME` runs one of them; without a name it lists them.

use kernels::{crates, scaling, small};

type Programs = &'static [(&'static str, fn())];

/// Mostly plain data.
const PLAIN: Programs = &[
    ("sort", small::sort),
    ("matrix", small::matrix),
    ("hash_map", small::hash_map),
    ("btree", small::btree),
    ("list", small::list),
    ("text", small::text),
    ("calls", small::calls),
    ("allocation", small::allocation),
    ("mandelbrot", small::mandelbrot),
    ("regex", crates::regex),
    ("compression", crates::compression),
    ("json", crates::json),
];

/// Mostly locks, channels, reference counts and atomics.
const SYNCHRONISING: Programs = &[
    ("mutex_alone", small::mutex_alone),
    ("mutex_contended", small::mutex_contended),
    ("rwlock_readers", small::rwlock_readers),
    ("condvar", small::condvar),
    ("channel", small::channel),
    ("arc", small::arc),
    ("counter_relaxed", small::counter_relaxed),
    ("flags", small::flags),
    ("ring", small::ring),
    ("threads", small::threads),
    ("crossbeam", crates::crossbeam),
    ("rayon", crates::rayon),
    ("tokio", crates::tokio),
    ("dashmap", crates::dashmap),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [] => {
            PLAIN.iter().for_each(|(name, _)| println!("plain {name}"));
            SYNCHRONISING.iter().for_each(|(name, _)| println!("synchronising {name}"));
        }
        [name] if name == "nothing" => {}
        [name] => {
            let run = PLAIN.iter().chain(SYNCHRONISING).find(|(n, _)| n == name);
            run.unwrap_or_else(|| panic!("no program is called {name}")).1();
        }
        [name, threads] => scaling::run(name, threads.parse().expect("a number of threads")),
        _ => panic!("usage: programs [NAME [THREADS]]"),
    }
}
