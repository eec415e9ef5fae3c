//! What writers of a shard do.
//!
//! Whoever reserves lines looks through as many lines further ahead, which will be overwritten soon, for records that were
//! read since they were written. These are written again at the head, some for each put (CLOCK as a queue). The old copy is
//! good until the new one is, so that nobody misses it, also when the writer ends in between.

use super::atomic::{AtomicU64, Ordering, fence};
use super::index::{self, Tag, Ways, Word};
use super::record::{self, Head, lines_of};
use super::shard::{ATTEMPTS, Key, Shard};
use crate::faults;
use crate::hash::KeyHash;

/// Most records that one put writes again.
const RESCUES: usize = 64;
/// Lines that a put may always write again, even for a small entry.
const RESCUE_LINES: u64 = 512;
/// The part of the ring between the head and the lines that are looked through.
const AHEAD: u64 = 4;

/// Outcome of a put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    pub stored: bool,
    /// Live entries given up.
    pub evicted: u64,
}

/// A copy of a record whose lines will be overwritten.
struct Rescue {
    word: Word,
    position: u64,
    hash: KeyHash,
    key: Vec<u8>,
    value: Vec<u8>,
    expires_ms: u64,
}

impl<'a> Shard<'a> {
    pub fn put(&self, key: Key<'_>, value: &[u8], expires_ms: u64, now_ms: u64) -> Stored {
        let lines = lines_of(key.0.len(), value.len());
        if lines > self.ring.lines() / 2 {
            return Stored::default();
        }
        let mut queue = Vec::new();
        // So few that all of it is written before the head comes to what it is looking through.
        let most = (self.ring.lines() / AHEAD).saturating_sub(lines);
        let mut budget = Budget {
            records: RESCUES,
            lines: RESCUE_LINES.max(2 * lines).min(most),
        };
        let position = self.reserve(lines);
        let mut evicted = self.look_ahead(position, lines, now_ms, &mut budget, &mut queue);
        let written = record::store(self.ring, self.seed, position, key, value, expires_ms);
        let published = if written {
            self.publish(key.1, position)
        } else {
            None
        };
        evicted += published.unwrap_or(0);
        while let Some(rescue) = queue.pop() {
            let lines = lines_of(rescue.key.len(), rescue.value.len());
            let position = self.reserve(lines);
            evicted += self.look_ahead(position, lines, now_ms, &mut budget, &mut queue);
            self.write_again(&rescue, position);
        }
        Stored {
            stored: published.is_some(),
            evicted,
        }
    }

    /// Takes `lines` lines, which voids what is in them. Nobody else gets the same ones before the next lap.
    fn reserve(&self, lines: u64) -> u64 {
        faults::step();
        let position = self.head.fetch_add(lines, Ordering::AcqRel);
        faults::step();
        // The head must be seen by whoever sees a word that is written after this.
        fence(Ordering::Release);
        position
    }

    /// Copies records worth keeping from the lines ahead that belong to the reserved ones at `position`; returns how many
    /// live records are not.
    fn look_ahead(
        &self,
        position: u64,
        lines: u64,
        now_ms: u64,
        budget: &mut Budget,
        queue: &mut Vec<Rescue>,
    ) -> u64 {
        let start = position
            .wrapping_add(self.ring.lines() / AHEAD)
            .wrapping_sub(self.ring.lines());
        let mut lost = 0;
        let mut line = 0;
        while line < lines {
            let old = start.wrapping_add(line);
            let Some(head) = self.head_at(old) else {
                // Inside a record whose head is in front of these lines, or never written.
                line += 1;
                continue;
            };
            line += head.lines();
            if let Some(word) = self
                .live_word(&head, old, position)
                .filter(|_| head.expires_ms > now_ms)
            {
                let is_worth_it = word.is_referenced() && budget.spend(head.lines());
                let rescue = if is_worth_it {
                    self.rescue(&head, old, word)
                } else {
                    None
                };
                lost += u64::from(rescue.is_none());
                queue.extend(rescue);
            }
        }
        lost
    }

    /// The word of the index that points to the record at `position`, which is older than the one at `newer`.
    fn live_word(&self, head: &Head, position: u64, newer: u64) -> Option<Word> {
        let floor = self.floor.load(Ordering::Acquire);
        if is_below(floor, position, newer) {
            return None;
        }
        let wanted = Word::new(
            Tag::of(KeyHash {
                place: head.place,
                identity: 0,
            }),
            position,
        );
        index::set(self.index, head.place)?
            .iter()
            .map(index::load)
            .find(|word| word.names(wanted))
    }

    fn rescue(&self, head: &Head, position: u64, word: Word) -> Option<Rescue> {
        let mut key = Vec::new();
        let mut value = Vec::new();
        let _ = head.load_key(self.ring, position, &mut key);
        let hash = self.seed.hash(&key);
        let sound =
            hash.place == head.place && head.load_value(self.ring, position, hash.identity, &mut value);
        sound.then_some(Rescue {
            word,
            position,
            hash,
            key,
            value,
            expires_ms: head.expires_ms,
        })
    }

    /// Writes a rescued record to its new place, unless it was removed or replaced in the meantime.
    fn write_again(&self, rescue: &Rescue, position: u64) {
        let key = (rescue.key.as_slice(), rescue.hash);
        // Against `clear`: either this sees its floor, or it sees the head that `reserve` has advanced.
        fence(Ordering::SeqCst);
        let floor = self.floor.load(Ordering::Acquire);
        if is_below(floor, rescue.position, position)
            || !record::store(
                self.ring,
                self.seed,
                position,
                key,
                &rescue.value,
                rescue.expires_ms,
            )
        {
            return;
        }
        let Some(ways) = index::set(self.index, rescue.hash.place) else {
            return;
        };
        let new = Word::new(Tag::of(rescue.hash), position);
        faults::step();
        for way in ways {
            let seen = index::load(way);
            // A reader may set the bit of the old word until it is gone.
            if seen.names(rescue.word) && !index::exchange(way, seen, new) {
                index::exchange(way, seen.referenced(), new);
            }
        }
        faults::step();
    }

    /// Makes the record at `position` the one of its key. Returns how many live entries had to give up their place, or
    /// `None` when a newer record of the key is there, or the writers came around.
    fn publish(&self, hash: KeyHash, position: u64) -> Option<u64> {
        let ways = index::set(self.index, hash.place)?;
        let tag = Tag::of(hash);
        let word = Word::new(tag, position);
        for _ in 0..ATTEMPTS {
            let (way, seen) = self.choose(ways, tag)?;
            let head = self.head.load(Ordering::Acquire);
            let age = head.wrapping_sub(position);
            if age > self.ring.lines() {
                return None;
            }
            let is_live = self.position(seen).is_some();
            if is_live && seen.has(tag) && seen.distance(head) < age {
                return None;
            }
            faults::step();
            if index::exchange(way, seen, word) {
                faults::step();
                self.drop_older(ways, tag);
                // Those farther back were counted when they were looked through.
                let is_counted = seen.distance(head) > self.ring.lines() - self.ring.lines() / AHEAD;
                return Some(u64::from(is_live && !seen.has(tag) && !is_counted));
            }
        }
        None
    }

    /// The place for a new word: that of the same tag, else a free one, else the one of the oldest record, preferably one
    /// that nobody has read.
    fn choose(&self, ways: &'a Ways, tag: Tag) -> Option<(&'a AtomicU64, Word)> {
        if let Some(same) = self.newest(ways, tag) {
            return Some(same);
        }
        // As in `newest`: the words first.
        let words = ways.each_ref().map(index::load);
        let head = self.head.load(Ordering::Acquire);
        let is_void = |word: Word| self.position(word).is_none();
        ways.iter()
            .zip(words)
            .max_by_key(|&(_, word)| (is_void(word), !word.is_referenced(), word.distance(head)))
    }

    /// Leaves only the newest word of a tag: two puts of one key may have taken two places.
    fn drop_older(&self, ways: &'a Ways, tag: Tag) {
        // Of two writers, at least one sees the other's word.
        fence(Ordering::SeqCst);
        let words = ways.each_ref().map(index::load);
        let Some(newest) = self.newest_of(words, tag) else {
            return;
        };
        // Exactly the words that were compared: one that came since may be newer.
        for (way, word) in ways.iter().zip(words) {
            if word.has(tag) && word != newest {
                index::free(way, word);
            }
        }
    }
}

/// True when `floor` voids `older` but not `newer`; positions may have wrapped around.
fn is_below(floor: u64, older: u64, newer: u64) -> bool {
    older.wrapping_sub(floor) > newer.wrapping_sub(floor)
}

/// What one put may still write again.
struct Budget {
    records: usize,
    lines: u64,
}

impl Budget {
    fn spend(&mut self, lines: u64) -> bool {
        if self.records == 0 || self.lines < lines {
            return false;
        }
        self.records -= 1;
        self.lines -= lines;
        true
    }
}
