//! In place of shared memory where there is none that cannot be truncated.

use std::convert::Infallible;
use std::path::PathBuf;

use crate::error::Error;
use crate::store::{Stats, Store};

/// As on Linux.
#[derive(Clone, Debug)]
pub struct SegmentOptions {
    /// As on Linux.
    pub name: String,
    /// As on Linux.
    pub directory: Option<PathBuf>,
    /// As on Linux.
    pub bytes: usize,
    /// As on Linux.
    pub max_entry: usize,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            name: "shared".to_owned(),
            directory: None,
            bytes: 64 << 20,
            max_entry: 1 << 20,
        }
    }
}

/// Does not exist on this system.
pub struct Segment(Infallible);

impl Segment {
    /// Always fails.
    ///
    /// # Errors
    /// [`Error::Unsupported`].
    pub fn open(_: &SegmentOptions) -> Result<Self, Error> {
        Err(Error::Unsupported)
    }

    /// As on Linux.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        match self.0 {}
    }
}

impl Store for Segment {
    fn get(&self, _: &[u8], _: u64, _: &mut Vec<u8>) -> bool {
        match self.0 {}
    }

    fn put(&self, _: &[u8], _: &[u8], _: u64) -> Result<bool, Error> {
        match self.0 {}
    }

    fn remove(&self, _: &[u8]) -> bool {
        match self.0 {}
    }

    fn clear(&self) {
        match self.0 {}
    }

    fn stats(&self) -> Stats {
        match self.0 {}
    }
}
