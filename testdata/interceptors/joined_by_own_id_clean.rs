//! A thread hands its own id on to another one, which joins it, be it before `pthread_create` has returned.
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

const ROUNDS: u64 = 500;

static mut DATA: u64 = 0;

extern "C" fn work(ids: *mut c_void) -> *mut c_void {
    let ids = unsafe { &*ids.cast::<Sender<usize>>() };
    ids.send(unsafe { pthread_self() }).unwrap();
    unsafe { DATA += 1 };
    ptr::null_mut()
}

fn main() {
    let (ids, joins) = channel::<usize>();
    let (joined, turns) = channel::<()>();
    let joiner = thread::spawn(move || {
        for (round, id) in (1..).zip(joins) {
            assert_eq!(unsafe { pthread_join(id, ptr::null_mut()) }, 0);
            assert_eq!(unsafe { DATA }, round);
            joined.send(()).unwrap();
        }
    });
    for _ in 0..ROUNDS {
        let mut unused = 0;
        let argument = (&raw const ids).cast_mut().cast();
        assert_eq!(unsafe { pthread_create(&mut unused, ptr::null(), work, argument) }, 0);
        turns.recv().unwrap();
    }
    drop(ids);
    joiner.join().unwrap();
    assert_eq!(unsafe { DATA }, ROUNDS);
}
