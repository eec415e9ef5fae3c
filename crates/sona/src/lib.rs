//! The fast path of a request: which tool a name means, and whether its result is already known.
//!
//! Routing is exact. A name, an alias or a namespaced form of it leads to one route or to none; what is merely similar
//! is proposed, never called.
//!
//! The cache keeps bytes under keys that hold everything a result depends on ([`key`]). A store that panics or stalls is
//! switched off and everything is a miss from then on ([`cache`]): callers never see its failures.
//!
//! `src/native/sona.ts` is the twin in TypeScript; a contract suite holds both to the same answers.

#![forbid(unsafe_code)]

pub mod cache;
mod distance;
pub mod key;
mod router;

pub use cache::{Cache, CacheOptions, State, Written};
pub use key::{Query, Uncacheable};
pub use router::{How, MAX_SUGGESTIONS, Route, Router};
