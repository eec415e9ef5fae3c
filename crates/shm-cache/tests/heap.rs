//! The in-process store against a model.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use proptest::prelude::*;
use shm_cache::{Error, Heap, HeapOptions, Store};

const FOREVER: u64 = u64::MAX;

fn heap(capacity: usize, max_entry: usize) -> Heap {
    Heap::new(HeapOptions { capacity, max_entry }).unwrap()
}

fn read(store: &impl Store, key: &[u8], now: u64) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let found = store.get(key, now, &mut out);
    assert!(out.starts_with(b"before"));
    out.drain(..6);
    assert!(found || out.is_empty());
    found.then_some(out)
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, Vec<u8>, u64),
    Get(u8),
    Remove(u8),
    Clear,
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = proptest::collection::vec(any::<u8>(), 0..40);
    proptest::collection::vec(
        prop_oneof![
            6 => (any::<u8>(), value, 0..200_u64).prop_map(|(key, value, until)| Step::Put(key, value, until)),
            6 => any::<u8>().prop_map(Step::Get),
            2 => any::<u8>().prop_map(Step::Remove),
            1 => Just(Step::Clear),
            2 => (0..20_u64).prop_map(Step::Advance),
        ],
        0..400,
    )
}

proptest! {
    #[test]
    fn does_what_a_map_does_while_there_is_room(steps in steps()) {
        let store = heap(1 << 20, 1 << 10);
        let mut model: HashMap<u8, (Vec<u8>, u64)> = HashMap::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Put(key, value, until) => {
                    prop_assert_eq!(store.put(&[key], &value, until), Ok(true));
                    model.insert(key, (value, until));
                }
                Step::Get(key) => {
                    let expected = model.get(&key).filter(|(_, until)| *until > now).map(|(value, _)| value.clone());
                    if expected.is_none() {
                        model.remove(&key);
                    }
                    prop_assert_eq!(read(&store, &[key], now), expected);
                }
                Step::Remove(key) => prop_assert_eq!(store.remove(&[key]), model.remove(&key).is_some()),
                Step::Clear => {
                    store.clear();
                    model.clear();
                }
                Step::Advance(by) => now += by,
            }
            prop_assert_eq!(store.stats().entries, model.len() as u64);
        }
    }

    #[test]
    fn never_grows_over_its_capacity(sizes in proptest::collection::vec(0..16_000_usize, 0..300)) {
        let store = heap(64 << 10, 16 << 10);
        for (index, size) in sizes.iter().enumerate() {
            let key = index.to_le_bytes();
            prop_assert_eq!(store.put(&key, &vec![7; *size], FOREVER), Ok(true));
            prop_assert!(store.stats().bytes <= 64 << 10);
            prop_assert_eq!(read(&store, &key, 0).map(|value| value.len()), Some(*size));
        }
    }
}

#[test]
fn keeps_what_is_read_and_evicts_the_rest() {
    let store = heap(64 << 10, 1 << 10);
    store.put(b"hot", b"value", FOREVER).unwrap();
    for index in 0..10_000_u32 {
        store.put(&index.to_le_bytes(), &[0; 100], FOREVER).unwrap();
        assert!(read(&store, b"hot", 0).is_some());
    }
    let stats = store.stats();
    assert!(stats.evictions > 9_000 && stats.entries > 100, "{stats:?}");
}

#[test]
fn refuses_what_is_too_large_and_forgets_the_older_value() {
    let store = heap(64 << 10, 100);
    store.put(b"key", &[1; 97], FOREVER).unwrap();
    assert_eq!(
        store.put(b"key", &[1; 98], FOREVER),
        Err(Error::EntryTooLarge {
            bytes: 101,
            limit: 100
        })
    );
    assert_eq!(read(&store, b"key", 0), None);
    assert_eq!(store.stats().refused, 1);
}

#[test]
fn refuses_options_out_of_range() {
    for (capacity, max_entry) in [
        (0, 1),
        ((64 << 10) - 1, 1),
        (64 << 10, 0),
        (64 << 10, (16 << 10) + 1),
    ] {
        let code = Heap::new(HeapOptions { capacity, max_entry })
            .err()
            .map(|error| error.code());
        assert_eq!(code, Some("CACHE_OPTION"), "{capacity} {max_entry}");
    }
}

#[test]
fn the_last_instant_of_an_entry_is_before_it_expires() {
    let store = heap(64 << 10, 100);
    store.put(b"", b"", 10).unwrap();
    assert_eq!(read(&store, b"", 9), Some(Vec::new()));
    assert_eq!(read(&store, b"", 10), None);
    assert_eq!(read(&store, b"", 9), None, "an expired entry is gone");
}

#[test]
fn threads_share_it() {
    let store = heap(256 << 10, 1 << 10);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..5_000_u32 {
                    let key = (round % 97).to_le_bytes();
                    store.put(&key, &key.repeat(20), FOREVER).unwrap();
                    if let Some(value) = read(&store, &key, 0) {
                        assert_eq!(value, key.repeat(20));
                    }
                }
            });
        }
    });
    assert_eq!(store.stats().entries, 97);
}
