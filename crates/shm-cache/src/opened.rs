//! Shared memory where it can be had, else the memory of this process.

use std::sync::Arc;

use crate::error::Error;
use crate::heap::{Heap, HeapOptions};
use crate::segment::{Segment, SegmentOptions};
use crate::store::Store;

/// Which store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Segment`].
    Segment,
    /// [`Heap`].
    Heap,
}

/// A store, and why it is not the shared one.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Which one it is.
    pub kind: Kind,
    /// Why there is no shared memory; to be logged with its code.
    pub warning: Option<Error>,
}

/// Opens a [`Segment`], or a [`Heap`] of the same size where the system has no room for one or cannot be trusted with it.
///
/// # Errors
/// [`Error::Option`] for options out of range: a mistake is not a reason for another store. [`Error::Random`].
pub fn open(options: &SegmentOptions) -> Result<Opened, Error> {
    match Segment::open(options) {
        Ok(segment) => Ok(Opened {
            store: Arc::new(segment),
            kind: Kind::Segment,
            warning: None,
        }),
        Err(error @ (Error::Option(_) | Error::Random)) => Err(error),
        Err(warning) => {
            let heap = Heap::new(HeapOptions {
                capacity: options.bytes,
                max_entry: options.max_entry,
            })?;
            Ok(Opened {
                store: Arc::new(heap),
                kind: Kind::Heap,
                warning: Some(warning),
            })
        }
    }
}
