//! Descriptors: an edge exists where a byte was passed.
//!
//! What a thread did before it wrote is ordered before what follows a read that returned something, if both
//! went through the same object ([`table`]):
//!
//! | descriptor | object |
//! |---|---|
//! | pipe, socket pair, eventfd, timerfd, epoll | one for each, both ends and both directions |
//! | signalfd | one for all, into which the sender of any signal releases |
//! | regular file, named pipe | by device and inode, shared by some |
//! | socket, and what was not seen being opened and cannot be told | one for all |
//! | terminal, directory, device, inotify | none |
//!
//! The end of a stream is information as well: to close an end is ordered before the read at the other end that
//! returns 0. A number that is used again hands on nothing.
//!
//! An object has one clock for all bytes that were sent, so a reader that comes late is ordered after all
//! writes until then, also after those whose bytes it has not read yet. The end has a clock of its own.
//!
//! Buffers are accesses: what is sent is read before the call, what was received is written after it, as
//! much as the result says. Calls that libc makes within itself (`fread`, `printf`) do not come here.

use core::ffi::c_int;

use racecheck_engine::Channel;

use self::table::Object;
use super::memory::set_errno;
use crate::ceiling::in_pieces;
use crate::gate::enter;
use crate::runtime::Runtime;
use crate::thread::ThreadState;

mod epoll;
mod files;
mod sockets;
mod stream;
mod table;
mod transfer;

/// Finds libc's functions.
pub fn look_up() {
    epoll::look_up();
    files::look_up();
    sockets::look_up();
    stream::look_up();
    transfer::look_up();
}

/// What a function returns that is missing in an older libc: who looks for it at run time finds the interceptor.
fn missing() -> c_int {
    set_errno(libc::ENOSYS);
    -1
}

/// A piece of memory that a call passes.
#[derive(Clone, Copy)]
struct Buffer {
    start: *const u8,
    size: usize,
}

impl Buffer {
    /// `size` bytes at `start`.
    fn new<T>(start: *const T, size: usize) -> Buffer {
        Buffer { start: start.cast(), size }
    }

    /// The system call reads it.
    fn sent(self, rt: &Runtime, thread: &mut ThreadState, pc: u64) {
        if thread.ignore == 0 && self.size > 0 && !self.start.is_null() {
            in_pieces(rt, thread, self.start as u64, self.size as u64, |thread, address, size| {
                let (engine, here) = thread.at(pc);
                rt.engine.read(engine, address, size, here);
            });
        }
    }

    /// The system call has written it.
    fn received(self, rt: &Runtime, thread: &mut ThreadState, pc: u64) {
        if thread.ignore == 0 && self.size > 0 && !self.start.is_null() {
            in_pieces(rt, thread, self.start as u64, self.size as u64, |thread, address, size| {
                let (engine, here) = thread.at(pc);
                rt.engine.write(engine, address, size, here);
            });
        }
    }
}

/// Several pieces, of which the first `size` bytes are meant.
#[derive(Clone, Copy)]
struct Pieces<'a> {
    pieces: &'a [libc::iovec],
    size: usize,
}

impl<'a> Pieces<'a> {
    /// The `count` pieces at `start`, of which the kernel takes or fills all.
    ///
    /// # Safety
    /// As for `readv`.
    unsafe fn new(start: *const libc::iovec, count: usize) -> Pieces<'a> {
        if start.is_null() || count > libc::UIO_MAXIOV as usize {
            return Pieces { pieces: &[], size: 0 };
        }
        // SAFETY: the caller's promise.
        Pieces { pieces: unsafe { core::slice::from_raw_parts(start, count) }, size: usize::MAX }
    }

    /// Only the first `size` bytes.
    fn first(self, size: isize) -> Pieces<'a> {
        Pieces { size: usize::try_from(size).unwrap_or(0), ..self }
    }

    fn buffers(self) -> impl Iterator<Item = Buffer> {
        let mut left = self.size;
        self.pieces.iter().map(move |piece| {
            let size = piece.iov_len.min(left);
            left -= size;
            Buffer::new(piece.iov_base, size)
        })
    }
}

/// What a call learns from a descriptor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    /// Bytes were sent.
    Bytes,
    /// No more bytes will come.
    End,
}

impl News {
    const fn channel(self) -> Channel {
        match self {
            News::Bytes => Channel::OWNER,
            News::End => Channel::READERS,
        }
    }
}

/// A signal is about to be sent: what the thread did so far is ordered before whoever receives one from a descriptor.
pub(super) fn signal_sent(rt: &Runtime, thread: &mut ThreadState) {
    rt.engine.release(&mut thread.engine, Object::SIGNALS.address(), News::Bytes.channel());
}

/// What the thread did so far is ordered before whoever receives from the descriptor.
fn release(rt: &Runtime, thread: &mut ThreadState, descriptor: c_int) {
    if let Some(object) = table::object(descriptor) {
        rt.engine.release(&mut thread.engine, object.address(), News::Bytes.channel());
    }
}

/// After a receiving call with this result: what others did before they sent is ordered before what follows.
fn acquire(rt: &Runtime, thread: &mut ThreadState, descriptor: c_int, result: isize) {
    let Some(object) = table::object(descriptor) else { return };
    if result > 0 {
        acquire_object(rt, thread, object, News::Bytes);
    } else if result == 0 && object.is_stream() {
        acquire_object(rt, thread, object, News::End);
    }
}

fn acquire_object(rt: &Runtime, thread: &mut ThreadState, object: Object, news: News) {
    rt.engine.acquire(&mut thread.engine, object.address(), News::Bytes.channel());
    if news == News::End {
        rt.engine.acquire(&mut thread.engine, object.address(), News::End.channel());
    }
}

/// The descriptor is about to be closed or shut down, which the other end of a stream sees.
fn end(descriptor: c_int) {
    if let Some(object) = table::object(descriptor).filter(|object| object.is_stream()) {
        enter(|rt, thread| {
            rt.engine.release(&mut thread.engine, object.address(), News::End.channel());
        });
    }
}
