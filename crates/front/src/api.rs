//! What a consumer tells a front, and what it is told.

use std::sync::Arc;

use crate::cached::ResultCache;
use crate::replies::Replies;
use crate::server::Front;
use crate::sessions::Sessions;
use crate::stats::{self, Stats};
use crate::tokens::Tokens;

impl Front {
    /// Replaces the prepared replies and rules as a whole; requests that come later see the new ones.
    pub fn set_replies(&self, replies: Replies) {
        self.shared.replies.store(Arc::new(replies));
    }

    /// Looks results up in this cache from now on; None = nowhere.
    pub fn set_cache(&self, cache: Option<Box<dyn ResultCache>>) {
        self.shared.cache.store(cache.map(Arc::new));
    }

    /// The legacy sessions the front knows.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.shared.sessions
    }

    /// The tokens the front knows. They are used only with [`crate::config::Authentication::Required`].
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = stats::sum(self.shared.counters.iter());
        stats.events_lost = self.shared.events.lost();
        stats
    }

    /// Requests and notifications answered with success and without the consumer so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.stats().answered()
    }

    /// Moves access events to the start of `out`, whole records and as many as fit, and returns their bytes; see
    /// [`crate::events`]. `out` should have room for [`crate::events::MAX_RECORD`].
    pub fn drain_events(&self, out: &mut [u8]) -> usize {
        self.shared.events.drain_into(out)
    }
}
