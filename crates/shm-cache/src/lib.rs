//! Bounded cache of bytes under bytes.
//!
//! [`Heap`] lives in one process; [`Segment`] in memory that the processes of one user on one host share. Both are a
//! [`Store`]: a caller does not know which one it has. [`open`] takes the second where it can be had.
//!
//! A store never promises to keep an entry; it promises that what it returns was put under exactly that key, whole, and
//! has neither expired nor been removed.

mod counters;
mod error;
pub mod faults;
mod hash;
mod heap;
#[cfg(not(loom))]
mod opened;
#[cfg(any(loom, all(target_os = "linux", target_pointer_width = "64")))]
#[cfg_attr(loom, allow(dead_code))] // The model is of one shard.
mod shared;
mod store;

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(loom)))]
mod linux;
#[cfg(all(target_os = "linux", target_pointer_width = "64", not(loom)))]
mod segment;
#[cfg(all(not(all(target_os = "linux", target_pointer_width = "64")), not(loom)))]
#[path = "segment_unsupported.rs"]
mod segment;

pub use error::Error;
pub use heap::{Heap, HeapOptions};
#[cfg(not(loom))]
pub use opened::{Kind, Opened, open};
#[cfg(not(loom))]
pub use segment::{Segment, SegmentOptions};
pub use store::{Stats, Store};
