//! What the connections of one thread share, and the way of a request that is common to all protocols.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::accept::Accepted;
use crate::clock::Clocks;
use crate::config::Config;
use crate::error::{self, MissingId, Row};
use crate::exchange::{self, Exchange, Held, Start};
use crate::guard::{self, Fields, Single};
use crate::message::Message;
use crate::queue::Queue;
use crate::replies::{Found, Replies};
use crate::slab::{self, RecordKind, Reply, Request, field, flag};
use crate::tls::Certificate;

/// What the threads of a front share.
#[derive(Debug)]
pub struct Shared {
    pub config: Config,
    pub queue: Queue,
    pub draining: AtomicBool,
    pub replies: ArcSwap<Replies>,
    /// Requests answered from the table.
    pub answered: AtomicU64,
    pub connections: AtomicUsize,
}

/// Replies on their way to one thread.
#[derive(Debug, Default)]
pub struct Inbox {
    replies: Mutex<Vec<Reply>>,
    pub notify: Notify,
}

impl Inbox {
    pub fn put(&self, mut replies: Vec<Reply>) {
        let mut waiting = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        waiting.append(&mut replies);
        drop(waiting);
        if first {
            self.notify.notify_one();
        }
    }

    fn take(&self) -> Vec<Reply> {
        std::mem::take(&mut *self.replies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One thread's share of a front.
#[derive(Debug)]
pub struct Hub {
    pub shared: Arc<Shared>,
    pub inbox: Arc<Inbox>,
    pub clocks: Clocks,
    index: u64,
    next: Cell<u64>,
    exchanges: RefCell<HashMap<u64, Rc<Exchange>>>,
    date: RefCell<Bytes>,
}

/// A response this crate makes itself.
#[derive(Debug)]
pub struct Answer {
    pub start: Start,
    pub body: Vec<u8>,
}

/// Where an admitted request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// Read its body, then [`Hub::message`].
    Message(Accepted),
    /// Hand it over as it is.
    Bare(RecordKind),
}

/// What a request leads to.
#[derive(Debug)]
pub enum Outcome {
    /// Send this.
    Answer(Answer),
    /// Send what comes.
    Wait(Held),
}

impl Hub {
    pub fn new(shared: Arc<Shared>, inbox: Arc<Inbox>, index: usize) -> Rc<Self> {
        let hub = Self {
            shared,
            inbox,
            clocks: Clocks::default(),
            index: index as u64,
            next: Cell::new(1),
            exchanges: RefCell::default(),
            date: RefCell::default(),
        };
        hub.tick();
        Rc::new(hub)
    }

    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    pub fn queue(&self) -> &Queue {
        &self.shared.queue
    }

    pub fn draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    pub fn tick(&self) {
        *self.date.borrow_mut() = httpdate::fmt_http_date(SystemTime::now()).into();
        self.clocks.sweep();
    }

    pub fn date(&self) -> Bytes {
        self.date.borrow().clone()
    }

    /// Brings the replies that have come to their exchanges; those of exchanges that are over are dropped.
    pub fn deliver(&self) {
        let bound = self.config().limits.write_buffer_bytes;
        for reply in self.inbox.take() {
            let exchange = self.exchanges.borrow().get(&reply.token).cloned();
            if let Some(exchange) = exchange {
                exchange.deliver(reply, bound);
            }
        }
    }

    pub fn forget(&self, token: u64) {
        self.exchanges.borrow_mut().remove(&token);
    }

    /// Guard, path, method and media type, in this order.
    pub fn admit(&self, fields: &Fields<'_>, method: &[u8], target: &[u8]) -> Result<Admitted, Row> {
        let config = self.config();
        if let Some(row) = guard::refuse(fields, target, &config.policy) {
            return Err(row);
        }
        let path = guard::path(target);
        if path != config.path.as_bytes() {
            let route = config.routes.iter().any(|route| {
                let head = method == b"HEAD" && route.method == "GET";
                route.path.as_bytes() == path && (head || route.method.as_bytes() == method)
            });
            return if route {
                Ok(Admitted::Bare(RecordKind::Route))
            } else {
                Err(error::HTTP_NOT_FOUND)
            };
        }
        match method {
            b"POST" if self.draining() => Err(error::SHUTTING_DOWN),
            b"POST" => {
                let accepted = fields.accepted();
                guard::refuse_media(fields, accepted).map_or(Ok(Admitted::Message(accepted)), Err)
            }
            b"GET" => Ok(Admitted::Bare(RecordKind::Get)),
            b"DELETE" => Ok(Admitted::Bare(RecordKind::Delete)),
            _ => Err(error::HTTP_METHOD),
        }
    }

    /// A POST with its whole body.
    pub fn message(
        self: &Rc<Self>,
        fields: &Fields<'_>,
        accepted: Accepted,
        body: Bytes,
        origin: Origin<'_>,
    ) -> Outcome {
        let message = match Message::scan(&body, &self.config().limits.message) {
            Ok(message) => message,
            Err((row, id)) => {
                let id = id.and_then(|(start, end)| body.get(start..end));
                return Outcome::Answer(refuse(fields, &row, id));
            }
        };
        let modern = message.modern(&body, fields);
        let id = message
            .id()
            .filter(|(start, end)| start <= end && *end <= body.len());
        let id = id.map(|(start, end)| body.slice(start..end));
        if modern
            && accepted.json
            && let Some(found) = self.shared.replies.load().find(&message, &body, fields)
        {
            self.shared.answered.fetch_add(1, Ordering::Relaxed);
            return Outcome::Answer(prepared(&found, id.as_deref()));
        }
        let request = Request {
            kind: RecordKind::Message,
            modern,
            words: message.words,
            body,
            ..Request::gone(0)
        };
        self.hand_over(fields, accepted, request, id.as_ref(), origin)
    }

    /// A request without a body that is not for the endpoint's POST.
    pub fn bare(
        self: &Rc<Self>,
        fields: &Fields<'_>,
        kind: RecordKind,
        (method, target): (&[u8], &[u8]),
        origin: Origin<'_>,
    ) -> Outcome {
        let mut request = Request {
            kind,
            ..Request::gone(0)
        };
        if kind == RecordKind::Route {
            request.fields.push(field::HTTP_METHOD, b"", method);
            request.fields.push(field::TARGET, b"", target);
        }
        self.hand_over(fields, fields.accepted(), request, None, origin)
    }

    fn hand_over(
        self: &Rc<Self>,
        fields: &Fields<'_>,
        accepted: Accepted,
        mut request: Request,
        id: Option<&Bytes>,
        origin: Origin<'_>,
    ) -> Outcome {
        let number = self.next.get();
        self.next.set(number + 1);
        let token = number * self.config().threads.max(1) as u64 + self.index;
        request.token = token;
        request.flags = if accepted.json { flag::JSON } else { 0 }
            | if accepted.sse { flag::SSE } else { 0 }
            | if origin.http2 { flag::HTTP2 } else { 0 };
        encode_fields(fields, &mut request.fields);
        request
            .fields
            .push(field::PEER, b"", origin.peer.to_string().as_bytes());
        if let Some(certificate) = origin.certificate {
            let (digest, subject) = (&certificate.sha256, &certificate.subject);
            request
                .fields
                .push(field::CLIENT_CERT_SHA256, b"", digest.as_bytes());
            request
                .fields
                .push(field::CLIENT_CERT_SUBJECT, b"", subject.as_bytes());
        }
        let kinds = (request.kind == RecordKind::Message, request.detached());
        let exchange = Rc::new(Exchange::new(token, id.cloned(), accepted, kinds));
        if self.queue().push(request).is_err() {
            let mut answer = refuse(fields, &error::QUOTA_REQUESTS, id.map(AsRef::as_ref));
            answer.start.status = 503;
            answer
                .start
                .fields
                .push(("Retry-After", Bytes::from_static(b"1")));
            return Outcome::Answer(answer);
        }
        self.exchanges.borrow_mut().insert(token, Rc::clone(&exchange));
        Outcome::Wait(Held::new(exchange, Rc::clone(self)))
    }
}

/// The answer to a request that is refused as a whole.
pub fn refuse(fields: &Fields<'_>, row: &Row, id: Option<&[u8]>) -> Answer {
    let modern = missing_id(fields) == MissingId::Omit;
    let body = error::frame(row, id, missing_id(fields));
    let mut answer = Answer::json(row.http, body);
    if row.http == 405 {
        let allow = if modern { "POST" } else { "GET, POST, DELETE" };
        answer
            .start
            .fields
            .push(("Allow", Bytes::from_static(allow.as_bytes())));
    }
    answer
}

fn prepared(found: &Found, id: Option<&[u8]>) -> Answer {
    match found {
        Found::Result(result) => {
            let id = id.unwrap_or(b"null");
            let mut body = Vec::with_capacity(result.len() + id.len() + 40);
            exchange::splice(id, result, &mut body);
            Answer::json(200, body)
        }
        Found::Accepted => Answer {
            start: Start {
                status: 202,
                fields: Vec::new(),
                length: Some(0),
            },
            body: Vec::new(),
        },
    }
}

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub http2: bool,
    pub peer: SocketAddr,
    pub certificate: Option<&'a Certificate>,
}

impl Answer {
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        let mut fields = Vec::with_capacity(2);
        fields.push(("Content-Type", Bytes::from_static(b"application/json")));
        let length = Some(body.len());
        Self {
            start: Start {
                status,
                fields,
                length,
            },
            body,
        }
    }
}

const LEGACY: [&[u8]; 4] = [b"2024-11-05", b"2025-03-26", b"2025-06-18", b"2025-11-25"];

/// True for a revision of the legacy era.
pub fn is_legacy(version: &[u8]) -> bool {
    LEGACY.contains(&version)
}

/// True for a revision of the modern era.
pub fn is_modern(version: &[u8]) -> bool {
    version == b"2026-07-28"
}

fn missing_id(fields: &Fields<'_>) -> MissingId {
    match fields.get(Single::ProtocolVersion) {
        Some(version) if !is_legacy(version) => MissingId::Omit,
        _ => MissingId::Null,
    }
}

fn encode_fields(fields: &Fields<'_>, out: &mut slab::Fields) {
    for (single, id) in [
        (Single::SessionId, field::SESSION_ID),
        (Single::ProtocolVersion, field::PROTOCOL_VERSION),
        (Single::LastEventId, field::LAST_EVENT_ID),
        (Single::Authorization, field::AUTHORIZATION),
        (Single::Method, field::MCP_METHOD),
        (Single::Name, field::MCP_NAME),
        (Single::Host, field::HOST),
        (Single::Origin, field::ORIGIN),
    ] {
        if let Some(value) = fields.get(single) {
            out.push(id, b"", value);
        }
    }
    for (name, value) in &fields.others {
        out.push(field::MCP_OTHER, name, value);
    }
}
