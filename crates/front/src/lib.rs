//! HTTP front of the server.
//!
//! It takes connections, judges requests, answers what it may from prepared bytes and hands the rest over in batches.

#![forbid(unsafe_code)]

pub mod accept;
pub mod error;
pub mod guard;
pub mod media_type;
pub mod queue;
pub mod slab;

pub use queue::Queue;
