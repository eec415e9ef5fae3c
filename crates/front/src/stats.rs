//! What became of the requests of a front, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{self, Row};
use crate::replies::Prepared;

/// Numbers since the start of a front, over all threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests answered from the table, by method.
    pub prepared: Vec<(&'static str, u64)>,
    /// Notifications accepted without the consumer.
    pub accepted: u64,
    /// Requests answered from the cache.
    pub hits: u64,
    /// Requests looked up and not found.
    pub misses: u64,
    /// Look-ups that panicked; each is also a miss.
    pub failures: u64,
    /// Requests given to the consumer.
    pub handed_over: u64,
    /// Requests refused because too many waited for the consumer.
    pub busy: u64,
    /// Requests refused by the front, by the name of the error; those that never happened are left out.
    pub refused: Vec<(&'static str, u64)>,
    /// Access events lost because they were not drained in time.
    pub events_lost: u64,
}

impl Stats {
    /// Requests and notifications answered with success and without the consumer.
    #[must_use]
    pub fn answered(&self) -> u64 {
        let prepared: u64 = self.prepared.iter().map(|(_, count)| count).sum();
        prepared + self.accepted + self.hits
    }
}

/// The counters of one thread, apart from those of others in memory.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    prepared: [AtomicU64; Prepared::ALL.len()],
    pub accepted: Counter,
    pub hits: Counter,
    pub misses: Counter,
    pub failures: Counter,
    pub handed_over: Counter,
    pub busy: Counter,
    refused: Refused,
}

#[derive(Debug)]
struct Refused([AtomicU64; error::ALL.len()]);

impl Default for Refused {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; error::ALL.len()])
    }
}

/// One number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub fn prepared(&self, method: Prepared) {
        if let Some(counter) = self.prepared.get(method as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn refused(&self, row: &Row) {
        let index = error::ALL.iter().position(|each| each.name == row.name);
        if let Some(counter) = index.and_then(|index| self.refused.0.get(index)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Adds up the counters of all threads.
pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a Counters>) -> Stats {
    let mut stats = Stats {
        prepared: Prepared::ALL.map(|method| (method.name(), 0)).into(),
        refused: error::ALL.iter().map(|row| (row.name, 0)).collect(),
        ..Stats::default()
    };
    for counters in all {
        for ((_, sum), counter) in stats.prepared.iter_mut().zip(&counters.prepared) {
            *sum += counter.load(Ordering::Relaxed);
        }
        for ((_, sum), counter) in stats.refused.iter_mut().zip(&counters.refused.0) {
            *sum += counter.load(Ordering::Relaxed);
        }
        stats.accepted += counters.accepted.get();
        stats.hits += counters.hits.get();
        stats.misses += counters.misses.get();
        stats.failures += counters.failures.get();
        stats.handed_over += counters.handed_over.get();
        stats.busy += counters.busy.get();
    }
    stats.refused.retain(|(_, count)| *count > 0);
    stats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up() {
        let threads = [Counters::default(), Counters::default()];
        for counters in &threads {
            counters.prepared(Prepared::Tools);
            counters.hits.add();
            counters.refused(&error::HTTP_ACCEPT);
        }
        threads[1].accepted.add();
        threads[1].refused(&error::SHUTTING_DOWN);
        let stats = sum(threads.iter());
        assert_eq!(stats.refused, [("HTTP_ACCEPT", 2), ("SHUTTING_DOWN", 1)]);
        assert!(stats.prepared.contains(&("tools/list", 2)) && stats.prepared.contains(&("ping", 0)));
        assert_eq!((stats.hits, stats.accepted, stats.answered()), (2, 1, 5));
    }
}
