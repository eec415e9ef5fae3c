//! A scanned message in the words of the envelope crate.

use envelope::words::{self, ACCEPTED, ARGUMENT, HEADER};
use envelope::{Kind, Span, Text};

use crate::error::{self, Row};
use crate::guard::{Fields, Single};
use crate::revision::Revision;

/// Words of an accepted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    header: [u32; HEADER],
    /// Start and end of each element of a batch.
    elements: Vec<u32>,
}

/// The error, and where the id stands when it is valid.
pub type Refusal = (Row, Option<(usize, usize)>);

const FLAGS: usize = 2;
const ID: usize = 3;
const METHOD: usize = 5;
const NAME: usize = 7;
const URI: usize = 9;
const VERSION: usize = 11;
const PARAMS: usize = 17;
const ELEMENTS: usize = 21;

const _: () = assert!(HEADER == 22, "the positions above follow this layout");

/// Flags of the third word; see [`words`].
pub mod words_flag {
    /// The method has escapes.
    pub const METHOD_ESCAPED: u32 = 1 << 5;
    /// `params.name` has escapes.
    pub const NAME_ESCAPED: u32 = 1 << 6;
    /// `params.uri` has escapes.
    pub const URI_ESCAPED: u32 = 1 << 7;
    /// The protocol version has escapes.
    pub const VERSION_ESCAPED: u32 = 1 << 8;
}

impl Message {
    /// Scans a body strictly.
    ///
    /// # Errors
    /// The row of the first problem.
    pub fn scan(body: &[u8], limits: &envelope::Limits) -> Result<Self, Refusal> {
        let bounds = [
            limits.depth,
            limits.nodes,
            limits.number,
            limits.id_bytes,
            limits.method_bytes,
            limits.batch_messages,
        ];
        let mut header = [0; HEADER];
        let mut status = words::scan_words(body, 0, body.len(), bounds, &mut header);
        let mut elements = Vec::new();
        if status == ARGUMENT {
            // A batch: its elements need room behind the header.
            let room = HEADER + 2 * usize::try_from(limits.batch_messages).unwrap_or(0);
            let mut all = vec![0; room];
            status = words::scan_words(body, 0, body.len(), bounds, &mut all);
            let (first, rest) = all.split_at_checked(HEADER).unwrap_or_default();
            header.copy_from_slice(first);
            let count = header.get(ELEMENTS).copied().unwrap_or(0);
            let count = 2 * usize::try_from(count).unwrap_or(0);
            elements.extend_from_slice(rest.get(..count).unwrap_or_default());
        }
        if status == ACCEPTED {
            return Ok(Self { header, elements });
        }
        let code = envelope::Code::ALL
            .into_iter()
            .find(|code| *code as u32 == status);
        Err((code.map_or(error::INTERNAL, error::row_of), span(&header, ID)))
    }

    /// All words, for the consumer.
    #[must_use]
    pub fn words(&self) -> Vec<u32> {
        let mut words = Vec::with_capacity(HEADER + self.elements.len());
        words.extend_from_slice(&self.header);
        words.extend_from_slice(&self.elements);
        words
    }

    fn text<'a>(&self, body: &'a [u8], word: usize) -> Option<&'a [u8]> {
        let (start, end) = span(&self.header, word)?;
        body.get(start..end)
    }

    /// The id as it stands in the message, quotes and all.
    #[must_use]
    pub fn id<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, ID)
    }

    /// The method as it stands in the message, escapes and all.
    #[must_use]
    pub fn method<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, METHOD)
    }

    /// The method, unless it has escapes.
    #[must_use]
    pub fn plain_method<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.method(body)
            .filter(|_| !self.has(words_flag::METHOD_ESCAPED))
    }

    /// `params.name`, escapes and all.
    #[must_use]
    pub fn name<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, NAME)
    }

    /// `params.uri`, escapes and all.
    #[must_use]
    pub fn uri<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, URI)
    }

    /// The protocol version in `_meta`, escapes and all.
    #[must_use]
    pub fn version<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, VERSION)
    }

    /// `params`.
    #[must_use]
    pub fn params<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, PARAMS)
    }

    /// True when one of these flags is set.
    #[must_use]
    pub fn has(&self, flags: u32) -> bool {
        self.header.get(FLAGS).is_some_and(|word| word & flags != 0)
    }

    /// Request, notification, response or batch.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.header.get(FLAGS).copied().unwrap_or(0) & 0b11 {
            0 => Kind::Request,
            1 => Kind::Notification,
            2 => Kind::Response,
            _ => Kind::Batch,
        }
    }

    /// The body decides; headers only where the body is silent: a modern or unknown version, or a routing header,
    /// without a session is a modern request that lacks its metadata.
    #[must_use]
    pub fn modern(&self, body: &[u8], fields: &Fields<'_>) -> bool {
        if span(&self.header, VERSION).is_some() {
            return true;
        }
        let session = fields.get(Single::SessionId).is_some();
        match fields.get(Single::ProtocolVersion) {
            Some(version) => match Revision::of(version) {
                Some(revision) => revision.modern(),
                None => !session && !self.is_initialize(body),
            },
            None => fields.get(Single::Method).is_some() && !session,
        }
    }

    fn is_initialize(&self, body: &[u8]) -> bool {
        let Some(raw) = self.method(body) else {
            return false;
        };
        let escaped = self.has(words_flag::METHOD_ESCAPED);
        if !escaped {
            return raw == b"initialize";
        }
        let span = Span {
            start: 0,
            end: raw.len(),
        };
        Text { span, escaped }.decode(raw).as_ref() == b"initialize"
    }
}

fn span(words: &[u32], at: usize) -> Option<(usize, usize)> {
    let (start, end) = (*words.get(at)?, *words.get(at + 1)?);
    (end != 0).then_some((usize::try_from(start).ok()?, usize::try_from(end).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn batches_keep_their_elements() {
        let limits = envelope::Limits::default();
        let one = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let message = Message::scan(one, &limits).expect("sound");
        assert_eq!((message.kind(), message.words().len()), (Kind::Request, HEADER));
        assert_eq!(message.id(one), Some(b"1".as_slice()));
        let many = format!("[{}]", [std::str::from_utf8(one).expect("ASCII"); 5].join(","));
        let message = Message::scan(many.as_bytes(), &limits).expect("sound");
        assert_eq!(
            (message.kind(), message.words().len()),
            (Kind::Batch, HEADER + 10)
        );
        let words = message.words();
        let (start, end) = span(&words, HEADER + 8).expect("the last element");
        assert_eq!(many.as_bytes().get(start..end), Some(one.as_slice()));
        let (row, id) =
            Message::scan(br#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, &limits).expect_err("version");
        assert_eq!((row.name, id), ("ENVELOPE_VERSION", Some((22, 23))));
    }

    proptest! {
        #[test]
        fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = Message::scan(&body, &envelope::Limits::default()) {
                let _ = (message.words(), message.modern(&body, &Fields::default()), message.id(&body));
            }
        }
    }
}
