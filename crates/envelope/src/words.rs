//! The scan as numbers in caller-owned memory, for callers across a language border: nothing is allocated for a
//! message that is not a batch.
//!
//! `out` holds [`HEADER`] words and then two words (start, end) per batch element. `src/native/layout.ts` names the same
//! words. A span whose end is 0 is absent.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::envelope::{Envelope, Failure, Limits, Span, Text};
use crate::scan::scan_range;

/// Words before the batch elements.
pub const HEADER: usize = 22;
/// Words of the limits: depth, nodes, number, id bytes, method bytes, batch messages.
pub const LIMITS: usize = 6;

/// The message was accepted.
pub const ACCEPTED: u32 = 0;
/// An argument has the wrong type or range, or `out` is too small; `out` is undefined.
pub const ARGUMENT: u32 = 100;
/// The scanner failed; `out` is undefined.
pub const PANIC: u32 = 101;

const KIND_MASK: u32 = 0b11;
const HAS_META: u32 = 1 << 2;
const IS_ERROR: u32 = 1 << 3;
const ASCII: u32 = 1 << 4;
const METHOD_ESCAPED: u32 = 1 << 5;
const NAME_ESCAPED: u32 = 1 << 6;
const URI_ESCAPED: u32 = 1 << 7;
const VERSION_ESCAPED: u32 = 1 << 8;

/// Scans `body[start..end]` into `out` and returns [`ACCEPTED`], a [`crate::Code`] or [`ARGUMENT`].
///
/// Words: 0 status, 1 offset of a failure, 2 flags, then spans of id, method, name, uri, protocol version, progress
/// token, request id, params and arguments, and the number of batch elements.
#[must_use]
pub fn scan_words(body: &[u8], start: usize, end: usize, limits: [u32; LIMITS], out: &mut [u32]) -> u32 {
    let Some(bytes) = body
        .get(..end)
        .filter(|_| start <= end && u32::try_from(end).is_ok())
    else {
        return ARGUMENT;
    };
    let Some((header, elements)) = out.split_first_chunk_mut::<HEADER>() else {
        return ARGUMENT;
    };
    let [depth, nodes, number, id_bytes, method_bytes, batch_messages] = limits;
    let limits = Limits {
        depth,
        nodes,
        number,
        id_bytes,
        method_bytes,
        batch_messages,
    };
    match scan_range(bytes, start, &limits) {
        Ok(envelope) => accept(&envelope, header, elements),
        Err(failure) => refuse(&failure, header),
    }
}

fn accept(envelope: &Envelope, header: &mut [u32; HEADER], elements: &mut [u32]) -> u32 {
    if elements.len() / 2 < envelope.elements.len() {
        return ARGUMENT;
    }
    let mut flags = envelope.kind as u32 & KIND_MASK;
    let mut flag = |condition: bool, bit: u32| flags |= if condition { bit } else { 0 };
    let escaped = |text: Option<Text>| text.is_some_and(|text| text.escaped);
    flag(envelope.has_meta, HAS_META);
    flag(envelope.is_error, IS_ERROR);
    flag(envelope.ascii, ASCII);
    flag(escaped(envelope.method), METHOD_ESCAPED);
    flag(escaped(envelope.name), NAME_ESCAPED);
    flag(escaped(envelope.uri), URI_ESCAPED);
    flag(escaped(envelope.protocol_version), VERSION_ESCAPED);
    let span = |span: Option<Span>| span.map_or((0, 0), |span| (word(span.start), word(span.end)));
    let text = |text: Option<Text>| span(text.map(|text| text.span));
    let (id, method, name, uri) = (
        span(envelope.id),
        text(envelope.method),
        text(envelope.name),
        text(envelope.uri),
    );
    let (version, progress, request) = (
        text(envelope.protocol_version),
        span(envelope.progress_token),
        span(envelope.request_id),
    );
    let (params, arguments) = (span(envelope.params), span(envelope.arguments));
    *header = [
        ACCEPTED,
        0,
        flags,
        id.0,
        id.1,
        method.0,
        method.1,
        name.0,
        name.1,
        uri.0,
        uri.1,
        version.0,
        version.1,
        progress.0,
        progress.1,
        request.0,
        request.1,
        params.0,
        params.1,
        arguments.0,
        arguments.1,
        word(envelope.elements.len()),
    ];
    for (pair, element) in elements.chunks_exact_mut(2).zip(&envelope.elements) {
        pair.copy_from_slice(&[word(element.start), word(element.end)]);
    }
    ACCEPTED
}

fn refuse(failure: &Failure, header: &mut [u32; HEADER]) -> u32 {
    let status = failure.code as u32;
    let id = failure.id.map_or((0, 0), |id| (word(id.start), word(id.end)));
    *header = [0; HEADER];
    let [first, offset, _, id_start, id_end, ..] = header;
    (*first, *offset, *id_start, *id_end) = (status, word(failure.offset), id.0, id.1);
    status
}

fn word(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Runs `work`; a panic becomes [`PANIC`] instead of crossing the border.
pub fn guarded(work: impl FnOnce() -> u32) -> u32 {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(PANIC)
}
