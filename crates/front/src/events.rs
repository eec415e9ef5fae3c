//! A record of what was answered without the consumer, for tracing and audit. Off unless it is given room.
//!
//! Records are bounded by the room given; what does not fit is lost and counted. All numbers are little endian, a record
//! begins at a multiple of 8 and its size is one.
//!
//! | offset | type | meaning |
//! | --- | --- | --- |
//! | 0 | u32 | size of the record |
//! | 4 | u8 | see [`Kind`] |
//! | 5 | u8 | era: 0 legacy or unknown, 1 modern |
//! | 6 | u16 | HTTP status |
//! | 8 | u64 | when it was answered, in milliseconds since 1970 |
//! | 16 | u32 | microseconds from the whole request to its answer |
//! | 20 | u16 | number of fields |
//! | 22 | u16 | 0 |
//! | 24 | | fields, each u16 id (see [`field`]), u16 length, value; then zeros up to the size |

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// From the table.
    Prepared = 1,
    /// A notification was accepted.
    Accepted = 2,
    /// From the cache.
    Cached = 3,
    /// With an error of the front.
    Refused = 4,
}

/// Ids of fields. Values are cut at [`VALUE`] bytes.
pub mod field {
    /// Method as it stands in the message, without its quotes.
    pub const METHOD: u16 = 1;
    /// Name or URI of what was called or read.
    pub const NAME: u16 = 2;
    /// `Mcp-Session-Id`.
    pub const SESSION_ID: u16 = 3;
    /// Who asked.
    pub const PRINCIPAL: u16 = 4;
    /// `traceparent` of `_meta`.
    pub const TRACEPARENT: u16 = 5;
    /// Name of the error.
    pub const CODE: u16 = 6;
}

/// Longest value of a field.
pub const VALUE: usize = 256;
const HEAD: usize = 24;
/// No record is larger than this; what is drained into must have room for one.
pub const MAX_RECORD: usize = HEAD + 8 * (4 + VALUE);

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub kind: Kind,
    pub modern: bool,
    pub status: u16,
    pub at_ms: u64,
    pub took: Duration,
    pub fields: &'a [(u16, &'a [u8])],
}

/// Events that wait to be drained.
pub(crate) struct Events {
    room: usize,
    waiting: Mutex<Vec<u8>>,
    lost: AtomicU64,
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Events")
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

impl Events {
    /// Keeps up to `room` bytes of records; 0 = none.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            waiting: Mutex::default(),
            lost: AtomicU64::new(0),
        }
    }

    pub fn wanted(&self) -> bool {
        self.room > 0
    }

    /// Events that found no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub fn add(&self, event: &Event<'_>) {
        if !self.wanted() {
            return;
        }
        let fields = event
            .fields
            .iter()
            .map(|(id, value)| (*id, value.get(..VALUE).unwrap_or(value)));
        let length: usize = fields.clone().map(|(_, value)| 4 + value.len()).sum();
        let size = (HEAD + length).next_multiple_of(8);
        let (Ok(size_word), Ok(count)) = (u32::try_from(size), u16::try_from(event.fields.len())) else {
            return;
        };
        // No code that runs under the lock panics.
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + size > self.room {
            drop(waiting);
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let end = waiting.len() + size;
        waiting.extend_from_slice(&size_word.to_le_bytes());
        waiting.extend_from_slice(&[event.kind as u8, u8::from(event.modern)]);
        waiting.extend_from_slice(&event.status.to_le_bytes());
        waiting.extend_from_slice(&event.at_ms.to_le_bytes());
        let micros = u32::try_from(event.took.as_micros()).unwrap_or(u32::MAX);
        waiting.extend_from_slice(&micros.to_le_bytes());
        waiting.extend_from_slice(&count.to_le_bytes());
        waiting.extend_from_slice(&[0; 2]);
        for (id, value) in fields {
            waiting.extend_from_slice(&id.to_le_bytes());
            waiting.extend_from_slice(&u16::try_from(value.len()).unwrap_or(0).to_le_bytes());
            waiting.extend_from_slice(value);
        }
        waiting.resize(end, 0);
    }

    /// Moves whole records to the start of `out`, as many as fit, and returns their bytes.
    pub fn drain_into(&self, out: &mut [u8]) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = 0;
        while let Some(size) = waiting.get(at..).and_then(<[u8]>::first_chunk) {
            let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
            if size == 0 || out.len() - at < size {
                break;
            }
            at += size;
        }
        if let (Some(to), Some(from)) = (out.get_mut(..at), waiting.get(..at)) {
            to.copy_from_slice(from);
        }
        if at == waiting.len() {
            waiting.clear();
        } else {
            waiting.drain(..at);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event<'a>(fields: &'a [(u16, &'a [u8])]) -> Event<'a> {
        Event {
            kind: Kind::Cached,
            modern: true,
            status: 200,
            at_ms: 7,
            took: Duration::from_micros(5),
            fields,
        }
    }

    #[test]
    fn what_finds_no_room_is_lost_and_counted() {
        let off = Events::new(0);
        off.add(&event(&[]));
        assert_eq!((off.drain_into(&mut [0; 64]), off.lost()), (0, 0));
        let events = Events::new(64);
        for _ in 0..3 {
            events.add(&event(&[(field::METHOD, b"ping")]));
        }
        assert_eq!(events.lost(), 1);
        let mut out = [0xff; 40];
        assert_eq!(events.drain_into(&mut out), 32);
        assert_eq!(out[..8], [32, 0, 0, 0, 3, 1, 200, 0]);
        assert_eq!(
            out[8..32],
            *b"\x07\0\0\0\0\0\0\0\x05\0\0\0\x01\0\0\0\x01\0\x04\0ping"
        );
        assert_eq!(events.drain_into(&mut out), 32);
        assert_eq!(events.drain_into(&mut out), 0);
        events.add(&event(&[]));
        assert_eq!(events.drain_into(&mut out), 24);
    }

    proptest! {
        #[test]
        fn every_record_can_be_drained(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 0..8)) {
            let events = Events::new(1 << 20);
            let fields: Vec<(u16, &[u8])> = values.iter().map(|value| (field::NAME, value.as_slice())).collect();
            events.add(&event(&fields));
            events.add(&event(&fields));
            let mut out = vec![0; MAX_RECORD];
            let first = events.drain_into(&mut out);
            prop_assert!(first > 0 && first.is_multiple_of(8));
            let size = usize::try_from(u32::from_le_bytes(out[..4].try_into().expect("four"))).expect("small");
            prop_assert!(first == size || first == 2 * size);
            let rest = events.drain_into(&mut out);
            prop_assert_eq!(first + rest, 2 * size);
        }
    }
}
