//! One request that waits for its reply, and the reply as it goes out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::accept::Accepted;
pub use crate::answer::Start;
use crate::answer::{JSON, Lines, SSE};
use crate::hub::Hub;
use crate::payload::{self, Id, Payload};
use crate::sessions::Ticket;
use crate::slab::{Reply, Request, reply_field, reply_flag};

/// State shared by the driver, which sends, and the hub, which brings replies.
#[derive(Debug)]
pub struct Exchange {
    pub token: u64,
    id: Option<Id>,
    accepted: Accepted,
    /// A reply with status 200 may become an event.
    message: bool,
    /// The body waits with the queue.
    detached: bool,
    /// The message of a session this is.
    ticket: RefCell<Option<Ticket>>,
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

/// What goes out next.
#[derive(Debug)]
pub struct Output {
    pub start: Option<Start>,
    pub data: Payload,
    pub end: bool,
}

/// A comment that keeps a quiet stream alive.
pub const COMMENT: &[u8] = b":\n\n";

impl Exchange {
    pub fn new(token: u64, id: Option<&[u8]>, accepted: Accepted, ticket: Option<Ticket>) -> Self {
        Self {
            token,
            id: id.map(Id::from_slice),
            accepted,
            message: false,
            detached: false,
            ticket: ticket.into(),
            inbox: RefCell::default(),
            queued: Cell::new(0),
            unsent: Cell::new(0),
            overflow: Cell::new(false),
            streaming: Cell::new(false),
            ended: Cell::new(false),
            waker: RefCell::default(),
        }
    }

    /// The same for a request of this kind.
    pub fn of(mut self, message: bool, detached: bool) -> Self {
        (self.message, self.detached) = (message, detached);
        self
    }

    /// Takes a reply for the driver.
    pub fn deliver(&self, reply: Reply, bound: usize) {
        if reply.has(reply_flag::END | reply_flag::ABANDON) {
            self.ticket.take();
        }
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
        let silent = reply.has(reply_flag::ABANDON) || reply.body.is_empty();
        let stream = reply.has(reply_flag::EVENT | reply_flag::OPEN) || !end;
        let output = |start, data| Output { start, data, end };
        if self.streaming.get() {
            let data = if silent {
                Payload::default()
            } else {
                self.event(reply)
            };
            return output(None, data);
        }
        if reply.has(reply_flag::ABANDON) {
            let none = Start {
                status: 204,
                fields: Lines::new(),
                length: None,
            };
            let start = if self.accepted.sse {
                sse_start(reply, Some(0))
            } else {
                none
            };
            return output(Some(start), Payload::default());
        }
        if stream {
            self.streaming.set(true);
            let data = if silent {
                Payload::default()
            } else {
                self.event(reply)
            };
            return output(Some(sse_start(reply, None)), data);
        }
        if !silent && self.message && !self.accepted.json && reply.status == 200 {
            let data = self.event(reply);
            return output(Some(sse_start(reply, Some(data.len()))), data);
        }
        let data = self.body(reply);
        let mut fields = Lines::new();
        if !data.is_empty() {
            let (name, json) = JSON;
            let kind = reply.field(reply_field::CONTENT_TYPE).cloned().unwrap_or(json);
            fields.push((name, kind));
        }
        push_fields(reply, &mut fields);
        let start = Start {
            status: reply.status,
            fields,
            length: Some(data.len()),
        };
        output(Some(start), data)
    }

    fn body(&self, reply: &Reply) -> Payload {
        if reply.has(reply_flag::RESULT) {
            Payload::Result {
                id: self.id.clone().unwrap_or_else(|| Id::from_slice(b"null")),
                result: reply.body.clone(),
            }
        } else {
            Payload::Whole(reply.body.clone())
        }
    }

    fn event(&self, reply: &Reply) -> Payload {
        let name = reply
            .field(reply_field::EVENT_NAME)
            .map_or(b"message".as_slice(), |name| name);
        let id = reply.field(reply_field::EVENT_ID).map(AsRef::as_ref);
        payload::event(name, id, &self.body(reply))
    }
}

fn sse_start(reply: &Reply, length: Option<usize>) -> Start {
    let mut fields = Lines::from_iter(SSE);
    push_fields(reply, &mut fields);
    Start {
        status: 200,
        fields,
        length,
    }
}

fn push_fields(reply: &Reply, fields: &mut Lines) {
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
        let token = self.exchange.token;
        self.hub.forget(token, self.exchange.ticket.take());
        if !self.exchange.ended.get() {
            // The end of an exchange is never refused.
            let _ = self.hub.queue().push(Request::gone(token));
        } else if self.exchange.detached {
            self.hub.queue().drop_body(token);
        }
    }
}
