//! A record: a head of five words, the key, the value, each filled up to whole words, and the whole to whole lines.
//!
//! The checksum covers the head, the value, and the key by its 128-bit keyed hash. As the position is part of it, a record
//! cannot pass for another one that was in its place before.

use twox_hash::XxHash3_64;

use super::atomic::{AtomicU64, Ordering};
use super::layout::LINE;
use super::ring::Ring;
use crate::faults;
use crate::hash::{KeyHash, Seed};

/// Words of the head.
pub const HEAD: usize = 5;
/// Odd, so that multiplying loses nothing.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The head as found, with nothing checked but that the lengths are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position under a secret mask: payload cannot be made to look like a head.
    pub stamp: u64,
    pub key_length: usize,
    pub value_length: usize,
    pub expires_ms: u64,
    /// Half of the key's hash, by which its set is found.
    pub place: u64,
    pub checksum: u64,
}

fn words(length: usize) -> usize {
    length.div_ceil(size_of::<u64>())
}

/// Lines of a record.
pub fn lines_of(key_length: usize, value_length: usize) -> u64 {
    (HEAD + words(key_length) + words(value_length)).div_ceil(LINE) as u64
}

pub fn stamp(seed: Seed, position: u64) -> u64 {
    position ^ seed.0.rotate_left(23) ^ seed.1
}

fn lengths(key_length: usize, value_length: usize) -> u64 {
    (key_length as u64) << 32 | value_length as u64
}

fn checksum(head: &Head, identity: u64, value: &[u8]) -> u64 {
    let lengths = lengths(head.key_length, head.value_length);
    [head.stamp, lengths, head.expires_ms, head.place, identity]
        .into_iter()
        .fold(XxHash3_64::oneshot(value), |sum, word| {
            (sum ^ word).wrapping_mul(MIX).rotate_left(29)
        })
}

impl Head {
    /// Reads the head at `line`; `None` when its lengths exceed `max_entry`.
    pub fn load(line: &[AtomicU64; LINE], max_entry: usize) -> Option<Self> {
        let [stamp, lengths, expires_ms, place, checksum, ..] = line;
        let lengths = lengths.load(Ordering::Relaxed);
        let key_length = usize::try_from(lengths >> 32).ok()?;
        let value_length = usize::try_from(lengths & u64::from(u32::MAX)).ok()?;
        if key_length.checked_add(value_length)? > max_entry {
            return None;
        }
        Some(Self {
            stamp: stamp.load(Ordering::Relaxed),
            key_length,
            value_length,
            expires_ms: expires_ms.load(Ordering::Relaxed),
            place: place.load(Ordering::Relaxed),
            checksum: checksum.load(Ordering::Relaxed),
        })
    }

    pub fn lines(&self) -> u64 {
        lines_of(self.key_length, self.value_length)
    }

    /// True when the bytes at `position` after this head are `key`.
    pub fn has_key(&self, ring: Ring<'_>, position: u64, key: &[u8]) -> bool {
        self.key_length == key.len()
            && ring
                .run(position, HEAD, words(key.len()))
                .is_some_and(|run| run.equals(key))
    }

    /// Appends the key at `position` to `out`.
    pub fn load_key(&self, ring: Ring<'_>, position: u64, out: &mut Vec<u8>) -> bool {
        let run = ring.run(position, HEAD, words(self.key_length));
        run.inspect(|run| run.load(self.key_length, out)).is_some()
    }

    /// Appends the value at `position` to `out`; false, and `out` as before, when the checksum is not that of what was
    /// copied.
    pub fn load_value(&self, ring: Ring<'_>, position: u64, identity: u64, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let skip = HEAD + words(self.key_length);
        let Some(run) = ring.run(position, skip, words(self.value_length)) else {
            return false;
        };
        run.load(self.value_length, out);
        let sound = checksum(self, identity, out.get(start..).unwrap_or_default()) == self.checksum;
        if !sound {
            out.truncate(start);
        }
        sound
    }
}

/// Writes a record to `position`; false when the ring is too small.
pub fn store(
    ring: Ring<'_>,
    seed: Seed,
    position: u64,
    (key, hash): (&[u8], KeyHash),
    value: &[u8],
    expires_ms: u64,
) -> bool {
    let mut head = Head {
        stamp: stamp(seed, position),
        key_length: key.len(),
        value_length: value.len(),
        expires_ms,
        place: hash.place,
        checksum: 0,
    };
    head.checksum = checksum(&head, hash.identity, value);
    let key_words = words(key.len());
    let (Some(line), Some(key_run), Some(value_run)) = (
        ring.line(position),
        ring.run(position, HEAD, key_words),
        ring.run(position, HEAD + key_words, words(value.len())),
    ) else {
        return false;
    };
    let lengths = lengths(head.key_length, head.value_length);
    for (word, content) in line
        .iter()
        .zip([head.stamp, lengths, expires_ms, head.place, head.checksum])
    {
        faults::step();
        word.store(content, Ordering::Relaxed);
    }
    key_run.store(key);
    value_run.store(value);
    true
}
