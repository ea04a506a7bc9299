//! What the shim (the crate `racecheck`, when it is part of an instrumented program) tells of its objects, beside
//! the edges, for which there are `__tsan_acquire` and `__tsan_release`.
//!
//! The shim looks these functions up by name, so that a program may be linked with a runtime that has none.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec;
use core::arch::naked_asm;

use racecheck_engine::StoreOrder;
use racecheck_report::{Frame, Location, Stack};

use crate::gate::enter;
use crate::report;

/// Text without an end mark.
#[repr(C)]
#[derive(Clone, Copy)]
struct Text {
    start: *const u8,
    length: usize,
}

impl Text {
    /// # Safety
    /// `start` leads to `length` bytes, or `length` is 0.
    unsafe fn read(self) -> Option<String> {
        if self.length == 0 {
            return None;
        }
        // SAFETY: by this function's contract.
        let bytes = unsafe { core::slice::from_raw_parts(self.start, self.length) };
        Some(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// A cell of the shim. The same is in the shim's `rt/runtime.rs`.
#[repr(C)]
struct Described {
    address: u64,
    size: u64,
    /// Its type, with its path.
    kind: Text,
    /// Empty for none.
    name: Text,
    /// Where it was made.
    file: Text,
    line: u32,
    column: u32,
}

impl Described {
    /// What a report says of the object, for a finding at `address`.
    ///
    /// # Safety
    /// Its texts can be read.
    unsafe fn location(&self, address: u64) -> Location {
        // SAFETY: by this function's contract.
        let (kind, name, file) = unsafe { (self.kind.read(), self.name.read(), self.file.read()) };
        let made_at = Frame { file, line: self.line, column: self.column, ..Frame::default() };
        Location::Object {
            kind: short_name(&kind.unwrap_or_else(|| "object".to_owned())),
            name,
            address: self.address,
            size: self.size,
            offset: address.saturating_sub(self.address),
            made_at: Stack { frames: vec![made_at], lost: false },
        }
    }
}

/// A type's name without the path that stands before it.
fn short_name(name: &str) -> String {
    let end = name.find('<').unwrap_or(name.len());
    let start = name[..end].rfind("::").map_or(0, |at| at + 2);
    name[start..].to_string()
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write,
}

extern "C" fn read(address: u64, size: u64, object: *const Described, pc: u64) {
    access(Kind::Read, address, size, object, pc);
}

extern "C" fn write(address: u64, size: u64, object: *const Described, pc: u64) {
    access(Kind::Write, address, size, object, pc);
}

fn access(kind: Kind, address: u64, size: u64, object: *const Described, pc: u64) {
    enter(|rt, thread| {
        if thread.ignore != 0 {
            return;
        }
        let (engine, here) = thread.at(pc);
        match kind {
            Kind::Read => rt.engine.read(engine, address, size, here),
            Kind::Write => rt.engine.write(engine, address, size, here),
        }
        if !thread.engine.races.is_empty() {
            // SAFETY: the shim passes a description that lives until this call returns, of texts that live for ever.
            let location = unsafe { (*object).location(address) };
            report::emit_at(rt, thread, &location);
        }
    });
}

/// A read of an object's bytes, recorded where the caller is.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn racecheck_rt_object_read(address: u64, size: u64, object: *const Described) {
    naked_asm!("mov rcx, qword ptr [rsp]", "jmp {read}", read = sym read)
}

/// A write of an object's bytes, recorded where the caller is.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn racecheck_rt_object_write(address: u64, size: u64, object: *const Described) {
    naked_asm!("mov rcx, qword ptr [rsp]", "jmp {write}", write = sym write)
}

/// A call of one of two kinds at an object whose granule is for nothing else. 1 if a call of the other kind is not
/// ordered with it: that is no race of memory, and the shim tells of it.
#[unsafe(no_mangle)]
extern "C" fn racecheck_rt_object_call(address: u64, kind: u32) -> u32 {
    let unordered = enter(|rt, thread| {
        let (engine, here) = thread.at(0);
        // Relaxed atomics race with plain reads, but neither kind with itself.
        match kind {
            0 => rt.engine.store(engine, address, 8, StoreOrder::Relaxed, here, || ()),
            _ => rt.engine.read(engine, address, 8, here),
        }
        !core::mem::take(&mut thread.engine.races).is_empty()
    });
    u32::from(unordered.unwrap_or(false))
}
