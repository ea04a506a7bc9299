//! A thread hands its own id on to another one, which does not wait for its end.
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::mpsc::{Sender, channel};
use std::thread;

type Start = extern "C" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    fn pthread_create(
        id: *mut usize,
        attributes: *const c_void,
        start: Start,
        argument: *mut c_void,
    ) -> c_int;
    fn pthread_join(id: usize, result: *mut *mut c_void) -> c_int;
    fn pthread_self() -> usize;
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

static mut DATA: u64 = 0;

extern "C" fn work(ids: *mut c_void) -> *mut c_void {
    let ids = unsafe { &*ids.cast::<Sender<usize>>() };
    ids.send(unsafe { pthread_self() }).unwrap();
    unsafe { DATA = 1 }; // race: write
    step::reach(1);
    step::wait(2);
    ptr::null_mut()
}

fn main() {
    let (ids, joins) = channel::<usize>();
    let joiner = thread::spawn(move || {
        let id = joins.recv().unwrap();
        step::wait(1);
        let data = unsafe { DATA }; // race: read
        step::reach(2);
        assert_eq!(unsafe { pthread_join(id, ptr::null_mut()) }, 0);
        assert_eq!((data, unsafe { DATA }), (1, 1));
    });
    let mut unused = 0;
    let argument = (&raw const ids).cast_mut().cast();
    assert_eq!(unsafe { pthread_create(&mut unused, ptr::null(), work, argument) }, 0);
    joiner.join().unwrap();
}
