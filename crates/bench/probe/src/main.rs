//! Calls the runtime's entry points, one kind in each run, so that somebody who traces this process can count the
//! instructions. `probe NAME` runs one; without a name it lists them, each with the number of its rounds.
//!
//! What is to be counted goes through [`counted`], which traps first. Rounds without a trap bring everything into the state
//! that lasts. A second thread is alive all the time: with one thread only, there is less to do.

use std::arch::naked_asm;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread;

/// As many as there are epochs in a block, so that one block is taken wherever a round ends an epoch.
const ROUNDS: usize = 64;

/// Whether [`counted`] traps.
static COUNTING: AtomicBool = AtomicBool::new(false);

/// `memory_order` in C.
const RELAXED: u64 = 0;
const ACQUIRE: u64 = 2;
const RELEASE: u64 = 3;
const ACQ_REL: u64 = 4;

unsafe extern "C" {
    fn __tsan_read8();
    fn __tsan_write8();
    fn __tsan_func_entry();
    fn __tsan_func_exit();
    fn __tsan_atomic32_compare_exchange_val();
    fn __tsan_atomic32_exchange();
    fn __tsan_atomic64_fetch_add();
    fn __tsan_atomic64_load();
    fn __tsan_atomic64_store();
    fn __tsan_atomic64_compare_exchange_val();
    fn pthread_mutex_lock();
    fn pthread_mutex_unlock();
    fn malloc();
    fn free();
}

/// Calls `function` with these arguments. While [`COUNTING`], a trap comes first, with the address in r10 at
/// which the count is to end.
///
/// # Safety
/// The function can be called so.
#[unsafe(naked)]
unsafe extern "C" fn counted(function: usize, a: u64, b: u64, c: u64, d: u64, e: u64) -> u64 {
    naked_asm!(
        "sub rsp, 8",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov rcx, r8",
        "mov r8, r9",
        "lea r10, [rip + 2f]",
        "cmp byte ptr [rip + {counting}], 0",
        "je 3f",
        "int3",
        "3:",
        "call rax",
        "2:",
        "add rsp, 8",
        "ret",
        counting = sym COUNTING,
    )
}

macro_rules! counted {
    ($function:expr) => { counted!($function, 0, 0, 0, 0, 0) };
    ($function:expr, $a:expr) => { counted!($function, $a, 0, 0, 0, 0) };
    ($function:expr, $a:expr, $b:expr) => { counted!($function, $a, $b, 0, 0, 0) };
    ($function:expr, $a:expr, $b:expr, $c:expr) => { counted!($function, $a, $b, $c, 0, 0) };
    ($function:expr, $a:expr, $b:expr, $c:expr, $d:expr, $e:expr) => {
        // SAFETY: each caller names a function and what it takes.
        unsafe { counted($function as *const () as usize, $a, $b, $c, $d, $e) }
    };
}

type Probe = (&'static str, fn());

const PROBES: &[Probe] = &[
    ("read 8, same epoch", read_same_epoch),
    ("read 8, shared", read_shared),
    ("write 8, same epoch", write_same_epoch),
    ("write 8, first touch", write_first_touch),
    ("function entry and exit", entry_and_exit),
    ("relaxed fetch_add", relaxed_fetch_add),
    ("acquire load", acquire_load),
    ("release store", release_store),
    ("compare_exchange", compare_exchange),
    ("std Mutex, lock and unlock", std_mutex),
    ("pthread mutex, lock and unlock", pthread_mutex),
    ("malloc and free, 64 bytes", malloc_and_free),
    ("inlined: a function that reads 8", inlined_read),
    ("inlined: a function that writes 8", inlined_write),
];

fn main() {
    match std::env::args().nth(1) {
        None => PROBES.iter().for_each(|(name, _)| println!("{ROUNDS} {name}")),
        Some(name) => {
            let found = PROBES.iter().find(|(known, _)| *known == name);
            found.unwrap_or_else(|| panic!("no probe is called {name}")).1();
        }
    }
}

/// The rounds, beside a thread that waits.
fn rounds<T>(round: impl FnMut(usize) -> T) {
    rounds_beside(|| (), round);
}

/// The rounds, beside a thread that did its `part` before and waits. Nothing orders the part before the rounds.
fn rounds_beside<T>(part: impl FnOnce() + Send, mut round: impl FnMut(usize) -> T) {
    // Relaxed on both sides: what is handed over is the time, and no order.
    let stage = AtomicUsize::new(0);
    thread::scope(|scope| {
        let stage = &stage;
        let other = scope.spawn(move || {
            part();
            stage.store(1, Ordering::Relaxed);
            while stage.load(Ordering::Relaxed) != 2 {
                thread::park();
            }
        });
        while stage.load(Ordering::Relaxed) != 1 {
            thread::yield_now();
        }
        (0..ROUNDS).for_each(|i| drop(round(i)));
        COUNTING.store(true, Ordering::Relaxed);
        (ROUNDS..2 * ROUNDS).for_each(|i| drop(round(i)));
        stage.store(2, Ordering::Relaxed);
        other.thread().unpark();
    });
}

fn read_same_epoch() {
    let word = Box::new(5u64);
    let at = &raw const *word as u64;
    rounds(|_| counted!(__tsan_read8, at));
}

fn read_shared() {
    let word = Box::new(5u64);
    let at = &raw const *word as u64;
    let by_other = || {
        black_box(*word);
    };
    rounds_beside(by_other, |_| counted!(__tsan_read8, at));
}

fn write_same_epoch() {
    let mut word = Box::new(5u64);
    let at = &raw mut *word as u64;
    rounds(|_| counted!(__tsan_write8, at));
}

fn write_first_touch() {
    let words: Box<[u64]> = vec![0; 2 * ROUNDS].into();
    rounds(|i| counted!(__tsan_write8, &raw const words[i] as u64));
}

fn entry_and_exit() {
    let call = entry_and_exit as *const () as u64;
    rounds(|_| {
        counted!(__tsan_func_entry, call);
        counted!(__tsan_func_exit);
    });
}

fn relaxed_fetch_add() {
    let value = AtomicU64::new(0);
    rounds(|_| counted!(__tsan_atomic64_fetch_add, value.as_ptr() as u64, 1, RELAXED));
}

/// Of what the other thread released once.
fn acquire_load() {
    let value = AtomicU64::new(0);
    let release = || value.store(1, Ordering::Release);
    rounds_beside(release, |_| counted!(__tsan_atomic64_load, value.as_ptr() as u64, ACQUIRE));
}

fn release_store() {
    let value = AtomicU64::new(0);
    rounds(|i| counted!(__tsan_atomic64_store, value.as_ptr() as u64, i as u64, RELEASE));
}

fn compare_exchange() {
    let value = AtomicU64::new(0);
    rounds(|i| {
        let (at, old) = (value.as_ptr() as u64, i as u64);
        let seen = counted!(__tsan_atomic64_compare_exchange_val, at, old, old + 1, ACQ_REL, ACQUIRE);
        assert_eq!(seen, old);
    });
}

/// The two operations of an uncontended `std::sync::Mutex`. Not through std, whose places in the code would share
/// entries of the runtime's caches or not, as the linker happens to put them.
fn std_mutex() {
    let state = AtomicU32::new(0);
    let at = state.as_ptr() as u64;
    rounds(|_| {
        assert_eq!(counted!(__tsan_atomic32_compare_exchange_val, at, 0, 1, ACQUIRE, RELAXED) as u32, 0);
        assert_eq!(counted!(__tsan_atomic32_exchange, at, 0, RELEASE) as u32, 1);
    });
}

fn pthread_mutex() {
    // As PTHREAD_MUTEX_INITIALIZER: all zeros.
    let mut mutex = [0u64; 5];
    let at = &raw mut mutex as u64;
    rounds(|_| {
        counted!(pthread_mutex_lock, at);
        counted!(pthread_mutex_unlock, at);
    });
}

fn malloc_and_free() {
    rounds(|_| {
        let block = counted!(malloc, 64);
        counted!(free, block);
    });
}

fn inlined_read() {
    #[inline(never)]
    extern "C" fn read(at: &u64) -> u64 {
        *at
    }
    let word = Box::new(5u64);
    rounds(|_| counted!(read, &raw const *word as u64));
}

fn inlined_write() {
    #[inline(never)]
    extern "C" fn write(at: &mut u64) {
        *at = 7;
    }
    let mut word = Box::new(5u64);
    let at = &raw mut *word as u64;
    rounds(|_| counted!(write, at));
}
