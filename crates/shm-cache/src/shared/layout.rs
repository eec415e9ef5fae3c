//! Where the parts of the memory are.
//!
//! One page of header, two lines of control words for each shard, the sets of all shards, the rings of all shards. All of
//! it follows from the size and the largest entry, so that a process never has to believe an offset it reads.

use std::ops::Range;

use crate::error::Error;

/// Words in a line; a line is what the processor fetches at once.
pub const LINE: usize = 8;
/// Places in a set: one line.
pub const WAYS: usize = LINE;
/// Words of the header: one page.
pub const HEADER: usize = 512;
/// Words of control for each shard: two lines, because processors fetch lines in pairs.
const CONTROL: usize = 2 * LINE;
/// Lines of ring for each set: with entries of 512 bytes, half of the places are taken.
const LINES_PER_SET: usize = 32;
const MAX_SHARDS: usize = 16;
const PAGE: usize = 4096;

/// Smallest memory.
pub const MIN_BYTES: usize = 1 << 20;
/// Largest memory: 64 GiB.
pub const MAX_BYTES: usize = 1 << 36;

/// Sizes of all parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Size of the memory, whole pages.
    pub bytes: usize,
    /// Largest key and value together.
    pub max_entry: usize,
    /// A power of two.
    pub shards: usize,
    /// Sets of a shard.
    pub sets: usize,
    /// Lines of a shard's ring.
    pub ring: usize,
}

impl Layout {
    /// Divides `bytes`, rounded down to pages. A shard holds at least three of the largest entries.
    pub fn new(bytes: usize, max_entry: usize) -> Result<Self, Error> {
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes) {
            return Err(Error::Option("the size must be between 1 MiB and 64 GiB"));
        }
        if max_entry == 0 || max_entry > (bytes / 16).min(1 << 30) {
            return Err(Error::Option(
                "the largest entry must be between 1 byte and a sixteenth of the size, at most 1 GiB",
            ));
        }
        let bytes = bytes / PAGE * PAGE;
        let most = (bytes / (4 * max_entry)).clamp(1, MAX_SHARDS);
        let shards = 1 << most.ilog2();
        let lines = (bytes / size_of::<u64>() - HEADER - shards * CONTROL) / LINE / shards;
        let sets = lines / (LINES_PER_SET + 1);
        Ok(Self {
            bytes,
            max_entry,
            shards,
            sets,
            ring: lines - sets,
        })
    }

    pub fn words(&self) -> usize {
        self.bytes / size_of::<u64>()
    }

    #[allow(clippy::unused_self)] // Like the parts after it.
    pub fn control(&self, shard: usize) -> Range<usize> {
        let start = HEADER + shard * CONTROL;
        start..start + CONTROL
    }

    pub fn index(&self, shard: usize) -> Range<usize> {
        let words = self.sets * WAYS;
        let start = HEADER + self.shards * CONTROL + shard * words;
        start..start + words
    }

    pub fn ring(&self, shard: usize) -> Range<usize> {
        let words = self.ring * LINE;
        let start = HEADER + self.shards * (CONTROL + self.sets * WAYS) + shard * words;
        start..start + words
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::shared::record::lines_of;

    #[test]
    fn parts_neither_overlap_nor_reach_over_the_end() {
        for (bytes, max_entry) in [
            (MIN_BYTES, 1),
            (MIN_BYTES + 4095, MIN_BYTES / 16),
            (3_333_333, 4_000),
            (64 << 20, 1 << 20),
            (1 << 30, 64 << 20),
            (MAX_BYTES, 1 << 30),
        ] {
            let layout = Layout::new(bytes, max_entry).unwrap();
            let mut end = HEADER;
            for part in [Layout::control, Layout::index, Layout::ring] {
                for shard in 0..layout.shards {
                    let range = part(&layout, shard);
                    assert_eq!(range.start, end, "{layout:?}");
                    assert_eq!(range.start % LINE, 0);
                    end = range.end;
                }
            }
            assert!(
                end <= layout.words() && end + 64 * LINE * layout.shards > layout.words(),
                "{layout:?}"
            );
            let largest = lines_of(max_entry / 2, max_entry - max_entry / 2);
            assert!(largest * 3 <= layout.ring as u64, "{layout:?}");
        }
    }

    #[test]
    fn refuses_sizes_out_of_range() {
        for (bytes, max_entry) in [
            (0, 1),
            (MIN_BYTES - 1, 1),
            (MAX_BYTES + 1, 1),
            (usize::MAX, 1),
            (MIN_BYTES, 0),
            (MIN_BYTES, MIN_BYTES / 16 + 1),
            (MAX_BYTES, (1 << 30) + 1),
            (MAX_BYTES, usize::MAX),
        ] {
            assert!(
                matches!(Layout::new(bytes, max_entry), Err(Error::Option(_))),
                "{bytes} {max_entry}"
            );
        }
    }
}
