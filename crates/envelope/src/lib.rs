//! Strict single-pass scanner of JSON-RPC messages.
//!
//! The scanner reads the bytes of one message once, without recursion and without building a tree. It checks the whole
//! text (grammar of RFC 8259, UTF-8, size limits) and finds the parts of the envelope a server routes by. The
//! TypeScript twin in `src/native/scanner.ts` gives the same verdict, code, offset and spans for every input; a contract
//! suite holds both to that.
//!
//! # Which error wins
//!
//! 1. *Text errors* end the scan where they stand, so the first in byte order wins: `PARSE_*`, `JSON_DEPTH`,
//!    `JSON_NODES`, `JSON_NUMBER`, `BATCH_SIZE`. When one value breaks several limits, the order is nodes, batch size,
//!    then depth or number. They never carry an id.
//! 2. *Content errors* need a text that is sound to its end: `JSON_SURROGATE`, `JSON_CONTROL`, `JSON_DUPLICATE_KEY`; the
//!    first in byte order wins. A batch does not report them: each element is scanned again on its own.
//! 3. *Envelope errors*, in this order: `ENVELOPE_TYPE` or `BATCH_EMPTY`, `ENVELOPE_VERSION`, `ENVELOPE_SHAPE`,
//!    `ENVELOPE_ID`, `ENVELOPE_METHOD`, `ENVELOPE_PARAMS`.
//!
//! Failures of the last two kinds carry the `id` when the object has exactly one and it is valid.
//!
//! # UTF-8 and the byte-order mark
//!
//! A byte that is not UTF-8 is `PARSE_UTF8` wherever it stands. A byte-order mark is sound UTF-8 in a place where the
//! grammar has no room for it, hence `PARSE_SYNTAX`.

#![forbid(unsafe_code)]

mod canonical;
mod check;
mod code;
mod envelope;
mod keys;
mod scan;
mod text;
pub mod words;

pub use canonical::{MAX_DEPTH, NoCanonical, Seen, canonical_params, canonical_value};
pub use code::Code;
pub use envelope::{Envelope, Failure, Kind, Limits, Span, Text};
pub use scan::{scan, scan_range};
