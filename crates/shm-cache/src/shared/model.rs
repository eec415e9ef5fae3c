//! The protocol of a shard under the model checker, which runs all orders of steps that differ, up to a number of forced
//! changes of thread, and lets relaxed loads return every value the memory model allows:
//! `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2 cargo test -p shm-cache --release --lib model`
#![allow(clippy::unwrap_used)]

use loom::sync::Arc;
use loom::thread;

use super::atomic::{AtomicU64, Ordering};
use super::layout::LINE;
use super::shard::{Found, Shard};
use crate::hash::Seed;

const FOREVER: u64 = u64::MAX;
const SEED: Seed = Seed(1, 2);

struct Memory {
    control: Vec<AtomicU64>,
    index: Vec<AtomicU64>,
    ring: Vec<AtomicU64>,
}

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

impl Memory {
    fn new(lines: usize) -> Arc<Self> {
        let memory = Self {
            control: words(2),
            index: words(LINE),
            ring: words(lines * LINE),
        };
        memory.shard().initialize();
        Arc::new(memory)
    }

    fn shard(&self) -> Shard<'_> {
        Shard::new(&self.control, &self.index, &self.ring, SEED, 64).unwrap()
    }

    fn put(&self, key: u8, value: u8) -> bool {
        let key = [key];
        self.shard()
            .put((&key, SEED.hash(&key)), &[value; 9], FOREVER, 0)
            .stored
    }

    /// The value; panics when it is not one that was put. With `Corrupt`, only the checksum told that it was torn.
    fn get(&self, key: u8) -> Result<Option<u8>, Found> {
        let key = [key];
        let mut out = Vec::new();
        match self.shard().get((&key, SEED.hash(&key)), 1, &mut out) {
            Found::Hit => {
                let first = *out.first().unwrap();
                assert_eq!(out, [first; 9]);
                Ok(Some(first))
            }
            Found::Miss => Ok(None),
            Found::Corrupt => Err(Found::Corrupt),
        }
    }

    fn remove(&self, key: u8) -> bool {
        let key = [key];
        self.shard().remove((&key, SEED.hash(&key)))
    }
}

/// The checksum is not needed for it: `Corrupt` would tell that a torn copy passed the look at the head.
#[test]
fn a_reader_sees_the_old_or_the_new_value_while_its_lines_are_overwritten() {
    loom::model(|| {
        // Two records: the third overwrites the first.
        let memory = Memory::new(2);
        assert!(memory.put(1, 10));
        let writer = {
            let memory = memory.clone();
            thread::spawn(move || {
                memory.put(1, 11);
                memory.put(2, 20);
            })
        };
        let seen = memory.get(1).unwrap();
        assert!(matches!(seen, None | Some(10 | 11)), "{seen:?}");
        writer.join().unwrap();
        assert_eq!(memory.get(1), Ok(Some(11)));
        assert_eq!(memory.get(2), Ok(Some(20)));
    });
}

#[test]
fn a_put_that_returned_is_seen_by_who_hears_of_it() {
    loom::model(|| {
        let memory = Memory::new(4);
        let told = Arc::new(AtomicU64::new(0));
        let writer = {
            let (memory, told) = (memory.clone(), told.clone());
            thread::spawn(move || {
                assert!(memory.put(1, 10));
                told.store(1, Ordering::Release);
            })
        };
        if told.load(Ordering::Acquire) == 1 {
            assert_eq!(memory.get(1), Ok(Some(10)));
        }
        writer.join().unwrap();
    });
}

#[test]
fn of_two_puts_of_one_key_one_stays() {
    loom::model(|| {
        let memory = Memory::new(4);
        let other = {
            let memory = memory.clone();
            thread::spawn(move || memory.put(1, 10))
        };
        let one = memory.put(1, 11);
        let two = other.join().unwrap();
        assert!(one || two);
        let found = memory.get(1).unwrap();
        assert!(matches!(found, Some(10 | 11)), "{found:?}");
        let taken = memory
            .index
            .iter()
            .filter(|word| word.load(Ordering::Relaxed) != 0);
        assert_eq!(taken.count(), 1, "both cannot stay");
    });
}

#[test]
fn what_is_removed_does_not_come_back() {
    loom::model(|| {
        let memory = Memory::new(4);
        assert!(memory.put(1, 10));
        // A reader sets a bit in the word that is being removed.
        let reader = {
            let memory = memory.clone();
            thread::spawn(move || memory.get(1).unwrap())
        };
        assert!(memory.remove(1));
        assert_eq!(memory.get(1), Ok(None));
        assert!(matches!(reader.join().unwrap(), None | Some(10)));
        assert_eq!(memory.get(1), Ok(None));
    });
}

/// The last put comes across the first record, which was read, and writes it again.
#[test]
fn what_is_cleared_or_removed_while_it_is_written_again_does_not_come_back() {
    for clear in [true, false] {
        loom::model(move || {
            let memory = Memory::new(8);
            assert!(memory.put(1, 10));
            assert_eq!(memory.get(1), Ok(Some(10)));
            for key in 2..7 {
                assert!(memory.put(key, 20));
            }
            let writer = {
                let memory = memory.clone();
                thread::spawn(move || memory.put(9, 90))
            };
            if clear {
                memory.shard().clear();
            } else {
                assert!(memory.remove(1));
            }
            assert_eq!(memory.get(1), Ok(None));
            writer.join().unwrap();
            assert_eq!(memory.get(1), Ok(None));
        });
    }
}

#[test]
fn what_is_read_is_there_while_it_is_written_again() {
    loom::model(|| {
        let memory = Memory::new(8);
        assert!(memory.put(1, 10));
        assert_eq!(memory.get(1), Ok(Some(10)));
        for key in 2..7 {
            assert!(memory.put(key, 20));
        }
        let writer = {
            let memory = memory.clone();
            thread::spawn(move || memory.put(9, 90))
        };
        assert_eq!(memory.get(1), Ok(Some(10)));
        writer.join().unwrap();
        assert_eq!(memory.get(1), Ok(Some(10)));
        assert_eq!(
            memory.control[0].load(Ordering::Relaxed),
            8 + 8,
            "the first record was written again"
        );
    });
}
