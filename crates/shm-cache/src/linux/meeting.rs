//! How processes of one user find each other's memory: a small file that lists who has it open, and as which descriptor.
//!
//! The file is only a list. It is never mapped, and whatever it says is checked at the descriptor itself; when it is
//! damaged or gone, the next process makes new memory. The memory lives as long as one process has it open, so that no
//! results stay behind.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::memory::{LINK, Memory};
use crate::error::Error;

/// A process that keeps the list locked longer is taken for stopped.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);
/// How often opening starts again because others replaced the list.
const ATTEMPTS: usize = 16;
/// Most bytes of the list that are read.
const MAX_LIST: usize = 16 << 10;
/// Most processes in the list; more use the memory without being in it.
const MAX_HOLDERS: usize = 128;
const MAX_NAME: usize = 32;

/// A process that has the memory open.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holder {
    process: u32,
    descriptor: i32,
    inode: u64,
    /// Process numbers mean something only within it.
    namespace: String,
}

/// The list of one name.
pub struct Meeting {
    directory: OwnedFd,
    name: String,
    namespace: String,
    owner: u32,
}

/// An entry in the list; taken out when dropped.
pub struct Membership {
    meeting: Meeting,
    holder: Holder,
}

/// The list while no other process may change it.
struct Locked {
    file: File,
    holders: Vec<Holder>,
}

fn system(what: &'static str) -> impl FnOnce(Errno) -> Error {
    move |errno| Error::System {
        what,
        errno: errno.raw_os_error(),
    }
}

fn storage(what: &'static str) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::System {
        what,
        errno: error.raw_os_error().unwrap_or(0),
    }
}

impl Meeting {
    /// The list `name` in `directory`, or in a directory of the user's own under `/dev/shm`, `XDG_RUNTIME_DIR` or the one
    /// for temporary files.
    pub fn new(name: &str, directory: Option<&Path>) -> Result<Self, Error> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) {
            return Err(Error::Option("the name must be 1 to 32 of a-z, 0-9 and -"));
        }
        let owner = rustix::process::geteuid().as_raw();
        let directory = match directory {
            Some(path) => own_directory(path, owner)?,
            None => default_directory(owner)?,
        };
        let namespace = rustix::fs::readlink("/proc/self/ns/pid", Vec::new())
            .map_err(system("/proc/self/ns/pid"))?
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            directory,
            name: name.to_owned(),
            namespace,
            owner,
        })
    }

    /// The memory that others have open and `accept` takes, or what `create` makes.
    pub fn join<T>(
        self,
        accept: impl Fn(Memory) -> Option<T>,
        create: impl FnOnce() -> Result<T, Error>,
        memory: impl Fn(&T) -> &Memory,
    ) -> Result<(T, Membership), Error> {
        let mut locked = self.lock()?;
        let found = locked
            .holders
            .iter()
            .find_map(|holder| accept(self.open(holder)?));
        let joined = match found {
            Some(joined) => joined,
            None => create()?,
        };
        let holder = Holder {
            process: std::process::id(),
            descriptor: memory(&joined).as_fd().as_raw_fd(),
            inode: memory(&joined).inode(),
            namespace: self.namespace.clone(),
        };
        locked.holders.retain(|other| self.is_there(other));
        locked.holders.push(holder.clone());
        locked.store()?;
        Ok((
            joined,
            Membership {
                meeting: self,
                holder,
            },
        ))
    }

    /// Opens and locks the list.
    fn lock(&self) -> Result<Locked, Error> {
        let deadline = Instant::now() + PATIENCE;
        for _ in 0..ATTEMPTS {
            let Some(file) = self.open_list(OFlags::CREATE)? else {
                continue;
            };
            let is_locked = lock_until(&file, deadline);
            if !is_locked {
                // Its content stays good; the stopped process will find that its file is no longer the list.
                self.replace(&read_holders(&file))?;
                continue;
            }
            if self.is_current(&file) {
                return Ok(Locked {
                    holders: read_holders(&file),
                    file,
                });
            }
        }
        Err(Error::Busy)
    }

    /// Opens the list; what is not a plain file of this user is removed, and `None` asks to try again.
    fn open_list(&self, flags: OFlags) -> Result<Option<File>, Error> {
        let flags =
            flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.directory, &self.name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => {
                let stat = rustix::fs::fstat(&file).map_err(system("fstat"))?;
                let is_ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                    && stat.st_uid == self.owner
                    && stat.st_mode & 0o777 == 0o600
                    && stat.st_nlink <= 1;
                if is_ours {
                    return Ok(Some(file.into()));
                }
            }
            Err(Errno::LOOP | Errno::ISDIR | Errno::NXIO | Errno::ACCESS | Errno::EXIST) => {}
            Err(errno) => return Err(system("opening the list of processes")(errno)),
        }
        self.discard()?;
        Ok(None)
    }

    /// Removes whatever has the name of the list.
    fn discard(&self) -> Result<(), Error> {
        match rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(Errno::ISDIR) => rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::REMOVEDIR)
                .map_err(system("removing what is in place of the list of processes")),
            Err(errno) => Err(system("removing what is in place of the list of processes")(
                errno,
            )),
        }
    }

    fn replace(&self, holders: &[Holder]) -> Result<(), Error> {
        self.discard()?;
        match self.open_list(OFlags::CREATE | OFlags::EXCL)? {
            Some(file) if lock_until(&file, Instant::now()) => Locked {
                file,
                holders: holders.to_vec(),
            }
            .store(),
            _ => Ok(()),
        }
    }

    /// True when the file is still the one with the name of the list.
    fn is_current(&self, file: &File) -> bool {
        let named = rustix::fs::statat(&self.directory, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        let opened = rustix::fs::fstat(file);
        matches!((named, opened), (Ok(a), Ok(b)) if a.st_ino == b.st_ino && a.st_dev == b.st_dev)
    }

    fn link(&self, holder: &Holder) -> Option<String> {
        (holder.namespace == self.namespace)
            .then(|| format!("/proc/{}/fd/{}", holder.process, holder.descriptor))
    }

    /// False when the process has ended or closed the memory; true for processes that cannot be seen from here.
    fn is_there(&self, holder: &Holder) -> bool {
        self.link(holder).is_none_or(|link| leads_to_memory(&link))
    }

    /// The memory of another process, if it still has it.
    fn open(&self, holder: &Holder) -> Option<Memory> {
        let link = self.link(holder).filter(|link| leads_to_memory(link))?;
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(CWD, &link, flags, Mode::empty()).ok()?;
        Memory::attach(file, self.owner)
            .ok()
            .filter(|memory| memory.inode() == holder.inode)
    }
}

/// A number may belong to something else by now; opening some files has effects.
fn leads_to_memory(link: &str) -> bool {
    rustix::fs::readlink(link, Vec::new()).is_ok_and(|target| target.to_bytes().starts_with(LINK.as_bytes()))
}

fn lock_until(file: &File, deadline: Instant) -> bool {
    loop {
        if rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

/// The directory, opened; made when it is not there. Refused unless it is this user's alone.
fn own_directory(path: &Path, owner: u32) -> Result<OwnedFd, Error> {
    match rustix::fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(system("making the directory of the cache")(errno)),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(directory) => directory,
        Err(Errno::LOOP | Errno::NOTDIR | Errno::ACCESS) => {
            return Err(Error::Untrusted(
                "the directory of the cache is none of this user",
            ));
        }
        Err(errno) => return Err(system("opening the directory of the cache")(errno)),
    };
    let stat = rustix::fs::fstat(&directory).map_err(system("fstat"))?;
    if stat.st_uid != owner || stat.st_mode & 0o077 != 0 {
        return Err(Error::Untrusted(
            "the directory of the cache is open to other users",
        ));
    }
    Ok(directory)
}

fn default_directory(owner: u32) -> Result<OwnedFd, Error> {
    let runtime = env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let places = [Some(PathBuf::from("/dev/shm")), runtime, Some(env::temp_dir())];
    let mut last = Error::NoRoom("there is no directory for the cache");
    for place in places.into_iter().flatten() {
        match own_directory(&place.join(format!("ferromcp-{owner}")), owner) {
            // Missing or read-only: the next place. One that another user has prepared is no reason to look elsewhere.
            Err(error @ Error::System { .. }) => last = error,
            result => return result,
        }
    }
    Err(last)
}

fn read_holders(file: &File) -> Vec<Holder> {
    let mut text = vec![0; MAX_LIST];
    let length = file.read_at(&mut text, 0).unwrap_or(0);
    text.truncate(length);
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(Holder::parse)
        .take(MAX_HOLDERS)
        .collect()
}

impl Holder {
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split(' ');
        let holder = Self {
            process: fields.next()?.parse().ok()?,
            descriptor: fields.next()?.parse().ok()?,
            inode: fields.next()?.parse().ok()?,
            namespace: fields.next()?.to_owned(),
        };
        fields.next().is_none().then_some(holder)
    }
}

impl Locked {
    fn store(&mut self) -> Result<(), Error> {
        // The oldest are most likely the last to end.
        self.holders.truncate(MAX_HOLDERS);
        let mut text = Vec::new();
        for Holder {
            process,
            descriptor,
            inode,
            namespace,
        } in &self.holders
        {
            writeln!(text, "{process} {descriptor} {inode} {namespace}").map_err(storage("the list"))?;
        }
        self.file
            .write_all_at(&text, 0)
            .map_err(storage("writing the list of processes"))?;
        self.file
            .set_len(text.len() as u64)
            .map_err(storage("writing the list of processes"))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // Failing, the entry stays until the next process finds nothing behind it.
        if let Ok(mut locked) = self.meeting.lock() {
            locked.holders.retain(|holder| *holder != self.holder);
            // Still locked: who waits for it finds that it is no longer the list, and makes one.
            let _ = if locked.holders.is_empty() {
                self.meeting.discard()
            } else {
                locked.store()
            };
        }
    }
}
