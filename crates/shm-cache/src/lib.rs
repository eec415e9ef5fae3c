//! Bounded cache of bytes under bytes.
//!
//! [`Heap`] lives in one process. Both sides of the interface are the trait [`Store`]: a caller does not know which store
//! it has.
//!
//! A store never promises to keep an entry; it promises that what it returns was put under exactly that key, whole, and
//! has neither expired nor been removed.

mod error;
mod hash;
mod heap;
mod store;

pub use error::Error;
pub use heap::{Heap, HeapOptions};
pub use store::{Stats, Store};
