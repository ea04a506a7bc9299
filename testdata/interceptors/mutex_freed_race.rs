//! The memory of a mutex is freed without an edge to the thread that used it last.
use std::ffi::c_int;
use std::thread;

/// A mutex of pthread's, all of it zero: what its static initialiser gives.
type Mutex = [u64; 5];

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *mut Mutex) -> c_int;
    fn pthread_mutex_unlock(mutex: *mut Mutex) -> c_int;
}

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
    let mutex = Box::into_raw(Box::new(Mutex::default()));
    let address = mutex as usize;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            drop(unsafe { Box::from_raw(address as *mut Mutex) }); // race: free
        });
        unsafe {
            assert_eq!(pthread_mutex_lock(mutex), 0); // race: atomic write
            assert_eq!(pthread_mutex_unlock(mutex), 0);
        }
        step::reach(1);
    });
}
