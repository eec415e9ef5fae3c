//! HTTP front of the server.
//!
//! It takes connections, judges requests, answers what it may from prepared bytes and hands the rest over in batches.

#![forbid(unsafe_code)]

pub mod accept;
mod clock;
pub mod config;
pub mod driver;
pub mod error;
mod exchange;
mod framing;
pub mod guard;
mod h1;
mod h2;
mod head;
mod hub;
pub mod media_type;
mod members;
mod message;
mod open;
pub mod queue;
pub mod replies;
mod server;
pub mod slab;
mod steps;
mod stream;
pub mod tls;

pub use config::Config;
pub use driver::Driver;
pub use queue::Queue;
pub use replies::Replies;
pub use server::Front;
pub use tls::Tls;
