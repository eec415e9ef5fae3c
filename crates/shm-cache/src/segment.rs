//! A store in memory shared by the processes of one user on one host.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::Counters;
use crate::error::Error;
use crate::hash::{KeyHash, Seed};
use crate::linux::meeting::{Meeting, Membership};
use crate::linux::memory::Memory;
use crate::linux::room;
use crate::shared::header::Header;
use crate::shared::layout::{LINE, Layout};
use crate::shared::shard::{Found, Shard};
use crate::store::{Stats, Store};

/// Which memory, and how much when there is none yet.
#[derive(Clone, Debug)]
pub struct SegmentOptions {
    /// Processes with the same name and directory share: 1 to 32 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// Where processes find each other; by default `ferromcp-<uid>` in `/dev/shm`, else in `XDG_RUNTIME_DIR`, else in the
    /// directory for temporary files.
    pub directory: Option<PathBuf>,
    /// Size of the memory, 1 MiB to 64 GiB.
    pub bytes: usize,
    /// Largest key and value together; at most a sixteenth of `bytes`.
    pub max_entry: usize,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            name: "shared".to_owned(),
            directory: None,
            bytes: 64 << 20,
            max_entry: 1 << 20,
        }
    }
}

/// [`Store`] in shared memory. The first process makes it; the sizes it chose hold for all. It is gone when the last one
/// drops it or ends.
///
/// Any process of the same user may do what it likes to the memory. What this returns still is a value that was put under
/// the key: damage is found by a checksum and is a miss.
pub struct Segment {
    // Before the memory: the entry in the list goes first.
    _membership: Membership,
    mapped: Mapped,
    counters: Counters,
    /// Latest time a reader gave, for telling expired entries when room is made.
    now_ms: AtomicU64,
}

/// Memory with a checked header.
struct Mapped {
    memory: Memory,
    layout: Layout,
    seed: Seed,
    incarnation: u64,
}

impl Mapped {
    /// Memory of another process, if its header is sound.
    fn attach(memory: Memory, owner: u32) -> Option<Self> {
        let header = Header::load(memory.words(), memory.bytes(), owner).ok()?;
        Some(Self {
            layout: header.layout,
            seed: header.seed,
            incarnation: header.incarnation,
            memory,
        })
    }

    fn create(layout: Layout, owner: u32) -> Result<Self, Error> {
        room::check(layout.bytes)?;
        let memory = Memory::create(layout.bytes)?;
        let seed = Seed::random()?;
        let Seed(incarnation, _) = Seed::random()?;
        let mapped = Self {
            memory,
            layout,
            seed,
            incarnation,
        };
        for shard in 0..layout.shards {
            mapped
                .shard(shard)
                .ok_or(Error::Option("the size is too small"))?
                .initialize();
        }
        Header {
            layout,
            owner,
            seed,
            incarnation,
        }
        .store(mapped.memory.words());
        Ok(mapped)
    }

    fn shard(&self, shard: usize) -> Option<Shard<'_>> {
        let words = self.memory.words();
        Shard::new(
            words.get(self.layout.control(shard))?,
            words.get(self.layout.index(shard))?,
            words.get(self.layout.ring(shard))?,
            self.seed,
            self.layout.max_entry,
        )
    }

    fn shard_of(&self, hash: KeyHash) -> Option<Shard<'_>> {
        let mask = self.layout.shards as u64 - 1;
        self.shard(usize::try_from(hash.identity & mask).ok()?)
    }
}

impl Segment {
    /// Joins the processes that share memory of this name, or makes new memory: also when theirs does not pass the checks
    /// of version, owner, mode, size and checksum.
    ///
    /// # Errors
    /// [`Error::Option`], [`Error::NoRoom`], [`Error::Untrusted`], [`Error::Busy`], [`Error::System`], [`Error::Random`].
    pub fn open(options: &SegmentOptions) -> Result<Self, Error> {
        let layout = Layout::new(options.bytes, options.max_entry)?;
        let owner = rustix::process::geteuid().as_raw();
        let meeting = Meeting::new(&options.name, options.directory.as_deref())?;
        let (mapped, membership) = meeting.join(
            |memory| Mapped::attach(memory, owner),
            || Mapped::create(layout, owner),
            |mapped| &mapped.memory,
        )?;
        Ok(Self {
            _membership: membership,
            mapped,
            counters: Counters::default(),
            now_ms: AtomicU64::new(0),
        })
    }

    /// Random number of the memory: equal in two processes exactly when they share.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        self.mapped.incarnation
    }

    /// The words of the memory, for tests that damage them.
    #[doc(hidden)]
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        self.mapped.memory.words()
    }
}

impl Store for Segment {
    fn get(&self, key: &[u8], now_ms: u64, out: &mut Vec<u8>) -> bool {
        // A store only when it changes: the word is shared by all threads.
        if self.now_ms.load(Ordering::Relaxed) < now_ms {
            self.now_ms.store(now_ms, Ordering::Relaxed);
        }
        let hash = self.mapped.seed.hash(key);
        let found = self
            .mapped
            .shard_of(hash)
            .map(|shard| shard.get((key, hash), now_ms, out));
        match found {
            Some(Found::Hit) => self.counters.hit(),
            Some(Found::Corrupt) => {
                self.counters.corrupt();
                self.counters.miss();
            }
            Some(Found::Miss) | None => self.counters.miss(),
        }
        found == Some(Found::Hit)
    }

    fn put(&self, key: &[u8], value: &[u8], expires_ms: u64) -> Result<bool, Error> {
        let bytes = key.len().saturating_add(value.len());
        let limit = self.mapped.layout.max_entry;
        if bytes > limit {
            self.remove(key);
            self.counters.refuse();
            return Err(Error::EntryTooLarge { bytes, limit });
        }
        let hash = self.mapped.seed.hash(key);
        let now_ms = self.now_ms.load(Ordering::Relaxed);
        let shard = self.mapped.shard_of(hash);
        let outcome = shard
            .map(|shard| shard.put((key, hash), value, expires_ms, now_ms))
            .unwrap_or_default();
        self.counters.put(outcome.evicted);
        Ok(outcome.stored)
    }

    fn remove(&self, key: &[u8]) -> bool {
        let hash = self.mapped.seed.hash(key);
        self.mapped
            .shard_of(hash)
            .is_some_and(|shard| shard.remove((key, hash)))
    }

    fn clear(&self) {
        for shard in (0..self.mapped.layout.shards).filter_map(|shard| self.mapped.shard(shard)) {
            shard.clear();
        }
    }

    fn stats(&self) -> Stats {
        let layout = &self.mapped.layout;
        let mut entries = 0;
        let mut lines = 0;
        for shard in (0..layout.shards).filter_map(|shard| self.mapped.shard(shard)) {
            let usage = shard.usage();
            entries += usage.0;
            lines += usage.1;
        }
        let ring = (layout.shards * layout.ring) as u64;
        let line = (LINE * size_of::<u64>()) as u64;
        Stats {
            entries,
            bytes: layout.bytes as u64 - (ring - lines.min(ring)) * line,
            capacity: layout.bytes as u64,
            max_entry: layout.max_entry as u64,
            ..self.counters.read()
        }
    }
}
