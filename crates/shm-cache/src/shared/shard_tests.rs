//! One shard in plain memory: against a model, around the end of the ring, with damage.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::HashMap;

use proptest::prelude::*;

use super::atomic::{AtomicU64, Ordering};
use super::layout::LINE;
use super::record::lines_of;
use super::shard::{Found, Shard};
use crate::hash::Seed;

const FOREVER: u64 = u64::MAX;
const SEED: Seed = Seed(11, 22);
const MAX_ENTRY: usize = 600;

struct Memory {
    control: Vec<AtomicU64>,
    index: Vec<AtomicU64>,
    ring: Vec<AtomicU64>,
}

fn words(count: usize) -> Vec<AtomicU64> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

impl Memory {
    fn new(sets: usize, lines: usize) -> Self {
        let memory = Self {
            control: words(2 * LINE),
            index: words(sets * LINE),
            ring: words(lines * LINE),
        };
        memory.shard().initialize();
        memory
    }

    fn shard(&self) -> Shard<'_> {
        Shard::new(&self.control, &self.index, &self.ring, SEED, MAX_ENTRY).unwrap()
    }

    fn head(&self) -> &AtomicU64 {
        &self.control[0]
    }

    fn put(&self, key: &[u8], value: &[u8], until: u64) -> bool {
        self.shard().put((key, SEED.hash(key)), value, until, 0).stored
    }

    fn get(&self, key: &[u8], now: u64) -> Option<Vec<u8>> {
        let mut out = vec![1, 2];
        let found = self.shard().get((key, SEED.hash(key)), now, &mut out);
        assert_eq!(out[..2], [1, 2]);
        out.drain(..2);
        assert!(found == Found::Hit || out.is_empty());
        (found == Found::Hit).then_some(out)
    }

    fn remove(&self, key: &[u8]) -> bool {
        self.shard().remove((key, SEED.hash(key)))
    }
}

/// A value that tells which key and which version it belongs to.
fn value(key: u8, version: u64, length: usize) -> Vec<u8> {
    let mut value = [&[key], version.to_le_bytes().as_slice()].concat();
    value.extend((0..length).map(|index| key ^ index.to_le_bytes()[0] ^ version.to_le_bytes()[0]));
    value
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, usize, u64),
    Get(u8),
    Remove(u8),
    Clear,
    Advance(u64),
}

fn steps(keys: u8) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(
        prop_oneof![
            8 => (0..keys, 0..500_usize, 0..200_u64).prop_map(|(key, size, until)| Step::Put(key, size, until)),
            8 => (0..keys).prop_map(Step::Get),
            2 => (0..keys).prop_map(Step::Remove),
            1 => Just(Step::Clear),
            2 => (0..20_u64).prop_map(Step::Advance),
        ],
        0..300,
    )
}

/// Runs the steps on both; `is_roomy`: nothing may be missing.
fn compare(memory: &Memory, steps: Vec<Step>, is_roomy: bool) {
    let mut model: HashMap<u8, (Vec<u8>, u64)> = HashMap::new();
    let mut now = 0;
    let mut version = 0;
    for step in steps {
        match step {
            Step::Put(key, size, until) => {
                version += 1;
                let value = value(key, version, size);
                assert!(memory.put(&[key], &value, until));
                model.insert(key, (value, until));
                let readable = (until > now).then(|| model[&key].0.clone());
                assert_eq!(memory.get(&[key], now), readable, "what was just stored is there");
            }
            Step::Get(key) => {
                let expected = model
                    .get(&key)
                    .filter(|(_, until)| *until > now)
                    .map(|(value, _)| value);
                let found = memory.get(&[key], now);
                assert!(
                    found.is_none() && !is_roomy || found.as_ref() == expected,
                    "{key}: {found:?}"
                );
            }
            Step::Remove(key) => {
                memory.remove(&[key]);
                model.remove(&key);
                assert_eq!(memory.get(&[key], now), None);
            }
            Step::Clear => {
                memory.shard().clear();
                model.clear();
                assert_eq!(memory.shard().usage(), (0, 0));
            }
            Step::Advance(by) => now += by,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn does_what_a_map_does_while_there_is_room(steps in steps(12)) {
        compare(&Memory::new(64, 8192), steps, true);
    }

    #[test]
    fn loses_but_never_confuses_when_there_is_none(steps in steps(40), lines in 20..60_usize) {
        compare(&Memory::new(2, lines), steps, false);
    }

    #[test]
    fn positions_may_wrap_around(steps in steps(12), before in 0..1000_u64, bits in 0..2_u32) {
        let memory = Memory::new(64, 8192);
        // Before the end of the 32 bits in the index, or of all 64.
        let start = (1_u64 << (32 * bits)).wrapping_sub(before);
        memory.control[0].store(start, Ordering::Relaxed);
        memory.control[1].store(start, Ordering::Relaxed);
        compare(&memory, steps, true);
    }

    #[test]
    #[allow(non_snake_case)]
    fn L05_damage_is_a_miss(
        steps in steps(20),
        damage in proptest::collection::vec((0..3_usize, any::<prop::sample::Index>(), 0..64_u32), 1..40),
        wild in proptest::collection::vec((0..3_usize, any::<prop::sample::Index>(), any::<u64>()), 0..40),
    ) {
        let memory = Memory::new(4, 64);
        compare(&memory, steps, false);
        let mut versions: HashMap<u8, Vec<Vec<u8>>> = HashMap::new();
        for key in 0..20 {
            let value = value(key, 7, usize::from(key) * 20);
            memory.put(&[key], &value, FOREVER);
            versions.entry(key).or_default().push(value);
        }
        let part = |part: usize| [&memory.control[..2], &memory.index[..], &memory.ring[..]][part];
        for (kind, place, bit) in damage {
            let words = part(kind);
            words[place.index(words.len())].fetch_xor(1 << bit, Ordering::Relaxed);
            for key in 0..20 {
                if let Some(found) = memory.get(&[key], 0) {
                    prop_assert!(versions[&key].contains(&found));
                }
            }
        }
        for (kind, place, word) in wild {
            let words = part(kind);
            words[place.index(words.len())].store(word, Ordering::Relaxed);
            for key in 0..20_u8 {
                memory.remove(&[(key + 7) % 20]);
                let value = value(key, u64::from(bit_of(word)), usize::from(key) * 11);
                memory.put(&[key], &value, FOREVER);
                versions.entry(key).or_default().push(value);
                if let Some(found) = memory.get(&[key], 0) {
                    prop_assert!(versions[&key].contains(&found));
                }
            }
        }
        // And it works again.
        memory.shard().clear();
        prop_assert!(memory.put(b"k", b"v", FOREVER));
        prop_assert_eq!(memory.get(b"k", 0), Some(b"v".to_vec()));
    }
}

fn bit_of(word: u64) -> u8 {
    word.to_le_bytes()[3]
}

#[test]
fn keeps_what_is_read_and_loses_the_rest() {
    let memory = Memory::new(16, 512);
    memory.put(b"hot", &[7; 300], FOREVER);
    for index in 0..20_000_u32 {
        assert!(memory.put(&index.to_le_bytes(), &[0; 100], FOREVER));
        assert!(memory.get(b"hot", 0).is_some(), "lost after {index}");
    }
    assert_eq!(memory.get(&0_u32.to_le_bytes(), 0), None);
}

#[test]
fn does_not_write_expired_or_removed_records_again() {
    let memory = Memory::new(16, 64);
    for gone in 0..2 {
        memory.put(b"old", &[7; 100], 50);
        assert!(memory.get(b"old", 49).is_some());
        if gone == 1 {
            assert!(memory.remove(b"old"));
        }
        let before = memory.head().load(Ordering::Relaxed);
        let mut puts = 0;
        while memory.head().load(Ordering::Relaxed) < before + 64 {
            memory
                .shard()
                .put((b"new", SEED.hash(b"new")), &[0; 100], FOREVER, 50);
            puts += 1;
        }
        let written = memory.head().load(Ordering::Relaxed) - before;
        assert_eq!(
            written,
            puts * lines_of(3, 100),
            "nothing but the new records was written"
        );
    }
}

#[test]
fn refuses_a_record_larger_than_half_the_ring() {
    let memory = Memory::new(1, 20);
    assert!(memory.put(b"k", &[1; 580], FOREVER));
    assert!(!memory.put(b"k", &[1; 1200], FOREVER));
    assert!(memory.get(b"k", 0).is_some());
}

#[test]
fn an_older_record_does_not_replace_a_newer_one() {
    let memory = Memory::new(1, 64);
    let word = |way: usize| &memory.index[way];
    memory.put(b"k", b"1", FOREVER);
    let first = word(0).load(Ordering::Relaxed);
    memory.put(b"k", b"2", FOREVER);
    // Two writers took two places and ended before they saw each other.
    word(5).store(first, Ordering::Relaxed);
    assert_eq!(memory.get(b"k", 0), Some(b"2".to_vec()));
    word(5).store(word(0).swap(first, Ordering::Relaxed), Ordering::Relaxed);
    assert_eq!(memory.get(b"k", 0), Some(b"2".to_vec()));
    memory.put(b"k", b"3", FOREVER);
    let taken = memory
        .index
        .iter()
        .filter(|word| word.load(Ordering::Relaxed) != 0)
        .count();
    assert_eq!((memory.get(b"k", 0), taken), (Some(b"3".to_vec()), 1));
    assert!(memory.remove(b"k"));
    assert_eq!(memory.get(b"k", 0), None);
}

#[test]
#[allow(non_snake_case)]
fn L06_a_writer_that_was_stopped_for_more_than_a_lap_harms_only_by_misses() {
    let memory = Memory::new(8, 64);
    for key in 0..40_u8 {
        memory.put(&[key], &value(key, 1, 90), FOREVER);
    }
    // What a writer that reserved its lines long ago still stores.
    for offset in (0..64 * LINE).step_by(3) {
        memory.ring[offset].store(0x1111_1111_1111_1111, Ordering::Relaxed);
        for key in 0..40_u8 {
            let found = memory.get(&[key], 0);
            assert!(found.is_none() || found == Some(value(key, 1, 90)));
        }
    }
}
