//! A cache over stores that keep their word, and over some that do not.

// A helper of a test may fail the test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use shm_cache::{Error, Heap, HeapOptions, Stats, Store};
use sona::cache::MAX_SLOW;
use sona::{Cache, CacheOptions, Query, State, Written};

const FOREVER: u64 = u64::MAX;

fn heap() -> Arc<Heap> {
    Arc::new(
        Heap::new(HeapOptions {
            capacity: 1 << 20,
            max_entry: 1 << 18,
        })
        .unwrap(),
    )
}

fn found(cache: &Cache, key: &[u8], now: u64) -> Option<Vec<u8>> {
    let mut out = b"kept".to_vec();
    let hit = cache.get(key, now, &mut out);
    assert!(out.starts_with(b"kept"));
    assert!(hit || out.len() == 4, "a miss leaves nothing behind");
    hit.then(|| out.split_off(4))
}

#[test]
fn gives_back_what_was_put_until_it_expires() {
    let cache = Cache::new(heap(), CacheOptions::default());
    assert_eq!(found(&cache, b"k", 0), None);
    assert_eq!(cache.put(b"k", b"value", 100), Written::Stored);
    assert_eq!(found(&cache, b"k", 99).as_deref(), Some(b"value".as_slice()));
    assert_eq!(found(&cache, b"k", 100), None);
    assert_eq!(found(&cache, b"other", 99), None);
    assert_eq!(cache.put(b"k", b"", FOREVER), Written::Stored);
    assert_eq!(found(&cache, b"k", 1).as_deref(), Some(b"".as_slice()));
    assert!(cache.remove(b"k"));
    assert!(!cache.remove(b"k"));
    assert_eq!(found(&cache, b"k", 1), None);
    cache.put(b"k", b"value", FOREVER);
    cache.clear();
    assert_eq!(found(&cache, b"k", 1), None);
}

#[test]
fn refuses_what_is_too_large() {
    let options = CacheOptions {
        max_value: 10,
        ..CacheOptions::default()
    };
    let cache = Cache::new(heap(), options);
    assert_eq!(cache.put(b"k", &[7; 10], FOREVER), Written::Stored);
    assert_eq!(cache.put(b"k", &[7; 11], FOREVER), Written::Refused);
    assert_eq!(found(&cache, b"k", 1), None, "not an older one");
    assert_eq!(cache.put(b"", b"x", FOREVER), Written::Refused);
    assert_eq!(
        cache.put(&vec![0; sona::key::MAX_KEY + 1], b"x", FOREVER),
        Written::Refused
    );
    let cache = Cache::new(heap(), CacheOptions::default());
    assert_eq!(cache.put(b"k", &vec![7; 1 << 19], FOREVER), Written::Refused);
    assert_eq!(cache.state(), State::Up);
}

#[test]
fn looks_a_request_up_by_its_key() {
    let cache = Cache::new(heap(), CacheOptions::default());
    let query = Query {
        epoch: b"e",
        revision: b"2026-07-28",
        method: b"tools/call",
        name: b"t",
        principal: Some(b"alice"),
        params: br#"{"name":"t","arguments":{"b":1,"a":2}}"#,
    };
    let mut key = Vec::new();
    sona::key::write_key(&query, &mut key).unwrap();
    cache.put(&key, b"result", FOREVER);
    let hit = |query: &Query<'_>| cache.lookup(query, 1, &mut Vec::new());
    assert!(hit(&query));
    let spelt = br#" {"_meta":{"x":1},"arguments":{"a":2.0,"b":1e0},"name":"\u0074"}"#;
    assert!(hit(&Query {
        params: spelt,
        ..query
    }));
    assert!(!hit(&Query {
        principal: Some(b"bob"),
        ..query
    }));
    assert!(!hit(&Query {
        principal: None,
        ..query
    }));
    assert!(!hit(&Query { epoch: b"f", ..query }));
    assert!(!hit(&Query {
        revision: b"2025-11-25",
        ..query
    }));
    assert!(!hit(&Query {
        params: b"{",
        ..query
    }));
    let asks = br#"{"name":"t","arguments":{"b":1,"a":2},"_meta":{"progressToken":1}}"#;
    assert!(!hit(&Query {
        params: asks,
        ..query
    }));
}

/// Does to each value what it is told to.
struct Meddler {
    inner: Arc<Heap>,
    meddle: fn(&mut Vec<u8>, usize),
    calls: AtomicUsize,
}

impl Store for Meddler {
    fn get(&self, key: &[u8], now_ms: u64, out: &mut Vec<u8>) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let start = out.len();
        let hit = self.inner.get(key, now_ms, out);
        if hit {
            (self.meddle)(out, start);
        }
        hit
    }
    fn put(&self, key: &[u8], value: &[u8], expires_ms: u64) -> Result<bool, Error> {
        self.inner.put(key, value, expires_ms)
    }
    fn remove(&self, key: &[u8]) -> bool {
        self.inner.remove(key)
    }
    fn clear(&self) {
        self.inner.clear();
    }
    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}

#[test]
fn takes_nothing_damaged() {
    let damages: [fn(&mut Vec<u8>, usize); 6] = [
        |out, start| out[start] ^= 1,
        |out, _| *out.last_mut().unwrap() ^= 0x80,
        |out, _| {
            out.pop();
        },
        |out, _| out.push(0),
        |out, start| out.truncate(start),
        |out, start| out.truncate(start.saturating_sub(1)),
    ];
    for (index, meddle) in damages.into_iter().enumerate() {
        let store = Arc::new(Meddler {
            inner: heap(),
            meddle,
            calls: AtomicUsize::new(0),
        });
        let cache = Cache::new(store.clone(), CacheOptions::default());
        cache.put(b"key", b"value", FOREVER);
        let mut out = b"kept".to_vec();
        assert!(!cache.get(b"key", 1, &mut out), "damage {index}");
        assert!(out.len() <= 4 && b"kept".starts_with(&out), "damage {index}");
        assert_eq!(cache.state(), State::Up);
    }
}

#[test]
fn takes_no_value_of_another_key() {
    let inner = heap();
    let cache = Cache::new(inner.clone(), CacheOptions::default());
    cache.put(b"alice", b"secret", FOREVER);
    let mut stored = Vec::new();
    inner.get(b"alice", 1, &mut stored);
    inner.put(b"bob", &stored, FOREVER).unwrap();
    assert_eq!(found(&cache, b"bob", 1), None);
    assert_eq!(cache.stats().corrupt, 1);
    assert!(!inner.get(b"bob", 1, &mut Vec::new()), "it is removed");
    assert!(found(&cache, b"alice", 1).is_some());
}

struct Panics(AtomicBool);

impl Panics {
    fn now(&self) {
        assert!(!self.0.load(Ordering::Relaxed), "as told");
    }
}

impl Store for Panics {
    fn get(&self, _: &[u8], _: u64, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(b"half a value");
        self.now();
        false
    }
    fn put(&self, _: &[u8], _: &[u8], _: u64) -> Result<bool, Error> {
        self.now();
        Ok(true)
    }
    fn remove(&self, _: &[u8]) -> bool {
        self.now();
        true
    }
    fn clear(&self) {
        self.now();
    }
    fn stats(&self) -> Stats {
        self.now();
        Stats {
            hits: 1,
            ..Stats::default()
        }
    }
}

#[test]
fn is_off_after_a_panic_and_never_calls_again() {
    let calls: [fn(&Cache); 5] = [
        |cache| {
            assert_eq!(found(cache, b"k", 1), None);
        },
        |cache| assert_eq!(cache.put(b"k", b"v", 1), Written::Off),
        |cache| assert!(!cache.remove(b"k")),
        Cache::clear,
        |cache| assert_eq!(cache.stats(), Stats::default()),
    ];
    for call in calls {
        let store = Arc::new(Panics(AtomicBool::new(true)));
        let cache = Cache::new(store.clone(), CacheOptions::default());
        call(&cache);
        assert_eq!(cache.state(), State::Failed);
        store.0.store(false, Ordering::Relaxed);
        assert_eq!(cache.put(b"k", b"v", FOREVER), Written::Off);
        assert_eq!(cache.stats(), Stats::default(), "not even asked for figures");
        assert!(!cache.remove(b"k"));
    }
}

#[test]
fn is_off_after_stalling_in_a_row() {
    struct Stalls(AtomicBool);
    impl Store for Stalls {
        fn get(&self, _: &[u8], _: u64, _: &mut Vec<u8>) -> bool {
            if self.0.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(3));
            }
            false
        }
        fn put(&self, _: &[u8], _: &[u8], _: u64) -> Result<bool, Error> {
            Ok(true)
        }
        fn remove(&self, _: &[u8]) -> bool {
            false
        }
        fn clear(&self) {}
        fn stats(&self) -> Stats {
            Stats::default()
        }
    }
    let store = Arc::new(Stalls(AtomicBool::new(true)));
    let options = CacheOptions {
        timeout: Duration::from_millis(1),
        ..CacheOptions::default()
    };
    let cache = Cache::new(store.clone(), options);
    for _ in 0..MAX_SLOW - 1 {
        found(&cache, b"k", 1);
    }
    assert_eq!(cache.state(), State::Up);
    found(&cache, b"k", 1);
    assert_eq!(cache.state(), State::Slow);
    assert_eq!(cache.put(b"k", b"v", FOREVER), Written::Off);
}
