//! What the threads of a front share, and how they are reached.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::Notify;

use crate::cached::ResultCache;
use crate::config::Config;
use crate::events::Events;
use crate::queue::Queue;
use crate::replies::Replies;
use crate::sessions::Sessions;
use crate::slab::Reply;
use crate::stats::Counters;
use crate::tokens::Tokens;

/// The cache results are looked up in, if any.
pub type Cache = Box<dyn ResultCache>;

/// What the threads of a front share.
pub struct Shared {
    pub config: Config,
    pub queue: Queue,
    pub draining: AtomicBool,
    pub replies: ArcSwap<Replies>,
    pub cache: ArcSwapOption<Cache>,
    pub sessions: Sessions,
    pub tokens: Tokens,
    pub events: Events,
    /// One for each thread.
    pub counters: Vec<Counters>,
    pub connections: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// `wake` runs on a thread of the front when there is something to drain.
    pub fn new(config: Config, wake: Box<dyn Fn() + Send + Sync>) -> Arc<Self> {
        let threads = config.threads.max(1);
        Arc::new(Self {
            queue: Queue::new(config.limits.queue, wake),
            draining: AtomicBool::new(false),
            replies: ArcSwap::default(),
            cache: ArcSwapOption::empty(),
            sessions: Sessions::new(config.limits.requests_per_session),
            tokens: Tokens::new(config.limits.tokens),
            events: Events::new(config.limits.event_bytes),
            counters: std::iter::repeat_with(Counters::default).take(threads).collect(),
            connections: AtomicUsize::new(0),
            config,
        })
    }

    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Replies on their way to one thread.
#[derive(Debug, Default)]
pub struct Inbox {
    replies: Mutex<Vec<Reply>>,
    pub notify: Notify,
}

impl Inbox {
    pub fn put(&self, mut replies: Vec<Reply>) {
        let mut waiting = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        if first {
            *waiting = replies;
        } else {
            waiting.append(&mut replies);
        }
        drop(waiting);
        if first {
            self.notify.notify_one();
        }
    }

    pub fn take(&self) -> Vec<Reply> {
        std::mem::take(&mut *self.replies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
