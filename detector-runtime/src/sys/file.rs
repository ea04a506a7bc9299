//! Files and descriptors.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use super::Errno;
use super::syscall::{Number, syscall1, syscall2, syscall3, syscall4};

/// A file descriptor, open or not; nothing is closed when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Descriptor(i32);

impl Descriptor {
    /// The standard error stream.
    pub const STDERR: Descriptor = Descriptor(2);

    /// The standard output stream.
    pub const STDOUT: Descriptor = Descriptor(1);

    /// Wraps a number that the program uses as a descriptor.
    pub const fn new(number: i32) -> Descriptor {
        Descriptor(number)
    }

    /// The number.
    pub const fn number(self) -> i32 {
        self.0
    }

    #[inline]
    pub(super) const fn as_argument(self) -> usize {
        self.0 as isize as usize
    }

    /// One `write` call; returns how many bytes it took. Interrupted calls are repeated.
    pub fn write(self, bytes: &[u8]) -> Result<usize, Errno> {
        retry(|| {
            // SAFETY: the kernel reads `bytes` only.
            unsafe {
                syscall3(Number(libc::SYS_write), self.as_argument(), bytes.as_ptr() as usize, bytes.len())
            }
        })
    }

    /// Writes everything, in as many calls as it takes.
    pub fn write_all(self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            match self.write(bytes)? {
                0 => return Err(Errno::EIO),
                written => bytes = &bytes[written..],
            }
        }
        Ok(())
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Writing only, created if missing, emptied if present.
    CreateNew,
    /// Writing only, created if missing; each write lands whole at the end (`O_APPEND`).
    Append,
    /// Reading a directory's entries.
    Directory,
}

impl Access {
    const fn flags(self) -> i32 {
        let flags = match self {
            Access::Read => libc::O_RDONLY,
            Access::CreateNew => libc::O_WRONLY | libc::O_CREAT | libc::O_TRUNC,
            Access::Append => libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND,
            Access::Directory => libc::O_RDONLY | libc::O_DIRECTORY,
        };
        flags | libc::O_CLOEXEC
    }
}

/// What `fstat` says.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    size: i64,
    device: u64,
    inode: u64,
}

impl Status {
    /// Size in bytes.
    pub const fn size(&self) -> usize {
        if self.size < 0 { 0 } else { self.size as usize }
    }

    /// Device and inode: the file's identity, whatever its name.
    pub const fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }
}

/// The point from which [`File::seek`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekFrom {
    /// The start of the file.
    Start(u64),
    /// The current position.
    Current(i64),
    /// The end of the file.
    End(i64),
}

/// An open file; closed when dropped, and never inherited across `exec`.
#[derive(Debug)]
pub struct File {
    descriptor: Descriptor,
}

impl File {
    /// Mode of files that are created, before the process's mask.
    const MODE: usize = 0o644;

    /// Opens the file at `path`.
    pub fn open(path: &CStr, access: Access) -> Result<File, Errno> {
        let number = retry(|| {
            // SAFETY: the kernel reads the NUL-terminated path only.
            unsafe {
                syscall4(
                    Number(libc::SYS_openat),
                    libc::AT_FDCWD as isize as usize,
                    path.as_ptr() as usize,
                    access.flags() as usize,
                    File::MODE,
                )
            }
        })?;
        Ok(File { descriptor: Descriptor(number as i32) })
    }

    /// The descriptor, which stays owned by `self`.
    pub const fn descriptor(&self) -> Descriptor {
        self.descriptor
    }

    /// Gives the descriptor away without closing it.
    pub fn into_descriptor(self) -> Descriptor {
        let descriptor = self.descriptor;
        core::mem::forget(self);
        descriptor
    }

    /// One `read` call; 0 at the end of the file. Interrupted calls are repeated.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        retry(|| {
            // SAFETY: the kernel writes at most `buffer.len()` bytes into `buffer`.
            unsafe {
                syscall3(
                    Number(libc::SYS_read),
                    self.descriptor.as_argument(),
                    buffer.as_mut_ptr() as usize,
                    buffer.len(),
                )
            }
        })
    }

    /// One `pread` call at `offset`; 0 at the end of the file.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
        retry(|| {
            // SAFETY: the kernel writes at most `buffer.len()` bytes into `buffer`.
            unsafe {
                syscall4(
                    Number(libc::SYS_pread64),
                    self.descriptor.as_argument(),
                    buffer.as_mut_ptr() as usize,
                    buffer.len(),
                    offset as usize,
                )
            }
        })
    }

    /// Fills `buffer` from `offset` on; a file that is too short is [`Errno::EIO`].
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), Errno> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_at(&mut buffer[done..], offset + done as u64)? {
                0 => return Err(Errno::EIO),
                count => done += count,
            }
        }
        Ok(())
    }

    /// Moves the position; returns the new one.
    pub fn seek(&self, to: SeekFrom) -> Result<u64, Errno> {
        let (offset, whence) = match to {
            SeekFrom::Start(offset) => (offset as usize, libc::SEEK_SET),
            SeekFrom::Current(offset) => (offset as usize, libc::SEEK_CUR),
            SeekFrom::End(offset) => (offset as usize, libc::SEEK_END),
        };
        // SAFETY: moving the position of an owned descriptor touches no memory.
        unsafe { syscall3(Number(libc::SYS_lseek), self.descriptor.as_argument(), offset, whence as usize) }
            .map(|position| position as u64)
    }

    /// Size and identity.
    pub fn status(&self) -> Result<Status, Errno> {
        let mut status = MaybeUninit::<libc::stat>::uninit();
        // SAFETY: the kernel fills one `struct stat` of the native layout.
        unsafe {
            syscall2(Number(libc::SYS_fstat), self.descriptor.as_argument(), status.as_mut_ptr() as usize)
        }?;
        // SAFETY: the call succeeded, so the structure is filled in.
        let status = unsafe { status.assume_init() };
        Ok(Status { size: status.st_size, device: status.st_dev, inode: status.st_ino })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is owned by `self`. Not repeated on EINTR: Linux has closed it by then.
        let _ = unsafe { syscall1(Number(libc::SYS_close), self.descriptor.as_argument()) };
    }
}

/// Reads the target of a symbolic link into `buffer`. A target that fills the whole buffer may have been cut.
pub fn read_link<'a>(path: &CStr, buffer: &'a mut [u8]) -> Result<&'a [u8], Errno> {
    // SAFETY: the kernel reads the NUL-terminated path and writes at most `buffer.len()` bytes into `buffer`.
    let len = unsafe {
        syscall3(
            Number(libc::SYS_readlink),
            path.as_ptr() as usize,
            buffer.as_mut_ptr() as usize,
            buffer.len(),
        )
    }?;
    Ok(&buffer[..len])
}

/// Repeats a call that a signal interrupted before it did anything.
#[inline]
fn retry(mut call: impl FnMut() -> Result<usize, Errno>) -> Result<usize, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    #[test]
    fn a_file_is_written_appended_and_read() {
        let path = std::env::temp_dir().join(format!("racecheck-sys-file-{}", std::process::id()));
        let name = CString::new(path.to_str().unwrap()).unwrap();
        File::open(&name, Access::CreateNew).unwrap().descriptor().write_all(b"one ").unwrap();
        File::open(&name, Access::Append).unwrap().descriptor().write_all(b"two").unwrap();

        let file = File::open(&name, Access::Read).unwrap();
        assert_eq!(file.status().unwrap().size(), 7);
        let mut buffer = [0; 16];
        assert_eq!(file.read(&mut buffer), Ok(7));
        assert_eq!(&buffer[..7], b"one two");
        assert_eq!(file.read(&mut buffer), Ok(0));
        assert_eq!(file.seek(SeekFrom::End(-3)), Ok(4));
        assert_eq!(file.read(&mut buffer[..2]), Ok(2));
        assert_eq!(&buffer[..2], b"tw");
        file.read_exact_at(&mut buffer[..3], 4).unwrap();
        assert_eq!(&buffer[..3], b"two");
        assert_eq!(file.read_exact_at(&mut buffer[..8], 0), Err(Errno::EIO));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn identity_is_the_inode() {
        use std::os::unix::fs::MetadataExt;
        let file = File::open(c"/proc/self/exe", Access::Read).unwrap();
        let metadata = std::fs::metadata(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(file.status().unwrap().identity(), (metadata.dev(), metadata.ino()));
    }

    #[test]
    fn dropped_files_are_closed() {
        let file = File::open(c"/proc/self/exe", Access::Read).unwrap();
        let descriptor = file.descriptor();
        let kept = File::open(c"/dev/null", Access::Append).unwrap().into_descriptor();
        assert_ne!(kept, descriptor);
        assert_eq!(kept.write(b"x"), Ok(1));
        drop(File { descriptor: kept });
        drop(file);
        // Another test may open a file under the same number meanwhile, but not one that is this link.
        let mut buffer = [0; 256];
        let link = CString::new(format!("/proc/self/fd/{}", kept.number())).unwrap();
        assert!(read_link(&link, &mut buffer).map_or(true, |target| target != b"/dev/null"));
    }

    #[test]
    fn links_are_read() {
        let mut buffer = [0; 4096];
        let target = read_link(c"/proc/self/exe", &mut buffer).unwrap();
        assert_eq!(target, std::env::current_exe().unwrap().to_str().unwrap().as_bytes());
        assert_eq!(read_link(c"/nonexistent", &mut [0; 8]), Err(Errno::ENOENT));
    }
}
