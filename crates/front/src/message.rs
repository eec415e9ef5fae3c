//! A scanned message in the words of the envelope crate.

use std::cell::RefCell;

use envelope::words::{self, ACCEPTED, HEADER};

use crate::error::{self, Row};
use crate::guard::{Fields, Single};
use crate::hub::{is_legacy, is_modern};
use crate::replies::words_flag;

/// Words of an accepted message.
#[derive(Debug)]
pub struct Message {
    pub words: Vec<u32>,
}

/// The error, and where the id stands when it is valid.
pub type Refusal = (Row, Option<(usize, usize)>);

const ID: usize = 3;
const METHOD: usize = 5;
const NAME: usize = 7;
const URI: usize = 9;
const VERSION: usize = 11;
const PARAMS: usize = 17;
const ELEMENTS: usize = 21;

thread_local! {
    static SCRATCH: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

impl Message {
    pub fn scan(body: &[u8], limits: &envelope::Limits) -> Result<Self, Refusal> {
        SCRATCH.with_borrow_mut(|out| {
            let room = HEADER + 2 * usize::try_from(limits.batch_messages).unwrap_or(0);
            if out.len() < room {
                out.resize(room, 0);
            }
            let bounds = [
                limits.depth,
                limits.nodes,
                limits.number,
                limits.id_bytes,
                limits.method_bytes,
                limits.batch_messages,
            ];
            let status = words::scan_words(body, 0, body.len(), bounds, out);
            if status == ACCEPTED {
                let elements = out.get(ELEMENTS).copied().unwrap_or(0);
                let count = HEADER + 2 * usize::try_from(elements).unwrap_or(0);
                return Ok(Self {
                    words: out.get(..count).unwrap_or_default().to_vec(),
                });
            }
            let code = envelope::Code::ALL
                .into_iter()
                .find(|code| *code as u32 == status);
            Err((code.map_or(error::INTERNAL, error::row_of), span(out, ID)))
        })
    }

    pub fn id(&self) -> Option<(usize, usize)> {
        span(&self.words, ID)
    }

    fn text<'a>(&self, body: &'a [u8], word: usize) -> Option<&'a [u8]> {
        let (start, end) = span(&self.words, word)?;
        body.get(start..end)
    }

    /// The method as it stands in the message, escapes and all.
    pub fn method<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, METHOD)
    }

    /// The method, unless it has escapes.
    pub fn plain_method<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.method(body)
            .filter(|_| !self.has(words_flag::METHOD_ESCAPED))
    }

    /// `params.name`, escapes and all.
    pub fn name<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, NAME)
    }

    /// `params.uri`, escapes and all.
    pub fn uri<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, URI)
    }

    /// The protocol version in `_meta`, escapes and all.
    pub fn version<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, VERSION)
    }

    /// `params`.
    pub fn params<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        self.text(body, PARAMS)
    }

    /// True when one of these flags is set.
    pub fn has(&self, flags: u32) -> bool {
        self.words.get(2).is_some_and(|word| word & flags != 0)
    }

    /// Request, notification, response or batch.
    pub fn kind(&self) -> u32 {
        self.words.get(2).copied().unwrap_or(0) & 0b11
    }

    /// The body decides; headers only where the body is silent: a modern or unknown version, or a routing header,
    /// without a session is a modern request that lacks its metadata.
    pub fn modern(&self, body: &[u8], fields: &Fields<'_>) -> bool {
        if span(&self.words, VERSION).is_some() {
            return true;
        }
        let session = fields.get(Single::SessionId).is_some();
        match fields.get(Single::ProtocolVersion) {
            Some(version) if is_modern(version) => true,
            Some(version) if is_legacy(version) => false,
            Some(_) => !session && !self.is_initialize(body),
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
        let span = envelope::Span {
            start: 0,
            end: raw.len(),
        };
        envelope::Text { span, escaped }.decode(raw).as_ref() == b"initialize"
    }
}

fn span(words: &[u32], at: usize) -> Option<(usize, usize)> {
    let (start, end) = (*words.get(at)?, *words.get(at + 1)?);
    (end != 0).then_some((usize::try_from(start).ok()?, usize::try_from(end).ok()?))
}
