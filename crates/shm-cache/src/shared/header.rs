//! The first page: what a process checks before it uses memory that another one made.

use super::atomic::{AtomicU64, Ordering};
use super::layout::{HEADER, Layout};
use crate::hash::Seed;

/// Read in the machine's byte order, so that the other order does not match.
const MAGIC: u64 = u64::from_le_bytes(*b"FERROSHM");
/// Changes with everything that changes the meaning of a word.
const ABI: u64 = 1;
/// Words of the header in use: magic, ABI, size, largest entry, owner, seed (2), incarnation, checksum.
const USED: usize = 9;

/// What the header says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub layout: Layout,
    /// User id of the creator.
    pub owner: u32,
    pub seed: Seed,
    /// Random; tells one memory from another.
    pub incarnation: u64,
}

/// Why memory of another process is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    Magic,
    Abi,
    Checksum,
    Size,
    Owner,
}

fn checksum(words: &[u64]) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    twox_hash::XxHash3_64::oneshot(&bytes)
}

impl Header {
    fn encode(&self) -> [u64; USED - 1] {
        [
            MAGIC,
            ABI,
            self.layout.bytes as u64,
            self.layout.max_entry as u64,
            u64::from(self.owner),
            self.seed.0,
            self.seed.1,
            self.incarnation,
        ]
    }

    pub fn store(&self, words: &[AtomicU64]) {
        let content = self.encode();
        let all = content.into_iter().chain([checksum(&content)]);
        for (word, content) in words.iter().zip(all) {
            word.store(content, Ordering::Relaxed);
        }
    }

    /// Reads the header of memory of `bytes` bytes and checks that it is `owner`'s.
    pub fn load(words: &[AtomicU64], bytes: usize, owner: u32) -> Result<Self, Mismatch> {
        let mut copy = [0; USED];
        for (word, copy) in words.iter().zip(&mut copy) {
            *copy = word.load(Ordering::Relaxed);
        }
        let [
            magic,
            abi,
            size,
            max_entry,
            creator,
            seed0,
            seed1,
            incarnation,
            sum,
        ] = copy;
        if words.len() < HEADER || magic != MAGIC {
            return Err(Mismatch::Magic);
        }
        if abi != ABI {
            return Err(Mismatch::Abi);
        }
        if copy
            .split_last()
            .is_none_or(|(_, content)| checksum(content) != sum)
        {
            return Err(Mismatch::Checksum);
        }
        let max_entry = usize::try_from(max_entry).map_err(|_| Mismatch::Size)?;
        let layout = Layout::new(bytes, max_entry).map_err(|_| Mismatch::Size)?;
        if size != bytes as u64 || layout.bytes != bytes || words.len() < layout.words() {
            return Err(Mismatch::Size);
        }
        if creator != u64::from(owner) {
            return Err(Mismatch::Owner);
        }
        Ok(Self {
            layout,
            owner,
            seed: Seed(seed0, seed1),
            incarnation,
        })
    }
}

#[cfg(all(test, not(loom)))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::shared::layout::MIN_BYTES;

    fn memory() -> (Vec<AtomicU64>, Header) {
        let layout = Layout::new(MIN_BYTES, 1000).unwrap();
        let header = Header {
            layout,
            owner: 1000,
            seed: Seed(1, 2),
            incarnation: 3,
        };
        let words: Vec<_> = (0..layout.words()).map(|_| AtomicU64::new(0)).collect();
        header.store(&words);
        (words, header)
    }

    #[test]
    fn reads_what_was_written() {
        let (words, header) = memory();
        assert!(Header::load(&words, MIN_BYTES, 1000) == Ok(header));
    }

    #[test]
    #[allow(non_snake_case)]
    fn L05_any_changed_bit_of_the_header_is_refused() {
        let (words, _) = memory();
        for word in words.iter().take(USED) {
            for bit in 0..64 {
                word.fetch_xor(1 << bit, Ordering::Relaxed);
                assert!(Header::load(&words, MIN_BYTES, 1000).is_err());
                word.fetch_xor(1 << bit, Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn says_what_does_not_match() {
        let (words, mut header) = memory();
        let load = |words: &[AtomicU64], bytes, owner| Header::load(words, bytes, owner).err();
        assert_eq!(load(&words, MIN_BYTES, 1001), Some(Mismatch::Owner));
        assert_eq!(load(&words, MIN_BYTES + 4096, 1000), Some(Mismatch::Size));
        assert_eq!(load(&words[..HEADER], MIN_BYTES, 1000), Some(Mismatch::Size));
        assert_eq!(load(&words[..4], MIN_BYTES, 1000), Some(Mismatch::Magic));
        assert_eq!(load(&[], 0, 1000), Some(Mismatch::Magic));
        for max_entry in [0, MIN_BYTES, usize::MAX] {
            header.layout.max_entry = max_entry;
            header.store(&words);
            assert_eq!(load(&words, MIN_BYTES, 1000), Some(Mismatch::Size));
        }
        words[1].store(ABI + 1, Ordering::Relaxed);
        assert_eq!(load(&words, MIN_BYTES, 1000), Some(Mismatch::Abi));
        words[0].store(MAGIC.swap_bytes(), Ordering::Relaxed);
        assert_eq!(load(&words, MIN_BYTES, 1000), Some(Mismatch::Magic));
    }
}
