//! Bounds and routes of a front.

use std::time::Duration;

use crate::driver::Drivers;
use crate::guard::Policy;
use crate::queue::Capacity;
use crate::tls::Tls;

/// Every bound of a front with its default; the names are those of `src/core/limits.ts`.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Header section of a request, at most 64 KiB.
    pub header_bytes: usize,
    /// Body of a request, counted as it arrives.
    pub body_bytes: usize,
    /// How long the headers of a request may take to arrive.
    pub headers: Duration,
    /// How long a whole request may take to arrive.
    pub request: Duration,
    /// How long a connection without a request stays open.
    pub idle: Duration,
    /// How often expired connections are looked for.
    pub check: Duration,
    /// Unsent bytes a stream may hold before its connection is closed.
    pub write_buffer_bytes: usize,
    /// How long a connection may take nothing of what is to be sent.
    pub write_stall: Duration,
    /// Connections open at a time.
    pub connections: usize,
    /// Requests on one connection before it is closed.
    pub requests_per_socket: usize,
    /// Time between comments on a silent event stream.
    pub keep_alive: Duration,
    /// HTTP/2 streams of one connection at a time.
    pub streams: u32,
    /// Bounds of a message.
    pub message: envelope::Limits,
    /// Bounds of what waits for the consumer.
    pub queue: Capacity,
    /// Requests of one legacy session in flight, from which on the consumer gets all of them (`requestsPerPeer`).
    pub requests_per_session: usize,
    /// Tokens the front may know.
    pub tokens: usize,
    /// Bytes of access events kept for [`crate::Front::drain_events`]; 0 = none are kept.
    pub event_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 16 * 1024,
            body_bytes: 4 * 1024 * 1024,
            headers: Duration::from_secs(10),
            request: Duration::from_secs(30),
            idle: Duration::from_secs(65),
            check: Duration::from_secs(1),
            write_buffer_bytes: 1024 * 1024,
            write_stall: Duration::from_secs(30),
            connections: 1_024,
            requests_per_socket: 1_000,
            keep_alive: Duration::from_secs(15),
            streams: 100,
            message: envelope::Limits::default(),
            queue: Capacity::default(),
            requests_per_session: 256,
            tokens: 10_000,
            event_bytes: 0,
        }
    }
}

/// A further route; its requests are handed over without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// HTTP method.
    pub method: String,
    /// Path, compared byte by byte.
    pub path: String,
}

/// Whether requests must show who sends them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authentication {
    /// Everyone is [`crate::tokens::ANONYMOUS`]; `Authorization` decides nothing.
    #[default]
    Open,
    /// Only requests with a token of the table are answered without the consumer, which judges all others.
    Required,
}

/// What a front serves and to whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// Path of the endpoint, compared byte by byte.
    pub path: String,
    /// Further routes.
    pub routes: Vec<Route>,
    /// Who may talk to it.
    pub policy: Policy,
    /// Bounds.
    pub limits: Limits,
    /// Threads that serve connections, at least 1.
    pub threads: usize,
    /// What serves connections.
    pub drivers: Drivers,
    /// Certificate and key; None = in clear.
    pub tls: Option<Tls>,
    /// Whether requests must show who sends them.
    pub authentication: Authentication,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: "/mcp".to_owned(),
            routes: Vec::new(),
            policy: Policy::loopback(),
            limits: Limits::default(),
            threads: 1,
            drivers: Drivers::default(),
            tls: None,
            authentication: Authentication::default(),
        }
    }
}
