//! A shared segment that another process of the same user damages: reads end, and what they return was put under that
//! very key.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use shm_cache::{Segment, SegmentOptions, Store};

use crate::input::Input;

const BYTES: usize = 1 << 20;
const KEYS: usize = 8;
const STEPS: usize = 200;

struct Victim {
    segment: Segment,
    pristine: Vec<u64>,
}

fn options() -> SegmentOptions {
    SegmentOptions {
        name: format!("fuzz-{}", std::process::id()),
        directory: Some(directory()),
        bytes: BYTES,
        max_entry: 4_096,
    }
}

fn directory() -> PathBuf {
    use std::os::unix::fs::DirBuilderExt;
    let path = std::env::temp_dir().join(format!("ferromcp-fuzz-{}", std::process::id()));
    if !path.exists() {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .expect("a directory for the segment");
    }
    path
}

fn victim() -> &'static Victim {
    static VICTIM: OnceLock<Victim> = OnceLock::new();
    VICTIM.get_or_init(|| {
        let segment = Segment::open(&options()).expect("a segment");
        let pristine = segment
            .words()
            .iter()
            .map(|word| word.load(Ordering::Relaxed))
            .collect();
        Victim { segment, pristine }
    })
}

/// Every value says which key it belongs to.
fn value_of(key: u8, version: u8, length: usize) -> Vec<u8> {
    let mut value = vec![version; length + 2];
    value[0] = key;
    value[1] = version;
    value
}

pub fn run(data: &[u8]) {
    let Victim { segment, pristine } = victim();
    let words = segment.words();
    for (word, sound) in words.iter().zip(pristine) {
        word.store(*sound, Ordering::Relaxed);
    }
    let mut input = Input(data);
    for _ in 0..STEPS {
        if input.0.is_empty() {
            break;
        }
        step(segment, words, &mut input);
    }
    for key in 0..KEYS {
        read(segment, u8::try_from(key).unwrap_or_default(), 1);
    }
    let stats = segment.stats();
    assert!(stats.bytes <= stats.capacity);
}

fn step(segment: &Segment, words: &[std::sync::atomic::AtomicU64], input: &mut Input<'_>) {
    let key = input.byte() % u8::try_from(KEYS).unwrap_or(1);
    match input.byte() % 8 {
        0 | 1 => {
            let (version, length) = (input.byte(), input.below(4_200));
            let _ = segment.put(&[key], &value_of(key, version, length), input.word());
        }
        2 => read(segment, key, input.word()),
        3 => {
            segment.remove(&[key]);
        }
        4 => segment.clear(),
        5 => set(words, input.below(words.len()), input.word()),
        6 => {
            // Near what is in use: header, control words and the first sets are at the start.
            let at = input.below(4_096);
            let old = words.get(at).map_or(0, |word| word.load(Ordering::Relaxed));
            set(words, at, old ^ (1 << (input.byte() % 64)));
        }
        _ => {
            let (from, to, count) = (
                input.below(words.len()),
                input.below(words.len()),
                input.below(64),
            );
            for offset in 0..count {
                let word = words
                    .get(from + offset)
                    .map_or(0, |word| word.load(Ordering::Relaxed));
                set(words, to + offset, word);
            }
        }
    }
}

fn set(words: &[std::sync::atomic::AtomicU64], at: usize, value: u64) {
    if let Some(word) = words.get(at) {
        word.store(value, Ordering::Relaxed);
    }
}

fn read(segment: &Segment, key: u8, now_ms: u64) {
    let mut out = b"before".to_vec();
    if segment.get(&[key], now_ms, &mut out) {
        let value = out.strip_prefix(b"before").expect("what was there stays");
        let version = value.get(1).copied().unwrap_or_default();
        assert_eq!(
            value,
            value_of(key, version, value.len().saturating_sub(2)),
            "a value of another key, or a torn one"
        );
    } else {
        assert_eq!(out, b"before", "a miss leaves nothing");
    }
}
