//! What the connections of one thread share, and the way of a request that is common to all protocols.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use envelope::Kind;

use crate::accept::Accepted;
pub use crate::answer::{Answer, refuse};
use crate::cached::{self, Looked};
use crate::caller::Caller;
use crate::clock::Clocks;
use crate::config::Config;
use crate::decide::{Asked, Decision, decide};
use crate::error::{self, Row};
use crate::events;
use crate::exchange::{Exchange, Held};
use crate::guard::{self, Fields};
use crate::hand_over::{Tokens, encode_fields};
use crate::message::Message;
use crate::pool::Pool;
use crate::queue::Queue;
use crate::sessions::{Session, Ticket};
pub use crate::shared::{Inbox, Shared};
use crate::slab::{RecordKind, Request, field, flag};
use crate::stats::Counters;
use crate::tls::Certificate;

/// One thread's share of a front.
#[derive(Debug)]
pub struct Hub {
    pub shared: Arc<Shared>,
    pub inbox: Arc<Inbox>,
    pub clocks: Clocks,
    pub buffers: Pool,
    index: usize,
    exchanges: Tokens<Rc<Exchange>>,
    /// Messages the consumer is at although their peers have gone.
    orphans: Tokens<Ticket>,
    next: Cell<u64>,
    date: RefCell<Bytes>,
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

/// How a request came.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub http2: bool,
    pub peer: SocketAddr,
    pub certificate: Option<&'a Certificate>,
}

/// The body of a request.
#[derive(Debug)]
pub enum Text<'a> {
    /// Copied only when it is handed over.
    Borrowed(&'a [u8]),
    /// Handed over as it is.
    Owned(Bytes),
}

/// Orphans of one thread; more are forgotten, so that a consumer that never settles them costs no more than this.
const ORPHANS: usize = 65_536;

impl Hub {
    pub fn new(shared: Arc<Shared>, inbox: Arc<Inbox>, index: usize) -> Rc<Self> {
        let clocks = Clocks::new(shared.config.limits.check);
        let hub = Self {
            shared,
            inbox,
            clocks,
            buffers: Pool::default(),
            index,
            exchanges: Tokens::default(),
            orphans: Tokens::default(),
            next: Cell::new(1),
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
        self.shared.draining()
    }

    pub fn tick(&self) {
        *self.date.borrow_mut() = httpdate::fmt_http_date(SystemTime::now()).into();
        self.orphans.retain(|ticket| !ticket.ended());
        self.clocks.sweep();
    }

    #[allow(dead_code, reason = "for drivers that do not write lines")]
    pub fn date(&self) -> Bytes {
        self.date.borrow().clone()
    }

    /// Appends the date.
    pub fn write_date(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.date.borrow());
    }

    /// Brings the replies that have come to their exchanges; those of exchanges that are over are dropped.
    pub fn deliver(&self) {
        let bound = self.config().limits.write_buffer_bytes;
        for reply in self.inbox.take() {
            match self.exchanges.get(reply.token) {
                Some(exchange) => exchange.deliver(reply, bound),
                None if reply.ends() => drop(self.orphans.remove(reply.token)),
                None => {}
            }
        }
    }

    /// An exchange is over for its peer; `ticket` is what the consumer is still at.
    pub fn forget(&self, token: u64, ticket: Option<Ticket>) {
        self.exchanges.remove(token);
        if let Some(ticket) = ticket.filter(|ticket| !ticket.ended())
            && self.orphans.len() < ORPHANS
        {
            self.orphans.insert(token, ticket);
        }
    }

    fn count(&self, with: impl FnOnce(&Counters)) {
        if let Some(counters) = self.shared.counters.get(self.index) {
            with(counters);
        }
    }

    /// Counts a request that a driver refuses by itself.
    pub fn refused(&self, row: &Row) {
        self.count(|counters| counters.refused(row));
        if self.shared.events.wanted() {
            let fields: [(u16, &[u8]); 1] = [(events::field::CODE, row.name.as_bytes())];
            self.event(events::Kind::Refused, false, row.http, None, &fields);
        }
    }

    fn event(
        &self,
        kind: events::Kind,
        modern: bool,
        status: u16,
        begun: Option<Instant>,
        fields: &[(u16, &[u8])],
    ) {
        self.shared.events.add(&events::Event {
            kind,
            modern,
            status,
            at_ms: crate::sessions::now_ms(),
            took: begun.map(|begun| begun.elapsed()).unwrap_or_default(),
            fields,
        });
    }

    /// Guard, path, method and media type, in this order.
    pub fn admit(&self, fields: &Fields<'_>, method: &[u8], target: &[u8]) -> Result<Admitted, Row> {
        self.judge(fields, method, target)
            .inspect_err(|row| self.refused(row))
    }

    fn judge(&self, fields: &Fields<'_>, method: &[u8], target: &[u8]) -> Result<Admitted, Row> {
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
    pub fn message<'a>(
        self: &Rc<Self>,
        fields: &Fields<'_>,
        accepted: Accepted,
        text: impl Into<Text<'a>>,
        origin: Origin<'_>,
    ) -> Outcome {
        let text = text.into();
        let body = text.as_slice();
        let begun = self.shared.events.wanted().then(Instant::now);
        let message = match Message::scan(body, &self.config().limits.message) {
            Ok(message) => message,
            Err((row, id)) => {
                self.refused(&row);
                let id = id.and_then(|(start, end)| body.get(start..end));
                return Outcome::Answer(refuse(fields, &row, id));
            }
        };
        let modern = message.modern(body, fields);
        let caller = Caller::of(fields, &self.shared);
        let session = caller.session(fields, modern, &self.shared);
        let asked = Asked {
            message: &message,
            body,
            fields,
            modern,
            session: session.as_deref(),
            principal: caller.principal().unwrap_or_default(),
        };
        let mut flags = 0;
        match self.answer(&asked, &caller, accepted, begun) {
            Some(Ok(answer)) => return Outcome::Answer(answer),
            Some(Err(Missed)) => flags = flag::MISSED,
            None => {}
        }
        let ticket = session.and_then(|session| ticket(session, &message, body));
        let words = message.words();
        let id = message.id(body).map(crate::payload::Id::from_slice);
        let request = Request {
            kind: RecordKind::Message,
            modern,
            flags,
            words,
            body: text.into_bytes(),
            ..Request::gone(0)
        };
        self.hand_over(
            fields,
            &caller,
            accepted,
            request,
            (id.as_deref(), ticket),
            origin,
        )
    }

    /// The answer the front knows itself.
    fn answer(
        &self,
        asked: &Asked<'_>,
        caller: &Caller,
        accepted: Accepted,
        begun: Option<Instant>,
    ) -> Option<Result<Answer, Missed>> {
        let replies = self.shared.replies.load();
        let table = caller.table(&replies)?;
        let id = asked.message.id(asked.body).unwrap_or(b"null");
        let (kind, answer) = match decide(asked, table) {
            Decision::Prepared(method, result) => {
                self.count(|counters| counters.prepared(method));
                (
                    events::Kind::Prepared,
                    Answer::result(id, result.clone(), accepted),
                )
            }
            Decision::Accepted => {
                self.count(|counters| counters.accepted.add());
                (events::Kind::Accepted, Answer::accepted())
            }
            Decision::LookUp(query) => {
                let cache = self.shared.cache.load();
                let mut out = Vec::new();
                let looked = cached::look_up(&***cache.as_ref()?, &query, &mut out);
                self.count(|counters| match looked {
                    Looked::Hit => counters.hits.add(),
                    Looked::Miss => counters.misses.add(),
                    Looked::Failed => {
                        counters.misses.add();
                        counters.failures.add();
                    }
                });
                if looked != Looked::Hit {
                    return Some(Err(Missed));
                }
                (events::Kind::Cached, Answer::result(id, out.into(), accepted))
            }
            Decision::HandOver => return None,
        };
        if begun.is_some() {
            let (fields, count) = asked.described();
            let fields = fields.get(..count).unwrap_or_default();
            self.event(kind, asked.modern, answer.start.status, begun, fields);
        }
        Some(Ok(answer))
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
        let caller = Caller::of(fields, &self.shared);
        self.hand_over(fields, &caller, fields.accepted(), request, (None, None), origin)
    }

    fn hand_over(
        self: &Rc<Self>,
        fields: &Fields<'_>,
        caller: &Caller,
        accepted: Accepted,
        mut request: Request,
        (id, ticket): (Option<&[u8]>, Option<Ticket>),
        origin: Origin<'_>,
    ) -> Outcome {
        let number = self.next.get();
        self.next.set(number + 1);
        let token = number * self.config().threads.max(1) as u64 + self.index as u64;
        request.token = token;
        request.flags |= if accepted.json { flag::JSON } else { 0 }
            | if accepted.sse { flag::SSE } else { 0 }
            | if origin.http2 { flag::HTTP2 } else { 0 };
        encode_fields(fields, caller, origin, &mut request.fields);
        let exchange = Exchange::new(token, id, accepted, ticket)
            .of(request.kind == RecordKind::Message, request.detached());
        if self.queue().push(request).is_err() {
            self.count(|counters| counters.busy.add());
            let mut answer = refuse(fields, &error::QUOTA_REQUESTS, id);
            answer.start.status = 503;
            let seconds = Bytes::from_static(b"1");
            answer.start.fields.push(("Retry-After", seconds));
            return Outcome::Answer(answer);
        }
        self.count(|counters| counters.handed_over.add());
        let exchange = Rc::new(exchange);
        self.exchanges.insert(token, Rc::clone(&exchange));
        Outcome::Wait(Held::new(exchange, Rc::clone(self)))
    }
}

/// It was looked up and is not there.
struct Missed;

/// What notes that a session has a request more; notifications and responses are not waited for.
fn ticket(session: Arc<Session>, message: &Message, body: &[u8]) -> Option<Ticket> {
    match message.kind() {
        Kind::Request => Some(Ticket::new(session, message.id(body))),
        Kind::Batch => Some(Ticket::new(session, None)),
        Kind::Notification | Kind::Response => None,
    }
}

impl Text<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Owned(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a [u8]> for Text<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl From<Bytes> for Text<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Owned(bytes)
    }
}
