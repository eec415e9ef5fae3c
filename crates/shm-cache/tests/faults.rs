//! A writer that ends at each of its steps: every store of a word, every exchange, and between them. Needs the feature
//! `faults`.
#![cfg(all(feature = "faults", target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, non_snake_case)]

mod support;

use shm_cache::{Segment, Store, faults};
use support::{FOREVER, Scratch, open, read, role, start, value, version};

/// From here on: entries that are read all the time, and so many of them.
const HOT: u64 = 500;
const COUNT: u64 = 100;
const SUBJECT: u64 = 7;

fn put(segment: &Segment, key: u64, version: u64, length: usize) {
    segment
        .put(&key.to_le_bytes(), &value(key, version, length), FOREVER)
        .unwrap();
}

fn get(segment: &Segment, key: u64) -> Option<u64> {
    read(segment, &key.to_le_bytes()).map(|bytes| version(key, &bytes))
}

/// Memory that has been around several times, in which some entries are read all the time and stay therefore.
fn fill(segment: &Segment) {
    let read_hot = || (HOT..HOT + COUNT).all(|key| get(segment, key) == Some(1));
    for key in HOT..HOT + COUNT {
        put(segment, key, 1, 200);
    }
    for round in 0..2_600_u64 {
        if round % 130 == 0 {
            assert!(read_hot());
        }
        segment
            .put(&(10_000 + round).to_le_bytes(), &[1; 600], FOREVER)
            .unwrap();
    }
    put(segment, SUBJECT, 1, 100);
    assert!(read_hot());
}

/// Lets a child put the subject and end at one of the steps.
fn run(length: usize, steps_of_interest: impl Iterator<Item = u64>) {
    let scratch = Scratch::new();
    let segment = open(scratch.path());
    let mut survived = 0;
    for step in steps_of_interest {
        // Each time: what a writer that ended did not come to write again will be evicted some time later.
        segment.clear();
        fill(&segment);
        let before = get(&segment, SUBJECT);
        let ended = !start(&format!("put {length} {step}"), scratch.path()).succeeds();
        survived += u64::from(!ended);
        for key in HOT..HOT + COUNT {
            assert_eq!(
                get(&segment, key),
                Some(1),
                "step {step}: hot entry {} is lost",
                key - HOT
            );
        }
        let found = get(&segment, SUBJECT);
        assert!(
            found == before || found == Some(step),
            "step {step}: {before:?} became {found:?}"
        );
        assert!(ended || found == Some(step), "step {step}: the put was complete");
        put(&segment, SUBJECT, 1, 100);
        assert_eq!(get(&segment, SUBJECT), Some(1));
    }
    assert!(survived > 0, "the last steps are after the end of the put");
    assert_eq!(segment.stats().corrupt, 0);
}

#[test]
fn L06_a_writer_that_ends_at_each_step_loses_at_most_its_entry() {
    // Head, key, value, reservation and exchange are some 40 steps.
    run(100, 1..46);
}

#[test]
fn L06_also_while_it_writes_entries_again() {
    // Long enough that each put comes across some of the hot entries.
    run(4_000, (450..1_100).step_by(17));
}

#[test]
fn child() {
    let Some((words, directory)) = role() else { return };
    let number = |at: usize| words[at].parse::<u64>().unwrap();
    assert_eq!(words[0], "put");
    let segment = open(&directory);
    let value = value(SUBJECT, number(2), usize::try_from(number(1)).unwrap());
    faults::abort_at(number(2));
    segment.put(&SUBJECT.to_le_bytes(), &value, FOREVER).unwrap();
    println!("{} steps", faults::taken());
}
