//! A ring of lines. Positions are numbers of lines that only grow; the line of a position is its remainder.

use super::atomic::{AtomicU64, Ordering};
use super::layout::LINE;
use crate::faults;

/// The ring of one shard.
#[derive(Clone, Copy)]
pub struct Ring<'a> {
    words: &'a [AtomicU64],
}

/// Consecutive words of a ring: the second part is what goes on at its beginning.
#[derive(Clone, Copy)]
pub struct Run<'a>(&'a [AtomicU64], &'a [AtomicU64]);

impl<'a> Ring<'a> {
    /// `words` must be whole lines, at least one.
    pub fn new(words: &'a [AtomicU64]) -> Option<Self> {
        (words.len() >= LINE && words.len().is_multiple_of(LINE)).then_some(Self { words })
    }

    pub fn lines(&self) -> u64 {
        (self.words.len() / LINE) as u64
    }

    fn start(&self, position: u64) -> usize {
        // Fits: less than the length of a slice.
        usize::try_from(position % self.lines()).unwrap_or(0) * LINE
    }

    /// The line at `position`.
    pub fn line(&self, position: u64) -> Option<&'a [AtomicU64; LINE]> {
        self.words.get(self.start(position)..)?.first_chunk()
    }

    /// `count` words from the word `skip` of `position` on; `None` when that is more than once around.
    pub fn run(&self, position: u64, skip: usize, count: usize) -> Option<Run<'a>> {
        let length = self.words.len();
        if skip >= length || count > length {
            return None;
        }
        let start = (self.start(position) + skip) % length;
        let first = count.min(length - start);
        Some(Run(
            self.words.get(start..start + first)?,
            self.words.get(..count - first)?,
        ))
    }
}

impl Run<'_> {
    /// Writes `bytes`, filled up with zeros to whole words.
    pub fn store(&self, bytes: &[u8]) {
        let (first, second) = bytes.split_at(bytes.len().min(self.0.len() * size_of::<u64>()));
        store(self.0, first);
        store(self.1, second);
    }

    /// Appends `length` bytes to `out`.
    pub fn load(&self, length: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + (self.0.len() + self.1.len()) * size_of::<u64>(), 0);
        let (chunks, _) = out.get_mut(start..).unwrap_or_default().as_chunks_mut();
        let (first, second) = chunks.split_at_mut(self.0.len());
        load(self.0, first);
        load(self.1, second);
        out.truncate(start + length);
    }

    /// True when the run is `bytes`, filled up with zeros.
    pub fn equals(&self, bytes: &[u8]) -> bool {
        let (first, second) = bytes.split_at(bytes.len().min(self.0.len() * size_of::<u64>()));
        equals(self.0, first) && equals(self.1, second)
    }
}

/// The bytes that do not fill a word, filled up.
fn rest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn store(words: &[AtomicU64], bytes: &[u8]) {
    let (chunks, last) = bytes.as_chunks();
    for (word, chunk) in words.iter().zip(chunks) {
        faults::step();
        word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
    }
    if let (false, Some(word)) = (last.is_empty(), words.get(chunks.len())) {
        faults::step();
        word.store(rest(last), Ordering::Relaxed);
    }
}

fn load(words: &[AtomicU64], chunks: &mut [[u8; 8]]) {
    for (word, chunk) in words.iter().zip(chunks) {
        *chunk = word.load(Ordering::Relaxed).to_le_bytes();
    }
}

fn equals(words: &[AtomicU64], bytes: &[u8]) -> bool {
    let (chunks, last) = bytes.as_chunks();
    let same =
        |(word, chunk): (&AtomicU64, &[u8; 8])| word.load(Ordering::Relaxed) == u64::from_le_bytes(*chunk);
    words.iter().zip(chunks).all(same)
        && (last.is_empty()
            || words
                .get(chunks.len())
                .is_some_and(|word| word.load(Ordering::Relaxed) == rest(last)))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_on_at_the_beginning() {
        let words: Vec<AtomicU64> = (0..3 * LINE).map(|_| AtomicU64::new(u64::MAX)).collect();
        let ring = Ring::new(&words).unwrap();
        for length in 0..150 {
            for position in [0, 1, 2, u64::MAX] {
                let bytes: Vec<u8> = (0..length)
                    .map(|index| u8::try_from(index).unwrap() | 1)
                    .collect();
                let run = ring.run(position, 5, bytes.len().div_ceil(8)).unwrap();
                run.store(&bytes);
                assert!(run.equals(&bytes));
                let mut out = vec![9];
                run.load(bytes.len(), &mut out);
                assert_eq!(out.split_off(1), bytes);
                if let Some((last, others)) = bytes.split_last() {
                    assert!(!run.equals(&[others, &[last ^ 4]].concat()));
                }
            }
        }
    }

    #[test]
    fn nothing_is_longer_than_the_ring() {
        let words: Vec<AtomicU64> = (0..2 * LINE).map(|_| AtomicU64::new(0)).collect();
        let ring = Ring::new(&words).unwrap();
        assert!(ring.run(7, 3, 16).is_some());
        assert!(ring.run(7, 3, 17).is_none());
        assert!(ring.run(7, 16, 1).is_none());
        assert!(ring.run(7, usize::MAX, usize::MAX).is_none());
        assert!(Ring::new(&words[..12]).is_none() && Ring::new(&[]).is_none());
    }
}
