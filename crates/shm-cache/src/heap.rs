//! A store in the memory of one process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

use crate::counters::Counters;
use crate::error::Error;
use crate::hash::Seed;
use crate::store::{Stats, Store};

/// What an entry costs besides its key and value: its slot, its place in the table, two allocations.
const OVERHEAD: usize = 128;
const MAX_SHARDS: usize = 16;

/// Limits of a [`Heap`].
#[derive(Clone, Copy, Debug)]
pub struct HeapOptions {
    /// Most bytes of all entries, bookkeeping included; at least 64 KiB.
    pub capacity: usize,
    /// Largest key and value together; at most a quarter of `capacity`.
    pub max_entry: usize,
}

impl Default for HeapOptions {
    fn default() -> Self {
        Self {
            capacity: 64 << 20,
            max_entry: 1 << 20,
        }
    }
}

/// In-process [`Store`]: shards behind a mutex each, bounded by bytes. Entries that were not read since the clock's hand
/// last passed them go first.
pub struct Heap {
    shards: Box<[Mutex<Shard>]>,
    seed: Seed,
    max_entry: usize,
    capacity: usize,
    counters: Counters,
}

impl Heap {
    /// An empty store.
    ///
    /// # Errors
    /// [`Error::Option`] for limits out of range, [`Error::Random`].
    pub fn new(options: HeapOptions) -> Result<Self, Error> {
        let HeapOptions { capacity, max_entry } = options;
        if capacity < 64 << 10 {
            return Err(Error::Option("the capacity must be at least 64 KiB"));
        }
        if max_entry == 0 || max_entry > capacity / 4 {
            return Err(Error::Option(
                "the largest entry must be between 1 byte and a quarter of the capacity",
            ));
        }
        // As many as keep the largest entry below half a shard.
        let count = (capacity / (max_entry + OVERHEAD) / 2).clamp(1, MAX_SHARDS);
        let shards = (0..count)
            .map(|_| Mutex::new(Shard::new(capacity / count)))
            .collect();
        Ok(Self {
            shards,
            seed: Seed::random()?,
            max_entry,
            capacity,
            counters: Counters::default(),
        })
    }

    /// Hash of `key` and its shard.
    fn locate(&self, key: &[u8]) -> (u64, Option<MutexGuard<'_, Shard>>) {
        let hash = self.seed.hash(key);
        let shard = usize::try_from(hash.identity % self.shards.len() as u64).unwrap_or(0);
        (hash.place, self.shards.get(shard).map(lock))
    }
}

/// A panic cannot leave a shard half changed in a way that matters: each step keeps table and slots in agreement.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for Heap {
    fn get(&self, key: &[u8], now_ms: u64, out: &mut Vec<u8>) -> bool {
        let (hash, shard) = self.locate(key);
        let found = shard.is_some_and(|mut shard| shard.get(hash, key, now_ms, out));
        if found {
            self.counters.hit();
        } else {
            self.counters.miss();
        }
        found
    }

    fn put(&self, key: &[u8], value: &[u8], expires_ms: u64) -> Result<bool, Error> {
        let bytes = key.len().saturating_add(value.len());
        if bytes > self.max_entry {
            self.remove(key);
            self.counters.refuse();
            return Err(Error::EntryTooLarge {
                bytes,
                limit: self.max_entry,
            });
        }
        let (hash, shard) = self.locate(key);
        let evicted = shard.map_or(0, |mut shard| shard.put(hash, key, value, expires_ms));
        self.counters.put(evicted);
        Ok(true)
    }

    fn remove(&self, key: &[u8]) -> bool {
        let (hash, shard) = self.locate(key);
        shard.is_some_and(|mut shard| shard.remove(hash, key))
    }

    fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            *shard = Shard::new(shard.capacity);
        }
    }

    fn stats(&self) -> Stats {
        let (entries, bytes) = self
            .shards
            .iter()
            .map(lock)
            .fold((0, 0), |(entries, bytes), shard| {
                (entries + shard.slots.len(), bytes + shard.bytes)
            });
        Stats {
            entries: entries as u64,
            bytes: bytes as u64,
            capacity: self.capacity as u64,
            max_entry: self.max_entry as u64,
            ..self.counters.read()
        }
    }
}

struct Slot {
    hash: u64,
    key: Box<[u8]>,
    value: Box<[u8]>,
    expires_ms: u64,
    /// Read since the hand passed.
    referenced: bool,
}

impl Slot {
    fn bytes(&self) -> usize {
        self.key.len() + self.value.len() + OVERHEAD
    }
}

/// Slots without gaps, in no order; `table` holds their indices.
struct Shard {
    table: HashTable<usize>,
    slots: Vec<Slot>,
    /// Next slot the clock looks at.
    hand: usize,
    bytes: usize,
    capacity: usize,
}

impl Shard {
    fn new(capacity: usize) -> Self {
        Self {
            table: HashTable::new(),
            slots: Vec::new(),
            hand: 0,
            bytes: 0,
            capacity,
        }
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let is_it = |&index: &usize| self.slots.get(index).is_some_and(|slot| *slot.key == *key);
        self.table.find(hash, is_it).copied()
    }

    fn get(&mut self, hash: u64, key: &[u8], now_ms: u64, out: &mut Vec<u8>) -> bool {
        let Some(index) = self.find(hash, key) else {
            return false;
        };
        let Some(slot) = self.slots.get_mut(index) else {
            return false;
        };
        if slot.expires_ms <= now_ms {
            self.take(index);
            return false;
        }
        slot.referenced = true;
        out.extend_from_slice(&slot.value);
        true
    }

    fn remove(&mut self, hash: u64, key: &[u8]) -> bool {
        self.find(hash, key).is_some_and(|index| self.take(index))
    }

    /// Returns how many entries had to go.
    fn put(&mut self, hash: u64, key: &[u8], value: &[u8], expires_ms: u64) -> u64 {
        self.remove(hash, key);
        let slot = Slot {
            hash,
            key: key.into(),
            value: value.into(),
            expires_ms,
            referenced: false,
        };
        let evicted = self.make_room(slot.bytes());
        self.bytes += slot.bytes();
        let index = self.slots.len();
        self.slots.push(slot);
        let Self { table, slots, .. } = self;
        table.insert_unique(hash, index, |&other| slots.get(other).map_or(0, |slot| slot.hash));
        evicted
    }

    fn make_room(&mut self, bytes: usize) -> u64 {
        let mut evicted = 0;
        while self.bytes + bytes > self.capacity && !self.slots.is_empty() {
            self.hand %= self.slots.len();
            match self.slots.get_mut(self.hand) {
                Some(slot) if slot.referenced => {
                    slot.referenced = false;
                    self.hand += 1;
                }
                _ => evicted += u64::from(self.take(self.hand)),
            }
        }
        evicted
    }

    /// Takes a slot out; the last one moves to its place.
    fn take(&mut self, index: usize) -> bool {
        let Some(hash) = self.slots.get(index).map(|slot| slot.hash) else {
            return false;
        };
        if let Ok(entry) = self.table.find_entry(hash, |&other| other == index) {
            entry.remove();
        }
        let slot = self.slots.swap_remove(index);
        self.bytes -= slot.bytes();
        if let Some(moved) = self.slots.get(index) {
            let last = self.slots.len();
            if let Some(entry) = self.table.find_mut(moved.hash, |&other| other == last) {
                *entry = index;
            }
        }
        true
    }
}
