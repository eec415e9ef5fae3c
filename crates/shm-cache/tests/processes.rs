//! Several processes on one memory: readers and writers, and processes that are killed, stopped, or hostile.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, non_snake_case)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;
use rustix::process::Signal;
use shm_cache::{Segment, Store};
use support::{FOREVER, Process, Random, Scratch, open, read, ready, role, start, value, version};

/// Keys that children write.
const KEYS: u64 = 300;
/// Keys from here on are written by the parent only.
const STABLE: u64 = 1_000_000;

fn put(segment: &Segment, key: u64, version: u64, length: usize) -> bool {
    segment
        .put(&key.to_le_bytes(), &value(key, version, length), FOREVER)
        .unwrap()
}

fn get(segment: &Segment, key: u64) -> Option<u64> {
    read(segment, &key.to_le_bytes()).map(|bytes| version(key, &bytes))
}

/// Puts `count` entries that must all stay.
fn put_stable(segment: &Segment, count: u64) {
    for key in STABLE..STABLE + count {
        assert!(put(segment, key, key, 60));
    }
}

fn expect_stable(segment: &Segment, count: u64) {
    for key in STABLE..STABLE + count {
        assert_eq!(get(segment, key), Some(key), "entry {} is lost", key - STABLE);
    }
}

#[test]
fn four_writers_and_four_readers_never_see_a_wrong_or_torn_value() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    let writers: Vec<Process> = (1..=4)
        .map(|seed| start(&format!("write {seed} 1500"), scratch.path()))
        .collect();
    let readers: Vec<Process> = (5..=8)
        .map(|seed| start(&format!("read {seed} 1500"), scratch.path()))
        .collect();
    assert!(writers.into_iter().chain(readers).all(Process::succeeds));
    let found = (0..KEYS).filter_map(|key| get(&segment, key)).count();
    assert!(found > 20, "{found}");
}

/// Puts values of all sizes, which is several times what there is room for; `milliseconds` 0 for until it is killed.
fn write(segment: &Segment, seed: u64, milliseconds: u64) {
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_millis(milliseconds);
    ready();
    while milliseconds == 0 || Instant::now() < end {
        let key = random.below(KEYS);
        let most = if random.below(8) == 0 { 20_000 } else { 3_000 };
        let length = usize::try_from(random.below(most)).unwrap();
        match random.below(50) {
            0 => {
                segment.remove(&key.to_le_bytes());
            }
            1 if random.below(100) == 0 => segment.clear(),
            _ => {
                put(segment, key, random.below(u64::MAX), length);
            }
        }
    }
}

fn check_by_reading(segment: &Segment, seed: u64, milliseconds: u64) {
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_millis(milliseconds);
    let mut hits = 0;
    while Instant::now() < end {
        hits += u64::from(get(segment, random.below(KEYS)).is_some());
    }
    let stats = segment.stats();
    assert!(hits > 0 && stats.hits == hits, "{stats:?}");
    // A writer that lost the processor for a whole lap writes into a record or two.
    assert!(stats.corrupt < 10 + hits / 1_000, "{stats:?}");
}

#[test]
fn L06_a_writer_killed_at_any_moment_loses_at_most_its_entry() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    let mut random = Random(77);
    for round in 0..220 {
        segment.clear();
        put_stable(&segment, 40);
        let mut child = start("small", scratch.path());
        child.await_ready();
        std::thread::sleep(Duration::from_micros(random.below(1_500)));
        child.kill();
        expect_stable(&segment, 40);
        // All that was written before is there; whatever was being written is old or new.
        let versions: Vec<_> = (0..16).map(|key| get(&segment, key)).collect();
        let newest = versions.iter().flatten().max().copied().unwrap_or(0);
        for (key, found) in (0..).zip(&versions) {
            let sure = (0..newest)
                .rev()
                .find(|version| version % 16 == key && *version + 1 < newest);
            assert!(
                found.unwrap_or(0) >= sure.unwrap_or(0),
                "round {round}: {key} {found:?} of {newest}"
            );
        }
        assert!(put(&segment, 3, u64::MAX, 100));
        assert_eq!(get(&segment, 3), Some(u64::MAX));
    }
    assert_eq!(segment.stats().corrupt, 0);
}

/// Puts small entries in a known order and waits to be killed; less than there is room for, however late that is.
fn write_small(segment: &Segment) {
    ready();
    for version in 1..=1_200 {
        put(segment, version % 16, version, 40);
    }
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn L06_a_stopped_writer_keeps_nobody_waiting_and_harms_nothing_when_it_goes_on() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    let mut child = start("write 99 0", scratch.path());
    child.await_ready();
    let mut random = Random(5);
    for _ in 0..40 {
        child.stop();
        // More than a lap, so that the writer goes on in lines that are others' by now.
        for _ in 0..1_200 {
            let key = random.below(KEYS);
            assert!(put(&segment, key, random.below(9), 1_200));
            assert!(get(&segment, key).is_some());
        }
        child.signal(Signal::CONT);
        for _ in 0..2_000 {
            get(&segment, random.below(KEYS));
        }
    }
    child.kill();
}

#[test]
fn L04_truncating_the_memory_or_the_list_in_a_loop_is_no_signal() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    let mut child = start("truncate 1000", scratch.path());
    child.await_ready();
    let mut random = Random(6);
    let mut opened = Vec::new();
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        let key = random.below(KEYS);
        put(&segment, key, random.below(9), 900);
        get(&segment, random.below(KEYS));
        if random.below(2_000) == 0 && opened.len() < 20 {
            // Together with the list: these find the others or begin anew.
            let other = open(scratch.path());
            put(&other, key, 1, 900);
            opened.push(other);
        }
    }
    assert!(child.succeeds(), "the memory could be truncated");
    assert!(put(&segment, 1, 2, 900));
    assert_eq!(get(&segment, 1), Some(2));
}

/// Does what it can to take pages away from the parent, of the same user.
fn truncate(directory: &Path, milliseconds: u64) {
    let list = directory.join("test");
    let text = fs::read_to_string(&list).unwrap();
    let mut fields = text.split(' ');
    let path = format!("/proc/{}/fd/{}", fields.next().unwrap(), fields.next().unwrap());
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let refused = |result: std::io::Result<()>| {
        result.is_err_and(|error| error.raw_os_error() == Some(Errno::PERM.raw_os_error()))
    };
    ready();
    let end = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < end {
        for length in [0, 4096, 1 << 21] {
            assert!(refused(file.set_len(length)));
        }
        let emptied = fs::OpenOptions::new().write(true).truncate(true).open(&path);
        assert!(refused(emptied.map(drop)));
        for offset in (1 << 18..1 << 20).step_by(1 << 16) {
            // Allowed: the page is zero afterwards, and still there.
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            rustix::fs::fallocate(&file, hole, offset, 4096).unwrap();
        }
        let _ = fs::OpenOptions::new().write(true).truncate(true).open(&list);
    }
}

#[test]
fn L05_a_process_that_writes_anything_anywhere_causes_misses_only() {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    let mut child = start("scribble 2500", scratch.path());
    child.await_ready();
    let mut random = Random(8);
    let end = Instant::now() + Duration::from_millis(2_500);
    while Instant::now() < end {
        put(
            &segment,
            random.below(KEYS),
            random.below(9),
            usize::try_from(random.below(2_000)).unwrap(),
        );
        for _ in 0..4 {
            get(&segment, random.below(KEYS));
        }
        if random.below(1_000) == 0 {
            segment.stats();
            segment.clear();
        }
    }
    assert!(child.succeeds());
    assert!(segment.stats().corrupt > 100, "{:?}", segment.stats());
    segment.clear();
    put_stable(&segment, 100);
    expect_stable(&segment, 100);
}

/// 10⁵ and more changes of bits, words, and copies of words from elsewhere, in every part of the memory.
fn scribble(segment: &Segment, milliseconds: u64) {
    let words = segment.words();
    let index = |bound: u64, random: &mut Random| usize::try_from(random.below(bound)).unwrap();
    let mut random = Random(4711);
    let mut changes = 0;
    ready();
    let end = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < end || changes < 100_000 {
        let all = words.len() as u64;
        // Control words and the index are few, and the most delicate.
        let bound = [520, 640, 6_000, all][index(4, &mut random)];
        let at = &words[index(bound, &mut random)];
        match random.below(4) {
            0 => at.store(random.below(u64::MAX), Ordering::Relaxed),
            1 => at.store(
                [0, 1, u64::MAX, 1 << 63, u64::from(u32::MAX)][index(5, &mut random)],
                Ordering::Relaxed,
            ),
            2 => at.store(
                words[index(all, &mut random)].load(Ordering::Relaxed),
                Ordering::Relaxed,
            ),
            _ => {
                at.fetch_xor(1 << random.below(64), Ordering::Relaxed);
            }
        }
        changes += 1;
        if changes % 64 == 0 {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

#[test]
fn processes_that_come_and_go_share_or_begin_anew() {
    let scratch = Scratch::new();
    let first = start("come-and-go 1", scratch.path());
    let second = start("come-and-go 2", scratch.path());
    let third = start("come-and-go 3", scratch.path());
    assert!([first, second, third].into_iter().all(Process::succeeds));
    let one = open(scratch.path());
    assert_eq!(open(scratch.path()).incarnation(), one.incarnation());
}

fn come_and_go(directory: &Path, seed: u64) {
    let mut random = Random(seed);
    for round in 0..60 {
        let segment = open(directory);
        put(&segment, seed, round, 100);
        assert_eq!(get(&segment, seed), Some(round));
        for key in 0..KEYS {
            get(&segment, key);
        }
        std::thread::sleep(Duration::from_micros(random.below(500)));
    }
}

#[test]
fn child() {
    let Some((words, directory)) = role() else { return };
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    match words[0].as_str() {
        "write" => write(&open(&directory), number(1), number(2)),
        "read" => check_by_reading(&open(&directory), number(1), number(2)),
        "small" => write_small(&open(&directory)),
        "truncate" => truncate(&directory, number(1)),
        "scribble" => scribble(&open(&directory), number(1)),
        "come-and-go" => come_and_go(&directory, number(1)),
        other => panic!("unknown role {other}"),
    }
}
