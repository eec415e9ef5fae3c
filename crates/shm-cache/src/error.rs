//! Why a store refuses something.

use std::fmt;

/// A refusal; [`Error::code`] is its stable name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Key and value together have `bytes` bytes, more than `limit`.
    EntryTooLarge {
        /// What was to be stored.
        bytes: usize,
        /// What the store takes.
        limit: usize,
    },
    /// An option is out of range.
    Option(&'static str),
    /// The system gave no random bytes.
    Random,
}

impl Error {
    /// Stable name of the refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EntryTooLarge { .. } => "CACHE_ENTRY_TOO_LARGE",
            Self::Option(_) => "CACHE_OPTION",
            Self::Random => "CACHE_RANDOM",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntryTooLarge { bytes, limit } => {
                write!(f, "an entry of {bytes} bytes is larger than {limit}")
            }
            Self::Option(what) => f.write_str(what),
            Self::Random => f.write_str("the system gives no random bytes"),
        }
    }
}

impl std::error::Error for Error {}
