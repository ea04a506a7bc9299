//! What the fast paths need of the running thread, in thread-local storage.
//!
//! The block is defined in assembly: a runtime that is linked into the executable reaches it with one
//! `fs:`-relative instruction (the local-exec model), and stable Rust has no other way to a thread-local
//! variable without a standard library. The offsets in the assembly of [`crate::abi`] are those of [`Local`]'s fields;
//! so are those in the code that is inlined into programs (see [`crate::abi::inlined`]), which is why the block's
//! name is visible.
//!
//! All zero is the state of a thread that the runtime has not met yet; the fast paths are made so that
//! they then take the slow way or do nothing.

use core::arch::{asm, global_asm};

use racecheck_engine::SET_KEYS;

use crate::thread::ThreadState;

/// The thread-local block.
#[repr(C)]
pub struct Local {
    /// Null before the thread is met, [`Local::GONE`] after its end.
    pub state: *mut ThreadState,
    /// What the low half of a shadow word is compared with: [`racecheck_engine::word::write_key`].
    pub write_key: u32,
    /// What the high half is compared with: [`racecheck_engine::word::read_key`].
    pub read_key: u32,
    /// One past the innermost entry of the shadow call stack.
    pub top: *mut u64,
    /// Entries below this one have a context (see [`crate::calls`]).
    pub known: *mut u64,
    /// Where the shadow call stack ends.
    pub limit: *mut u64,
    /// More values for the high half: [`racecheck_engine::Thread::set_keys`].
    pub set_keys: [u32; SET_KEYS],
    /// The first entry of the shadow call stack.
    pub bottom: *mut u64,
}

impl Local {
    /// In [`Local::state`]: the thread has ended as far as the detector is concerned.
    pub const GONE: *mut ThreadState = core::ptr::without_provenance_mut(1);
}

global_asm!(
    ".pushsection .tbss.racecheck,\"awT\",@nobits",
    ".p2align 6",
    ".globl racecheck_rt_local",
    ".type racecheck_rt_local,@object",
    "racecheck_rt_local:",
    ".zero 128",
    ".size racecheck_rt_local, 128",
    ".popsection",
);

const _: () = assert!(size_of::<Local>() <= 128);
const _: () = assert!(
    core::mem::offset_of!(Local, write_key) == 8
        && core::mem::offset_of!(Local, read_key) == 12
        && core::mem::offset_of!(Local, top) == 16
        && core::mem::offset_of!(Local, known) == 24
        && core::mem::offset_of!(Local, limit) == 32
        && core::mem::offset_of!(Local, set_keys) == 40
        && SET_KEYS == 8
        && core::mem::offset_of!(Local, bottom) == 72
);

/// The running thread's block.
#[inline(always)]
pub fn local() -> *mut Local {
    let block: *mut Local;
    // SAFETY: on x86_64 Linux `fs:0` holds the thread pointer itself, and a local-exec variable lies at a
    // constant distance from it. Nothing is written.
    unsafe {
        asm!(
            "mov {0}, qword ptr fs:[0]",
            "lea {0}, [{0} + racecheck_rt_local@TPOFF]",
            out(reg) block,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    block
}
