//! A wait group: a counter under a lock, and a condition that it is zero.
use std::sync::{Condvar, Mutex};
use std::thread;

struct WaitGroup {
    count: Mutex<usize>,
    zero: Condvar,
}

impl WaitGroup {
    const fn new() -> Self {
        WaitGroup { count: Mutex::new(0), zero: Condvar::new() }
    }

    fn add(&self, count: usize) {
        *self.count.lock().unwrap() += count;
    }

    fn done(&self) {
        let mut count = self.count.lock().unwrap();
        *count -= 1;
        if *count == 0 {
            self.zero.notify_all();
        }
    }

    fn wait(&self) {
        drop(self.zero.wait_while(self.count.lock().unwrap(), |count| *count > 0).unwrap());
    }
}

static GROUP: WaitGroup = WaitGroup::new();
static mut RESULTS: [u64; 4] = [0; 4];

fn main() {
    for round in 1..=40 {
        GROUP.add(4);
        let workers = [0, 1, 2, 3].map(|i| {
            thread::spawn(move || {
                unsafe { RESULTS[i] = round };
                GROUP.done();
            })
        });
        GROUP.wait();
        let results = unsafe { RESULTS };
        assert_eq!(results, [round; 4]);
        workers.into_iter().for_each(|w| w.join().unwrap());
    }
}
