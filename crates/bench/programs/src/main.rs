//! Programs whose cost is measured. `programs NAME` runs one of them; without a name it lists them.

mod crates;
mod kernels;
mod scaling;

type Programs = &'static [(&'static str, fn())];

/// Mostly plain data.
const PLAIN: Programs = &[
    ("sort", kernels::sort),
    ("matrix", kernels::matrix),
    ("hash_map", kernels::hash_map),
    ("btree", kernels::btree),
    ("list", kernels::list),
    ("text", kernels::text),
    ("calls", kernels::calls),
    ("allocation", kernels::allocation),
    ("mandelbrot", kernels::mandelbrot),
    ("regex", crates::regex),
    ("compression", crates::compression),
    ("json", crates::json),
];

/// Mostly locks, channels, reference counts and atomics.
const SYNCHRONISING: Programs = &[
    ("mutex_alone", kernels::mutex_alone),
    ("mutex_contended", kernels::mutex_contended),
    ("rwlock_readers", kernels::rwlock_readers),
    ("condvar", kernels::condvar),
    ("channel", kernels::channel),
    ("arc", kernels::arc),
    ("counter_relaxed", kernels::counter_relaxed),
    ("flags", kernels::flags),
    ("ring", kernels::ring),
    ("threads", kernels::threads),
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
