//! The last of all who use a mutex frees its memory: it had the mutex after the others.
use std::ffi::c_int;
use std::thread;

/// A mutex of pthread's, all of it zero: what its static initialiser gives.
type Mutex = [u64; 5];

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *mut Mutex) -> c_int;
    fn pthread_mutex_unlock(mutex: *mut Mutex) -> c_int;
}

const THREADS: u64 = 4;

fn main() {
    for _ in 0..60 {
        let mutex = Box::into_raw(Box::new(Mutex::default())) as usize;
        let users = Box::into_raw(Box::new(THREADS)) as usize;
        thread::scope(|s| {
            for _ in 0..THREADS {
                s.spawn(move || unsafe {
                    let (mutex, users) = (mutex as *mut Mutex, users as *mut u64);
                    assert_eq!(pthread_mutex_lock(mutex), 0);
                    *users -= 1;
                    let is_last = *users == 0;
                    assert_eq!(pthread_mutex_unlock(mutex), 0);
                    if is_last {
                        drop((Box::from_raw(mutex), Box::from_raw(users)));
                    }
                });
            }
        });
    }
}
