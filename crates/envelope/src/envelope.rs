use std::borrow::Cow;

use crate::code::Code;
use crate::text;

/// Byte range `[start, end)` in the scanned bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes of the range; empty when the range does not fit `bytes`.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

/// The inside of a JSON string, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Range between the quotes.
    pub span: Span,
    /// True when the range has escapes, so that its bytes are not yet the text.
    pub escaped: bool,
}

impl Text {
    /// The text, decoded.
    #[must_use]
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        let raw = self.span.of(bytes);
        if self.escaped {
            Cow::Owned(text::decode(raw))
        } else {
            Cow::Borrowed(raw)
        }
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Has a method and an id.
    Request = 0,
    /// Has a method and no id.
    Notification = 1,
    /// Has a result or an error.
    Response = 2,
    /// An array of messages, each to be scanned on its own.
    Batch = 3,
}

/// What the scan found in a message it accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Request, notification, response or batch.
    pub kind: Kind,
    /// True when every byte is ASCII.
    pub ascii: bool,
    /// `id` with its quotes, as it stands in the message.
    pub id: Option<Span>,
    /// `method`.
    pub method: Option<Text>,
    /// `params.name` when it is a string.
    pub name: Option<Text>,
    /// `params.uri` when it is a string.
    pub uri: Option<Text>,
    /// `params._meta["io.modelcontextprotocol/protocolVersion"]` when it is a string.
    pub protocol_version: Option<Text>,
    /// True when `params._meta` is an object.
    pub has_meta: bool,
    /// `params._meta.progressToken` with its quotes, when it is a string or an integer.
    pub progress_token: Option<Span>,
    /// `params.requestId` with its quotes, when it is a string or an integer.
    pub request_id: Option<Span>,
    /// `params`.
    pub params: Option<Span>,
    /// `params.arguments`, whatever its type.
    pub arguments: Option<Span>,
    /// Response: it carries `error`.
    pub is_error: bool,
    /// Batch: the messages.
    pub elements: Vec<Span>,
}

impl Envelope {
    pub(crate) const fn new(kind: Kind, ascii: bool) -> Self {
        Self {
            kind,
            ascii,
            id: None,
            method: None,
            name: None,
            uri: None,
            protocol_version: None,
            has_meta: false,
            progress_token: None,
            request_id: None,
            params: None,
            arguments: None,
            is_error: false,
            elements: Vec::new(),
        }
    }
}

/// Why and where a message was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The row of the error table.
    pub code: Code,
    /// Byte at which the problem stands; the length of the text when it ends too early.
    pub offset: usize,
    /// `id` when the message has exactly one and it is valid.
    pub id: Option<Span>,
}

/// Bounds of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Containers inside each other, the message itself included.
    pub depth: u32,
    /// Values, containers included, keys not.
    pub nodes: u32,
    /// Characters of one number literal.
    pub number: u32,
    /// Bytes of `id` as it stands in the message.
    pub id_bytes: u32,
    /// Bytes of `method` between its quotes.
    pub method_bytes: u32,
    /// Messages of a batch.
    pub batch_messages: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            nodes: 50_000,
            number: 64,
            id_bytes: 256,
            method_bytes: 256,
            batch_messages: 100,
        }
    }
}
