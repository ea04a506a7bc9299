//! Small programs: one kind of work each, without dependencies.
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock, mpsc};
use std::thread;

/// Numbers without a pattern (xorshift).
pub struct Noise(pub u64);

impl Noise {
    /// The next one.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

pub fn in_threads(count: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let spawn = |i| {
        let work = work.clone();
        thread::spawn(move || work(i))
    };
    let threads: Vec<_> = (0..count).map(spawn).collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
}

pub fn sort() {
    let mut noise = Noise(88172645463325252);
    for _ in 0..8 {
        let mut numbers: Vec<u64> = (0..400_000).map(|_| noise.next()).collect();
        numbers.sort_unstable();
        black_box(&numbers);
    }
}

/// Two matrices that four threads read.
pub fn matrix() {
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

pub fn hash_map() {
    let (mut noise, mut map) = (Noise(1234567), HashMap::new());
    for _ in 0..600_000 {
        *map.entry(noise.next() % 100_000).or_insert(0u64) += 1;
    }
    black_box(map.len());
}

pub fn list() {
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

pub fn text() {
    let text = "the quick brown fox jumps over the lazy dog ".repeat(30_000);
    let mut words: HashMap<&str, usize> = HashMap::new();
    text.split(' ').for_each(|word| *words.entry(word).or_default() += 1);
    black_box((words.len(), text.to_uppercase().len()));
}

pub fn calls() {
    fn fibonacci(n: u32) -> u64 {
        if n < 2 { u64::from(n) } else { black_box(fibonacci(n - 1)) + fibonacci(n - 2) }
    }
    black_box(fibonacci(34));
}

pub fn allocation() {
    let mut noise = Noise(99);
    let mut blocks: Vec<Option<Box<[u8]>>> = (0..1000).map(|_| None).collect();
    for _ in 0..1_000_000 {
        let (at, size) = ((noise.next() % 1000) as usize, (noise.next() % 200 + 8) as usize);
        blocks[at] = Some(vec![1u8; size].into_boxed_slice());
    }
    black_box(blocks.len());
}

pub fn mutex_alone() {
    let total = Mutex::new(0u64);
    for _ in 0..3_000_000 {
        *total.lock().unwrap() += 1;
    }
    black_box(total);
}

pub fn mutex_contended() {
    let total = Mutex::new(0u64);
    in_threads(2, move |_| (0..500_000).for_each(|_| *total.lock().unwrap() += 1));
}

pub fn rwlock_readers() {
    let table = RwLock::new(vec![1u64; 64]);
    in_threads(2, move |_| {
        black_box((0..500_000).map(|i| table.read().unwrap()[i % 64]).sum::<u64>());
    });
}

pub fn channel() {
    let (sender, receiver) = mpsc::channel();
    let producer = thread::spawn(move || (0..500_000u64).for_each(|i| sender.send(i).unwrap()));
    black_box(receiver.iter().sum::<u64>());
    producer.join().unwrap();
}

pub fn arc() {
    let shared = Arc::new(5u64);
    in_threads(2, move |_| (0..1_000_000).for_each(|_| drop(black_box(shared.clone()))));
}

pub fn counter_relaxed() {
    let counter = AtomicU64::new(0);
    in_threads(2, move |_| {
        for _ in 0..3_000_000 {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
}

/// One producer, one consumer, and a ring between them.
pub fn ring() {
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

pub fn threads() {
    for _ in 0..3000 {
        thread::spawn(|| black_box(3)).join().unwrap();
    }
}

/// Insertions, look-ups, removals and walks in order.
pub fn btree() {
    let (mut noise, mut map) = (Noise(77), BTreeMap::new());
    for i in 0..120_000u64 {
        map.insert(noise.next() % 50_000, i);
        if i % 3 == 0 {
            map.remove(&(noise.next() % 50_000));
        }
    }
    black_box(map.range(10_000..40_000).map(|(_, v)| *v).sum::<u64>());
}

/// Rows of the Mandelbrot set, by four threads: numbers in registers, and a picture.
pub fn mandelbrot() {
    const SIZE: usize = 256;
    in_threads(4, |part| {
        let mut rows = vec![0u8; SIZE * SIZE / 4];
        for (at, pixel) in rows.iter_mut().enumerate() {
            let (x, y) = (at % SIZE, at / SIZE + part * SIZE / 4);
            let (cx, cy) = (x as f64 * 3.0 / SIZE as f64 - 2.0, y as f64 * 2.0 / SIZE as f64 - 1.0);
            let (mut zx, mut zy) = (0.0, 0.0);
            let escapes = (0..100u8).find(|_| {
                (zx, zy) = (zx * zx - zy * zy + cx, 2.0 * zx * zy + cy);
                zx * zx + zy * zy > 4.0
            });
            *pixel = escapes.unwrap_or(100);
        }
        black_box(rows[SIZE]);
    });
}

/// Two threads that take turns.
pub fn condvar() {
    let turn = Arc::new((Mutex::new(0usize), Condvar::new()));
    in_threads(2, move |me| {
        for _ in 0..15_000 {
            let mut now = turn.1.wait_while(turn.0.lock().unwrap(), |now| *now != me).unwrap();
            *now = 1 - me;
            turn.1.notify_one();
        }
    });
}

/// A flag that two threads hand to each other with acquire and release.
pub fn flags() {
    let flag = AtomicUsize::new(0);
    in_threads(2, move |me| {
        for _ in 0..150_000 {
            let mut spins = 0;
            while flag.load(Ordering::Acquire) != me {
                spins += 1;
                if spins % 64 == 0 {
                    thread::yield_now();
                }
            }
            flag.store(1 - me, Ordering::Release);
        }
    });
}
