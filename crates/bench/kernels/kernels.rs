//! Small programs whose cost is measured. `kernels NAME` runs one of them.
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock, mpsc};
use std::thread;

const KERNELS: &[(&str, fn())] = &[
    ("sort", sort),
    ("matrix", matrix),
    ("hash_map", hash_map),
    ("list", list),
    ("text", text),
    ("calls", calls),
    ("allocation", allocation),
    ("mutex_alone", mutex_alone),
    ("mutex_contended", mutex_contended),
    ("rwlock_readers", rwlock_readers),
    ("channel", channel),
    ("arc", arc),
    ("counter_relaxed", counter_relaxed),
    ("ring", ring),
    ("threads", threads),
];

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    match KERNELS.iter().find(|(kernel, _)| *kernel == name) {
        Some((_, run)) => run(),
        // Without a name: which there are.
        None => KERNELS.iter().for_each(|(kernel, _)| println!("{kernel}")),
    }
}

/// Numbers without a pattern (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn in_threads(count: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let spawn = |i| {
        let work = work.clone();
        thread::spawn(move || work(i))
    };
    let threads: Vec<_> = (0..count).map(spawn).collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

fn sort() {
    let mut noise = Noise(88172645463325252);
    for _ in 0..8 {
        let mut numbers: Vec<u64> = (0..400_000).map(|_| noise.next()).collect();
        numbers.sort_unstable();
        black_box(&numbers);
    }
}

/// Two matrices that four threads read.
fn matrix() {
    const N: usize = 240;
    let (a, b) = (vec![1.5f64; N * N], vec![2.5f64; N * N]);
    in_threads(4, move |part| {
        let mut product = vec![0.0; N * N / 4];
        for i in 0..N / 4 {
            for j in 0..N {
                let row = i + part * N / 4;
                product[i * N + j] = (0..N).map(|k| a[row * N + k] * b[k * N + j]).sum();
            }
        }
        black_box(product[N]);
    });
}

fn hash_map() {
    let (mut noise, mut map) = (Noise(1234567), HashMap::new());
    for _ in 0..600_000 {
        *map.entry(noise.next() % 100_000).or_insert(0u64) += 1;
    }
    black_box(map.len());
}

fn list() {
    struct Node {
        value: u64,
        next: Option<Box<Node>>,
    }
    let mut head = None;
    for value in 0..200_000 {
        head = Some(Box::new(Node { value, next: head }));
    }
    let mut sum = 0;
    for _ in 0..25 {
        let mut at = &head;
        while let Some(node) = at {
            sum += node.value;
            at = &node.next;
        }
    }
    black_box(sum);
    // Node by node: the drop of a long list would recurse.
    while let Some(mut node) = head {
        head = node.next.take();
    }
}

fn text() {
    let text = "the quick brown fox jumps over the lazy dog ".repeat(30_000);
    let mut words: HashMap<&str, usize> = HashMap::new();
    text.split(' ').for_each(|word| *words.entry(word).or_default() += 1);
    black_box((words.len(), text.to_uppercase().len()));
}

fn calls() {
    fn fibonacci(n: u32) -> u64 {
        if n < 2 { u64::from(n) } else { black_box(fibonacci(n - 1)) + fibonacci(n - 2) }
    }
    black_box(fibonacci(34));
}

fn allocation() {
    let mut noise = Noise(99);
    let mut blocks: Vec<Option<Box<[u8]>>> = (0..1000).map(|_| None).collect();
    for _ in 0..1_000_000 {
        let (at, size) = ((noise.next() % 1000) as usize, (noise.next() % 200 + 8) as usize);
        blocks[at] = Some(vec![1u8; size].into_boxed_slice());
    }
    black_box(blocks.len());
}

fn mutex_alone() {
    let total = Mutex::new(0u64);
    for _ in 0..3_000_000 {
        *total.lock().unwrap() += 1;
    }
    black_box(total);
}

fn mutex_contended() {
    let total = Mutex::new(0u64);
    in_threads(2, move |_| (0..500_000).for_each(|_| *total.lock().unwrap() += 1));
}

fn rwlock_readers() {
    let table = RwLock::new(vec![1u64; 64]);
    in_threads(2, move |_| {
        black_box((0..500_000).map(|i| table.read().unwrap()[i % 64]).sum::<u64>());
    });
}

fn channel() {
    let (sender, receiver) = mpsc::channel();
    let producer = thread::spawn(move || (0..500_000u64).for_each(|i| sender.send(i).unwrap()));
    black_box(receiver.iter().sum::<u64>());
    producer.join().unwrap();
}

fn arc() {
    let shared = Arc::new(5u64);
    in_threads(2, move |_| (0..1_000_000).for_each(|_| drop(black_box(shared.clone()))));
}

fn counter_relaxed() {
    let counter = AtomicU64::new(0);
    in_threads(2, move |_| {
        for _ in 0..3_000_000 {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// One producer, one consumer, and a ring between them.
fn ring() {
    const SLOTS: usize = 1024;
    const ITEMS: usize = 500_000;
    let slots: Vec<_> = (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
    let (written, read) = (AtomicUsize::new(0), AtomicUsize::new(0));
    in_threads(2, move |consumer| {
        for i in 0..ITEMS {
            if consumer == 0 {
                while i - read.load(Ordering::Acquire) >= SLOTS {
                    thread::yield_now();
                }
                slots[i % SLOTS].store(i as u64, Ordering::Relaxed);
                written.store(i + 1, Ordering::Release);
            } else {
                while written.load(Ordering::Acquire) <= i {
                    thread::yield_now();
                }
                black_box(slots[i % SLOTS].load(Ordering::Relaxed));
                read.store(i + 1, Ordering::Release);
            }
        }
    });
}

fn threads() {
    for _ in 0..3000 {
        thread::spawn(|| black_box(3)).join().unwrap();
    }
}
