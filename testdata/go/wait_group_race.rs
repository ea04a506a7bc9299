//! A wait group whose worker says that it is done before it is.
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

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    GROUP.add(1);
    let worker = thread::spawn(|| {
        GROUP.done();
        unsafe { RESULTS[3] = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    });
    GROUP.wait();
    step::wait(1);
    let result = unsafe { RESULTS[3] }; // race: read
    assert_eq!(result, 1);
    step::reach(2);
    worker.join().unwrap();
}
