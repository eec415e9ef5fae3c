//! The store in memory shared by the processes of one host.
//!
//! The memory is an array of words that any process of the same user may change at any moment, so it is only ever read and
//! written as atomic words, and nothing read from it is believed before it was checked against the process's own idea of
//! the layout.
//!
//! - [`layout`]: where what is, computed from two numbers and never read from the memory.
//! - [`ring`], [`record`]: entries as records in a ring, with checksum.
//! - [`index`], [`shard`], [`writer`]: how readers and writers find and exchange records without locks.
//! - [`header`]: what a process checks before it uses memory that another one made.

pub mod atomic;
pub mod header;
pub mod index;
pub mod layout;
#[cfg(all(test, loom))]
mod model;
pub mod record;
pub mod ring;
pub mod shard;
#[cfg(all(test, not(loom)))]
mod shard_tests;
pub mod writer;
