//! A program sees its own handlers as the former ones, in each form in which it installed them.
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

unsafe extern "C" {
    fn signal(signal: c_int, handler: usize) -> usize;
    fn sigaction(signal: c_int, new: *const Action, old: *mut Action) -> c_int;
    fn raise(signal: c_int) -> c_int;
}

/// glibc's `struct sigaction`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Action {
    handler: usize,
    mask: [u64; 16],
    flags: c_int,
    restorer: usize,
}

const DEFAULT: usize = 0;
const IGNORE: usize = 1;
const ERROR: usize = usize::MAX;
const SIGUSR1: c_int = 10;
const SIGKILL: c_int = 9;
const SA_SIGINFO: c_int = 4;
const SA_NODEFER: c_int = 0x4000_0000;
const SA_RESETHAND: c_int = 0x8000_0000_u32 as c_int;

static DEPTH: AtomicU64 = AtomicU64::new(0);
static DEEPEST: AtomicU64 = AtomicU64::new(0);
static LEFT: AtomicI64 = AtomicI64::new(0);

extern "C" fn handler(number: c_int) {
    let depth = DEPTH.fetch_add(1, Ordering::Relaxed) + 1;
    DEEPEST.fetch_max(depth, Ordering::Relaxed);
    if depth < 3 && LEFT.fetch_sub(1, Ordering::Relaxed) > 0 {
        unsafe { raise(number) };
    }
    DEPTH.fetch_sub(1, Ordering::Relaxed);
}

/// Installs `handler` with `flags`, and returns what libc says is installed then.
fn install(flags: c_int) -> Action {
    let mut action = Action { handler: handler as *const () as usize, mask: [0; 16], flags, restorer: 0 };
    assert_eq!(unsafe { sigaction(SIGUSR1, &action, ptr::null_mut()) }, 0);
    assert_eq!(unsafe { sigaction(SIGUSR1, ptr::null(), &mut action) }, 0);
    action
}

fn deepest() -> u64 {
    DEEPEST.store(0, Ordering::Relaxed);
    unsafe { raise(SIGUSR1) };
    DEEPEST.load(Ordering::Relaxed)
}

fn main() {
    let own = handler as *const () as usize;
    assert_eq!(unsafe { signal(SIGUSR1, own) }, DEFAULT);
    assert_eq!(unsafe { signal(SIGUSR1, IGNORE) }, own);
    assert_eq!(deepest(), 0);
    assert_eq!(unsafe { signal(SIGUSR1, DEFAULT) }, IGNORE);
    assert_eq!(unsafe { signal(SIGKILL, own) }, ERROR);

    let plain = install(0);
    assert_eq!((plain.handler, plain.flags & (SA_SIGINFO | SA_RESETHAND | SA_NODEFER)), (own, 0));
    // Blocked meanwhile, each comes after the one before.
    LEFT.store(5, Ordering::Relaxed);
    assert_eq!(deepest(), 1);
    let nested = install(SA_NODEFER | SA_SIGINFO);
    assert_eq!(nested.flags & (SA_SIGINFO | SA_RESETHAND | SA_NODEFER), SA_NODEFER | SA_SIGINFO);
    LEFT.store(5, Ordering::Relaxed);
    assert_eq!(deepest(), 3);
    assert_eq!(install(SA_RESETHAND).flags & SA_RESETHAND, SA_RESETHAND);
    LEFT.store(0, Ordering::Relaxed);
    assert_eq!(deepest(), 1);
    assert_eq!(unsafe { signal(SIGUSR1, IGNORE) }, DEFAULT);
}
