//! What a store has counted in this process.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::Stats;

/// Counters of [`Stats`].
#[derive(Debug, Default)]
pub struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    puts: AtomicU64,
    refused: AtomicU64,
    evictions: AtomicU64,
    corrupt: AtomicU64,
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counters {
    pub fn hit(&self) {
        add(&self.hits, 1);
    }

    pub fn miss(&self) {
        add(&self.misses, 1);
    }

    pub fn refuse(&self) {
        add(&self.refused, 1);
    }

    pub fn corrupt(&self) {
        add(&self.corrupt, 1);
    }

    /// A put that had `evicted` entries go.
    pub fn put(&self, evicted: u64) {
        add(&self.puts, 1);
        if evicted != 0 {
            add(&self.evictions, evicted);
        }
    }

    /// The counters; sizes are zero.
    pub fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            hits: read(&self.hits),
            misses: read(&self.misses),
            puts: read(&self.puts),
            refused: read(&self.refused),
            evictions: read(&self.evictions),
            corrupt: read(&self.corrupt),
            ..Stats::default()
        }
    }
}
