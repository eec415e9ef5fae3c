//! Readers and writers of one shard, without locks.
//!
//! A writer reserves lines by advancing `head`, which also says that everything one lap back is void. Then it writes its
//! record, and last it puts the record's position into the key's set. A reader looks the position up, copies the record,
//! and then looks at `head` again: only when it has not come around is the copy whole (the order is that of a sequence
//! lock, with `head` as the sequence of every record at once). So nobody ever waits for anybody, and a writer that is
//! killed or stopped at any point leaves lines that no set points to, which is what it had reserved and nothing else.
//!
//! A writer that was stopped while the others came around writes into records of theirs when it goes on; the checksum
//! makes those a miss.

use super::atomic::{AtomicU64, Ordering, fence};
use super::index::{self, Tag, Ways, Word};
use super::layout::WAYS;
use super::record::{self, Head};
use super::ring::Ring;
use crate::hash::{KeyHash, Seed};

/// How often an operation starts again because others changed what it was looking at.
pub const ATTEMPTS: usize = 16;
/// The words of one shard.
#[derive(Clone, Copy)]
pub struct Shard<'a> {
    /// Position after the last reserved line.
    pub(super) head: &'a AtomicU64,
    /// Older positions are void.
    pub(super) floor: &'a AtomicU64,
    pub(super) index: &'a [AtomicU64],
    pub(super) ring: Ring<'a>,
    pub(super) seed: Seed,
    pub(super) max_entry: usize,
}

/// A key with its hash.
pub type Key<'a> = (&'a [u8], KeyHash);

/// Outcome of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Hit,
    Miss,
    /// There was an entry, damaged.
    Corrupt,
}

/// Why a record was not read.
enum Unread {
    /// Outside the window, expired, or another key's.
    Absent,
    /// The writers came around in the meantime.
    Overtaken,
    Expired,
    Damaged,
}

impl<'a> Shard<'a> {
    /// `None` when the parts are too small to be a shard's.
    pub fn new(
        control: &'a [AtomicU64],
        index: &'a [AtomicU64],
        ring: &'a [AtomicU64],
        seed: Seed,
        max_entry: usize,
    ) -> Option<Self> {
        let [head, floor, ..] = control else { return None };
        Some(Self {
            head,
            floor,
            index,
            ring: Ring::new(ring)?,
            seed,
            max_entry,
        })
    }

    /// Makes zeroed words an empty shard: positions start one lap after zero, so that none looks like a free place.
    pub fn initialize(&self) {
        self.head.store(self.ring.lines(), Ordering::Relaxed);
        self.floor.store(self.ring.lines(), Ordering::Relaxed);
    }

    pub fn get(&self, key: Key<'_>, now_ms: u64, out: &mut Vec<u8>) -> Found {
        let Some(ways) = index::set(self.index, key.1.place) else {
            return Found::Miss;
        };
        let tag = Tag::of(key.1);
        for _ in 0..ATTEMPTS {
            let Some((way, word)) = self.newest(ways, tag) else {
                return Found::Miss;
            };
            match self.read(word, key, now_ms, out) {
                Ok(()) => {
                    if !word.is_referenced() {
                        index::exchange(way, word, word.referenced());
                    }
                    return Found::Hit;
                }
                Err(Unread::Overtaken) => {}
                Err(Unread::Absent) => return Found::Miss,
                Err(Unread::Expired) => {
                    index::free(way, word);
                    return Found::Miss;
                }
                Err(Unread::Damaged) => {
                    index::free(way, word);
                    return Found::Corrupt;
                }
            }
        }
        Found::Miss
    }

    /// The place in the set with this tag; of several, which there are only while puts of one key meet, the newest.
    pub(super) fn newest(&self, ways: &'a Ways, tag: Tag) -> Option<(&'a AtomicU64, Word)> {
        let words = ways.each_ref().map(index::load);
        let newest = self.newest_of(words, tag)?;
        ways.iter().zip(words).find(|(_, word)| *word == newest)
    }

    /// The word of the newest record with this tag.
    pub(super) fn newest_of(&self, words: [Word; WAYS], tag: Tag) -> Option<Word> {
        if !words.iter().any(|word| word.has(tag)) {
            return None;
        }
        // After the words: none of them is newer than this head, which would look like a whole turn behind it.
        let head = self.head.load(Ordering::Acquire);
        words
            .into_iter()
            .filter(|word| word.has(tag))
            .min_by_key(|word| word.distance(head))
    }

    /// Position of a word whose record can still be whole.
    pub(super) fn position(&self, word: Word) -> Option<u64> {
        let head = self.head.load(Ordering::Acquire);
        let distance = word.distance(head);
        let alive = distance != 0
            && distance <= self.ring.lines()
            && distance <= head.wrapping_sub(self.floor.load(Ordering::Acquire));
        (word.0 != 0 && alive).then(|| head.wrapping_sub(distance))
    }

    /// True when no writer has reserved the lines from `position` on again. What was read before is then what its writer
    /// wrote: whoever reads a later writer's word also sees the head that this writer advanced first.
    fn is_whole(&self, position: u64) -> bool {
        fence(Ordering::Acquire);
        self.head.load(Ordering::Relaxed).wrapping_sub(position) <= self.ring.lines()
    }

    fn read(&self, word: Word, key: Key<'_>, now_ms: u64, out: &mut Vec<u8>) -> Result<(), Unread> {
        let position = self.position(word).ok_or(Unread::Absent)?;
        let start = out.len();
        let read = self.copy(position, key, out);
        if !self.is_whole(position) {
            out.truncate(start);
            return Err(Unread::Overtaken);
        }
        if read? <= now_ms {
            out.truncate(start);
            return Err(Unread::Expired);
        }
        Ok(())
    }

    /// Copies the value of the record at `position` and returns when it expires. Only to be believed when the record is
    /// whole.
    fn copy(&self, position: u64, (key, hash): Key<'_>, out: &mut Vec<u8>) -> Result<u64, Unread> {
        let head = self.head_at(position).ok_or(Unread::Damaged)?;
        if head.place != hash.place {
            return Err(Unread::Absent);
        }
        if !head.has_key(self.ring, position, key)
            || !head.load_value(self.ring, position, hash.identity, out)
        {
            return Err(Unread::Damaged);
        }
        Ok(head.expires_ms)
    }

    /// The head of the record that starts at `position`.
    pub(super) fn head_at(&self, position: u64) -> Option<Head> {
        let head = Head::load(self.ring.line(position)?, self.max_entry)?;
        (head.stamp == record::stamp(self.seed, position)).then_some(head)
    }

    /// Removes the entry of a key; true when there was one.
    pub fn remove(&self, key: Key<'_>) -> bool {
        let Some(ways) = index::set(self.index, key.1.place) else {
            return false;
        };
        let tag = Tag::of(key.1);
        let mut removed = false;
        for way in ways {
            for _ in 0..ATTEMPTS {
                let word = index::load(way);
                if !word.has(tag) {
                    break;
                }
                match self.read(word, key, 0, &mut Vec::new()) {
                    Ok(()) | Err(Unread::Expired) if index::free(way, word) => removed = true,
                    Err(Unread::Damaged) => {
                        index::free(way, word);
                    }
                    Err(Unread::Absent) => break,
                    Ok(()) | Err(Unread::Expired | Unread::Overtaken) => {}
                }
            }
        }
        removed
    }

    /// Removes all entries.
    pub fn clear(&self) {
        self.floor
            .store(self.head.load(Ordering::Acquire), Ordering::Release);
        // A record being written again sees this floor, or its place is below the next one.
        fence(Ordering::SeqCst);
        self.floor
            .store(self.head.load(Ordering::Relaxed), Ordering::Release);
        for way in self.index {
            let word = index::load(way);
            if word.0 != 0 && self.position(word).is_none() {
                index::free(way, word);
            }
        }
    }

    /// Live entries and lines in use.
    pub fn usage(&self) -> (u64, u64) {
        let live = self
            .index
            .iter()
            .filter(|way| self.position(index::load(way)).is_some())
            .count();
        let written = self
            .head
            .load(Ordering::Acquire)
            .wrapping_sub(self.floor.load(Ordering::Acquire));
        (live as u64, written.min(self.ring.lines()))
    }
}
