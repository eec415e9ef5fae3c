//! Ends the process in the middle of a write, for tests with the feature `faults`; nothing without it.

#[cfg(feature = "faults")]
mod counter {
    use std::sync::atomic::{AtomicU64, Ordering};

    static LEFT: AtomicU64 = AtomicU64::new(0);
    static TAKEN: AtomicU64 = AtomicU64::new(0);

    /// Aborts at the `steps`-th step from now on; 0 for never.
    pub fn abort_at(steps: u64) {
        TAKEN.store(0, Ordering::SeqCst);
        LEFT.store(steps, Ordering::SeqCst);
    }

    /// Steps taken since [`abort_at`].
    #[must_use]
    pub fn taken() -> u64 {
        TAKEN.load(Ordering::SeqCst)
    }

    /// A point at which a test may end the process.
    pub fn step() {
        TAKEN.fetch_add(1, Ordering::SeqCst);
        if LEFT.load(Ordering::SeqCst) != 0 && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    }
}

#[cfg(feature = "faults")]
pub use counter::{abort_at, step, taken};

/// A point at which a test may end the process.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub const fn step() {}
