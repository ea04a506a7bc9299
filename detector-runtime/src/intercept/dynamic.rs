//! Libraries that come and go while the program runs.
//!
//! libc maps and unmaps them by calls of its own, so their variables are given an empty shadow here: when they are
//! there after `dlopen`, and when they are gone after `dlclose`. What a thread did before it opened or closed
//! a library is ordered before what follows such a call in another thread, since libc does one at a time.
//!
//! `dlopen` looks for a library as its caller's `RPATH` says, and knows the caller by the return address. A call of
//! the executable may come from here, since the runtime is a part of it. A call of a library goes on to libc as
//! it is; what it loads is then seen by its constructor, if it is instrumented ([`loaded`]).
//!
//! Constructors and destructors run within the real call, outside of the runtime.

use alloc::vec::Vec;
use core::arch::naked_asm;
use core::ffi::{c_char, c_int, c_long, c_void};
use core::ops::Range;
use core::sync::atomic::AtomicU64;

use racecheck_engine::Channel;

use super::intercept;
use super::real::real;
use crate::gate::enter;

unsafe extern "C" {
    fn dl_iterate_phdr(
        callback: unsafe extern "C" fn(*mut libc::dl_phdr_info, usize, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
}

real! {
    fn dlopen(path: *const c_char, mode: c_int) -> *mut c_void;
    fn dlmopen(space: c_long, path: *const c_char, mode: c_int) -> *mut c_void;
    fn dlclose(library: *mut c_void) -> c_int;
}

/// The sync object of the dynamic linker: its address is all that is used.
static LINKER: AtomicU64 = AtomicU64::new(0);

fn linker() -> u64 {
    &raw const LINKER as u64
}

/// A loaded module.
struct Module {
    /// From its first to its last segment.
    extent: Range<u64>,
    /// The segments that can be written.
    variables: Vec<Range<u64>>,
}

impl Module {
    /// Its variables are fresh, or gone.
    fn reset(&self) {
        enter(|rt, _| {
            for variables in &self.variables {
                rt.engine.reset(variables.start, variables.end - variables.start);
            }
        });
    }
}

/// The modules that are loaded now, the executable first.
fn modules() -> Vec<Module> {
    let mut modules = Vec::new();
    // SAFETY: the callback has the form that is asked for, and gets the vector that lives across the call.
    unsafe { dl_iterate_phdr(add_module, (&raw mut modules).cast()) };
    modules
}

/// # Safety
/// Called by `dl_iterate_phdr` as in [`modules`].
unsafe extern "C" fn add_module(info: *mut libc::dl_phdr_info, _: usize, modules: *mut c_void) -> c_int {
    // SAFETY: the caller's promise; the headers are those of a loaded module.
    let (info, modules, headers) = unsafe {
        let info = &*info;
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum));
        (info, &mut *modules.cast::<Vec<Module>>(), headers)
    };
    let segments = || {
        headers.iter().filter(|header| header.p_type == libc::PT_LOAD).map(|header| {
            let start = info.dlpi_addr.wrapping_add(header.p_vaddr);
            (header.p_flags & libc::PF_W != 0, start..start.wrapping_add(header.p_memsz))
        })
    };
    let start = segments().map(|(_, range)| range.start).min().unwrap_or(0);
    let end = segments().map(|(_, range)| range.end).max().unwrap_or(0);
    let variables = segments().filter(|(writable, _)| *writable).map(|(_, range)| range).collect();
    modules.push(Module { extent: start..end, variables });
    0
}

/// Resets the variables of the modules that are in the one list and not in the other.
fn reset_difference(one: &[Module], other: &[Module]) {
    let is_new = |module: &&Module| other.iter().all(|known| known.extent != module.extent);
    one.iter().filter(is_new).for_each(Module::reset);
}

/// Called by the constructor of an instrumented module, which lies at `pc`.
pub fn loaded(pc: u64) {
    let modules = modules();
    // The executable was there from the start.
    if let Some(module) = modules.iter().skip(1).find(|module| module.extent.contains(&pc)) {
        module.reset();
    }
}

/// Does what a call opens or closes, between two looks at what is loaded.
fn load<R>(call: impl FnOnce() -> R) -> R {
    enter(|rt, thread| rt.engine.release(&mut thread.engine, linker(), Channel::OWNER));
    let before = modules();
    let result = call();
    let after = modules();
    reset_difference(&after, &before);
    reset_difference(&before, &after);
    enter(|rt, thread| rt.engine.acquire(&mut thread.engine, linker(), Channel::OWNER));
    result
}

unsafe extern "C" fn open(path: *const c_char, mode: c_int) -> *mut c_void {
    // SAFETY: the program's own call.
    load(|| unsafe { dlopen(path, mode) })
}

unsafe extern "C" fn open_in_space(space: c_long, path: *const c_char, mode: c_int) -> *mut c_void {
    // SAFETY: the program's own call.
    load(|| unsafe { dlmopen(space, path, mode) })
}

/// Where a call that returns to `pc` goes on: `ours` if it may be made from the executable.
fn where_to(pc: u64, ours: usize, libcs: usize) -> usize {
    let own = modules().first().is_none_or(|executable| executable.extent.contains(&pc));
    if own { ours } else { libcs }
}

extern "C" fn where_to_open(pc: u64) -> usize {
    where_to(pc, open as *const () as usize, addresses::dlopen.address())
}

extern "C" fn where_to_open_in_space(pc: u64) -> usize {
    where_to(pc, open_in_space as *const () as usize, addresses::dlmopen.address())
}

/// A stub that keeps the arguments and the return address, and goes on where `$target` says.
macro_rules! by_caller {
    ($($name:ident: $target:ident;)*) => {$(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                "push rdi",
                "push rsi",
                "push rdx",
                "mov rdi, qword ptr [rsp + 24]",
                "call {target}",
                "pop rdx",
                "pop rsi",
                "pop rdi",
                "jmp rax",
                target = sym $target,
            )
        }
    )*};
}

by_caller! {
    racecheck_intercept_dlopen: where_to_open;
    racecheck_intercept_dlmopen: where_to_open_in_space;
}

intercept! {
    fn racecheck_intercept_dlclose(library: *mut c_void) -> c_int {
        load(|| dlclose(library))
    }
}
