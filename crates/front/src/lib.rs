//! HTTP front of the server.
//!
//! It takes connections, judges requests, answers what it may from prepared bytes and hands the rest over in batches.

#![forbid(unsafe_code)]

pub mod accept;
mod answer;
mod api;
pub mod cached;
mod caller;
mod clock;
pub mod config;
mod decide;
pub mod driver;
pub mod error;
pub mod events;
mod exchange;
mod framing;
pub mod guard;
mod h1;
mod h2;
mod hand_over;
mod head;
mod hub;
pub mod media_type;
mod members;
mod message;
mod open;
mod payload;
mod pool;
pub mod queue;
pub mod replies;
pub mod revision;
mod server;
pub mod sessions;
mod shared;
pub mod slab;
pub mod stats;
mod steps;
mod stream;
pub mod tls;
pub mod tokens;

pub use cached::{CacheQuery, ResultCache};
pub use config::Config;
pub use driver::Driver;
pub use queue::Queue;
pub use replies::{Replies, Rule, Table};
pub use revision::Revision;
pub use server::Front;
pub use sessions::{Sessions, now_ms};
pub use stats::Stats;
pub use tls::Tls;
pub use tokens::{Grant, Tokens};

/// Parts that only the fuzz targets use from outside.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::framing::{Ambiguous, Chunks, Framing, Progress};
    pub use crate::head::{decimal, head_end};
}
