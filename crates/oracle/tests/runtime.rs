//! Generated programs through the real runtime: its `__tsan_*` entry points, its interceptors, its heap, its
//! threads and its reports, in the order that the program says.
//!
//! Each thread of a program is a thread of the system, created through the runtime's `pthread_create`; it
//! does one event when it is told to, and says when that is done. How they are told is hidden from the
//! runtime, so it adds no order. The runtime writes its findings to a directory, as it does for the command
//! line, and they are compared with the oracle's verdicts.
//!
//! A place in the source is a *stub*: a few bytes of code for each event, so that the return address that the
//! runtime sees says which event it was. What a program in these tests cannot do: barriers, resets, ends of
//! stacks, foreign threads, and blocks at more than one address.
//!
//! `RACECHECK_ORACLE_PROGRAMS` and `RACECHECK_ORACLE_SEED` as for the engine's own test; one of 100 programs
//! is run.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};

use racecheck_engine::ThreadId;
use racecheck_oracle::check::Side;
use racecheck_oracle::program::HEAP;
use racecheck_oracle::{
    AREA, Bytes, Detector, Event, Finding, Kind, Machine, Op, Order, Program, Random, Recipe, bytes, check,
    generate, shrink,
};
use racecheck_report::Op as Did;
use racecheck_runtime::gate;
use racecheck_runtime::runtime::runtime;

#[allow(improper_ctypes, reason = "16-byte integers are passed as the runtime's own functions expect them")]
unsafe extern "C" {
    fn __tsan_init();
    fn __tsan_func_entry(pc: u64);
    fn __tsan_func_exit();
    fn __tsan_atomic_thread_fence(order: i32);
    fn __tsan_read1(at: u64);
    fn __tsan_read2(at: u64);
    fn __tsan_read4(at: u64);
    fn __tsan_read8(at: u64);
    fn __tsan_read16(at: u64);
    fn __tsan_unaligned_read2(at: u64);
    fn __tsan_unaligned_read4(at: u64);
    fn __tsan_unaligned_read8(at: u64);
    fn __tsan_unaligned_read16(at: u64);
    fn __tsan_write1(at: u64);
    fn __tsan_write2(at: u64);
    fn __tsan_write4(at: u64);
    fn __tsan_write8(at: u64);
    fn __tsan_write16(at: u64);
    fn __tsan_unaligned_write2(at: u64);
    fn __tsan_unaligned_write4(at: u64);
    fn __tsan_unaligned_write8(at: u64);
    fn __tsan_unaligned_write16(at: u64);
    fn __tsan_read_range(at: u64, size: u64);
    fn __tsan_write_range(at: u64, size: u64);
    fn __tsan_atomic8_load(at: u64, order: i32) -> u8;
    fn __tsan_atomic16_load(at: u64, order: i32) -> u16;
    fn __tsan_atomic32_load(at: u64, order: i32) -> u32;
    fn __tsan_atomic64_load(at: u64, order: i32) -> u64;
    fn __tsan_atomic128_load(at: u64, order: i32) -> u128;
    fn __tsan_atomic8_store(at: u64, value: u8, order: i32);
    fn __tsan_atomic16_store(at: u64, value: u16, order: i32);
    fn __tsan_atomic32_store(at: u64, value: u32, order: i32);
    fn __tsan_atomic64_store(at: u64, value: u64, order: i32);
    fn __tsan_atomic128_store(at: u64, value: u128, order: i32);
    fn __tsan_atomic8_fetch_add(at: u64, value: u8, order: i32) -> u8;
    fn __tsan_atomic16_fetch_add(at: u64, value: u16, order: i32) -> u16;
    fn __tsan_atomic32_fetch_add(at: u64, value: u32, order: i32) -> u32;
    fn __tsan_atomic64_fetch_add(at: u64, value: u64, order: i32) -> u64;
    fn __tsan_atomic128_fetch_add(at: u64, value: u128, order: i32) -> u128;
    fn __tsan_atomic8_compare_exchange_val(at: u64, old: u8, new: u8, order: i32, failure: i32) -> u8;
    fn __tsan_atomic16_compare_exchange_val(at: u64, old: u16, new: u16, order: i32, failure: i32) -> u16;
    fn __tsan_atomic32_compare_exchange_val(at: u64, old: u32, new: u32, order: i32, failure: i32) -> u32;
    fn __tsan_atomic64_compare_exchange_val(at: u64, old: u64, new: u64, order: i32, failure: i32) -> u64;
    fn __tsan_atomic128_compare_exchange_val(at: u64, old: u128, new: u128, order: i32, failure: i32)
    -> u128;
    fn racecheck_intercept_malloc(size: usize) -> u64;
    fn racecheck_intercept_free(block: u64);
    fn racecheck_intercept_pthread_create(
        handle: *mut libc::pthread_t,
        attributes: *const libc::pthread_attr_t,
        function: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    fn racecheck_intercept_pthread_join(handle: libc::pthread_t, value: *mut *mut c_void) -> c_int;
    fn racecheck_intercept_pthread_detach(handle: libc::pthread_t) -> c_int;
    fn racecheck_intercept_pthread_mutex_lock(mutex: u64) -> c_int;
    fn racecheck_intercept_pthread_mutex_unlock(mutex: u64) -> c_int;
    fn racecheck_intercept_pthread_rwlock_rdlock(lock: u64) -> c_int;
    fn racecheck_intercept_pthread_rwlock_wrlock(lock: u64) -> c_int;
    fn racecheck_intercept_pthread_rwlock_unlock(lock: u64) -> c_int;
    fn racecheck_intercept_sem_init(semaphore: u64, shared: c_int, value: u32) -> c_int;
    fn racecheck_intercept_sem_post(semaphore: u64) -> c_int;
    fn racecheck_intercept_sem_wait(semaphore: u64) -> c_int;
}

/// Fresh pages.
fn map(size: usize, protection: c_int) -> u64 {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, anywhere.
    let at = unsafe { libc::mmap(null_mut(), size, protection, flags, -1, 0) };
    assert_ne!(at, libc::MAP_FAILED, "no memory for the test");
    at as u64
}

/// Where the code of stub number `n` begins, and how it is told from its return address.
#[derive(Clone, Copy, Debug)]
struct Stubs(u64);

impl Stubs {
    const LEN: u64 = 32;
    const COUNT: u64 = 1 << 22;

    fn new() -> Self {
        Stubs(map((Self::LEN * Self::COUNT) as usize, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC))
    }

    /// The address of stub `n`, which calls `target` with its own arguments.
    fn calling(self, n: u64, target: *const ()) -> u64 {
        assert!(n < Self::COUNT, "more events than stubs");
        let at = self.0 + n * Self::LEN;
        let mut code = vec![0x48, 0x83, 0xec, 0x08, 0x49, 0xbb]; // sub rsp, 8; movabs r11, ...
        code.extend((target as u64).to_le_bytes());
        code.extend([0x41, 0xff, 0xd3, 0x48, 0x83, 0xc4, 0x08, 0xc3]); // call r11; add rsp, 8; ret
        // SAFETY: the pages are ours, and no thread is inside this stub: events happen one after the other.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), at as *mut u8, code.len()) };
        at
    }

    /// The return address of the call in stub `n`.
    fn place(self, n: u64) -> u64 {
        self.0 + n * Self::LEN + 17
    }

    /// The stub that holds the instruction at `offset`.
    fn at(self, offset: u64) -> Option<u64> {
        offset.checked_sub(self.0).map(|o| o / Self::LEN).filter(|&n| n < Self::COUNT)
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread of the program: does what it is sent.
struct Worker {
    jobs: Sender<Job>,
    done: Receiver<u32>,
    handle: libc::pthread_t,
    /// The runtime's number of it.
    id: u32,
}

struct Mailbox {
    jobs: Receiver<Job>,
    done: Sender<u32>,
}

/// The number that the runtime has given to the running thread.
fn my_id() -> u32 {
    gate::enter(|_, thread| thread.info.id.0).expect("the thread is outside of the runtime")
}

extern "C" fn work(mailbox: *mut c_void) -> *mut c_void {
    // SAFETY: it is the box of `create`, passed on to this thread alone.
    let Mailbox { jobs, done } = *unsafe { Box::from_raw(mailbox.cast::<Mailbox>()) };
    done.send(my_id()).expect("the creator listens");
    for job in jobs {
        job();
        done.send(0).expect("the program listens");
    }
    null_mut()
}

fn create() -> Worker {
    let (jobs, mailbox_jobs) = channel();
    let (mailbox_done, done) = channel();
    let mailbox = Box::into_raw(Box::new(Mailbox { jobs: mailbox_jobs, done: mailbox_done }));
    let mut handle = 0;
    // SAFETY: the arguments are as pthread_create wants them.
    let result =
        unsafe { racecheck_intercept_pthread_create(&raw mut handle, null_mut(), work, mailbox.cast()) };
    assert_eq!(result, 0, "pthread_create");
    let id = done.recv().expect("the thread says its number");
    Worker { jobs, done, handle, id }
}

/// What stays from program to program.
struct World {
    stubs: Stubs,
    next_stub: u64,
    next_memory: u64,
    findings: BufReader<File>,
    me: u32,
}

impl World {
    /// Memory that no program has used.
    fn memory(&mut self, size: u64) -> u64 {
        self.next_memory += size.next_multiple_of(64);
        self.next_memory - size.next_multiple_of(64)
    }

    /// The lines that the runtime has written since the last look.
    fn news(&mut self) -> Vec<racecheck_report::Finding> {
        let mut news = Vec::new();
        let mut line = String::new();
        while self.findings.read_line(&mut line).expect("the channel can be read") > 0 {
            news.push(racecheck_report::Finding::from_json_line(&line).expect("a finding on each line"));
            line.clear();
        }
        news
    }
}

/// The runtime, executing a program.
struct RuntimeDetector {
    world: Rc<RefCell<World>>,
    area: u64,
    first_stub: u64,
    /// The block of the heap, and where it lies.
    block: Option<(Bytes, u64)>,
    objects: HashMap<u64, u64>,
    workers: HashMap<u32, Worker>,
    numbers: HashMap<u32, u32>,
    machine: Machine,
    events: u64,
}

impl RuntimeDetector {
    fn new(world: &Rc<RefCell<World>>, program: &Program) -> Self {
        let mut w = world.borrow_mut();
        w.news();
        let (area, first_stub) = (w.memory(AREA + 64), w.next_stub);
        w.next_stub += program.events.len() as u64;
        RuntimeDetector {
            world: world.clone(),
            area,
            first_stub,
            block: None,
            objects: HashMap::new(),
            workers: HashMap::new(),
            numbers: HashMap::from([(w.me, 0)]),
            machine: Machine::new(),
            events: 0,
        }
    }

    fn address(&self, b: Bytes) -> u64 {
        match self.block {
            Some((block, at)) if block.meets(b) => at + b.at - block.at,
            _ => self.area + b.at,
        }
    }

    fn offset(&self, address: u64) -> u64 {
        match self.block {
            Some((block, at)) if (at..at + block.size).contains(&address) => block.at + address - at,
            _ => address.wrapping_sub(self.area),
        }
    }

    fn finding(&self, found: &racecheck_report::Finding) -> Finding {
        let stubs = self.world.borrow().stubs;
        let side = |access: &racecheck_report::Access| {
            let stub = access.stack.frames.iter().find_map(|frame| stubs.at(frame.offset));
            Side {
                place: stub.map_or(usize::MAX, |stub| stub.wrapping_sub(self.first_stub) as usize),
                thread: self.numbers.get(&access.thread).copied(),
                kind: match access.op {
                    Did::Read => Kind::Read,
                    Did::Write => Kind::Write,
                    Did::AtomicRead => Kind::AtomicRead,
                    Did::AtomicWrite => Kind::AtomicWrite,
                    Did::Free => Kind::Free,
                    Did::Alloc => Kind::Alloc,
                    Did::ThreadExit => Kind::ThreadEnd,
                    Did::Call => unreachable!("the runtime reports no misuse"),
                },
                bytes: bytes(self.offset(access.address), access.size),
            }
        };
        Finding { current: side(&found.access), previous: side(&found.previous), unordered: None }
    }

    /// Does `job` on the program's thread.
    fn on<R: Send + 'static>(&self, thread: u32, job: impl FnOnce() -> R + Send + 'static) -> R {
        if thread == 0 {
            return job();
        }
        let (result, answer) = channel();
        let worker = &self.workers[&thread];
        worker.jobs.send(Box::new(move || drop(result.send(job())))).expect("the thread runs");
        worker.done.recv().expect("the thread answers");
        answer.recv().expect("it has done the job")
    }

    fn object(&mut self, object: u64) -> u64 {
        let world = &self.world;
        // Zeros are a free lock of each kind and a semaphore at 0.
        *self.objects.entry(object).or_insert_with(|| {
            let at = world.borrow_mut().memory(64);
            // SAFETY: 64 bytes of our own, which hold nothing yet.
            assert_eq!(unsafe { racecheck_intercept_sem_init(at, 0, 0) }, 0);
            at
        })
    }

    /// Lets the thread end, and waits until the runtime knows.
    fn end(&mut self, thread: u32) {
        let worker = self.workers.get_mut(&thread).expect("the thread is there");
        (worker.jobs, _) = channel();
        let id = ThreadId(worker.id);
        let info = runtime().registry.lock().info(id).expect("the runtime knows its threads");
        while info.running.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
    }

    fn perform(&mut self, event: &Event, stub: u64) {
        let stubs = self.world.borrow().stubs;
        let thread = event.thread;
        let call = |target: *const ()| stubs.calling(stub, target);
        match event.op {
            Op::Spawn(t) => {
                let worker = self.on(thread, create);
                self.numbers.insert(worker.id, t);
                self.workers.insert(t, worker);
            }
            Op::Exit => self.end(thread),
            Op::Collect => collect(),
            Op::Join(t) => {
                let handle = self.workers[&t].handle;
                // SAFETY: the thread was created joinable and is joined once.
                let join = move || unsafe { racecheck_intercept_pthread_join(handle, null_mut()) };
                assert_eq!(self.on(thread, join), 0, "pthread_join");
            }
            Op::Detach(t) => {
                let handle = self.workers[&t].handle;
                // SAFETY: the thread was created joinable and neither joined nor detached.
                let detach = move || unsafe { racecheck_intercept_pthread_detach(handle) };
                assert_eq!(self.on(thread, detach), 0, "pthread_detach");
            }
            Op::Alloc(b) => {
                let malloc = call(racecheck_intercept_malloc as *const ());
                let at = self.on(thread, move || Call(malloc).block(b.size));
                self.block = Some((b, at));
            }
            Op::Free(b) => {
                let (free, at) = (call(racecheck_intercept_free as *const ()), self.address(b));
                self.on(thread, move || Call(free).plain(at));
            }
            Op::Fence(order) => {
                // SAFETY: a fence has no preconditions.
                self.on(thread, move || unsafe { __tsan_atomic_thread_fence(number(order)) });
            }
            Op::Read(b) | Op::Write(b) => {
                let (at, write) = (self.address(b), matches!(event.op, Op::Write(_)));
                match plain_entry(at, b.size, write) {
                    Some(entry) => {
                        let entry = call(entry);
                        self.on(thread, move || Call(entry).plain(at));
                    }
                    None => {
                        let entry =
                            call(if write { __tsan_write_range } else { __tsan_read_range } as *const ());
                        self.on(thread, move || Call(entry).range(at, b.size));
                    }
                }
            }
            Op::Load(b, _) | Op::Store(b, _) | Op::Rmw(b, _) | Op::Exchanged(b, ..) | Op::Refused(b, ..) => {
                let (at, op) = (self.address(b), event.op);
                self.on(thread, move || atomic(op, at, b.size, stubs, stub));
            }
            op => {
                let object = self.object(op.object().expect("what is left is about an object"));
                let function = match op {
                    Op::Lock(_) => racecheck_intercept_pthread_mutex_lock,
                    Op::Unlock(_) => racecheck_intercept_pthread_mutex_unlock,
                    Op::ReadLock(_) => racecheck_intercept_pthread_rwlock_rdlock,
                    Op::WriteLock(_) => racecheck_intercept_pthread_rwlock_wrlock,
                    Op::ReadUnlock(_) | Op::WriteUnlock(_) => racecheck_intercept_pthread_rwlock_unlock,
                    Op::Post(_) => racecheck_intercept_sem_post,
                    Op::Wait(_) => racecheck_intercept_sem_wait,
                    other => unreachable!("{other:?} is in no suitable program"),
                } as unsafe extern "C" fn(u64) -> c_int;
                // SAFETY: the object is of that kind, and the program does not wait for itself.
                assert_eq!(self.on(thread, move || unsafe { function(object) }), 0, "{op:?}");
            }
        }
    }
}

/// What the runtime does when numbers run short.
fn collect() {
    let done = gate::enter(racecheck_runtime::collector::collect);
    assert!(done.is_some(), "the thread is outside of the runtime");
}

/// A stub, by its address.
#[derive(Clone, Copy)]
struct Call(u64);

impl Call {
    fn plain(self, at: u64) {
        // SAFETY: the stub calls a function with this signature, which only looks at the shadow, or frees the
        // block that the program owns.
        unsafe { std::mem::transmute::<u64, extern "C" fn(u64)>(self.0)(at) }
    }

    fn range(self, at: u64, size: u64) {
        // SAFETY: see above.
        unsafe { std::mem::transmute::<u64, extern "C" fn(u64, u64)>(self.0)(at, size) }
    }

    fn block(self, size: u64) -> u64 {
        // SAFETY: see above.
        unsafe { std::mem::transmute::<u64, extern "C" fn(u64) -> u64>(self.0)(size) }
    }
}

fn plain_entry(at: u64, size: u64, write: bool) -> Option<*const ()> {
    let aligned = at.is_multiple_of(size);
    let [read, written]: [*const (); 2] = match (size, aligned) {
        (1, _) => [__tsan_read1 as _, __tsan_write1 as _],
        (2, true) => [__tsan_read2 as _, __tsan_write2 as _],
        (4, true) => [__tsan_read4 as _, __tsan_write4 as _],
        (8, true) => [__tsan_read8 as _, __tsan_write8 as _],
        (16, true) => [__tsan_read16 as _, __tsan_write16 as _],
        (2, false) => [__tsan_unaligned_read2 as _, __tsan_unaligned_write2 as _],
        (4, false) => [__tsan_unaligned_read4 as _, __tsan_unaligned_write4 as _],
        (8, false) => [__tsan_unaligned_read8 as _, __tsan_unaligned_write8 as _],
        (16, false) => [__tsan_unaligned_read16 as _, __tsan_unaligned_write16 as _],
        _ => return None,
    };
    Some(if write { written } else { read })
}

/// The ABI's number of an order.
fn number(order: Order) -> i32 {
    match order {
        Order::Relaxed => 0,
        Order::Acquire => 2,
        Order::Release => 3,
        Order::AcqRel => 4,
        Order::SeqCst => 5,
    }
}

/// The operation on real memory, through the stub.
fn atomic(op: Op, at: u64, size: u64, stubs: Stubs, stub: u64) {
    macro_rules! sized {
        ($int:ident, $load:ident, $store:ident, $add:ident, $exchange:ident) => {{
            // SAFETY: the bytes exist, are aligned, and are accessed one event after the other; the stub
            // calls a function of the signature that is written here.
            unsafe {
                // A stub passes on what is in registers, and a 16-byte exchange has more than that.
                let call = |target: *const ()| match size {
                    16 => target as u64,
                    _ => stubs.calling(stub, target),
                };
                let now = (at as *const $int).read_volatile();
                match op {
                    Op::Load(_, order) => {
                        let f: extern "C" fn(u64, i32) -> $int = std::mem::transmute(call($load as _));
                        f(at, number(order));
                    }
                    Op::Store(_, order) => {
                        let f: extern "C" fn(u64, $int, i32) = std::mem::transmute(call($store as _));
                        f(at, now.wrapping_add(3), number(order));
                    }
                    Op::Rmw(_, order) => {
                        let f: extern "C" fn(u64, $int, i32) -> $int = std::mem::transmute(call($add as _));
                        f(at, 1, number(order));
                    }
                    Op::Exchanged(_, order, failure) | Op::Refused(_, order, failure) => {
                        let f: extern "C" fn(u64, $int, $int, i32, i32) -> $int =
                            std::mem::transmute(call($exchange as _));
                        let old = if matches!(op, Op::Refused(..)) { !now } else { now };
                        assert_eq!(f(at, old, now.wrapping_add(5), number(order), number(failure)), now);
                    }
                    _ => unreachable!("no atomic operation"),
                }
            }
        }};
    }
    match size {
        1 => sized!(
            u8,
            __tsan_atomic8_load,
            __tsan_atomic8_store,
            __tsan_atomic8_fetch_add,
            __tsan_atomic8_compare_exchange_val
        ),
        2 => sized!(
            u16,
            __tsan_atomic16_load,
            __tsan_atomic16_store,
            __tsan_atomic16_fetch_add,
            __tsan_atomic16_compare_exchange_val
        ),
        4 => sized!(
            u32,
            __tsan_atomic32_load,
            __tsan_atomic32_store,
            __tsan_atomic32_fetch_add,
            __tsan_atomic32_compare_exchange_val
        ),
        8 => sized!(
            u64,
            __tsan_atomic64_load,
            __tsan_atomic64_store,
            __tsan_atomic64_fetch_add,
            __tsan_atomic64_compare_exchange_val
        ),
        _ => {
            // Of a 16-byte operation the runtime knows the function that it is in, so that is the place.
            // SAFETY: entry and exit enclose one call.
            unsafe { __tsan_func_entry(stubs.place(stub)) };
            sized!(
                u128,
                __tsan_atomic128_load,
                __tsan_atomic128_store,
                __tsan_atomic128_fetch_add,
                __tsan_atomic128_compare_exchange_val
            );
            // SAFETY: see above.
            unsafe { __tsan_func_exit() };
        }
    }
}

impl Detector for RuntimeDetector {
    fn execute(&mut self, place: usize, event: &Event) -> Vec<Finding> {
        self.perform(event, self.first_stub + place as u64);
        self.machine.apply(event);
        self.events += 1;
        let news = self.world.borrow_mut().news();
        let mut found: Vec<Finding> = news.iter().map(|f| self.finding(f)).collect();
        for finding in &mut found {
            // A block is freed as a whole; its size is not told.
            if finding.current.kind == Kind::Free
                && let Op::Free(b) = event.op
                && finding.current.bytes.at == b.at
            {
                finding.current.bytes = b;
            }
        }
        found
    }
}

impl Drop for RuntimeDetector {
    /// Ends and joins what is left.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let left: Vec<u32> = self.machine.running().filter(|&t| t != 0).collect();
        for thread in left {
            self.end(thread);
            self.machine.apply(&Event { thread, op: Op::Exit });
        }
        for t in self.machine.joinable().collect::<Vec<_>>() {
            // SAFETY: nobody joined or detached it.
            unsafe { racecheck_intercept_pthread_join(self.workers[&t].handle, null_mut()) };
        }
        if let Some(&b) = self.machine.blocks().first() {
            // SAFETY: the block is live.
            unsafe { racecheck_intercept_free(self.address(b)) };
        }
    }
}

/// What of the program can be done here.
fn suitable(program: &Program) -> Program {
    let mut machine = Machine::new();
    let mut heap: Option<Bytes> = None;
    let events = program.events.iter().copied().filter(|event| {
        let possible = match event.op {
            Op::Arrive(_) | Op::Leave(_) | Op::Appear | Op::Reset(_) | Op::Bury(_) => false,
            Op::Detach(0) => false,
            Op::Alloc(b) => *heap.get_or_insert(b) == b,
            _ => true,
        };
        // Bytes of the heap and others do not lie side by side; and freed memory is not to be written to.
        let in_reach = event.op.touches().is_none_or(|b| {
            let inside = heap.is_some_and(|heap| heap.at <= b.at && b.range().end <= heap.range().end);
            let atomic = matches!(Kind::of(event.op), Some(Kind::AtomicRead | Kind::AtomicWrite));
            if inside { !atomic || !machine.blocks().is_empty() } else { !bytes(HEAP.start, 128).meets(b) }
        });
        let admitted = possible && in_reach && machine.admits(event);
        if admitted {
            machine.apply(event);
        }
        admitted
    });
    // (A pair of places is reported once, so each event has its own.)
    Program { events: events.collect(), places: usize::MAX }
}

/// Thread 2 knows that it is in a set of readers. The set is given up, a collection gives its number to
/// another one, and thread 2 reads what the others of that set have read: it must not take itself for one of
/// them.
fn stale_read_set() -> Program {
    let (x, y, semaphore) = (bytes(0, 8), bytes(8, 8), 258);
    Program::new([
        (0, Op::Spawn(1)),
        (0, Op::Spawn(2)),
        (0, Op::Spawn(3)),
        (0, Op::Spawn(4)),
        (1, Op::Read(x)),
        (2, Op::Read(x)),
        (1, Op::Post(semaphore)),
        (2, Op::Wait(semaphore)),
        (2, Op::Write(x)),
        (0, Op::Collect),
        (3, Op::Read(y)),
        (4, Op::Read(y)),
        (2, Op::Read(y)),
        (3, Op::Post(semaphore)),
        (4, Op::Post(semaphore)),
        (0, Op::Wait(semaphore)),
        (0, Op::Write(y)),
    ])
}

fn from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value:?}")),
        Err(_) => default,
    }
}

const CHANNEL: &str = "RACECHECK_CHANNEL";

/// The runtime reads its environment at the start of the process: so this test starts itself again.
#[test]
fn verdicts_are_equal_through_the_runtime() {
    if std::env::var_os(CHANNEL).is_some() {
        return run();
    }
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("channel-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory for the findings");
    let me = std::env::current_exe().expect("the test is an executable");
    let status = Command::new(me)
        .args(["--exact", "verdicts_are_equal_through_the_runtime", "--nocapture", "--test-threads=1"])
        .env(CHANNEL, &dir)
        .status();
    let _ = std::fs::remove_dir_all(&dir);
    assert!(status.expect("the test can be started again").success());
}

fn run() {
    let dir = PathBuf::from(std::env::var_os(CHANNEL).expect("asked above"));
    let path = dir.join(format!("{}.jsonl", std::process::id()));
    File::create(&path).expect("a file for the findings");
    // SAFETY: the runtime's own start.
    unsafe { __tsan_init() };
    racecheck_runtime::intercept::thread::expect_end();
    racecheck_runtime::intercept::look_up();
    let world = Rc::new(RefCell::new(World {
        stubs: Stubs::new(),
        next_stub: 0,
        next_memory: map(1 << 34, libc::PROT_READ | libc::PROT_WRITE),
        findings: BufReader::new(File::open(&path).expect("the file was just made")),
        me: my_id(),
    }));
    let program = stale_read_set();
    if let Err(divergence) = check(&program, &mut RuntimeDetector::new(&world, &program)) {
        panic!("the runtime and the oracle part.\n{program:?}\n{divergence}");
    }
    let first = from_env("RACECHECK_ORACLE_SEED", 1);
    let programs = from_env("RACECHECK_ORACLE_PROGRAMS", 20_000) / 100;
    let (mut races, mut ordered) = (0, 0);
    for seed in first..first + programs {
        let random = &mut Random::new(seed);
        let recipe = Recipe::random(random);
        let program = suitable(&generate(random, &recipe));
        let fails = |p: &Program| check(p, &mut RuntimeDetector::new(&world, p)).err();
        match check(&program, &mut RuntimeDetector::new(&world, &program)) {
            Ok(tally) => {
                races += tally.races;
                ordered += tally.ordered;
            }
            Err(divergence) => {
                let small = shrink(&program, |p| suitable(p) == *p && fails(p).is_some());
                let divergence = fails(&small).unwrap_or(divergence);
                panic!(
                    "RACECHECK_ORACLE_SEED={seed}: the runtime and the oracle part.\n{small:?}\n{divergence}"
                );
            }
        }
    }
    println!("{programs} programs: {races} races, {ordered} ordered accesses");
    // The process's descriptors are the program's: no report keeps one.
    let open = std::fs::read_dir("/proc/self/fd").expect("the list of descriptors").count();
    assert!(open < 20, "{open} descriptors are open");
    assert!(programs < 100 || races > programs, "too few races");
}
