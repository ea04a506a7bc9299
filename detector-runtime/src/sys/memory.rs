//! Address space: reserve, map, release, ask.

use core::ops::Range;
use core::ptr::NonNull;

use super::file::File;
use super::syscall::{Number, syscall2, syscall3, syscall5, syscall6};
use super::{Errno, file};

/// Size of a page on x86_64.
pub const PAGE_SIZE: usize = 4096;

/// Rounds up to whole pages; `None` on overflow.
#[inline]
pub const fn round_to_pages(len: usize) -> Option<usize> {
    match len.checked_add(PAGE_SIZE - 1) {
        Some(padded) => Some(padded & !(PAGE_SIZE - 1)),
        None => None,
    }
}

/// What may be done with the pages of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Nothing: an access faults.
    None,
    /// Loads only.
    Read,
    /// Loads and stores.
    ReadWrite,
}

impl Protection {
    const fn bits(self) -> usize {
        (match self {
            Protection::None => libc::PROT_NONE,
            Protection::Read => libc::PROT_READ,
            Protection::ReadWrite => libc::PROT_READ | libc::PROT_WRITE,
        }) as usize
    }
}

/// Where a mapping is to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Wherever the kernel has room.
    Anywhere,
    /// At this page-aligned address and nowhere else; an existing mapping is never replaced.
    At(usize),
}

/// Advice about a range of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Give the memory back; the pages of an anonymous mapping read as zero afterwards.
    DontNeed,
    /// Leave the range out of core dumps.
    DontDump,
    /// Do not back the range with huge pages.
    NoHugePage,
    /// Back the range with huge pages where possible.
    HugePage,
    /// Do not copy the range into forked children.
    DontFork,
}

impl Advice {
    const fn number(self) -> usize {
        (match self {
            Advice::DontNeed => libc::MADV_DONTNEED,
            Advice::DontDump => libc::MADV_DONTDUMP,
            Advice::NoHugePage => libc::MADV_NOHUGEPAGE,
            Advice::HugePage => libc::MADV_HUGEPAGE,
            Advice::DontFork => libc::MADV_DONTFORK,
        }) as usize
    }
}

const ANONYMOUS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
const NO_FILE: usize = usize::MAX;

/// Maps zeroed private memory that is not counted against the commit limit (`MAP_NORESERVE`): pages cost
/// nothing until they are touched, so `len` may be terabytes.
///
/// The range is left out of core dumps: the kernel looks at every page of what it dumps, resident or not, which
/// takes minutes for a terabyte.
///
/// With [`Placement::At`] the error is [`Errno::EEXIST`] if any page of the range is in use.
pub fn reserve(placement: Placement, len: usize, protection: Protection) -> Result<NonNull<u8>, Errno> {
    let start = map(placement, len, protection, ANONYMOUS | libc::MAP_NORESERVE)?;
    // SAFETY: the mapping is new, and the advice changes no contents. Refused, it costs time in a crash only.
    let _ = unsafe { advise(start.as_ptr(), len, Advice::DontDump) };
    Ok(start)
}

/// Maps zeroed private memory that counts against the commit limit.
pub fn map_anonymous(len: usize) -> Result<NonNull<u8>, Errno> {
    map(Placement::Anywhere, len, Protection::ReadWrite, ANONYMOUS)
}

fn map(placement: Placement, len: usize, protection: Protection, flags: i32) -> Result<NonNull<u8>, Errno> {
    let (address, flags) = match placement {
        Placement::Anywhere => (0, flags),
        Placement::At(address) => (address, flags | libc::MAP_FIXED_NOREPLACE),
    };
    // SAFETY: a new anonymous mapping that replaces none changes no memory that anybody uses.
    let start = unsafe {
        syscall6(Number(libc::SYS_mmap), address, len, protection.bits(), flags as usize, NO_FILE, 0)
    }?;
    if let Placement::At(wanted) = placement
        && start != wanted
    {
        // Kernels before 4.17 take the address for a hint.
        // SAFETY: the mapping was made just now and nobody knows of it.
        let _ = unsafe { unmap(start as *mut u8, len) };
        return Err(Errno::EEXIST);
    }
    NonNull::new(start as *mut u8).ok_or(Errno::ENOMEM)
}

/// Maps the first `len` bytes of a file, private and read-only.
pub fn map_file(file: &File, len: usize) -> Result<NonNull<u8>, Errno> {
    // SAFETY: a new mapping at an address of the kernel's choice changes no memory that anybody uses.
    let start = unsafe {
        syscall6(
            Number(libc::SYS_mmap),
            0,
            len,
            Protection::Read.bits(),
            libc::MAP_PRIVATE as usize,
            file.descriptor().as_argument(),
            0,
        )
    }?;
    NonNull::new(start as *mut u8).ok_or(Errno::ENOMEM)
}

/// Grows or shrinks a mapping, moving it where it can't grow in place.
///
/// # Safety
/// `start..start + old_len` is one whole mapping owned by the caller, who drops all pointers into it and
/// continues with the returned one.
pub unsafe fn remap(start: *mut u8, old_len: usize, new_len: usize) -> Result<NonNull<u8>, Errno> {
    // SAFETY: the caller owns the range and gives up the old addresses.
    let moved = unsafe {
        syscall5(Number(libc::SYS_mremap), start as usize, old_len, new_len, libc::MREMAP_MAYMOVE as usize, 0)
    }?;
    NonNull::new(moved as *mut u8).ok_or(Errno::ENOMEM)
}

/// Removes the mappings of a page-aligned range.
///
/// # Safety
/// The caller owns the range and nobody uses it any more.
pub unsafe fn unmap(start: *mut u8, len: usize) -> Result<(), Errno> {
    // SAFETY: the caller owns the range.
    unsafe { syscall2(Number(libc::SYS_munmap), start as usize, len) }.map(drop)
}

/// Changes what may be done with a page-aligned range.
///
/// # Safety
/// The caller owns the range; nobody makes an access that the new protection forbids.
pub unsafe fn protect(start: *mut u8, len: usize, protection: Protection) -> Result<(), Errno> {
    // SAFETY: the caller owns the range.
    unsafe { syscall3(Number(libc::SYS_mprotect), start as usize, len, protection.bits()) }.map(drop)
}

/// Gives advice about a page-aligned range.
///
/// # Safety
/// The caller owns the range; for [`Advice::DontNeed`] nobody needs its contents, for [`Advice::DontFork`] no
/// child process does.
pub unsafe fn advise(start: *mut u8, len: usize, advice: Advice) -> Result<(), Errno> {
    // SAFETY: the caller owns the range and can spare what the advice takes.
    unsafe { syscall3(Number(libc::SYS_madvise), start as usize, len, advice.number()) }.map(drop)
}

/// Asks which pages of a page-aligned range are resident: one byte per page, lowest bit set if so.
///
/// Fails with [`Errno::ENOMEM`] if a page of the range is not mapped.
pub fn residency(start: usize, pages: &mut [u8]) -> Result<(), Errno> {
    // SAFETY: the kernel writes one byte per page of the range into `pages`, which has exactly that length;
    // the range itself is only looked at by the kernel, mapped or not.
    unsafe {
        syscall3(Number(libc::SYS_mincore), start, pages.len() * PAGE_SIZE, pages.as_mut_ptr() as usize)
    }
    .map(drop)
}

/// The process's page table, as far as it tells which pages of a large range were ever touched.
///
/// The kernel walks it in time that depends on what is there, not on the size of the range (since Linux 6.7).
#[derive(Debug)]
pub struct PageTable {
    pagemap: File,
}

/// The kernel's `struct pm_scan_arg`.
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    /// Out: how far the walk came.
    walk_end: u64,
    regions: u64,
    region_count: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_any: u64,
    return_mask: u64,
}

/// The kernel's `struct page_region`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

impl PageTable {
    // From the kernel's include/uapi/linux/fs.h.
    const SCAN: usize = 0xC060_6610;
    const PRESENT: u64 = 1 << 3;
    const SWAPPED: u64 = 1 << 4;

    /// Opens it. Fails in a sandbox without `/proc`.
    pub fn open() -> Result<PageTable, Errno> {
        Ok(PageTable { pagemap: File::open(c"/proc/self/pagemap", file::Access::Read)? })
    }

    /// Calls `f` with each run of touched pages in a page-aligned range. An error may come after some calls.
    pub fn for_each_touched(
        &self,
        range: Range<usize>,
        f: &mut dyn FnMut(Range<usize>),
    ) -> Result<(), Errno> {
        let mut regions = [PageRegion::default(); 64];
        let mut at = range.start as u64;
        while at < range.end as u64 {
            let mut scan = Scan {
                size: size_of::<Scan>() as u64,
                flags: 0,
                start: at,
                end: range.end as u64,
                walk_end: 0,
                regions: regions.as_mut_ptr() as u64,
                region_count: regions.len() as u64,
                max_pages: 0,
                category_inverted: 0,
                category_mask: 0,
                category_any: Self::PRESENT | Self::SWAPPED,
                return_mask: Self::PRESENT,
            };
            // SAFETY: the kernel reads and writes the structure and as many regions as it says there are.
            let count = unsafe {
                syscall3(
                    Number(libc::SYS_ioctl),
                    self.pagemap.descriptor().as_argument(),
                    Self::SCAN,
                    &raw mut scan as usize,
                )
            }?;
            for region in &regions[..count] {
                f(region.start as usize..region.end as usize);
            }
            if scan.walk_end <= at {
                return Err(Errno::EINVAL);
            }
            at = scan.walk_end;
        }
        Ok(())
    }
}

/// Whether every page of `address..address + len` is mapped, without touching any of them.
pub fn is_mapped(address: usize, len: usize) -> bool {
    const BATCH: usize = 64;
    let Some(end) = address.checked_add(len).and_then(round_to_pages) else { return false };
    let mut page = address & !(PAGE_SIZE - 1);
    let mut answers = [0u8; BATCH];
    while page < end {
        let count = ((end - page) / PAGE_SIZE).min(BATCH);
        if residency(page, &mut answers[..count]).is_err() {
            return false;
        }
        page += count * PAGE_SIZE;
    }
    true
}

/// A read-only, private mapping of a whole file; unmapped when dropped.
#[derive(Debug)]
pub struct FileMap {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping is private and read-only; any thread may read and unmap it.
unsafe impl Send for FileMap {}
// SAFETY: as above: shared access is reading only.
unsafe impl Sync for FileMap {}

impl FileMap {
    /// Maps the whole of `file`. An empty file gives an empty map.
    pub fn new(file: &File) -> Result<FileMap, Errno> {
        let len = file.status()?.size();
        if len == 0 {
            return Ok(FileMap { start: NonNull::dangling(), len: 0 });
        }
        Ok(FileMap { start: map_file(file, len)?, len })
    }

    /// Opens and maps the file at `path`.
    pub fn open(path: &core::ffi::CStr) -> Result<FileMap, Errno> {
        FileMap::new(&File::open(path, file::Access::Read)?)
    }

    /// The file's bytes.
    ///
    /// A file that somebody truncates while it is mapped makes reads fault: map only what is not written to,
    /// such as binaries.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `start` is the start of a readable mapping of at least `len` bytes, or dangling with length
        // 0; it lives as long as `self`.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for FileMap {
    fn drop(&mut self) {
        if self.len != 0 {
            // SAFETY: the mapping is owned by `self` and `bytes` borrows from it, so nobody uses it any more.
            let _ = unsafe { unmap(self.start.as_ptr(), self.len) };
        }
    }
}

/// Copies memory of this process that may not be mapped, from `/proc/self/mem`: a bad address is an error
/// instead of a fault.
#[derive(Debug)]
pub struct MemoryReader {
    memory: File,
}

impl MemoryReader {
    /// Opens the process's own memory. Fails in a process that is not dumpable and in a sandbox without
    /// `/proc`.
    pub fn open() -> Result<MemoryReader, Errno> {
        Ok(MemoryReader { memory: File::open(c"/proc/self/mem", file::Access::Read)? })
    }

    /// Fills `buffer` with the bytes at `address`.
    pub fn read(&self, address: usize, buffer: &mut [u8]) -> Result<(), Errno> {
        self.memory.read_exact_at(buffer, address as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_are_zero_and_writable() {
        let len = 1 << 40;
        let start = reserve(Placement::Anywhere, len, Protection::ReadWrite).unwrap().as_ptr();
        // SAFETY: the mapping is ours, `len` long and writable.
        unsafe {
            let last = start.add(len - 1);
            assert_eq!(last.read(), 0);
            last.write(7);
            assert_eq!(last.read(), 7);
            advise(start.add(len - PAGE_SIZE), PAGE_SIZE, Advice::DontNeed).unwrap();
            assert_eq!(last.read(), 0);
            unmap(start, len).unwrap();
        }
        assert!(!is_mapped(start as usize, PAGE_SIZE));
    }

    #[test]
    fn the_page_table_tells_what_was_touched() {
        let len = 1 << 40;
        let start = reserve(Placement::Anywhere, len, Protection::ReadWrite).unwrap().as_ptr();
        let touched: Vec<usize> = (0..100).map(|i| start as usize + i * 37 * PAGE_SIZE * 1000).collect();
        // SAFETY: the mapping is ours, and large enough.
        touched.iter().for_each(|&page| unsafe { (page as *mut u8).write(1) });
        let mut found = Vec::new();
        let table = PageTable::open().unwrap();
        let range = start as usize..start as usize + len;
        match table.for_each_touched(range, &mut |run| found.extend(run.step_by(PAGE_SIZE))) {
            // Huge pages touch more than was asked for.
            Ok(()) => assert!(touched.iter().all(|page| found.contains(page))),
            // A kernel that has no such walk.
            Err(error) => assert!(found.is_empty(), "{error}"),
        }
        // SAFETY: the mapping is ours.
        unsafe { unmap(start, len) }.unwrap();
    }

    #[test]
    fn fixed_placement_never_replaces() {
        let wanted = 0x0500_0000_0000;
        let start = reserve(Placement::At(wanted), 1 << 20, Protection::None).unwrap();
        assert_eq!(start.as_ptr() as usize, wanted);
        assert_eq!(
            reserve(Placement::At(wanted + 4 * PAGE_SIZE), PAGE_SIZE, Protection::None),
            Err(Errno::EEXIST)
        );
        // SAFETY: the mapping is ours.
        unsafe { unmap(start.as_ptr(), 1 << 20) }.unwrap();
    }

    #[test]
    fn protection_and_growth() {
        let start = map_anonymous(4 * PAGE_SIZE).unwrap().as_ptr();
        // SAFETY: the mapping is ours throughout; the old address is not used after `remap`.
        unsafe {
            start.write(42);
            protect(start, PAGE_SIZE, Protection::Read).unwrap();
            assert_eq!(start.read(), 42);
            protect(start, PAGE_SIZE, Protection::ReadWrite).unwrap();
            let moved = remap(start, 4 * PAGE_SIZE, 64 * PAGE_SIZE).unwrap().as_ptr();
            assert_eq!(moved.read(), 42);
            unmap(moved, 64 * PAGE_SIZE).unwrap();
        }
    }

    #[test]
    fn unmapped_memory_is_an_error_not_a_fault() {
        let reader = MemoryReader::open().unwrap();
        let value = 0x1234_5678_u32;
        let mut bytes = [0; 4];
        reader.read(&raw const value as usize, &mut bytes).unwrap();
        assert_eq!(u32::from_ne_bytes(bytes), value);
        assert!(reader.read(0x10, &mut bytes).is_err());
        assert!(is_mapped(&raw const value as usize, 4));
        assert!(!is_mapped(0x10, 4));
        assert!(!is_mapped(usize::MAX - 2, 8));
    }

    #[test]
    fn a_file_map_holds_the_files_bytes() {
        let map = FileMap::open(c"/proc/self/exe").unwrap();
        assert_eq!(&map.bytes()[..4], b"\x7fELF");
        assert_eq!(map.bytes(), std::fs::read("/proc/self/exe").unwrap());
        assert_eq!(FileMap::open(c"/nonexistent").unwrap_err(), Errno::ENOENT);
    }
}
