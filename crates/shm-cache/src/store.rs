//! What every store offers.

use crate::error::Error;

/// A bounded cache of bytes. Keys are compared in full; the hash that finds them is keyed with a secret.
///
/// Times are milliseconds since the Unix epoch, read from one clock by all users of a store.
pub trait Store: Send + Sync {
    /// Appends the value of `key` to `out` and returns true. On a miss, and when the entry expires at or before
    /// `now_ms`, `out` stays as it is.
    fn get(&self, key: &[u8], now_ms: u64, out: &mut Vec<u8>) -> bool;

    /// Stores `value` under `key` until `expires_ms` (`u64::MAX`: until it is evicted); replaces an older value. Other
    /// entries may have to go.
    ///
    /// False when another put of the same key came in between and won.
    ///
    /// # Errors
    /// [`Error::EntryTooLarge`]: key and value together are larger than the store takes. What was under the key before
    /// is gone, so that a caller never finds an older value than its last.
    fn put(&self, key: &[u8], value: &[u8], expires_ms: u64) -> Result<bool, Error>;

    /// Removes the entry of `key`; true when there was one.
    fn remove(&self, key: &[u8]) -> bool;

    /// Removes all entries.
    fn clear(&self);

    /// Counters and sizes at this moment; slower than the other operations.
    fn stats(&self) -> Stats;
}

/// Counters are those of this process since it opened the store; sizes are those of the whole store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Reads that returned a value.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Values stored.
    pub puts: u64,
    /// Values refused because they are too large.
    pub refused: u64,
    /// Live entries that this process gave up to make room; a shared store may still find them for a while.
    pub evictions: u64,
    /// Entries found damaged and treated as a miss.
    pub corrupt: u64,
    /// Entries, expired ones included.
    pub entries: u64,
    /// Bytes in use, bookkeeping included.
    pub bytes: u64,
    /// Most bytes the store uses.
    pub capacity: u64,
    /// Largest key and value together, in bytes.
    pub max_entry: u64,
}
