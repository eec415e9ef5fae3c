//! Bodies of responses, without copies of what is shared.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// An id as it stands in its message; most are short.
pub type Id = SmallVec<[u8; 24]>;

/// What goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// These bytes.
    Whole(Bytes),
    /// A result with its envelope around it.
    Result {
        /// `id`.
        id: Id,
        /// `result`.
        result: Bytes,
    },
}

const BEFORE_ID: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":";
const BEFORE_RESULT: &[u8] = b",\"result\":";
const END: &[u8] = b"}";

impl Default for Payload {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Payload {
    /// Bytes of it.
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Result { id, result } => {
                BEFORE_ID.len() + id.len() + BEFORE_RESULT.len() + result.len() + END.len()
            }
        }
    }

    /// True when there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends it.
    pub fn write(&self, out: &mut BytesMut) {
        match self {
            Self::Whole(bytes) => out.extend_from_slice(bytes),
            Self::Result { id, result } => {
                out.reserve(self.len());
                for part in [BEFORE_ID, id, BEFORE_RESULT, result, END] {
                    out.extend_from_slice(part);
                }
            }
        }
    }
}

impl From<Payload> for Bytes {
    /// It as one piece.
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Whole(bytes) => bytes,
            Payload::Result { .. } => {
                let mut out = BytesMut::with_capacity(payload.len());
                payload.write(&mut out);
                out.freeze()
            }
        }
    }
}

/// An event of an event stream. In JSON a raw line break is white space; in an event it would begin another field.
pub fn event(name: &[u8], id: Option<&[u8]>, data: &Payload) -> Payload {
    let mut out = BytesMut::with_capacity(data.len() + 64 + id.map_or(0, <[u8]>::len));
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name);
    if let Some(id) = id {
        out.extend_from_slice(b"\nid: ");
        out.extend_from_slice(id);
    }
    out.extend_from_slice(b"\ndata: ");
    let from = out.len();
    data.write(&mut out);
    for byte in out.iter_mut().skip(from) {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.extend_from_slice(b"\n\n");
    Payload::Whole(out.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_bytes() {
        for payload in [
            Payload::default(),
            Payload::Whole(Bytes::from_static(b"abc")),
            Payload::Result {
                id: Id::from_slice(b"\"\\u0061\""),
                result: Bytes::from_static(b"{\"a\":1}"),
            },
        ] {
            let mut out = BytesMut::new();
            payload.write(&mut out);
            assert_eq!((payload.len(), payload.is_empty()), (out.len(), out.is_empty()));
            assert_eq!(Bytes::from(payload), out);
        }
    }

    #[test]
    fn a02_an_event_has_one_line_of_data() {
        let data = Payload::Whole(Bytes::from_static(b"{\r\n\"a\":\n\r1}"));
        let text = Bytes::from(event(b"message", Some(b"7"), &data));
        assert_eq!(text, "event: message\nid: 7\ndata: {  \"a\":  1}\n\n");
    }
}
