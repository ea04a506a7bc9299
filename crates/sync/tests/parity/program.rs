use cells::{Cell, UnsafeCell};
use lib::sync::atomic::{self, *};
use lib::sync::mpsc::{self, RecvTimeoutError, TryRecvError, TrySendError};
use lib::sync::{
    Arc, Barrier, Condvar, LazyLock, Mutex, MutexGuard, Once, OnceLock, PoisonError, RwLock, RwLockReadGuard,
    RwLockWriteGuard, TryLockError, Weak,
};
use lib::thread;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::time::Duration;

static M: Mutex<Vec<i32>> = Mutex::new(Vec::new());
static RW: RwLock<Option<String>> = RwLock::new(None);
static ONCE: Once = Once::new();
static CELL: OnceLock<String> = OnceLock::new();
static LAZY: LazyLock<Vec<i32>> = LazyLock::new(|| vec![1, 2, 3]);
static CONDVAR: Condvar = Condvar::new();
static COUNT: AtomicUsize = AtomicUsize::new(0);
static FLAG: AtomicBool = AtomicBool::new(false);
static BARRIER: Barrier = Barrier::new(2);

fn send_and_sync<T: Send + Sync>() {}
fn send<T: Send>() {}
fn unwind<T: UnwindSafe + RefUnwindSafe>() {}

fn traits() {
    send_and_sync::<Mutex<Cell<i32>>>();
    send_and_sync::<RwLock<i32>>();
    send_and_sync::<Condvar>();
    send_and_sync::<Once>();
    send_and_sync::<OnceLock<i32>>();
    send_and_sync::<LazyLock<i32>>();
    send_and_sync::<Barrier>();
    send_and_sync::<AtomicPtr<i32>>();
    send_and_sync::<mpsc::Sender<i32>>();
    send_and_sync::<mpsc::SyncSender<i32>>();
    send::<mpsc::Receiver<i32>>();
    send::<Cell<i32>>();
    send::<UnsafeCell<i32>>();
    send_and_sync::<thread::JoinHandle<i32>>();
    send_and_sync::<thread::Thread>();
    unwind::<Mutex<i32>>();
    unwind::<RwLock<i32>>();
    unwind::<Once>();
    unwind::<OnceLock<i32>>();
    unwind::<AtomicI32>();
}

/// Does something with everything, and tells what came out.
pub fn all() -> String {
    traits();
    let mut out = String::new();
    mutex(&mut out);
    rwlock(&mut out);
    condvar(&mut out);
    once(&mut out);
    channels(&mut out);
    atomics(&mut out);
    threads(&mut out);
    cells_(&mut out);
    out
}

fn mutex(out: &mut String) {
    M.lock().unwrap().push(1);
    let mut guard: MutexGuard<'_, Vec<i32>> = M.try_lock().unwrap();
    assert!(matches!(thread::scope(|s| s.spawn(|| M.try_lock().map(drop).map_err(drop)).join().unwrap()), Err(())));
    guard.push(2);
    writeln!(out, "{guard:?} {:?}", guard.len()).unwrap();
    drop(guard);
    let m = Mutex::new(1);
    let poisoned = catch_unwind(AssertUnwindSafe(|| {
        let _guard = m.lock().unwrap();
        panic!("on purpose");
    }));
    assert!(poisoned.is_err() && m.is_poisoned());
    let inner = *m.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(matches!(m.try_lock(), Err(TryLockError::Poisoned(_))));
    m.clear_poison();
    writeln!(out, "{inner} {m:?} {}", m.lock().unwrap()).unwrap();
    let mut m = Mutex::from(5);
    *m.get_mut().unwrap() += 1;
    let d: Mutex<i32> = Mutex::default();
    let dynamic: Arc<Mutex<dyn Fn() -> i32 + Send>> = Arc::new(Mutex::new(|| 7));
    let weak: Weak<Mutex<dyn Fn() -> i32 + Send>> = Arc::downgrade(&dynamic);
    writeln!(out, "{:?} {:?} {}", m.into_inner(), d, (weak.upgrade().unwrap().lock().unwrap())()).unwrap();
}

fn rwlock(out: &mut String) {
    *RW.write().unwrap() = Some("a".to_owned());
    {
        let read: RwLockReadGuard<'_, Option<String>> = RW.read().unwrap();
        let again = RW.try_read().unwrap();
        assert!(matches!(RW.try_write(), Err(TryLockError::WouldBlock)));
        writeln!(out, "{read:?} {again:?}").unwrap();
    }
    let mut write: RwLockWriteGuard<'_, _> = RW.try_write().unwrap();
    write.as_mut().unwrap().push('b');
    let read = RwLockWriteGuard::downgrade(write);
    writeln!(out, "{:?} {:?}", *read, RW.try_read().is_ok()).unwrap();
    drop(read);
    let mut lock = RwLock::from(1);
    *lock.get_mut().unwrap() = 2;
    let poisoned = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.write().unwrap();
        panic!("on purpose");
    }));
    assert!(poisoned.is_err() && lock.is_poisoned() && lock.read().is_err());
    lock.clear_poison();
    writeln!(out, "{lock:?}").unwrap();
    writeln!(out, "{:?}", lock.into_inner()).unwrap();
}

fn condvar(out: &mut String) {
    let ready = Mutex::new(0);
    thread::scope(|s| {
        s.spawn(|| {
            *ready.lock().unwrap() = 1;
            CONDVAR.notify_one();
        });
        let guard = CONDVAR.wait_while(ready.lock().unwrap(), |r| *r == 0).unwrap();
        writeln!(out, "{guard}").unwrap();
        let (guard, result) = CONDVAR.wait_timeout(guard, Duration::from_millis(1)).unwrap();
        assert!(result.timed_out());
        let long = Duration::from_secs(100);
        let (_guard, result) = CONDVAR.wait_timeout_while(guard, long, |r| *r == 0).unwrap();
        writeln!(out, "{}", result.timed_out()).unwrap();
        CONDVAR.notify_all();
    });
}

fn once(out: &mut String) {
    ONCE.call_once(|| COUNT.store(10, Ordering::Relaxed));
    ONCE.call_once_force(|state| assert!(!state.is_poisoned()));
    ONCE.wait();
    let poisoned = Once::new();
    assert!(catch_unwind(AssertUnwindSafe(|| poisoned.call_once(|| panic!("on purpose")))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| poisoned.call_once(|| ()))).is_err());
    poisoned.call_once_force(|state| assert!(state.is_poisoned()));
    writeln!(out, "{} {}", ONCE.is_completed(), poisoned.is_completed()).unwrap();
    let first = CELL.get_or_init(|| "x".to_owned()).clone();
    let mut local = OnceLock::new();
    assert_eq!(local.set(1), Ok(()));
    writeln!(out, "{first} {:?} {:?} {:?}", CELL.set("y".to_owned()), local.get(), local.clone()).unwrap();
    *local.get_mut().unwrap() = 3;
    assert_eq!(local, OnceLock::from(3));
    writeln!(out, "{:?} {:?} {:?}", local.take(), local, local.get_or_init(|| 4)).unwrap();
    writeln!(out, "{:?} {:?} {}", LAZY.first(), LazyLock::force(&LAZY), LAZY.len()).unwrap();
    let lazy = LazyLock::new(|| 5);
    write!(out, "{lazy:?} ").unwrap();
    writeln!(out, "{} {lazy:?}", *lazy).unwrap();
}

fn channels(out: &mut String) {
    let (to, from) = mpsc::channel();
    assert_eq!(from.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(from.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    let other = to.clone();
    let threads = [thread::spawn(move || other.send(1).unwrap()), thread::spawn(move || to.send(1).unwrap())];
    writeln!(out, "{:?}", from.iter().collect::<Vec<_>>()).unwrap();
    threads.into_iter().for_each(|t| t.join().unwrap());
    writeln!(out, "{:?} {:?}", from.recv(), from.try_recv()).unwrap();
    let (to, from) = mpsc::sync_channel(1);
    to.send(1).unwrap();
    assert!(matches!(to.try_send(2), Err(TrySendError::Full(2))));
    writeln!(out, "{:?}", from.try_iter().collect::<Vec<_>>()).unwrap();
    drop(from);
    writeln!(out, "{:?} {:?}", to.send(3), to.try_send(4)).unwrap();
    let (to, from) = mpsc::sync_channel(0);
    assert!(matches!(to.try_send(2), Err(TrySendError::Full(2))));
    let sender = thread::spawn(move || (0..3).for_each(|n| to.send(n).unwrap()));
    writeln!(out, "{:?}", from.into_iter().collect::<Vec<i32>>()).unwrap();
    sender.join().unwrap();
}

macro_rules! integers {
    ($out:ident: $($atomic:ident: $value:ty),*) => {$({
        const ORDER: Ordering = Ordering::SeqCst;
        let mut x = $atomic::new(5);
        x.fetch_add(3, ORDER);
        x.fetch_sub(1, ORDER);
        x.fetch_and(6, ORDER);
        x.fetch_nand(2, ORDER);
        x.fetch_or(8, ORDER);
        x.fetch_xor(3, ORDER);
        x.fetch_max(9, ORDER);
        x.fetch_min(100, ORDER);
        let cas = [
            x.compare_exchange(1, 2, ORDER, Ordering::Relaxed),
            x.compare_exchange_weak(1, 2, Ordering::AcqRel, Ordering::Acquire),
            x.fetch_update(ORDER, ORDER, |v| v.checked_sub(1)),
            x.fetch_update(ORDER, ORDER, |_| None),
        ];
        *x.get_mut() = 77;
        let swapped = x.swap(3, Ordering::AcqRel);
        x.store(4, Ordering::Release);
        let pointer: *mut $value = x.as_ptr();
        assert!(!pointer.is_null());
        let (from, default) = ($atomic::from(1), $atomic::default());
        writeln!($out, "{cas:?} {swapped} {} {x:?} {from:?} {default:?}", x.load(Ordering::Acquire)).unwrap();
        assert_eq!(x.into_inner(), 4);
    })*};
}

fn atomics(out: &mut String) {
    integers!(out: AtomicI8: i8, AtomicU8: u8, AtomicI16: i16, AtomicU16: u16, AtomicI32: i32, AtomicU32: u32,
        AtomicI64: i64, AtomicU64: u64, AtomicIsize: isize, AtomicUsize: usize);
    FLAG.store(true, Ordering::Release);
    let bits = [
        FLAG.fetch_and(true, Ordering::Relaxed),
        FLAG.fetch_nand(true, Ordering::Relaxed),
        FLAG.fetch_or(true, Ordering::Relaxed),
        FLAG.fetch_xor(true, Ordering::Relaxed),
        FLAG.fetch_not(Ordering::Relaxed),
        FLAG.swap(false, Ordering::SeqCst),
    ];
    writeln!(out, "{bits:?} {FLAG:?}").unwrap();
    let (mut a, mut b) = ([1, 2], 3);
    let p = AtomicPtr::new(&raw mut a[0]);
    p.fetch_ptr_add(1, Ordering::Relaxed);
    p.fetch_ptr_sub(1, Ordering::Relaxed);
    p.fetch_byte_add(4, Ordering::Relaxed);
    p.fetch_byte_sub(4, Ordering::Relaxed);
    let was = p.swap(&raw mut b, Ordering::AcqRel);
    writeln!(out, "{}", was == &raw mut a[0] && p.load(Ordering::Acquire) == &raw mut b).unwrap();
    atomic::fence(Ordering::SeqCst);
    atomic::compiler_fence(Ordering::SeqCst);
    // Behind a function, where the compiler does not see the wrong order.
    let same = std::hint::black_box::<fn(Ordering) -> Ordering>(|order| order);
    assert!(catch_unwind(|| FLAG.load(same(Ordering::Release))).is_err());
    assert!(catch_unwind(|| FLAG.store(true, same(Ordering::Acquire))).is_err());
    assert!(catch_unwind(|| atomic::fence(same(Ordering::Relaxed))).is_err());
}

fn threads(out: &mut String) {
    let named = thread::Builder::new().name("worker".into()).stack_size(1 << 16).spawn(|| {
        thread::yield_now();
        thread::current().name().map(str::to_owned)
    });
    let named = named.unwrap();
    writeln!(out, "{:?} {:?}", named.thread().name(), thread::panicking()).unwrap();
    writeln!(out, "{:?}", named.join().unwrap()).unwrap();
    writeln!(out, "{:?}", thread::spawn(|| panic!("on purpose")).join().is_err()).unwrap();
    let main = thread::current();
    let parked = thread::spawn(move || {
        main.unpark();
        thread::park();
    });
    thread::park();
    parked.thread().unpark();
    parked.join().unwrap();
    thread::park_timeout(Duration::from_millis(1));
    thread::sleep(Duration::from_nanos(1));
    let mut sum = 0;
    let total: i32 = thread::scope(|s| {
        let a = s.spawn(|| 1);
        let b = s.spawn(|| s.spawn(|| 2).join().unwrap());
        let c = thread::Builder::new().name("scoped".into()).spawn_scoped(s, || 3).unwrap();
        s.spawn(|| sum += 4);
        a.join().unwrap() + b.join().unwrap() + c.join().unwrap()
    });
    writeln!(out, "{}", total + sum).unwrap();
    let leaders = thread::scope(|s| {
        let other = s.spawn(|| BARRIER.wait().is_leader());
        i32::from(BARRIER.wait().is_leader()) + i32::from(other.join().unwrap())
    });
    writeln!(out, "{leaders}").unwrap();
}

fn cells_(out: &mut String) {
    let mut c = Cell::new(1);
    c.set(2);
    c.update(|v| v + 1);
    *c.get_mut() += 1;
    let other = Cell::from(9);
    c.swap(&other);
    writeln!(out, "{c:?} {} {} {:?} {}", c.replace(7), other.take(), c.clone(), c < other).unwrap();
    assert!(c == Cell::new(7));
    let _pointer: *mut i32 = c.as_ptr();
    let mut u = UnsafeCell::new(c.into_inner());
    *u.get_mut() += 1;
    // SAFETY: nobody else has the cell.
    writeln!(out, "{} {}", unsafe { *u.get() }, u.into_inner()).unwrap();
}
