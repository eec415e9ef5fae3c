//! One request that waits for its reply, and the reply as it goes out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::accept::Accepted;
use crate::hub::Hub;
use crate::slab::{Reply, Request, reply_field, reply_flag};

/// State shared by the driver, which sends, and the hub, which brings replies.
#[derive(Debug)]
pub struct Exchange {
    pub token: u64,
    id: Option<Bytes>,
    accepted: Accepted,
    /// A reply with status 200 may become an event.
    message: bool,
    /// The body waits with the queue.
    detached: bool,
    inbox: RefCell<VecDeque<Reply>>,
    /// Bytes in `inbox`.
    queued: Cell<usize>,
    /// Bytes the driver has taken and not sent.
    pub unsent: Cell<usize>,
    overflow: Cell<bool>,
    streaming: Cell<bool>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// The peer did not read its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// The first line and fields of a response.
#[derive(Debug)]
pub struct Start {
    pub status: u16,
    pub fields: Vec<(&'static str, Bytes)>,
    /// Length of the body when it is whole.
    pub length: Option<usize>,
}

/// What goes out next.
#[derive(Debug)]
pub struct Output {
    pub start: Option<Start>,
    pub data: Vec<u8>,
    pub end: bool,
}

const JSON: Bytes = Bytes::from_static(b"application/json");
const SSE: [(&str, Bytes); 3] = [
    ("Content-Type", Bytes::from_static(b"text/event-stream")),
    ("Cache-Control", Bytes::from_static(b"no-cache, no-transform")),
    // Reverse proxies must not hold events back (2026-07-28, Streamable HTTP, Receiving Messages).
    ("X-Accel-Buffering", Bytes::from_static(b"no")),
];

/// A comment that keeps a quiet stream alive.
pub const COMMENT: &[u8] = b":\n\n";

impl Exchange {
    pub fn new(token: u64, id: Option<Bytes>, accepted: Accepted, (message, detached): (bool, bool)) -> Self {
        Self {
            token,
            id,
            accepted,
            message,
            detached,
            inbox: RefCell::default(),
            queued: Cell::new(0),
            unsent: Cell::new(0),
            overflow: Cell::new(false),
            streaming: Cell::new(false),
            ended: Cell::new(false),
            waker: RefCell::default(),
        }
    }

    /// Takes a reply for the driver.
    pub fn deliver(&self, reply: Reply, bound: usize) {
        let waiting = self.queued.get().saturating_add(self.unsent.get());
        if waiting > bound {
            self.overflow.set(true);
        } else {
            self.queued.set(self.queued.get() + reply.body.len());
            self.inbox.borrow_mut().push_back(reply);
        }
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// True when the peer did not take its stream in time.
    pub fn overflowed(&self) -> bool {
        self.overflow.get()
    }

    /// Remembers who waits, for the next delivery.
    pub fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// The next output.
    pub fn poll_output(&self, cx: &Context<'_>) -> Poll<Result<Output, Overflow>> {
        if self.overflow.get() {
            return Poll::Ready(Err(Overflow));
        }
        let Some(reply) = self.inbox.borrow_mut().pop_front() else {
            self.listen(cx);
            return Poll::Pending;
        };
        self.queued.set(self.queued.get() - reply.body.len());
        Poll::Ready(Ok(self.output(&reply)))
    }

    pub fn streaming(&self) -> bool {
        self.streaming.get()
    }

    fn output(&self, reply: &Reply) -> Output {
        let end = reply.has(reply_flag::END | reply_flag::ABANDON);
        self.ended.set(end);
        let stream = reply.has(reply_flag::EVENT | reply_flag::OPEN) || !end;
        if self.streaming.get() {
            let silent = reply.has(reply_flag::ABANDON) || reply.body.is_empty();
            let data = if silent { Vec::new() } else { self.event(reply) };
            return Output {
                start: None,
                data,
                end,
            };
        }
        if reply.has(reply_flag::ABANDON) {
            let start = if self.accepted.sse {
                sse_start(reply, Some(0))
            } else {
                Start {
                    status: 204,
                    fields: Vec::new(),
                    length: None,
                }
            };
            return Output {
                start: Some(start),
                data: Vec::new(),
                end,
            };
        }
        let event = !reply.body.is_empty() && self.message && !self.accepted.json && reply.status == 200;
        if stream {
            self.streaming.set(true);
            let data = if reply.body.is_empty() {
                Vec::new()
            } else {
                self.event(reply)
            };
            return Output {
                start: Some(sse_start(reply, None)),
                data,
                end,
            };
        }
        if event {
            let data = self.event(reply);
            return Output {
                start: Some(sse_start(reply, Some(data.len()))),
                data,
                end,
            };
        }
        let mut data = Vec::with_capacity(reply.body.len() + 64);
        self.body(reply, &mut data);
        let mut fields = Vec::with_capacity(2);
        if !data.is_empty() {
            let kind = reply.field(reply_field::CONTENT_TYPE).cloned().unwrap_or(JSON);
            fields.push(("Content-Type", kind));
        }
        push_fields(reply, &mut fields);
        let start = Start {
            status: reply.status,
            fields,
            length: Some(data.len()),
        };
        Output {
            start: Some(start),
            data,
            end,
        }
    }

    fn body(&self, reply: &Reply, out: &mut Vec<u8>) {
        if reply.has(reply_flag::RESULT) {
            splice(self.id.as_deref().unwrap_or(b"null"), &reply.body, out);
        } else {
            out.extend_from_slice(&reply.body);
        }
    }

    fn event(&self, reply: &Reply) -> Vec<u8> {
        let mut out = Vec::with_capacity(reply.body.len() + 96);
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(
            reply
                .field(reply_field::EVENT_NAME)
                .map_or(b"message", |name| name),
        );
        if let Some(id) = reply.field(reply_field::EVENT_ID) {
            out.extend_from_slice(b"\nid: ");
            out.extend_from_slice(id);
        }
        out.extend_from_slice(b"\ndata: ");
        let from = out.len();
        self.body(reply, &mut out);
        // In JSON a raw line break is white space; in an event it would begin another field.
        for byte in out.iter_mut().skip(from) {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        out.extend_from_slice(b"\n\n");
        out
    }
}

/// A result with its envelope around it.
pub fn splice(id: &[u8], result: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id);
    out.extend_from_slice(b",\"result\":");
    out.extend_from_slice(result);
    out.push(b'}');
}

fn sse_start(reply: &Reply, length: Option<usize>) -> Start {
    let mut fields = SSE.to_vec();
    push_fields(reply, &mut fields);
    Start {
        status: 200,
        fields,
        length,
    }
}

fn push_fields(reply: &Reply, fields: &mut Vec<(&'static str, Bytes)>) {
    for (id, value) in &reply.fields {
        let name = match *id {
            reply_field::SESSION_ID => "Mcp-Session-Id",
            reply_field::ALLOW => "Allow",
            reply_field::RETRY_AFTER => "Retry-After",
            reply_field::WWW_AUTHENTICATE => "WWW-Authenticate",
            _ => continue,
        };
        fields.push((name, value.clone()));
    }
}

/// Holds an exchange; when it goes before the reply is complete, the consumer learns that the peer has left.
#[derive(Debug)]
pub struct Held {
    exchange: Rc<Exchange>,
    hub: Rc<Hub>,
}

impl Held {
    pub fn new(exchange: Rc<Exchange>, hub: Rc<Hub>) -> Self {
        Self { exchange, hub }
    }
}

impl std::ops::Deref for Held {
    type Target = Exchange;

    fn deref(&self) -> &Exchange {
        &self.exchange
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.hub.forget(self.exchange.token);
        if !self.exchange.ended.get() {
            // The end of an exchange is never refused.
            let _ = self.hub.queue().push(Request::gone(self.exchange.token));
        } else if self.exchange.detached {
            self.hub.queue().drop_body(self.exchange.token);
        }
    }
}
