//! HTTP/1.1 on httparse. A driver of our own because hyper drops what the guard must see: a `Content-Length` line that
//! repeats the first one or follows `Transfer-Encoding`, and line ends without CR.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use crate::answer::{Answer, Start};
use crate::clock::Clock;
use crate::driver::Incoming;
use crate::error::{self, MissingId, Row};
use crate::exchange::{COMMENT, Exchange, Held, Output, Overflow};
use crate::framing::{Chunks, Framing, Progress};
use crate::guard::Fields;
use crate::head::{decimal, head_end};
use crate::hub::{self, Admitted, Hub, Origin, Outcome};
use crate::payload::Payload;
use crate::steps::{Body, Fill, Next};
use crate::stream::Stream;
use crate::tls::Certificate;

/// Bytes of further requests read while one is answered.
const AHEAD: usize = 64 * 1024;
/// Replies to pipelined requests gathered before they are written.
const GATHER: usize = 64 * 1024;
/// A peer that still sends is read for so long after the last reply, else the reset would overtake that reply.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 1024 * 1024;

/// One connection.
pub struct Connection {
    stream: Stream,
    peer: SocketAddr,
    certificate: Option<Rc<Certificate>>,
    hub: Rc<Hub>,
    clock: Rc<Clock>,
    input: BytesMut,
    out: BytesMut,
    served: usize,
    started: Instant,
}

impl Connection {
    pub fn new(incoming: Incoming) -> Self {
        Self {
            stream: incoming.stream,
            peer: incoming.peer,
            certificate: incoming.certificate,
            hub: incoming.hub,
            clock: incoming.clock,
            input: incoming.input,
            out: BytesMut::new(),
            served: 0,
            started: Instant::now(),
        }
    }

    pub async fn serve(mut self) {
        loop {
            match self.head().await {
                Next::Head(head) => match self.request(&head).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    // The peer is gone or does not read: what it has not taken is all it gets.
                    Err(_) => return,
                },
                Next::Close => {
                    let _ = self.flush(None).await;
                    return;
                }
                Next::Refuse(row) => {
                    self.malformed(&row);
                    break;
                }
            }
        }
        if self.flush(None).await.is_ok() {
            self.linger().await;
        }
    }

    /// The header section of the next request.
    async fn head(&mut self) -> Next {
        let limits = self.hub.config().limits.clone();
        let mut scanned = 0;
        let mut begun = false;
        self.clock.set(if self.served == 0 {
            limits.headers
        } else {
            limits.idle
        });
        loop {
            if !begun {
                while self.input.starts_with(b"\r\n") {
                    self.input.advance(2);
                }
                begun = !self.input.is_empty() && self.input.as_ref() != b"\r";
                if begun {
                    self.started = Instant::now();
                    self.clock.set(limits.headers.min(limits.request));
                }
            }
            match head_end(&self.input, &mut scanned) {
                Ok(Some(end)) if end <= limits.header_bytes => {
                    return Next::Head(self.input.split_to(end).freeze());
                }
                Ok(None) if self.input.len() <= limits.header_bytes => {}
                Ok(_) => return Next::Refuse(error::HTTP_HEADERS_TOO_LARGE),
                Err(()) => return Next::Refuse(error::HTTP_MALFORMED),
            }
            if self.flush(None).await.is_err() {
                return Next::Close;
            }
            match self.fill(!begun).await {
                Fill::Data => {}
                Fill::Expired if begun => return Next::Refuse(error::HTTP_TIMEOUT),
                Fill::Over | Fill::Expired => return Next::Close,
            }
        }
    }

    /// Answers one request; false when the connection must end.
    async fn request(&mut self, head: &Bytes) -> io::Result<bool> {
        let mut few = [httparse::EMPTY_HEADER; 32];
        let mut many = Vec::new();
        let mut parsed = httparse::Request::new(&mut few);
        let mut status = parsed.parse(head);
        if status == Err(httparse::Error::TooManyHeaders) {
            many.resize(self.hub.config().policy.header_lines + 1, httparse::EMPTY_HEADER);
            parsed = httparse::Request::new(&mut many);
            status = parsed.parse(head);
        }
        let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
            self.malformed(&error::HTTP_MALFORMED);
            return Ok(false);
        };
        let refusal = match status {
            Ok(httparse::Status::Complete(length)) if length == head.len() => None,
            Err(httparse::Error::TooManyHeaders) => Some(error::HTTP_HEADERS_TOO_MANY),
            _ => Some(error::HTTP_MALFORMED),
        };
        if let Some(row) = refusal {
            self.malformed(&row);
            return Ok(false);
        }
        let http11 = parsed.version == Some(1);
        let mut fields = Fields::default();
        let mut framing = Framing::default();
        for line in parsed.headers.iter() {
            fields.add(line.name.as_bytes(), line.value);
            framing.add(line.name.as_bytes(), line.value);
        }
        self.served += 1;
        if method == "CONNECT" {
            self.malformed(&error::HTTP_METHOD);
            return Ok(false);
        }
        let Ok(length) = framing.length(http11) else {
            self.malformed(&error::HTTP_MALFORMED);
            return Ok(false);
        };
        let last = self.served >= self.hub.config().limits.requests_per_socket;
        let mut keep = http11 && !framing.close && !last;
        let hub = Rc::clone(&self.hub);
        let certificate = self.certificate.clone();
        let origin = Origin {
            http2: false,
            peer: self.peer,
            certificate: certificate.as_deref(),
        };
        let bodiless = method == "HEAD";
        let outcome = match hub.admit(&fields, method.as_bytes(), target.as_bytes()) {
            Err(row) => {
                keep &= self.skip(length);
                Outcome::Answer(hub::refuse(&fields, &row, None))
            }
            Ok(Admitted::Bare(kind)) => {
                keep &= self.skip(length);
                hub.bare(&fields, kind, (method.as_bytes(), target.as_bytes()), origin)
            }
            Ok(Admitted::Message(accepted)) => match self.body(length, framing.expect && http11).await? {
                Body::Whole(body) => hub.message(&fields, accepted, body, origin),
                Body::Refuse(row) => {
                    keep = false;
                    hub.refused(&row);
                    Outcome::Answer(hub::refuse(&fields, &row, None))
                }
                Body::Gone => return Ok(false),
            },
        };
        self.clock.clear();
        match outcome {
            Outcome::Answer(answer) => {
                keep &= !hub.draining();
                self.answer(&answer, keep, bodiless);
                if self.out.len() > GATHER {
                    self.flush(None).await?;
                }
            }
            Outcome::Wait(waiting) => keep = self.reply(&waiting, keep, bodiless, http11).await?,
        }
        Ok(keep)
    }

    /// Drops a body that has already come; false when it has not, so that the next request cannot be found.
    fn skip(&mut self, length: Option<u64>) -> bool {
        let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else {
            return false;
        };
        if length > self.input.len() {
            return false;
        }
        self.input.advance(length);
        true
    }

    /// Reads a body; memory follows what has arrived, never what was announced.
    async fn body(&mut self, length: Option<u64>, expects: bool) -> io::Result<Body> {
        let limits = self.hub.config().limits.clone();
        let bound = limits.body_bytes;
        let announced = match length.map(usize::try_from) {
            Some(Ok(length)) if length <= bound => Some(length),
            Some(_) => return Ok(Body::Refuse(error::HTTP_BODY_TOO_LARGE)),
            None => None,
        };
        if let Some(length) = announced.filter(|length| *length <= self.input.len()) {
            return Ok(Body::Whole(self.input.split_to(length).freeze()));
        }
        self.clock.until(self.started + limits.request);
        if expects && self.input.is_empty() {
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        self.flush(None).await?;
        let mut chunks = Chunks::new(bound, limits.header_bytes);
        loop {
            match announced {
                Some(length) if self.input.len() >= length => {
                    return Ok(Body::Whole(self.input.split_to(length).freeze()));
                }
                Some(_) => {}
                None => match chunks.take(&mut self.input) {
                    Ok(Progress::Done(body)) => return Ok(Body::Whole(body)),
                    Ok(Progress::More) => {}
                    Err(row) => return Ok(Body::Refuse(row)),
                },
            }
            match self.fill(false).await {
                Fill::Data => {}
                Fill::Over => return Ok(Body::Gone),
                Fill::Expired => return Ok(Body::Refuse(error::HTTP_TIMEOUT)),
            }
        }
    }

    /// Sends what the consumer replies; false when the connection must end.
    async fn reply(&mut self, held: &Held, mut keep: bool, bodiless: bool, http11: bool) -> io::Result<bool> {
        let mut chunked = false;
        loop {
            let Some(output) = self.output(held).await? else {
                self.piece(&Payload::Whole(Bytes::from_static(COMMENT)), chunked);
                self.flush(Some(held)).await?;
                continue;
            };
            if let Some(start) = &output.start {
                keep &= !self.hub.draining();
                let stream = start.length.is_none() && start.status != 204;
                chunked = stream && http11;
                keep &= !stream || http11;
                self.start(start, keep, chunked);
            }
            if !bodiless && !output.data.is_empty() {
                self.piece(&output.data, chunked);
            }
            if output.end {
                if chunked && !bodiless {
                    self.out.extend_from_slice(b"0\r\n\r\n");
                }
                self.clock.clear();
                // Replies to pipelined requests go out together.
                if self.input.is_empty() || self.out.len() > GATHER || held.streaming() {
                    self.flush(held.streaming().then_some(held)).await?;
                }
                return Ok(keep);
            }
            self.flush(Some(held)).await?;
        }
    }

    /// The next output; None when the stream was silent for long enough to need a comment.
    async fn output(&mut self, held: &Held) -> io::Result<Option<Output>> {
        if let Some(output) = poll_fn(|cx| Poll::Ready(ready(held.poll_output(cx)))).await? {
            return Ok(Some(output));
        }
        // Nothing yet: what earlier requests are owed must not wait for this one.
        self.flush(Some(held)).await?;
        if held.streaming() {
            self.clock.set(self.hub.config().limits.keep_alive);
        }
        poll_fn(|cx| {
            match held.poll_output(cx) {
                Poll::Ready(Ok(output)) => return Poll::Ready(Ok(Some(output))),
                Poll::Ready(Err(Overflow)) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => {}
            }
            if self.clock.fired(cx) {
                return Poll::Ready(Ok(None));
            }
            while self.input.len() < AHEAD {
                match self.poll_read(cx) {
                    // A peer that has ended its side is taken for gone, as Node does.
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => break,
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn fill(&mut self, idle: bool) -> Fill {
        poll_fn(|cx| {
            if self.clock.fired(cx) {
                return Poll::Ready(Fill::Expired);
            }
            match self.poll_read(cx) {
                Poll::Ready(Ok(1..)) => Poll::Ready(Fill::Data),
                Poll::Ready(_) => Poll::Ready(Fill::Over),
                Poll::Pending if idle && self.hub.draining() => Poll::Ready(Fill::Over),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.stream.poll_fill(cx, &mut self.input)
    }

    /// Writes everything that waits; fails when the peer takes nothing for too long, or its stream grows too large.
    async fn flush(&mut self, exchange: Option<&Exchange>) -> io::Result<()> {
        let stall = self.hub.config().limits.write_stall;
        let before = self.clock.deadline();
        let mut blocked = false;
        poll_fn(|cx| {
            loop {
                let sent = if self.out.is_empty() {
                    self.stream.poll_sent(cx).map_ok(|()| 0)
                } else {
                    self.stream.poll_send(cx, &self.out)
                };
                match sent {
                    Poll::Ready(Ok(0)) if self.out.is_empty() => return Poll::Ready(Ok(())),
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => {
                        self.out.advance(count);
                        if blocked {
                            self.clock.set(stall);
                        }
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        if !blocked {
                            blocked = true;
                            self.clock.set(stall);
                        }
                        if let Some(exchange) = exchange {
                            exchange.unsent.set(self.out.len());
                            exchange.listen(cx);
                        }
                        let late = self.clock.fired(cx) || exchange.is_some_and(Exchange::overflowed);
                        if late {
                            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                        }
                        return Poll::Pending;
                    }
                }
            }
        })
        .await?;
        if let Some(exchange) = exchange {
            exchange.unsent.set(0);
        }
        if blocked {
            self.clock.restore(before);
        }
        if self.out.capacity() > 4 * GATHER {
            self.out = BytesMut::new();
        }
        Ok(())
    }

    fn malformed(&mut self, row: &Row) {
        self.hub.refused(row);
        let body = error::frame(row, None, MissingId::Null);
        let mut answer = Answer::json(row.http, Payload::Whole(body.into()));
        if row.http == 405 {
            answer.start.fields.push(("Allow", Bytes::from_static(b"POST")));
        }
        self.answer(&answer, false, false);
    }

    fn answer(&mut self, answer: &Answer, keep: bool, bodiless: bool) {
        self.start(&answer.start, keep, false);
        if !bodiless {
            answer.body.write(&mut self.out);
        }
    }

    fn start(&mut self, start: &Start, keep: bool, chunked: bool) {
        let reason = http::StatusCode::from_u16(start.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let out = &mut self.out;
        out.extend_from_slice(b"HTTP/1.1 ");
        decimal(usize::from(start.status), out);
        out.extend_from_slice(b" ");
        out.extend_from_slice(reason.as_bytes());
        for (name, value) in &start.fields {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
        }
        if let Some(length) = start.length {
            out.extend_from_slice(b"\r\nContent-Length: ");
            decimal(length, out);
        } else if chunked {
            out.extend_from_slice(b"\r\nTransfer-Encoding: chunked");
        }
        out.extend_from_slice(b"\r\nDate: ");
        self.hub.write_date(out);
        if !keep {
            out.extend_from_slice(b"\r\nConnection: close");
        }
        out.extend_from_slice(b"\r\n\r\n");
    }

    fn piece(&mut self, data: &Payload, chunked: bool) {
        if chunked {
            self.out
                .extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
            data.write(&mut self.out);
            self.out.extend_from_slice(b"\r\n");
        } else {
            data.write(&mut self.out);
        }
    }

    /// Ends our side and takes what the peer still sends for a moment.
    async fn linger(&mut self) {
        if tokio::io::AsyncWriteExt::shutdown(&mut self.stream)
            .await
            .is_err()
        {
            return;
        }
        let mut taken = 0;
        let reading = poll_fn(|cx| {
            loop {
                self.input.clear();
                match self.poll_read(cx) {
                    Poll::Ready(Ok(count @ 1..)) if taken < LINGER_BYTES => taken += count,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let _ = tokio::time::timeout(LINGER, reading).await;
    }
}

fn ready(poll: Poll<Result<Output, Overflow>>) -> io::Result<Option<Output>> {
    match poll {
        Poll::Ready(Ok(output)) => Ok(Some(output)),
        Poll::Ready(Err(Overflow)) => Err(io::ErrorKind::TimedOut.into()),
        Poll::Pending => Ok(None),
    }
}
