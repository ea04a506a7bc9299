//! Atomic operations and fences: `__tsan_atomic32_load` and its kin.
//!
//! The runtime does the real operation itself, inside the engine's call, and in general sequentially consistent: a
//! stronger order than the program asked for changes no verdict, since the verdict follows the orders that
//! the program wrote.
//!
//! Operations are told to the engine also while the thread's accesses are ignored: what they order is ordered. Only
//! where the runtime looks away altogether (`__tsan_ignore_thread_begin`) they are not.

use core::sync::atomic::Ordering;

use racecheck_engine::{FenceOrder, Granule, LoadOrder, Mask, RmwOrder, StoreOrder};

use crate::gate::enter;
use crate::local::{Local, local};
use crate::runtime::runtime;

/// The numbers of `memory_order` in C.
type Order = i32;
const RELAXED: Order = 0;
const CONSUME: Order = 1;
const ACQUIRE: Order = 2;
const RELEASE: Order = 3;
const ACQ_REL: Order = 4;

fn load_order(order: Order) -> LoadOrder {
    match order {
        RELAXED => LoadOrder::Relaxed,
        CONSUME | ACQUIRE => LoadOrder::Acquire,
        _ => LoadOrder::SeqCst,
    }
}

fn store_order(order: Order) -> StoreOrder {
    match order {
        RELAXED => StoreOrder::Relaxed,
        RELEASE => StoreOrder::Release,
        _ => StoreOrder::SeqCst,
    }
}

fn rmw_order(order: Order) -> RmwOrder {
    match order {
        RELAXED => RmwOrder::Relaxed,
        CONSUME | ACQUIRE => RmwOrder::Acquire,
        RELEASE => RmwOrder::Release,
        ACQ_REL => RmwOrder::AcqRel,
        _ => RmwOrder::SeqCst,
    }
}

/// The real operations on a value of some size.
trait Value: Copy + PartialEq {
    const SIZE: u64;
    /// # Safety
    /// `at` points to a live, aligned value that is accessed atomically only; so for all of them.
    unsafe fn load(at: *const Self) -> Self;
    unsafe fn store(at: *mut Self, value: Self);
    /// A store that the thread's next load or store of another place may overtake (the load only).
    ///
    /// # Safety
    /// As for all of them.
    unsafe fn store_released(at: *mut Self, value: Self);
    unsafe fn compare_exchange(at: *mut Self, old: Self, new: Self) -> Result<Self, Self>;
    unsafe fn update(at: *mut Self, update: Update<Self>) -> Self;
}

/// A read-modify-write and its operand.
#[derive(Clone, Copy)]
enum Update<T> {
    Exchange(T),
    Add(T),
    Sub(T),
    And(T),
    Or(T),
    Xor(T),
    Nand(T),
}

macro_rules! value {
    ($($int:ident, $atomic:ident;)*) => {$(
        impl Value for $int {
            const SIZE: u64 = size_of::<$int>() as u64;

            #[inline(always)]
            unsafe fn load(at: *const Self) -> Self {
                // SAFETY: the caller's promise.
                unsafe { core::sync::atomic::$atomic::from_ptr(at.cast_mut()) }.load(Ordering::SeqCst)
            }

            #[inline(always)]
            unsafe fn store(at: *mut Self, value: Self) {
                // SAFETY: the caller's promise.
                unsafe { core::sync::atomic::$atomic::from_ptr(at) }.store(value, Ordering::SeqCst);
            }

            #[inline(always)]
            unsafe fn store_released(at: *mut Self, value: Self) {
                // SAFETY: the caller's promise.
                unsafe { core::sync::atomic::$atomic::from_ptr(at) }.store(value, Ordering::Release);
            }

            #[inline(always)]
            unsafe fn compare_exchange(at: *mut Self, old: Self, new: Self) -> Result<Self, Self> {
                // SAFETY: the caller's promise.
                let atomic = unsafe { core::sync::atomic::$atomic::from_ptr(at) };
                atomic.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst)
            }

            #[inline(always)]
            unsafe fn update(at: *mut Self, update: Update<Self>) -> Self {
                // SAFETY: the caller's promise.
                let atomic = unsafe { core::sync::atomic::$atomic::from_ptr(at) };
                match update {
                    Update::Exchange(v) => atomic.swap(v, Ordering::SeqCst),
                    Update::Add(v) => atomic.fetch_add(v, Ordering::SeqCst),
                    Update::Sub(v) => atomic.fetch_sub(v, Ordering::SeqCst),
                    Update::And(v) => atomic.fetch_and(v, Ordering::SeqCst),
                    Update::Or(v) => atomic.fetch_or(v, Ordering::SeqCst),
                    Update::Xor(v) => atomic.fetch_xor(v, Ordering::SeqCst),
                    Update::Nand(v) => atomic.fetch_nand(v, Ordering::SeqCst),
                }
            }
        }
    )*};
}

value! {
    u8, AtomicU8;
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
}

impl Value for u128 {
    const SIZE: u64 = 16;

    #[inline(always)]
    unsafe fn load(at: *const Self) -> Self {
        // SAFETY: the caller's promise. The exchange of 0 for 0 changes nothing, but needs memory that can be
        // written, as it does in code that was compiled without a runtime.
        match unsafe { Self::compare_exchange(at.cast_mut(), 0, 0) } {
            Ok(value) | Err(value) => value,
        }
    }

    unsafe fn store(at: *mut Self, value: Self) {
        // SAFETY: the caller's promise.
        unsafe { Self::update(at, Update::Exchange(value)) };
    }

    unsafe fn store_released(at: *mut Self, value: Self) {
        // SAFETY: the caller's promise.
        unsafe { Self::store(at, value) };
    }

    unsafe fn compare_exchange(at: *mut Self, old: Self, new: Self) -> Result<Self, Self> {
        let (low, high): (u64, u64);
        // SAFETY: the caller's promise; every x86_64 processor that runs Rust's std here has cmpxchg16b. rbx is
        // reserved by the compiler, so it is put aside by hand.
        unsafe {
            core::arch::asm!(
                "xchg {new_low}, rbx",
                "lock cmpxchg16b xmmword ptr [{at}]",
                "mov rbx, {new_low}",
                at = in(reg) at,
                new_low = inout(reg) new as u64 => _,
                in("rcx") (new >> 64) as u64,
                inout("rax") old as u64 => low,
                inout("rdx") (old >> 64) as u64 => high,
                options(nostack),
            );
        }
        let seen = u128::from(low) | u128::from(high) << 64;
        if seen == old { Ok(seen) } else { Err(seen) }
    }

    unsafe fn update(at: *mut Self, update: Update<Self>) -> Self {
        // SAFETY: the caller's promise.
        let mut old = unsafe { Self::load(at) };
        loop {
            let new = match update {
                Update::Exchange(v) => v,
                Update::Add(v) => old.wrapping_add(v),
                Update::Sub(v) => old.wrapping_sub(v),
                Update::And(v) => old & v,
                Update::Or(v) => old | v,
                Update::Xor(v) => old ^ v,
                Update::Nand(v) => !(old & v),
            };
            // SAFETY: the caller's promise.
            match unsafe { Self::compare_exchange(at, old, new) } {
                Ok(seen) => return seen,
                Err(seen) => old = seen,
            }
        }
    }
}

/// True if a relaxed operation need not be told to the engine; see [`Engine::relaxed_is_known`]. This only looks,
/// so it need not be inside of the runtime.
///
/// [`Engine::relaxed_is_known`]: racecheck_engine::Engine::relaxed_is_known
#[inline(always)]
fn is_known(address: u64, size: u64, write: bool) -> bool {
    let first = (address & 7) as u32;
    // SAFETY: the block is the running thread's own; a state in it above GONE is alive.
    unsafe {
        let state = (*local()).state;
        if state <= Local::GONE || u64::from(first) + size > 8 {
            return false;
        }
        let mask = Mask::span(first, size);
        runtime().engine.relaxed_is_known(&(*state).engine, Granule::of(address), mask, write)
    }
}

/// The bytes of the value within its granule.
fn bytes<T: Value>(at: *const T) -> Mask {
    Mask::span((at as u64 & 7) as u32, T::SIZE)
}

unsafe fn load<T: Value>(at: *const T, order: Order, pc: u64) -> T {
    // SAFETY: instrumented code calls this in place of an atomic load of `at`; so for all below.
    let real = || unsafe { T::load(at) };
    if order == RELAXED && T::SIZE <= 8 && is_known(at as u64, T::SIZE, false) {
        let value = real();
        if !runtime().engine.spoke_meanwhile(Granule::of(at as u64), bytes::<T>(at)) {
            return value;
        }
    }
    enter(|rt, thread| {
        if thread.looks_away != 0 {
            return real();
        }
        let (engine, here) = thread.at(pc);
        rt.engine.load(engine, at as u64, T::SIZE, load_order(order), here, real)
    })
    .unwrap_or_else(real)
}

unsafe fn store<T: Value>(at: *mut T, value: T, order: Order, pc: u64) {
    // SAFETY: see `load`.
    let real = || unsafe { T::store(at, value) };
    // SAFETY: see `load`.
    let released = || unsafe { T::store_released(at, value) };
    if order == RELAXED && T::SIZE <= 8 && is_known(at as u64, T::SIZE, true) {
        released();
        if runtime().engine.spoke_meanwhile(Granule::of(at as u64), bytes::<T>(at)) {
            // SAFETY: see `load`.
            let is_last = || unsafe { T::load(at) } == value;
            enter(|rt, _| rt.engine.relaxed_stored(Granule::of(at as u64), bytes::<T>(at), is_last));
        }
        return;
    }
    enter(|rt, thread| {
        if thread.looks_away != 0 {
            return real();
        }
        let (engine, here) = thread.at(pc);
        // A seq_cst load must not overtake it. Such a load takes a lock, unless this is the only thread.
        rt.engine.store(engine, at as u64, T::SIZE, store_order(order), here, released);
    })
    .unwrap_or_else(real)
}

unsafe fn update<T: Value>(at: *mut T, update: Update<T>, order: Order, pc: u64) -> T {
    // SAFETY: see `load`.
    let real = || unsafe { T::update(at, update) };
    if order == RELAXED && T::SIZE <= 8 && is_known(at as u64, T::SIZE, true) {
        let value = real();
        if runtime().engine.spoke_meanwhile(Granule::of(at as u64), bytes::<T>(at)) {
            enter(|rt, thread| {
                rt.engine.relaxed_read(&mut thread.engine, Granule::of(at as u64), bytes::<T>(at));
            });
        }
        return value;
    }
    enter(|rt, thread| {
        if thread.looks_away != 0 {
            return real();
        }
        let (engine, here) = thread.at(pc);
        rt.engine.read_modify_write(engine, at as u64, T::SIZE, rmw_order(order), here, real)
    })
    .unwrap_or_else(real)
}

unsafe fn compare_exchange<T: Value>(
    at: *mut T,
    old: T,
    new: T,
    order: Order,
    failure: Order,
    pc: u64,
) -> Result<T, T> {
    // SAFETY: see `load`.
    let real = || unsafe { T::compare_exchange(at, old, new) };
    enter(|rt, thread| {
        if thread.looks_away != 0 {
            return real();
        }
        let (engine, here) = thread.at(pc);
        let (success, failure) = (rmw_order(order), load_order(failure));
        rt.engine.compare_exchange(engine, at as u64, T::SIZE, success, failure, here, real)
    })
    .unwrap_or_else(real)
}

/// The return address of the function that this is expanded in, if nothing was pushed yet: each entry point
/// is a naked stub that puts it into the first free argument register.
macro_rules! entry_points {
    ($($int:ident: $load:ident $store:ident $exchange:ident $add:ident $sub:ident $and:ident $or:ident $xor:ident
        $nand:ident $cas_val:ident $cas_strong:ident $cas_weak:ident,
        $pc2:literal $pc3:literal $pc5:literal $pc5p:literal;)*) => {$(
        stub!($load(at: *const $int, order: Order) -> $int, $pc2, |at, order, pc| load(at, order, pc));
        stub!($store(at: *mut $int, value: $int, order: Order) -> (), $pc3, |at, value, order, pc| store(at, value, order, pc));
        entry_points!(@update $int $pc3 $exchange Exchange, $add Add, $sub Sub, $and And, $or Or, $xor Xor, $nand Nand);
        stub!($cas_val(at: *mut $int, old: $int, new: $int, order: Order, failure: Order) -> $int, $pc5,
            |at, old, new, order, failure, pc| match compare_exchange(at, old, new, order, failure, pc) {
                Ok(seen) | Err(seen) => seen,
            });
        entry_points!(@pointer $int $pc5p $cas_strong, $cas_weak);
    )*};
    (@update $int:ident $pc:literal $($name:ident $kind:ident),*) => {$(
        stub!($name(at: *mut $int, value: $int, order: Order) -> $int, $pc,
            |at, value, order, pc| update(at, Update::$kind(value), order, pc));
    )*};
    // The form in which C passes a pointer to the expected value and learns whether it was there.
    (@pointer $int:ident $pc:literal $($name:ident),*) => {$(
        stub!($name(at: *mut $int, old: *mut $int, new: $int, order: Order, failure: Order) -> i32, $pc,
            |at, old, new, order, failure, pc| {
                match compare_exchange(at, old.read(), new, order, failure, pc) {
                    Ok(_) => 1,
                    Err(seen) => {
                        old.write(seen);
                        0
                    }
                }
            });
    )*};
}

/// `name`: a stub that adds its return address as one more argument (`pc` says which instruction puts it
/// there), and goes on to the body.
macro_rules! stub {
    ($name:ident($($arg:ident: $type:ty),*) -> $result:ty, $pc:literal, |$($param:ident),*| $body:expr) => {
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $type),*) -> $result {
            unsafe extern "C" fn inner($($arg: $type,)* pc: u64) -> $result {
                stub!(@bind ($($arg)* pc) ($($param)*));
                // SAFETY: instrumented code calls this in place of the operation, whose promises it keeps.
                unsafe { $body }
            }
            core::arch::naked_asm!(concat!("mov ", $pc, ", qword ptr [rsp]"), "jmp {inner}", inner = sym inner)
        }
    };
    (@bind ($($from:ident)*) ($($to:ident)*)) => {
        $(let $to = $from;)*
    };
}

// The register after the last argument: two arguments leave rdx, three rcx, five r9. A 16-byte value takes two
// registers.
entry_points! {
    u8: __tsan_atomic8_load __tsan_atomic8_store __tsan_atomic8_exchange __tsan_atomic8_fetch_add
        __tsan_atomic8_fetch_sub __tsan_atomic8_fetch_and __tsan_atomic8_fetch_or __tsan_atomic8_fetch_xor
        __tsan_atomic8_fetch_nand __tsan_atomic8_compare_exchange_val __tsan_atomic8_compare_exchange_strong
        __tsan_atomic8_compare_exchange_weak, "rdx" "rcx" "r9" "r9";
    u16: __tsan_atomic16_load __tsan_atomic16_store __tsan_atomic16_exchange __tsan_atomic16_fetch_add
        __tsan_atomic16_fetch_sub __tsan_atomic16_fetch_and __tsan_atomic16_fetch_or __tsan_atomic16_fetch_xor
        __tsan_atomic16_fetch_nand __tsan_atomic16_compare_exchange_val __tsan_atomic16_compare_exchange_strong
        __tsan_atomic16_compare_exchange_weak, "rdx" "rcx" "r9" "r9";
    u32: __tsan_atomic32_load __tsan_atomic32_store __tsan_atomic32_exchange __tsan_atomic32_fetch_add
        __tsan_atomic32_fetch_sub __tsan_atomic32_fetch_and __tsan_atomic32_fetch_or __tsan_atomic32_fetch_xor
        __tsan_atomic32_fetch_nand __tsan_atomic32_compare_exchange_val __tsan_atomic32_compare_exchange_strong
        __tsan_atomic32_compare_exchange_weak, "rdx" "rcx" "r9" "r9";
    u64: __tsan_atomic64_load __tsan_atomic64_store __tsan_atomic64_exchange __tsan_atomic64_fetch_add
        __tsan_atomic64_fetch_sub __tsan_atomic64_fetch_and __tsan_atomic64_fetch_or __tsan_atomic64_fetch_xor
        __tsan_atomic64_fetch_nand __tsan_atomic64_compare_exchange_val __tsan_atomic64_compare_exchange_strong
        __tsan_atomic64_compare_exchange_weak, "rdx" "rcx" "r9" "r9";
}

/// Sixteen bytes: rarely used, so the place is that of the innermost function's call.
macro_rules! wide_entry_points {
    ($($name:ident $kind:ident),*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(at: *mut u128, value: u128, order: Order) -> u128 {
            // SAFETY: see `stub`.
            unsafe { update(at, Update::$kind(value), order, 0) }
        }
    )*};
}

wide_entry_points! {
    __tsan_atomic128_exchange Exchange, __tsan_atomic128_fetch_add Add, __tsan_atomic128_fetch_sub Sub,
    __tsan_atomic128_fetch_and And, __tsan_atomic128_fetch_or Or, __tsan_atomic128_fetch_xor Xor,
    __tsan_atomic128_fetch_nand Nand
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __tsan_atomic128_load(at: *const u128, order: Order) -> u128 {
    // SAFETY: see `stub`.
    unsafe { load(at, order, 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __tsan_atomic128_store(at: *mut u128, value: u128, order: Order) {
    // SAFETY: see `stub`.
    unsafe { store(at, value, order, 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __tsan_atomic128_compare_exchange_val(
    at: *mut u128,
    old: u128,
    new: u128,
    order: Order,
    failure: Order,
) -> u128 {
    // SAFETY: see `stub`.
    match unsafe { compare_exchange(at, old, new, order, failure, 0) } {
        Ok(seen) | Err(seen) => seen,
    }
}

/// A fence.
#[unsafe(no_mangle)]
extern "C" fn __tsan_atomic_thread_fence(order: Order) {
    let order = match order {
        RELAXED => return,
        CONSUME | ACQUIRE => FenceOrder::Acquire,
        RELEASE => FenceOrder::Release,
        ACQ_REL => FenceOrder::AcqRel,
        _ => FenceOrder::SeqCst,
    };
    core::sync::atomic::fence(Ordering::SeqCst);
    enter(|rt, thread| {
        if thread.looks_away == 0 {
            rt.engine.fence(&mut thread.engine, order);
        }
    });
}

/// Orders a thread with its own signal handlers only: the handler is part of its thread.
#[unsafe(no_mangle)]
extern "C" fn __tsan_atomic_signal_fence(_order: Order) {}
