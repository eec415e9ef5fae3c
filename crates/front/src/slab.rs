//! Records of the hand-over, both ways. All numbers are little endian; a slab is a row of records without gaps.
//!
//! # Requests (front → consumer)
//!
//! A record begins at a multiple of 8 and its size is one.
//!
//! | offset | type | meaning |
//! | --- | --- | --- |
//! | 0 | u32 | size of the record |
//! | 4 | u8 | kind: 1 message (POST with a sound body), 2 GET, 3 DELETE, 4 another route, 5 peer gone |
//! | 5 | u8 | era of a message: 0 legacy, 1 modern; else 0 |
//! | 6 | u16 | flags, see [`flag`] |
//! | 8 | u64 | token, below 2^53; a *gone* record carries the token of the request it ends |
//! | 16 | u32 | number of envelope words |
//! | 20 | u32 | number of fields |
//! | 24 | u32 | length of the body |
//! | 28 | u32 | offset of the body in the record; 0 when it is detached or absent |
//! | 32 | u32 × words | the envelope as in [`envelope::words`]; spans count from the start of the body |
//! | … | | fields, each u16 id (see [`field`]), u16 length of the name, u32 length of the value, name, value |
//! | … | | the body, unless detached; then zeros up to the size |
//!
//! Only `MCP_OTHER` fields have a name. Values are the bytes of the field line: Latin-1 where they are not ASCII.
//!
//! A request of a legacy session is settled by the last record of its token ([`reply_flag::END`] or
//! [`reply_flag::ABANDON`]), which is to be sent even when its peer has gone: until then its id is taken.
//!
//! A body of [`INLINE`] bytes or more is detached: it waits under its token for [`crate::Queue::take_body`].
//!
//! # Replies (consumer → front)
//!
//! | offset | type | meaning |
//! | --- | --- | --- |
//! | 0 | u32 | size of the record, a multiple of 8 |
//! | 4 | u8 | flags, see [`reply_flag`] |
//! | 5 | u8 | number of fields |
//! | 6 | u16 | HTTP status; read from the first record of a token only |
//! | 8 | u64 | token |
//! | 16 | u32 | length of the body |
//! | 20 | u32 | 0 |
//! | 24 | | fields, each u16 id (see [`reply_field`]), u16 length, value |
//! | … | | the body; then zeros up to the size |

use bytes::Bytes;

/// Bodies from this size on are not copied into the slab.
pub const INLINE: usize = 64 * 1024;
/// No request record is larger than this; a slab must have room for one.
pub const MIN_SLAB: usize = 192 * 1024;
/// Fixed part of a request record.
pub const REQUEST_HEAD: usize = 32;
/// Fixed part of a reply record.
pub const REPLY_HEAD: usize = 24;

/// What a request record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RecordKind {
    /// A POST whose body is a sound message.
    Message = 1,
    /// A GET on the path of the endpoint.
    Get = 2,
    /// A DELETE on the path of the endpoint.
    Delete = 3,
    /// A request to another route.
    Route = 4,
    /// The peer has left before its reply was complete.
    Gone = 5,
}

/// Flags of a request record.
pub mod flag {
    /// The client takes `application/json`.
    pub const JSON: u16 = 1;
    /// The client takes `text/event-stream`.
    pub const SSE: u16 = 1 << 1;
    /// The body waits under the token.
    pub const DETACHED: u16 = 1 << 2;
    /// The request came over HTTP/2.
    pub const HTTP2: u16 = 1 << 3;
    /// A rule lets the result be kept, and the cache did not have it.
    pub const MISSED: u16 = 1 << 4;
}

/// Ids of request fields.
pub mod field {
    /// `Mcp-Session-Id`.
    pub const SESSION_ID: u16 = 1;
    /// `MCP-Protocol-Version`.
    pub const PROTOCOL_VERSION: u16 = 2;
    /// `Last-Event-ID`.
    pub const LAST_EVENT_ID: u16 = 3;
    /// `Authorization`.
    pub const AUTHORIZATION: u16 = 4;
    /// `Mcp-Method`.
    pub const MCP_METHOD: u16 = 5;
    /// `Mcp-Name`.
    pub const MCP_NAME: u16 = 6;
    /// Any other `Mcp-*` field (`Mcp-Param-*`), with its name in lower case.
    pub const MCP_OTHER: u16 = 7;
    /// HTTP method of a request to another route.
    pub const HTTP_METHOD: u16 = 8;
    /// Request target of a request to another route.
    pub const TARGET: u16 = 9;
    /// Address of the peer.
    pub const PEER: u16 = 10;
    /// `Host` or `:authority`.
    pub const HOST: u16 = 11;
    /// `Origin`.
    pub const ORIGIN: u16 = 12;
    /// Principal the token table has for `Authorization`, which is then left out.
    pub const PRINCIPAL: u16 = 13;
    /// Scope the token table has for `Authorization`.
    pub const SCOPE: u16 = 14;
    /// SHA-256 of the verified client certificate, in lower-case hex.
    pub const CLIENT_CERT_SHA256: u16 = 32;
    /// Subject of the verified client certificate (RFC 4514), at most 1,024 bytes of ASCII.
    pub const CLIENT_CERT_SUBJECT: u16 = 33;
}

/// Flags of a reply record.
pub mod reply_flag {
    /// Last record of this token.
    pub const END: u8 = 1;
    /// The body is one event of a stream; the first one begins it.
    pub const EVENT: u8 = 1 << 1;
    /// There is no reply: end the stream, or answer with an empty one.
    pub const ABANDON: u8 = 1 << 2;
    /// The body is a result: the envelope with the id of the request goes around it.
    pub const RESULT: u8 = 1 << 3;
    /// Begin the stream without an event.
    pub const OPEN: u8 = 1 << 4;
    /// Every flag.
    pub const ALL: u8 = 0b1_1111;
}

/// Ids of reply fields.
pub mod reply_field {
    /// `Mcp-Session-Id`.
    pub const SESSION_ID: u16 = 1;
    /// `Allow`.
    pub const ALLOW: u16 = 2;
    /// `Retry-After`.
    pub const RETRY_AFTER: u16 = 3;
    /// `WWW-Authenticate`.
    pub const WWW_AUTHENTICATE: u16 = 4;
    /// `Content-Type` in place of `application/json`.
    pub const CONTENT_TYPE: u16 = 5;
    /// `id:` of the event in the body.
    pub const EVENT_ID: u16 = 6;
    /// `event:` of the event in the body in place of `message`.
    pub const EVENT_NAME: u16 = 7;
}

/// A request on its way to the consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it is about.
    pub kind: RecordKind,
    /// Names the exchange; below 2^53.
    pub token: u64,
    /// True for the modern era.
    pub modern: bool,
    /// See [`flag`]; `DETACHED` is set by the encoder.
    pub flags: u16,
    /// The envelope of a message.
    pub words: Vec<u32>,
    /// Encoded fields.
    pub fields: Fields,
    /// The body.
    pub body: Bytes,
}

/// Fields of a request in their encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    count: u32,
    bytes: Vec<u8>,
}

impl Fields {
    /// Adds a field; a name longer than 65,535 bytes is left out, which the header limit rules out.
    pub fn push(&mut self, id: u16, name: &[u8], value: &[u8]) {
        let (Ok(name_length), Ok(length)) = (u16::try_from(name.len()), u32::try_from(value.len())) else {
            return;
        };
        self.count += 1;
        self.bytes.reserve(8 + name.len() + value.len());
        self.bytes.extend_from_slice(&id.to_le_bytes());
        self.bytes.extend_from_slice(&name_length.to_le_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend(name.iter().map(u8::to_ascii_lowercase));
        self.bytes.extend_from_slice(value);
    }

    /// Id, name and value of every field.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &[u8], &[u8])> {
        let mut rest = Reader(&self.bytes);
        std::iter::from_fn(move || {
            let (id, name, value) = (rest.u16()?, rest.u16()?, rest.u32()?);
            Some((id, rest.take(usize::from(name))?, rest.take(usize_of(value))?))
        })
    }
}

impl Request {
    /// The end of a request whose peer has left.
    #[must_use]
    pub fn gone(token: u64) -> Self {
        Self {
            kind: RecordKind::Gone,
            token,
            modern: false,
            flags: 0,
            words: Vec::new(),
            fields: Fields::default(),
            body: Bytes::new(),
        }
    }

    /// True when the body does not travel in the record.
    #[must_use]
    pub fn detached(&self) -> bool {
        self.body.len() >= INLINE
    }

    /// Bytes it holds while it waits.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.size() + if self.detached() { self.body.len() } else { 0 }
    }

    /// Size of the record.
    #[must_use]
    pub fn size(&self) -> usize {
        let body = if self.detached() { 0 } else { self.body.len() };
        (REQUEST_HEAD + self.words.len() * 4 + self.fields.bytes.len() + body).next_multiple_of(8)
    }

    /// Writes the record to the start of `out` and returns its size; None when it does not fit.
    pub fn encode(&self, out: &mut [u8]) -> Option<usize> {
        let size = self.size();
        let mut out = Writer(out.get_mut(..size)?);
        let detached = self.detached();
        let body_at = REQUEST_HEAD + self.words.len() * 4 + self.fields.bytes.len();
        out.put(&u32_of(size)?.to_le_bytes())?;
        out.put(&[self.kind as u8, u8::from(self.modern)])?;
        out.put(&(self.flags | if detached { flag::DETACHED } else { 0 }).to_le_bytes())?;
        out.put(&self.token.to_le_bytes())?;
        out.put(&u32_of(self.words.len())?.to_le_bytes())?;
        out.put(&self.fields.count.to_le_bytes())?;
        out.put(&u32_of(self.body.len())?.to_le_bytes())?;
        let inline = !detached && !self.body.is_empty();
        out.put(&(if inline { u32_of(body_at)? } else { 0 }).to_le_bytes())?;
        for word in &self.words {
            out.put(&word.to_le_bytes())?;
        }
        out.put(&self.fields.bytes)?;
        if inline {
            out.put(&self.body)?;
        }
        out.0.fill(0);
        Some(size)
    }

    /// Reads the record at the start of `slab`; a detached body is left empty. Returns it with its size.
    #[must_use]
    pub fn decode(slab: &[u8]) -> Option<(Self, usize)> {
        let size = usize_of(Reader(slab).u32()?);
        let record = slab.get(..size)?;
        let mut head = Reader(record.get(4..)?);
        let kind = match head.u8()? {
            1 => RecordKind::Message,
            2 => RecordKind::Get,
            3 => RecordKind::Delete,
            4 => RecordKind::Route,
            5 => RecordKind::Gone,
            _ => return None,
        };
        let modern = head.u8()? == 1;
        let (flags, token) = (head.u16()?, head.u64()?);
        let (words, count, length, at) = (head.u32()?, head.u32()?, head.u32()?, head.u32()?);
        if usize_of(words) > size / 4 {
            return None;
        }
        let words = (0..words).map(|_| head.u32()).collect::<Option<Vec<_>>>()?;
        let mut fields = Fields::default();
        for _ in 0..count {
            let (id, name, value) = (head.u16()?, head.u16()?, head.u32()?);
            let (name, value) = (head.take(usize::from(name))?, head.take(usize_of(value))?);
            fields.push(id, name, value);
        }
        let body = if at == 0 {
            Bytes::new()
        } else {
            let at = usize_of(at);
            Bytes::copy_from_slice(record.get(at..at.checked_add(usize_of(length))?)?)
        };
        let request = Self {
            kind,
            token,
            modern,
            flags,
            words,
            fields,
            body,
        };
        Some((request, size))
    }
}

/// A reply, or a piece of one, on its way to the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The exchange it belongs to.
    pub token: u64,
    /// See [`reply_flag`].
    pub flags: u8,
    /// HTTP status.
    pub status: u16,
    /// Ids and values, each value visible ASCII, space or tab.
    pub fields: Vec<(u16, Bytes)>,
    /// The body, the event or the result.
    pub body: Bytes,
}

/// A slab of replies has a broken record; those before it were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Where the record begins.
    pub offset: usize,
}

impl Reply {
    /// True when `flag` is set.
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// True for the last record of its token.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.has(reply_flag::END | reply_flag::ABANDON)
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, id: u16) -> Option<&Bytes> {
        self.fields
            .iter()
            .find(|field| field.0 == id)
            .map(|field| &field.1)
    }

    /// Appends the record; None, with nothing written, when a part is too long for its length field.
    #[must_use]
    pub fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        let fields: usize = self.fields.iter().map(|(_, value)| 4 + value.len()).sum();
        let size = (REPLY_HEAD + fields + self.body.len()).next_multiple_of(8);
        let (record, length) = (u32_of(size)?, u32_of(self.body.len())?);
        let count = u8::try_from(self.fields.len()).ok()?;
        if self
            .fields
            .iter()
            .any(|(_, value)| value.len() > usize::from(u16::MAX))
        {
            return None;
        }
        let end = out.len() + size;
        out.extend_from_slice(&record.to_le_bytes());
        out.extend_from_slice(&[self.flags, count]);
        out.extend_from_slice(&self.status.to_le_bytes());
        out.extend_from_slice(&self.token.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for (id, value) in &self.fields {
            out.extend_from_slice(&id.to_le_bytes());
            out.extend_from_slice(&u16::try_from(value.len()).ok()?.to_le_bytes());
            out.extend_from_slice(value);
        }
        out.extend_from_slice(&self.body);
        out.resize(end, 0);
        Some(())
    }

    /// Reads every record of a slab and gives each to `take`.
    ///
    /// # Errors
    /// [`Broken`] at the first record that is not as the module describes.
    pub fn decode_all(slab: &[u8], mut take: impl FnMut(Self)) -> Result<(), Broken> {
        // One allocation for a slab of usual size; a large one must not live as long as its slowest reader.
        let shared = (slab.len() <= INLINE).then(|| Bytes::copy_from_slice(slab));
        let mut offset = 0;
        while offset < slab.len() {
            let size = Reader(slab.get(offset..).unwrap_or_default())
                .u32()
                .map_or(0, usize_of);
            let record = offset
                .checked_add(size)
                .filter(|_| size >= REPLY_HEAD && size.is_multiple_of(8))
                .and_then(|end| slab.get(offset..end))
                .ok_or(Broken { offset })?;
            let bytes = match &shared {
                Some(all) => all.slice(offset..offset + size),
                None => Bytes::copy_from_slice(record),
            };
            take(Self::decode(&bytes).ok_or(Broken { offset })?);
            offset += size;
        }
        Ok(())
    }

    fn decode(record: &Bytes) -> Option<Self> {
        let mut head = Reader(record.get(4..)?);
        let (flags, count, status) = (head.u8()?, head.u8()?, head.u16()?);
        let (token, length) = (head.u64()?, usize_of(head.u32()?));
        if head.u32()? != 0 || flags & !reply_flag::ALL != 0 || !(200..=599).contains(&status) {
            return None;
        }
        let mut fields = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let (id, length) = (head.u16()?, head.u16()?);
            let value = head.take(usize::from(length))?;
            // A line break would split the response (or the event) in two.
            if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
                return None;
            }
            fields.push((id, record.slice_ref(value)));
        }
        let body = record.slice_ref(head.take(length)?);
        Some(Self {
            token,
            flags,
            status,
            fields,
            body,
        })
    }
}

fn u32_of(value: usize) -> Option<u32> {
    u32::try_from(value).ok()
}

fn usize_of(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

struct Writer<'a>(&'a mut [u8]);

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let (head, tail) = std::mem::take(&mut self.0).split_at_mut_checked(bytes.len())?;
        head.copy_from_slice(bytes);
        self.0 = tail;
        Some(())
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests;
