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
    /// A call of the system failed.
    System {
        /// Which one, or what for.
        what: &'static str,
        /// Its error number; 0 when there is none.
        errno: i32,
    },
    /// The memory would go over a limit.
    NoRoom(&'static str),
    /// Something that must be this user's alone is not.
    Untrusted(&'static str),
    /// Other processes kept changing the list of those that share the memory.
    Busy,
    /// This system has no memory that can be shared without being truncated.
    Unsupported,
}

impl Error {
    /// Stable name of the refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EntryTooLarge { .. } => "CACHE_ENTRY_TOO_LARGE",
            Self::Option(_) => "CACHE_OPTION",
            Self::Random => "CACHE_RANDOM",
            Self::System { .. } => "CACHE_SYSTEM",
            Self::NoRoom(_) => "CACHE_NO_ROOM",
            Self::Untrusted(_) => "CACHE_UNTRUSTED",
            Self::Busy => "CACHE_BUSY",
            Self::Unsupported => "CACHE_UNSUPPORTED",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntryTooLarge { bytes, limit } => {
                write!(f, "an entry of {bytes} bytes is larger than {limit}")
            }
            Self::Option(what) | Self::NoRoom(what) | Self::Untrusted(what) => f.write_str(what),
            Self::Random => f.write_str("the system gives no random bytes"),
            Self::System { what, errno } => {
                write!(f, "{what}: {}", std::io::Error::from_raw_os_error(*errno))
            }
            Self::Busy => f.write_str("other processes keep changing the list of those that share the cache"),
            Self::Unsupported => f.write_str("this system cannot share memory safely"),
        }
    }
}

impl std::error::Error for Error {}
