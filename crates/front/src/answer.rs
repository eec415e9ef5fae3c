//! Responses the front makes itself.

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use crate::accept::Accepted;
use crate::error::{self, MissingId, Row};
use crate::guard::{Fields, Single};
use crate::payload::{self, Id, Payload};
use crate::revision;

/// Fields of a response, most of which have few.
pub type Lines = SmallVec<[(&'static str, Bytes); 1]>;

/// The first line and fields of a response.
#[derive(Debug)]
pub struct Start {
    pub status: u16,
    pub fields: Lines,
    /// Length of the body when it is whole.
    pub length: Option<usize>,
}

/// A response this crate makes itself.
#[derive(Debug)]
pub struct Answer {
    pub start: Start,
    pub body: Payload,
}

pub const JSON: (&str, Bytes) = ("Content-Type", Bytes::from_static(b"application/json"));
pub const SSE: [(&str, Bytes); 3] = [
    ("Content-Type", Bytes::from_static(b"text/event-stream")),
    ("Cache-Control", Bytes::from_static(b"no-cache, no-transform")),
    // Reverse proxies must not hold events back (2026-07-28, Streamable HTTP, Receiving Messages).
    ("X-Accel-Buffering", Bytes::from_static(b"no")),
];

impl Answer {
    /// A JSON document.
    pub fn json(status: u16, body: Payload) -> Self {
        let start = Start {
            status,
            fields: smallvec![JSON],
            length: Some(body.len()),
        };
        Self { start, body }
    }

    /// A result, as an event where JSON is not taken.
    pub fn result(id: &[u8], result: Bytes, accepted: Accepted) -> Self {
        let id = Id::from_slice(id);
        let body = Payload::Result { id, result };
        if accepted.json {
            return Self::json(200, body);
        }
        let body = payload::event(b"message", None, &body);
        let start = Start {
            status: 200,
            fields: Lines::from_iter(SSE),
            length: Some(body.len()),
        };
        Self { start, body }
    }

    /// 202 without a body.
    pub fn accepted() -> Self {
        let start = Start {
            status: 202,
            fields: Lines::new(),
            length: Some(0),
        };
        Self {
            start,
            body: Payload::default(),
        }
    }
}

/// The answer to a request that is refused as a whole.
pub fn refuse(fields: &Fields<'_>, row: &Row, id: Option<&[u8]>) -> Answer {
    let missing = missing_id(fields);
    let body = error::frame(row, id, missing);
    let mut answer = Answer::json(row.http, Payload::Whole(body.into()));
    if row.http == 405 {
        let allow = match missing {
            MissingId::Omit => "POST",
            MissingId::Null => "GET, POST, DELETE",
        };
        let allow = Bytes::from_static(allow.as_bytes());
        answer.start.fields.push(("Allow", allow));
    }
    answer
}

fn missing_id(fields: &Fields<'_>) -> MissingId {
    match fields.get(Single::ProtocolVersion) {
        Some(version) if !revision::is_legacy(version) => MissingId::Omit,
        _ => MissingId::Null,
    }
}
