//! HTTP/1.1 on httparse. A driver of our own because hyper drops what the guard must see: a `Content-Length` line that
//! repeats the first one or follows `Transfer-Encoding`, and line ends without CR.
//!
//! A request that has arrived whole is judged and answered where it lies in the input, without a copy and without
//! waiting. Nothing borrowed lives across a wait, and a connection that waits for a request holds no buffer: what it
//! costs is the state of [`Connection::serve`].

mod output;
mod request;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use crate::clock::Clock;
use crate::driver::Incoming;
use crate::error;
use crate::exchange::{COMMENT, Exchange, Held, Output, Overflow};
use crate::framing::{Chunks, Progress};
use crate::head::head_end;
use crate::hub::Hub;
use crate::payload::Payload;
use crate::steps::{Body, Fill, Next};
use crate::stream::Stream;
use crate::tls::Certificate;
use request::{Announced, Step};

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

/// How a response goes out.
#[derive(Clone, Copy, Debug)]
struct Manner {
    keep: bool,
    /// The peer asked for the head only.
    bodiless: bool,
    http11: bool,
}

/// What came of a peer that stopped reading.
#[derive(Debug, Default)]
struct Stalled {
    ever: bool,
    /// The deadline that was put aside then.
    before: Option<Instant>,
}

impl Connection {
    /// A connection whose first bytes, read already, are the input.
    pub fn new(incoming: Incoming) -> Self {
        Self {
            stream: incoming.stream,
            peer: incoming.peer,
            certificate: incoming.certificate,
            started: incoming.clock.now(),
            hub: incoming.hub,
            clock: incoming.clock,
            input: incoming.input,
            out: BytesMut::new(),
            served: 0,
        }
    }

    pub async fn serve(mut self) {
        loop {
            match self.head().await {
                Next::Head(length) => match self.request(length).await {
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
            // A connection lives on while it is served; its end is rare and needs much more.
            Box::pin(self.linger()).await;
        }
    }

    /// Waits for the header section of the next request and returns its length.
    async fn head(&mut self) -> Next {
        let limits = &self.hub.config().limits;
        let (bound, headers) = (limits.header_bytes, limits.headers.min(limits.request));
        let quiet = if self.served == 0 {
            limits.headers
        } else {
            limits.idle
        };
        let mut scanned = 0;
        let mut begun = false;
        self.clock.set(quiet);
        loop {
            if !begun {
                while self.input.starts_with(b"\r\n") {
                    self.input.advance(2);
                }
                begun = !self.input.is_empty() && self.input.as_ref() != b"\r";
                if begun {
                    self.started = self.clock.now();
                    self.clock.set(headers);
                }
            }
            match head_end(&self.input, &mut scanned) {
                Ok(Some(end)) if end <= bound => return Next::Head(end),
                Ok(None) if self.input.len() <= bound => {}
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

    /// Answers the request whose header section has this length; false when the connection must end.
    async fn request(&mut self, head: usize) -> io::Result<bool> {
        self.served += 1;
        let mut step = self.step(head);
        if let Step::Body(announced) = step {
            // Large and slow bodies are rare, and what they need is much.
            step = Box::pin(self.with_body(head, announced)).await?;
        }
        match step {
            Step::Done(keep) => {
                if self.out.len() > GATHER {
                    self.flush(None).await?;
                }
                Ok(keep)
            }
            Step::Wait(exchange, manner) => self.reply(&exchange, manner).await,
            Step::Body(_) | Step::Gone => Ok(false),
        }
    }

    /// Reads a body, then answers.
    async fn with_body(&mut self, head: usize, announced: Announced) -> io::Result<Step> {
        let head = self.input.split_to(head).freeze();
        let step = match self.body(&announced).await? {
            Body::Whole(body) => self.answer_whole(&head, body, &announced),
            Body::Refuse(row) => self.refuse_body(&head, &row),
            Body::Gone => Step::Gone,
        };
        if self.input.is_empty() {
            // It shares its memory with the head and the body.
            self.input = BytesMut::new();
        }
        Ok(step)
    }

    /// Reads a body; memory follows what has arrived, never what was announced.
    async fn body(&mut self, announced: &Announced) -> io::Result<Body> {
        let limits = &self.hub.config().limits;
        let (bound, lines, deadline) = (
            limits.body_bytes,
            limits.header_bytes,
            self.started + limits.request,
        );
        let length = match announced.length.map(usize::try_from) {
            Some(Ok(length)) if length <= bound => Some(length),
            Some(_) => return Ok(Body::Refuse(error::HTTP_BODY_TOO_LARGE)),
            None => None,
        };
        if length.is_none_or(|length| length > self.input.len()) {
            self.clock.until(deadline);
            if announced.expects && self.input.is_empty() {
                self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            self.flush(None).await?;
        }
        let mut chunks = Chunks::new(bound, lines);
        loop {
            match length {
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
    async fn reply(&mut self, held: &Held, mut manner: Manner) -> io::Result<bool> {
        let mut chunked = false;
        loop {
            let Some(output) = self.output(held).await? else {
                self.piece(&Payload::Whole(Bytes::from_static(COMMENT)), chunked);
                self.flush(Some(held)).await?;
                continue;
            };
            if let Some(start) = &output.start {
                manner.keep &= !self.hub.draining();
                let stream = start.length.is_none() && start.status != 204;
                chunked = stream && manner.http11;
                manner.keep &= !stream || manner.http11;
                self.start(start, manner.keep, chunked);
            }
            if !manner.bodiless && !output.data.is_empty() {
                self.piece(&output.data, chunked);
            }
            if output.end {
                if chunked && !manner.bodiless {
                    self.out.extend_from_slice(b"0\r\n\r\n");
                }
                self.clock.clear();
                // Replies to pipelined requests go out together.
                if held.streaming() || self.out.len() > GATHER {
                    self.flush(held.streaming().then_some(held)).await?;
                }
                return Ok(manner.keep);
            }
            self.flush(Some(held)).await?;
        }
    }

    /// The next output; None when the stream was silent for long enough to need a comment.
    async fn output(&mut self, held: &Held) -> io::Result<Option<Output>> {
        let first = poll_fn(|cx| {
            Poll::Ready(match held.poll_output(cx) {
                Poll::Ready(Ok(output)) => Ok(Some(output)),
                Poll::Ready(Err(Overflow)) => Err(io::ErrorKind::TimedOut),
                Poll::Pending => Ok(None),
            })
        });
        if let Some(output) = first.await? {
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
        self.hub.buffers.fill(&mut self.input);
        let read = self.stream.poll_fill(cx, &mut self.input);
        if read.is_pending() {
            self.hub.buffers.empty(&mut self.input);
        }
        read
    }

    /// Writes everything that waits; fails when the peer takes nothing for too long, or its stream grows too large.
    async fn flush(&mut self, exchange: Option<&Exchange>) -> io::Result<()> {
        let mut stalled = Stalled::default();
        poll_fn(|cx| self.poll_flush(cx, exchange, &mut stalled)).await?;
        if let Some(exchange) = exchange {
            exchange.unsent.set(0);
        }
        if stalled.ever {
            self.clock.restore(stalled.before);
        }
        self.hub.buffers.empty(&mut self.out);
        Ok(())
    }

    fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        exchange: Option<&Exchange>,
        stalled: &mut Stalled,
    ) -> Poll<io::Result<()>> {
        let stall = self.hub.config().limits.write_stall;
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
                    if stalled.ever {
                        self.clock.set(stall);
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    if !stalled.ever {
                        (stalled.ever, stalled.before) = (true, self.clock.deadline());
                        self.clock.set(stall);
                    }
                    if let Some(exchange) = exchange {
                        exchange.unsent.set(self.out.len());
                        exchange.listen(cx);
                    }
                    if self.clock.fired(cx) || exchange.is_some_and(Exchange::overflowed) {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Ends our side and takes what the peer still sends for a moment.
    async fn linger(&mut self) {
        let ended = tokio::io::AsyncWriteExt::shutdown(&mut self.stream).await;
        if ended.is_err() {
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
