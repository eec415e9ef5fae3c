//! Memory that processes share and that none of them can make smaller.
//!
//! A file under a path can be truncated by whoever may open it, and touching a mapped page behind the new end is SIGBUS.
//! Checking the size before does not help, and a signal handler is the whole process's. So this is no such file, but
//! memory with the seals of `memfd_create(2)`: the kernel refuses to shrink or grow it, for everybody and for good.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;
use std::slice;
use std::sync::atomic::AtomicU64;

use rustix::fs::{FallocateFlags, FileType, MemfdFlags, Mode, SealFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use crate::error::Error;
use crate::shared::layout::{MAX_BYTES, MIN_BYTES};

/// What `/proc/<pid>/fd` shows for the memory begins with this.
pub const LINK: &str = "/memfd:ferromcp-cache";
const NAME: &str = "ferromcp-cache";
const SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW).union(SealFlags::SEAL);
const OWN_FILE: u32 = 0o600;

/// Mapped memory; unmapped when dropped.
pub struct Memory {
    /// Kept open: other processes find the memory by it.
    file: OwnedFd,
    /// Valid as long as `self`; handed out for no longer than that.
    words: &'static [AtomicU64],
    inode: u64,
}

fn system(what: &'static str) -> impl FnOnce(Errno) -> Error {
    move |errno| Error::System {
        what,
        errno: errno.raw_os_error(),
    }
}

impl Memory {
    /// New memory of `bytes` bytes, whole pages, all zero, all of it reserved.
    pub fn create(bytes: usize) -> Result<Self, Error> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL)
            // Kernels before 6.3 do not know the flag.
            .or_else(|_| rustix::fs::memfd_create(NAME, flags))
            .map_err(system("memfd_create"))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(OWN_FILE)).map_err(system("fchmod"))?;
        rustix::fs::ftruncate(&file, bytes as u64).map_err(system("ftruncate"))?;
        // Now, where it is an error: a page that cannot be had later ends the process.
        rustix::fs::fallocate(&file, FallocateFlags::empty(), 0, bytes as u64)
            .map_err(system("fallocate"))?;
        rustix::fs::fcntl_add_seals(&file, SEALS).map_err(system("sealing"))?;
        Self::map(file)
    }

    /// Memory another process made. Refused unless it is sealed, of the user `owner` and nobody else's to open.
    pub fn attach(file: OwnedFd, owner: u32) -> Result<Self, Error> {
        let stat = rustix::fs::fstat(&file).map_err(system("fstat"))?;
        let is_ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_uid == owner
            && stat.st_mode & 0o777 == OWN_FILE;
        if !is_ours {
            return Err(Error::Untrusted("shared memory of another owner or mode"));
        }
        Self::map(file)
    }

    fn map(file: OwnedFd) -> Result<Self, Error> {
        // The seals come first: only after them the size is final.
        let seals = rustix::fs::fcntl_get_seals(&file).map_err(system("seals"))?;
        if !seals.contains(SEALS) {
            return Err(Error::Untrusted("shared memory that can be truncated"));
        }
        let stat = rustix::fs::fstat(&file).map_err(system("fstat"))?;
        let bytes = usize::try_from(stat.st_size).unwrap_or(0);
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes) {
            return Err(Error::Untrusted("shared memory of an impossible size"));
        }
        // SAFETY: a new mapping at an address the kernel chooses touches no memory Rust knows of.
        let address = unsafe {
            rustix::mm::mmap(
                null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )
        }
        .map_err(system("mmap"))?;
        // SAFETY: the mapping is `bytes` long, readable, writable, page-aligned and so aligned for words, and stays until
        // `drop`. The file has at least that length for good, as it is sealed. Other processes change it, which atomics
        // allow for; every bit pattern is a word.
        let words =
            unsafe { slice::from_raw_parts(address.cast::<AtomicU64>(), bytes / size_of::<AtomicU64>()) };
        Ok(Self {
            file,
            words,
            inode: stat.st_ino,
        })
    }

    pub fn words(&self) -> &[AtomicU64] {
        self.words
    }

    pub fn bytes(&self) -> usize {
        size_of_val(self.words)
    }

    pub fn inode(&self) -> u64 {
        self.inode
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let (address, bytes) = (self.words.as_ptr(), self.bytes());
        self.words = &[];
        // SAFETY: exactly the mapping made in `map`; references to it live no longer than `self`. Failing, it stays
        // mapped.
        let _ = unsafe { rustix::mm::munmap(address.cast_mut().cast(), bytes) };
    }
}
