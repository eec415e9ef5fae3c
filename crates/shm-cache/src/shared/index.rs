//! Words of the index: 31 bits of the key's hash, one bit "read since it was written", and the low 32 bits of a position,
//! which is more than any ring has lines. Zero is free.
//!
//! A word that nobody needed to overwrite for 2³² lines points into the ring again; the record there tells by its whole
//! position that it is another one.

use super::atomic::{AtomicU64, Ordering};
use super::layout::WAYS;
use crate::hash::KeyHash;

const POSITION: u64 = (1 << 32) - 1;
const REFERENCED: u64 = 1 << 32;
const TAG: u32 = 33;

/// The places of one set.
pub type Ways = [AtomicU64; WAYS];

/// What a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub u64);

/// What a word tells of a key with `hash` that may be in its set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag(u64);

impl Tag {
    /// Other bits than those the set is chosen by.
    pub fn of(hash: KeyHash) -> Self {
        Self(hash.place << TAG)
    }
}

impl Word {
    pub fn new(tag: Tag, position: u64) -> Self {
        Self(tag.0 | position & POSITION)
    }

    pub fn has(self, tag: Tag) -> bool {
        self.0 != 0 && self.0 >> TAG == tag.0 >> TAG
    }

    /// Lines between the position and `head`, as far as 32 bits tell.
    pub fn distance(self, head: u64) -> u64 {
        head.wrapping_sub(self.0) & POSITION
    }

    pub fn is_referenced(self) -> bool {
        self.0 & REFERENCED != 0
    }

    pub fn referenced(self) -> Self {
        Self(self.0 | REFERENCED)
    }

    /// The same but for the "read" bit.
    pub fn names(self, other: Self) -> bool {
        (self.0 ^ other.0) & !REFERENCED == 0
    }
}

/// The set of a key in the index of its shard.
pub fn set(index: &[AtomicU64], place: u64) -> Option<&Ways> {
    let sets = (index.len() / WAYS) as u128;
    let set = usize::try_from((u128::from(place) * sets) >> 64).ok()?;
    index.get(set * WAYS..)?.first_chunk()
}

/// What stands in a place now; what was written before it is visible afterwards.
pub fn load(way: &AtomicU64) -> Word {
    Word(way.load(Ordering::Acquire))
}

/// Changes a place if it still holds `seen`.
pub fn exchange(way: &AtomicU64, seen: Word, new: Word) -> bool {
    way.compare_exchange(seen.0, new.0, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}

/// Frees a place if it still holds `seen`.
pub fn free(way: &AtomicU64, seen: Word) -> bool {
    exchange(way, seen, Word(0))
}
