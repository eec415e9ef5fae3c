//! One request and its response.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::h2::server::SendResponse;
use ::h2::{Reason, RecvStream};
use bytes::{Bytes, BytesMut};
use http::header::EXPECT;
use http::{Method, Request, request};

use super::outgoing::{Gone, Outgoing};
use super::{MEMORY, Running, Session, Timer};
use crate::error::{self, Row};
use crate::exchange::{COMMENT, Held, Output, Overflow};
use crate::guard::{Fields, Single};
use crate::hub::{self, Admitted, Answer, Origin, Outcome};

const SHORT: usize = 2 * 1024;
/// How long, and how much of it, a body is read that nobody wants.
const MOMENT: Duration = Duration::from_millis(100);
const UNWANTED: usize = 16 * 1024;

/// Serves a request to its end.
pub async fn serve(running: Running, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
    let (head, body) = request.into_parts();
    let outgoing = Outgoing::new(&running.0, respond, head.method == Method::HEAD);
    let mut stream = Stream {
        session: Rc::clone(&running.0),
        timer: Timer::new(&running.0.hub),
        outgoing,
        started: Instant::now(),
    };
    // A stream that is gone has dropped what belonged to it.
    let _ = stream.serve(&head, body).await;
}

struct Stream {
    session: Rc<Session>,
    timer: Timer,
    outgoing: Outgoing,
    started: Instant,
}

impl Stream {
    async fn serve(&mut self, head: &request::Parts, mut body: RecvStream) -> Result<(), Gone> {
        let mut fields = Fields::default();
        let admitted = self.admit(head, &mut fields);
        let hub = Rc::clone(&self.session.hub);
        let certificate = self.session.certificate.clone();
        let origin = Origin {
            http2: true,
            peer: self.session.peer,
            certificate: certificate.as_deref(),
        };
        let expects = head.headers.get(EXPECT).is_some_and(|value| {
            value.as_bytes().eq_ignore_ascii_case(b"100-continue") && !body.is_end_stream()
        });
        if !matches!(admitted, Ok(Admitted::Message(_))) && !expects {
            self.ended(&mut body).await?;
        }
        let outcome = match admitted {
            Err(row) => Outcome::Answer(hub::refuse(&fields, &row, None)),
            Ok(Admitted::Bare(kind)) => hub.bare(
                &fields,
                kind,
                (head.method.as_str().as_bytes(), target(head)),
                origin,
            ),
            Ok(Admitted::Message(accepted)) => {
                if expects {
                    self.outgoing.go_on();
                }
                match self.body(&fields, &mut body).await? {
                    Ok(body) => hub.message(&fields, accepted, body, origin),
                    Err(row) => Outcome::Answer(refusal(&fields, &row)),
                }
            }
        };
        self.timer.clear();
        match outcome {
            Outcome::Answer(answer) => self.answer(answer).await,
            Outcome::Wait(waiting) => self.reply(&waiting).await,
        }
        // Dropping a body that did not end tells the peer to stop sending it (RST_STREAM with NO_ERROR).
    }

    /// Sorts the fields out and judges the request.
    fn admit<'a>(&self, head: &'a request::Parts, fields: &mut Fields<'a>) -> Result<Admitted, Row> {
        let mut size = 0;
        for (name, value) in &head.headers {
            // As the same line would count in HTTP/1.1.
            size += name.as_str().len() + value.len() + 4;
            fields.add(name.as_str().as_bytes(), value.as_bytes());
        }
        if size > self.session.limits().header_bytes {
            return Err(error::HTTP_HEADERS_TOO_LARGE);
        }
        if head.method == Method::CONNECT {
            return Err(error::HTTP_METHOD);
        }
        let authority = head
            .uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        // User information has no place here (RFC 9113, 8.3.1).
        let agrees = fields.authority(authority) && !authority.is_some_and(|text| text.contains(&b'@'));
        let admitted = self
            .session
            .hub
            .admit(fields, head.method.as_str().as_bytes(), target(head));
        match admitted {
            Err(row) if agrees || row.http == 431 || row == error::HTTP_HEADER_DUPLICATE => Err(row),
            _ if !agrees => Err(error::HTTP_TARGET),
            admitted => admitted,
        }
    }

    /// Gives a body that is not wanted a moment to end, so that a malformed request (RFC 9113, 8.1.1) is reset rather
    /// than answered, and an honest client need not be stopped.
    async fn ended(&self, body: &mut RecvStream) -> Result<(), Gone> {
        let (mut taken, mut in_data) = (0, true);
        let ending = poll_fn(|cx| {
            while in_data {
                match body.poll_data(cx) {
                    Poll::Ready(Some(Ok(data))) if taken + data.len() <= UNWANTED => taken += data.len(),
                    Poll::Ready(Some(Ok(_))) => return Poll::Ready(Ok(())),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Gone)),
                    Poll::Ready(None) => in_data = false,
                    Poll::Pending => return Poll::Pending,
                }
            }
            body.poll_trailers(cx).map_ok(|_| ()).map_err(|_| Gone)
        });
        tokio::time::timeout(MOMENT, ending).await.unwrap_or(Ok(()))
    }

    /// Reads the body and what trails it; memory follows what has arrived.
    async fn body(&mut self, fields: &Fields<'_>, body: &mut RecvStream) -> Result<Result<Bytes, Row>, Gone> {
        let limits = self.session.limits();
        let (bound, deadline) = (limits.body_bytes, self.started + limits.request);
        let announced = fields
            .get(Single::ContentLength)
            .and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > bound)) {
            return Ok(Err(error::HTTP_BODY_TOO_LARGE));
        }
        let mut input = Input {
            session: Rc::clone(&self.session),
            first: Bytes::new(),
            more: BytesMut::new(),
            length: 0,
        };
        let mut in_data = true;
        poll_fn(|cx| {
            loop {
                if in_data {
                    match body.poll_data(cx) {
                        Poll::Ready(Some(Ok(data))) => {
                            if body.flow_control().release_capacity(data.len()).is_err() {
                                return Poll::Ready(Err(Gone));
                            }
                            if let Err(row) = input.take(data, bound) {
                                return Poll::Ready(Ok(Err(row)));
                            }
                            continue;
                        }
                        Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(Gone)),
                        Poll::Ready(None) => {
                            in_data = false;
                            continue;
                        }
                        Poll::Pending => {}
                    }
                } else {
                    match body.poll_trailers(cx) {
                        Poll::Ready(Ok(_)) => return Poll::Ready(Ok(Ok(input.whole()))),
                        Poll::Ready(Err(_)) => return Poll::Ready(Err(Gone)),
                        Poll::Pending => {}
                    }
                }
                let clock = self.timer.clock();
                if clock.fired(cx) {
                    return Poll::Ready(Ok(Err(error::HTTP_TIMEOUT)));
                }
                if clock.deadline().is_none() {
                    clock.until(deadline);
                }
                return Poll::Pending;
            }
        })
        .await
    }

    async fn answer(&mut self, answer: Answer) -> Result<(), Gone> {
        self.outgoing.start(&answer.start, answer.body.is_empty())?;
        self.outgoing.push(answer.body.into(), true);
        self.drained(None).await
    }

    /// Sends what the consumer replies.
    async fn reply(&mut self, held: &Held) -> Result<(), Gone> {
        loop {
            match self.output(held).await? {
                Some(output) => {
                    if let Some(start) = &output.start {
                        let bare = start.length == Some(0) || start.status == 204;
                        self.outgoing.start(start, bare && output.end)?;
                    }
                    if held.streaming() && self.outgoing.hoards() {
                        self.outgoing.reset(Reason::CANCEL);
                        return Err(Gone);
                    }
                    self.outgoing.push(output.data.into(), output.end);
                    if output.end {
                        return self.drained(held.streaming().then_some(held)).await;
                    }
                }
                None => self.outgoing.push(Bytes::from_static(COMMENT), false),
            }
        }
    }

    /// The next output while earlier ones go out; None when the stream was silent for long enough to need a comment.
    async fn output(&mut self, held: &Held) -> Result<Option<Output>, Gone> {
        poll_fn(|cx| {
            if let Poll::Ready(outcome) = self.poll_sent(cx, Some(held)) {
                outcome?;
                if held.streaming() {
                    let keep_alive = self.session.limits().keep_alive;
                    let clock = self.timer.clock();
                    if clock.fired(cx) {
                        clock.clear();
                        return Poll::Ready(Ok(None));
                    }
                    if clock.deadline().is_none() {
                        clock.set(keep_alive);
                    }
                }
            }
            match held.poll_output(cx) {
                Poll::Ready(Ok(output)) => {
                    if self.outgoing.unsent() == 0 {
                        self.timer.clear();
                    }
                    return Poll::Ready(Ok(Some(output)));
                }
                Poll::Ready(Err(Overflow)) => {
                    self.outgoing.reset(Reason::CANCEL);
                    return Poll::Ready(Err(Gone));
                }
                Poll::Pending => {}
            }
            self.outgoing.poll_gone(cx).map(Err)
        })
        .await
    }

    /// Everything has gone out.
    async fn drained(&mut self, held: Option<&Held>) -> Result<(), Gone> {
        poll_fn(|cx| {
            let sent = self.poll_sent(cx, held);
            if sent.is_ready() {
                return sent;
            }
            self.outgoing.poll_gone(cx).map(Err)
        })
        .await
    }

    /// Sends; resets the stream when the peer takes nothing for too long, or when its events pile up.
    fn poll_sent(&mut self, cx: &mut Context<'_>, held: Option<&Held>) -> Poll<Result<(), Gone>> {
        let outcome = self.outgoing.poll_send(cx, &mut self.timer);
        let mut late = false;
        if let Some(held) = held.filter(|held| held.streaming()) {
            held.unsent.set(self.outgoing.unsent());
            late = held.overflowed();
        }
        if outcome.is_pending() {
            let stall = self.session.limits().write_stall;
            let clock = self.timer.clock();
            late |= clock.fired(cx);
            if clock.deadline().is_none() {
                clock.set(stall);
            }
        }
        if late {
            self.outgoing.reset(Reason::CANCEL);
            return Poll::Ready(Err(Gone));
        }
        outcome
    }
}

/// A body as it comes.
struct Input {
    session: Rc<Session>,
    /// The only piece of most bodies.
    first: Bytes,
    more: BytesMut,
    length: usize,
}

impl Input {
    fn take(&mut self, data: Bytes, bound: usize) -> Result<(), Row> {
        if data.len() > bound - self.length {
            return Err(error::HTTP_BODY_TOO_LARGE);
        }
        let held = self.session.bodies.get() + data.len();
        if self.length > 0 && held > MEMORY.max(2 * bound) {
            return Err(error::QUOTA_REQUESTS);
        }
        self.session.bodies.set(held);
        self.length += data.len();
        if self.first.is_empty() && self.more.is_empty() {
            // A short piece must not keep the whole buffer it was read into.
            self.first = if data.len() < SHORT {
                Bytes::copy_from_slice(&data)
            } else {
                data
            };
        } else {
            self.more.extend_from_slice(&std::mem::take(&mut self.first));
            self.more.extend_from_slice(&data);
        }
        Ok(())
    }

    fn whole(&mut self) -> Bytes {
        if self.more.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.more).freeze()
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.session.bodies.set(self.session.bodies.get() - self.length);
    }
}

fn target(head: &request::Parts) -> &[u8] {
    head.uri
        .path_and_query()
        .map_or(b"", |target| target.as_str().as_bytes())
}

fn refusal(fields: &Fields<'_>, row: &Row) -> Answer {
    let mut answer = hub::refuse(fields, row, None);
    if *row == error::QUOTA_REQUESTS {
        answer
            .start
            .fields
            .push(("Retry-After", Bytes::from_static(b"1")));
    }
    answer
}
