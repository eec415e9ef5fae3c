//! Which requests leave no question, so that they are answered without the consumer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use envelope::Kind;

use crate::cached::CacheQuery;
use crate::events::field;
use crate::guard::{Fields, Single};
use crate::media_type::trim_js;
use crate::members::members;
use crate::message::{Message, words_flag};
use crate::replies::{Cacheable, Prepared, Rule, Table};
use crate::revision::{self, Revision};
use crate::sessions::Session;

/// A message and what came with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub message: &'a Message,
    pub body: &'a [u8],
    pub fields: &'a Fields<'a>,
    /// Its era.
    pub modern: bool,
    /// Its session, when it is one of the principal.
    pub session: Option<&'a Session>,
    /// Who asks.
    pub principal: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Fields of an access event, and how many there are.
    pub fn described(&self) -> ([(u16, &'a [u8]); 5], usize) {
        let Self { message, body, .. } = *self;
        let trace = message
            .params(body)
            .and_then(|params| members(params).find(|(key, _)| *key == META))
            .and_then(|(_, meta)| members(meta).find(|(key, _)| *key == b"\"traceparent\""))
            .and_then(|(_, value)| value.strip_prefix(b"\"")?.strip_suffix(b"\""));
        let all = [
            (field::METHOD, message.method(body)),
            (field::NAME, message.name(body).or_else(|| message.uri(body))),
            (
                field::SESSION_ID,
                self.session.and(self.fields.get(Single::SessionId)),
            ),
            (field::PRINCIPAL, Some(self.principal)),
            (field::TRACEPARENT, trace),
        ];
        let mut fields = [(0, [].as_slice()); 5];
        let mut count = 0;
        let present = all.into_iter().filter_map(|(id, value)| Some((id, value?)));
        for (slot, value) in fields.iter_mut().zip(present) {
            *slot = value;
            count += 1;
        }
        (fields, count)
    }
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision<'a> {
    /// The result for the id of the request.
    Prepared(Prepared, &'a Bytes),
    /// 202 without a body.
    Accepted,
    /// The result, if it is found.
    LookUp(CacheQuery<'a>),
    /// The consumer says.
    HandOver,
}

/// Decides on a message for whoever `table` is for.
pub(crate) fn decide<'a>(asked: &Asked<'a>, table: &'a Table) -> Decision<'a> {
    let found = match asked.message.kind() {
        Kind::Request if asked.modern => modern_request(asked, table),
        Kind::Request => legacy_request(asked, table),
        Kind::Notification if table.notifications => notification(asked),
        _ => None,
    };
    found.unwrap_or(Decision::HandOver)
}

fn modern_request<'a>(asked: &Asked<'a>, table: &'a Table) -> Option<Decision<'a>> {
    let method = asked.message.plain_method(asked.body)?;
    if let Some(prepared) = Prepared::of(method) {
        let result = table.result(Revision::July2026, prepared)?;
        let revision = agreed(asked, method, None)?;
        let sound = only_meta(asked.message.params(asked.body)?) && meta(asked)?;
        return (sound && revision == Revision::July2026).then_some(Decision::Prepared(prepared, result));
    }
    let cacheable = Cacheable::of(method)?;
    let (name, rule) = named(asked, cacheable, table)?;
    let revision = agreed(asked, method, Some(name))?;
    // Mirrored parameters are compared by the consumer.
    let sound = asked.fields.others.is_empty() && meta(asked)?;
    let params = only_call(asked, cacheable)?;
    sound.then(|| look_up(asked, method, name, params, rule, revision))
}

fn legacy_request<'a>(asked: &Asked<'a>, table: &'a Table) -> Option<Decision<'a>> {
    let method = asked.message.plain_method(asked.body)?;
    let session = legacy_session(asked)?;
    let free = || session.free(asked.message.id(asked.body).unwrap_or_default());
    if let Some(prepared) = Prepared::of(method) {
        let result = table.result(session.revision, prepared)?;
        let plain = asked.message.params(asked.body).is_none_or(only_plain_meta);
        return (plain && free()).then_some(Decision::Prepared(prepared, result));
    }
    let cacheable = Cacheable::of(method)?;
    let (name, rule) = named(asked, cacheable, table)?;
    let params = only_call(asked, cacheable)?;
    let plain = members(params).all(|(key, value)| key != META || plain_meta(value));
    (plain && free()).then(|| look_up(asked, method, name, params, rule, session.revision))
}

fn notification<'a>(asked: &Asked<'a>) -> Option<Decision<'a>> {
    if asked.modern {
        let version = asked.fields.get(Single::ProtocolVersion);
        let known = asked.message.version(asked.body).is_some() || version.is_none_or(revision::is_modern);
        return known.then_some(Decision::Accepted);
    }
    legacy_session(asked)?;
    let seen: [&[u8]; 3] = [
        b"notifications/initialized",
        b"notifications/cancelled",
        b"notifications/roots/list_changed",
    ];
    let method = asked.message.plain_method(asked.body)?;
    (!seen.contains(&method)).then_some(Decision::Accepted)
}

/// The session of a legacy message whose version field, if any, names a legacy revision.
fn legacy_session<'a>(asked: &Asked<'a>) -> Option<&'a Session> {
    let version = asked.fields.get(Single::ProtocolVersion);
    asked.session.filter(|_| version.is_none_or(revision::is_legacy))
}

/// The name of what is called, and its rule.
fn named<'a>(asked: &Asked<'a>, method: Cacheable, table: &'a Table) -> Option<(&'a [u8], &'a Rule)> {
    let Asked { message, body, .. } = asked;
    let (name, escaped) = match method {
        Cacheable::Resource => (message.uri(body)?, words_flag::URI_ESCAPED),
        Cacheable::Tool | Cacheable::Prompt => (message.name(body)?, words_flag::NAME_ESCAPED),
    };
    let rule = table.rule(method, name).filter(|_| !message.has(escaped))?;
    Some((name, rule))
}

fn look_up<'a>(
    asked: &Asked<'a>,
    method: &'a [u8],
    name: &'a [u8],
    params: &'a [u8],
    rule: &'a Rule,
    revision: Revision,
) -> Decision<'a> {
    Decision::LookUp(CacheQuery {
        method,
        name,
        params,
        revision: revision.name(),
        epoch: &rule.epoch,
        principal: (!rule.public).then_some(asked.principal),
    })
}

/// The revision, when the mirrored fields say what the body says (2026-07-28, Streamable HTTP, Server Validation).
/// Texts with escapes are left to the consumer.
fn agreed(asked: &Asked<'_>, method: &[u8], named: Option<&[u8]>) -> Option<Revision> {
    let Asked {
        message,
        body,
        fields,
        ..
    } = asked;
    if message.has(words_flag::VERSION_ESCAPED) {
        return None;
    }
    let version = message.version(body)?;
    let field = |which| fields.get(which).map(trim_js);
    let same = field(Single::ProtocolVersion) == Some(version) && field(Single::Method) == Some(method);
    let revision = Revision::of(version).filter(|revision| same && revision.modern())?;
    let Some(named) = named else { return Some(revision) };
    let value = field(Single::Name)?;
    (value == named && plain_value(value) || decoded(value).is_some_and(|value| value == named))
        .then_some(revision)
}

const SENTINEL: &[u8] = b"=?base64?";

/// True when the field value stands for itself.
fn plain_value(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) && !value.starts_with(SENTINEL)
}

/// The text a field value stands for: plain, or Base64 of UTF-8 in its sentinel (2026-07-28, Value Encoding).
#[must_use]
pub(crate) fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return None;
    }
    let inner = value
        .strip_prefix(SENTINEL)
        .and_then(|rest| rest.strip_suffix(b"?=".as_slice()));
    match inner {
        // The engine refuses missing padding and stray bits.
        Some(text) => STANDARD
            .decode(text)
            .ok()
            .filter(|bytes| std::str::from_utf8(bytes).is_ok()),
        None => Some(value.to_vec()),
    }
}

const META: &[u8] = b"\"_meta\"";
const PROGRESS_TOKEN: &[u8] = b"\"progressToken\"";
const CAPABILITIES: &[u8] = b"\"io.modelcontextprotocol/clientCapabilities\"";
const CLIENT_INFO: &[u8] = b"\"io.modelcontextprotocol/clientInfo\"";
const LOG_LEVEL: &[u8] = b"\"io.modelcontextprotocol/logLevel\"";

/// `params` when it has no member but the name, the arguments and `_meta`.
fn only_call<'a>(asked: &Asked<'a>, method: Cacheable) -> Option<&'a [u8]> {
    let params = asked.message.params(asked.body)?;
    let name: &[u8] = match method {
        Cacheable::Resource => b"\"uri\"",
        Cacheable::Tool | Cacheable::Prompt => b"\"name\"",
    };
    let arguments = method != Cacheable::Resource;
    members(params)
        .all(|(key, _)| key == name || key == META || (arguments && key == b"\"arguments\""))
        .then_some(params)
}

/// True for params with `_meta` and nothing else.
fn only_meta(params: &[u8]) -> bool {
    let mut list = members(params);
    matches!((list.next(), list.next()), (Some((META, _)), None))
}

/// True when `_meta` of a modern request is one the consumer would take without a remark; None without one.
fn meta(asked: &Asked<'_>) -> Option<bool> {
    let params = asked.message.params(asked.body)?;
    let (_, meta) = members(params).find(|(key, _)| *key == META)?;
    let mut capable = false;
    let sound = members(meta).all(|(key, value)| match key {
        CAPABILITIES => {
            capable = value.starts_with(b"{");
            capable
        }
        CLIENT_INFO => value.starts_with(b"{") && is_implementation(value),
        LOG_LEVEL | PROGRESS_TOKEN => false,
        // It could spell any of the above.
        other => !other.contains(&b'\\'),
    });
    Some(sound && capable)
}

fn is_implementation(object: &[u8]) -> bool {
    let (mut name, mut version) = (false, false);
    members(object).all(|(key, value)| {
        let text = value.starts_with(b"\"");
        match key {
            b"\"name\"" => name = text,
            b"\"version\"" => version = text,
            // It could spell one of the above.
            other => return !other.contains(&b'\\'),
        }
        text
    }) && name
        && version
}

/// True for legacy params without a member, or with nothing but a `_meta` that asks for nothing.
fn only_plain_meta(params: &[u8]) -> bool {
    members(params).all(|(key, value)| key == META && plain_meta(value))
}

/// True for an object without a progress token.
fn plain_meta(meta: &[u8]) -> bool {
    let plain = |key: &[u8]| key != PROGRESS_TOKEN && !key.contains(&b'\\');
    meta.starts_with(b"{") && members(meta).all(|(key, _)| plain(key))
}

#[cfg(test)]
mod tests;
