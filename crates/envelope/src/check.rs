//! From findings to an envelope: the checks that need the whole message, in their fixed order.

use crate::code::Code;
use crate::envelope::{Envelope, Failure, Kind, Limits, Span, Text};
use crate::keys::Role;
use crate::scan::{Findings, Root, Shape, Slot};

pub(crate) fn envelope(found: Findings, bytes: &[u8], limits: &Limits) -> Result<Envelope, Failure> {
    match found.root {
        Root::Object => message(&found, bytes, limits),
        Root::Array if found.elements.is_empty() => Err(anonymous(Code::BatchEmpty, found.start)),
        Root::Array => {
            let mut batch = Envelope::new(Kind::Batch, found.ascii);
            batch.elements = found.elements;
            Ok(batch)
        }
        Root::Scalar => match found.content {
            Some(stop) => Err(anonymous(stop.code, stop.offset)),
            None => Err(anonymous(Code::EnvelopeType, found.start)),
        },
    }
}

const fn anonymous(code: Code, offset: usize) -> Failure {
    Failure {
        code,
        offset,
        id: None,
    }
}

fn message(found: &Findings, bytes: &[u8], limits: &Limits) -> Result<Envelope, Failure> {
    let id_slot = found.slot(Role::Id);
    let id = valid_id(id_slot, limits).filter(|_| !found.duplicate_id);
    let fail = |code: Code, offset: usize| Err(Failure { code, offset, id });
    // Where a missing member is reported: at the message itself.
    let at = |slot: Slot| {
        if slot.shape == Shape::Absent {
            found.start
        } else {
            slot.span.start
        }
    };

    if let Some(stop) = found.content {
        return fail(stop.code, stop.offset);
    }
    let version = found.slot(Role::JsonRpc);
    if text(version).is_none_or(|text| *text.decode(bytes) != *b"2.0") {
        return fail(Code::EnvelopeVersion, at(version));
    }
    let method = found.slot(Role::Method);
    let result = found.slot(Role::Result);
    let error = found.slot(Role::Error);
    let present = |slot: Slot| slot.shape != Shape::Absent;
    if present(method) {
        if present(result) || present(error) {
            return fail(Code::EnvelopeShape, at(method));
        }
        return call(found, limits, id);
    }
    if present(result) == present(error) || (present(error) && error.shape != Shape::Object) {
        return fail(Code::EnvelopeShape, at(error));
    }
    let nobody = matches!(id_slot.shape, Shape::Absent | Shape::Null);
    if id.is_none() && !(nobody && present(error)) {
        return fail(Code::EnvelopeId, at(id_slot));
    }
    let mut response = Envelope::new(Kind::Response, found.ascii);
    response.id = id;
    response.is_error = present(error);
    Ok(response)
}

/// A request or a notification.
fn call(found: &Findings, limits: &Limits, id: Option<Span>) -> Result<Envelope, Failure> {
    let fail = |code: Code, slot: Slot| {
        Err(Failure {
            code,
            offset: slot.span.start,
            id,
        })
    };
    let id_slot = found.slot(Role::Id);
    let kind = if id.is_some() {
        Kind::Request
    } else if id_slot.shape == Shape::Absent {
        Kind::Notification
    } else {
        return fail(Code::EnvelopeId, id_slot);
    };
    let method_slot = found.slot(Role::Method);
    let limit = limits.method_bytes as usize;
    let fits = |text: &Text| (1..=limit).contains(&(text.span.end - text.span.start));
    let Some(method) = text(method_slot).filter(fits) else {
        return fail(Code::EnvelopeMethod, method_slot);
    };
    let mut call = Envelope::new(kind, found.ascii);
    call.id = id;
    call.method = Some(method);
    let params = found.slot(Role::Params);
    match params.shape {
        Shape::Absent => return Ok(call),
        Shape::Object => call.params = Some(params.span),
        _ => return fail(Code::EnvelopeParams, params),
    }
    call.name = text(found.slot(Role::Name));
    call.uri = text(found.slot(Role::Uri));
    call.request_id = token(found.slot(Role::RequestId));
    let arguments = found.slot(Role::Arguments);
    call.arguments = (arguments.shape != Shape::Absent).then_some(arguments.span);
    call.has_meta = found.slot(Role::Meta).shape == Shape::Object;
    call.protocol_version = text(found.slot(Role::ProtocolVersion));
    call.progress_token = token(found.slot(Role::ProgressToken));
    Ok(call)
}

fn valid_id(slot: Slot, limits: &Limits) -> Option<Span> {
    token(slot).filter(|span| span.end - span.start <= limits.id_bytes as usize)
}

/// The span of a string or an integer, quotes included.
fn token(slot: Slot) -> Option<Span> {
    matches!(slot.shape, Shape::Text { .. } | Shape::Integer).then_some(slot.span)
}

/// The inside of a string.
fn text(slot: Slot) -> Option<Text> {
    let Shape::Text { escaped } = slot.shape else {
        return None;
    };
    Some(Text {
        span: Span {
            start: slot.span.start + 1,
            end: slot.span.end - 1,
        },
        escaped,
    })
}
