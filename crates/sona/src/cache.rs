//! Cached results over a [`Store`] that is not trusted: what it returns is checked, what it does wrong switches it off.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shm_cache::{Stats, Store};

use crate::key::{self, Query};

/// Slow calls in a row after which a store is switched off: one may be due to the scheduler.
pub const MAX_SLOW: u32 = 8;
/// Bytes of the checksum behind each value.
const CHECKSUM: usize = 4;

/// Limits of a [`Cache`].
#[derive(Clone, Copy, Debug)]
pub struct CacheOptions {
    /// Largest value, in bytes.
    pub max_value: usize,
    /// How long a call of the store may take. It cannot be interrupted; [`MAX_SLOW`] that take longer, one after the
    /// other, switch the store off.
    pub timeout: Duration,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            max_value: 1 << 20,
            timeout: Duration::from_millis(50),
        }
    }
}

/// Whether the store is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// In use.
    Up = 0,
    /// Switched off: a call panicked.
    Failed = 1,
    /// Switched off: calls took too long.
    Slow = 2,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Stored.
    Stored,
    /// Not stored: too large, already expired, or another writer won.
    Refused,
    /// Not stored: the store is switched off.
    Off,
}

/// Results under keys.
pub struct Cache {
    store: Arc<dyn Store>,
    options: CacheOptions,
    state: AtomicU8,
    slow: AtomicU32,
    damaged: AtomicU64,
}

thread_local! {
    /// Room for the key of a look-up.
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Cache {
    /// A cache over `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, options: CacheOptions) -> Self {
        Self {
            store,
            options,
            state: AtomicU8::new(State::Up as u8),
            slow: AtomicU32::new(0),
            damaged: AtomicU64::new(0),
        }
    }

    /// Appends the result of the request `query` describes to `out`; false when there is none, and for requests that are
    /// never answered from a cache.
    pub fn lookup(&self, query: &Query<'_>, now_ms: u64, out: &mut Vec<u8>) -> bool {
        KEY.with(|key| match key.try_borrow_mut() {
            Ok(mut key) => key::write_key(query, &mut key).is_ok() && self.get(&key, now_ms, out),
            Err(_) => false,
        })
    }

    /// Appends the value of `key` to `out`; false, with `out` as it was, when there is none.
    pub fn get(&self, key: &[u8], now_ms: u64, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if self.guarded(|store| store.get(key, now_ms, out)) == Some(true)
            && let Some(length) = out.len().checked_sub(CHECKSUM).filter(|length| *length >= start)
        {
            let (rest, sum) = out.split_at(length);
            if sum == checksum(key, rest.get(start..).unwrap_or_default()) {
                out.truncate(length);
                return true;
            }
            self.damaged.fetch_add(1, Ordering::Relaxed);
            self.remove(key);
        }
        out.truncate(start);
        false
    }

    /// Keeps `value` under `key` until `expires_ms`.
    pub fn put(&self, key: &[u8], value: &[u8], expires_ms: u64) -> Written {
        if self.state() != State::Up {
            return Written::Off;
        }
        if key.is_empty() || key.len() > key::MAX_KEY {
            return Written::Refused;
        }
        if value.len() > self.options.max_value {
            // As a store does: nobody finds an older value than the last.
            self.remove(key);
            return Written::Refused;
        }
        let mut checked = Vec::with_capacity(value.len() + CHECKSUM);
        checked.extend_from_slice(value);
        checked.extend_from_slice(&checksum(key, value));
        match self.guarded(|store| store.put(key, &checked, expires_ms)) {
            Some(Ok(true)) => Written::Stored,
            Some(_) => Written::Refused,
            None => Written::Off,
        }
    }

    /// Forgets `key`; true when there was something.
    pub fn remove(&self, key: &[u8]) -> bool {
        self.guarded(|store| store.remove(key)) == Some(true)
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.guarded(|store| store.clear());
    }

    /// Counters of the store; those of its checksums include ours.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.guarded(|store| store.stats()).unwrap_or_default();
        stats.corrupt += self.damaged.load(Ordering::Relaxed);
        stats
    }

    /// Whether the store is in use.
    #[must_use]
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            0 => State::Up,
            1 => State::Failed,
            _ => State::Slow,
        }
    }

    /// Calls the store unless it is off. None: it is, or the call panicked.
    #[inline]
    fn guarded<T>(&self, call: impl FnOnce(&dyn Store) -> T) -> Option<T> {
        if self.state() != State::Up {
            return None;
        }
        let begun = Instant::now();
        // What a panic may leave half done is the store's own, and it is never called again.
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| call(&*self.store))) else {
            self.state.store(State::Failed as u8, Ordering::Relaxed);
            return None;
        };
        if begun.elapsed() > self.options.timeout {
            if self.slow.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_SLOW {
                self.state.store(State::Slow as u8, Ordering::Relaxed);
            }
        } else if self.slow.load(Ordering::Relaxed) != 0 {
            self.slow.store(0, Ordering::Relaxed);
        }
        Some(result)
    }
}

/// Binds a value to its key, so that neither a damaged value nor one under a wrong key passes.
fn checksum(key: &[u8], value: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize().to_le_bytes()
}
