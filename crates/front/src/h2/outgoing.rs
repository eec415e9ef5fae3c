//! The response on its way out of one stream.

use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use ::h2::server::SendResponse;
use ::h2::{Reason, SendStream};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};

use super::{MEMORY, Session, Timer};
use crate::exchange::Start;

/// Asked for at once, so that large replies do not keep others waiting.
const AHEAD: usize = 64 * 1024;

/// The stream is over: reset by the peer, or with its connection.
#[derive(Debug)]
pub struct Gone;

/// Either half of the life of a response.
enum State {
    Waiting(SendResponse<Bytes>),
    Begun(SendStream<Bytes>),
}

/// What is sent, and what waits for the peer's window.
pub struct Outgoing {
    session: Rc<Session>,
    state: State,
    /// The peer asked for no body.
    bodiless: bool,
    pending: VecDeque<Bytes>,
    unsent: usize,
    /// Bytes counted at the session: those of an event stream.
    counted: usize,
    ended: bool,
    finished: bool,
}

impl Outgoing {
    pub fn new(session: &Rc<Session>, respond: SendResponse<Bytes>, bodiless: bool) -> Self {
        Self {
            session: Rc::clone(session),
            state: State::Waiting(respond),
            bodiless,
            pending: VecDeque::new(),
            unsent: 0,
            counted: 0,
            ended: false,
            finished: false,
        }
    }

    /// Lets a client that waits for it send its body (RFC 9110, 10.1.1).
    pub fn go_on(&mut self) {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::CONTINUE;
        if let State::Waiting(respond) = &mut self.state {
            // A stream that is gone is noticed when its body is read.
            let _ = respond.send_informational(response);
        }
    }

    /// Sends status and fields; `end` when nothing follows.
    pub fn start(&mut self, start: &Start, end: bool) -> Result<(), Gone> {
        let State::Waiting(respond) = &mut self.state else {
            return Ok(());
        };
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(start.status).map_err(|_| Gone)?;
        let fields = response.headers_mut();
        for (name, value) in &start.fields {
            put(
                fields,
                HeaderName::from_bytes(name.as_bytes()).ok(),
                value.clone(),
            );
        }
        if let Some(length) = start.length {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        put(fields, Some(DATE), self.session.hub.date());
        let end = end || self.bodiless;
        let send = respond.send_response(response, end).map_err(|_| Gone)?;
        self.state = State::Begun(send);
        self.ended = end;
        self.finished = end;
        Ok(())
    }

    /// Adds a piece of the body; `end` with the last one. [`Outgoing::poll_send`] sends it.
    pub fn push(&mut self, data: Bytes, end: bool) {
        if !self.ended {
            self.ended = end;
            self.unsent += data.len();
            if !data.is_empty() {
                self.pending.push_back(data);
            }
        }
    }

    pub fn unsent(&self) -> usize {
        self.unsent
    }

    /// Counts what waits of an event stream; true when the connection holds too much and this stream more than its
    /// share of it.
    pub fn hoards(&mut self) -> bool {
        let session = &self.session;
        let total = session.unsent.get() - self.counted + self.unsent;
        session.unsent.set(total);
        self.counted = self.unsent;
        let streams = usize::try_from(session.limits().streams).unwrap_or(1);
        total > MEMORY && self.unsent > MEMORY / streams.max(1)
    }

    /// Ready when everything has gone to h2, which holds one window of it at most.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, timer: &mut Timer) -> Poll<Result<(), Gone>> {
        let State::Begun(send) = &mut self.state else {
            return Poll::Ready(Ok(()));
        };
        while !self.finished && (self.unsent > 0 || self.ended) {
            let Some(first) = self.pending.front_mut() else {
                send.send_data(Bytes::new(), true).map_err(|_| Gone)?;
                self.finished = true;
                break;
            };
            send.reserve_capacity(self.unsent.min(AHEAD));
            let mut room = send.capacity();
            if room == 0 {
                room = match ready!(send.poll_capacity(cx)) {
                    Some(Ok(room)) => room,
                    Some(Err(_)) | None => return Poll::Ready(Err(Gone)),
                };
                if room == 0 {
                    continue;
                }
            }
            let piece = first.split_to(room.min(first.len()));
            self.unsent -= piece.len();
            if first.is_empty() {
                self.pending.pop_front();
            }
            let last = self.ended && self.unsent == 0;
            send.send_data(piece, last).map_err(|_| Gone)?;
            timer.clear();
            self.finished = last;
        }
        if self.finished {
            self.session.meter.finished();
        }
        Poll::Ready(Ok(()))
    }

    /// Ready when the peer has reset the stream or the connection has ended.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<Gone> {
        let gone = match &mut self.state {
            State::Waiting(respond) => respond.poll_reset(cx),
            State::Begun(send) => send.poll_reset(cx),
        };
        gone.map(|_| Gone)
    }

    pub fn reset(&mut self, reason: Reason) {
        match &mut self.state {
            State::Waiting(respond) => respond.send_reset(reason),
            State::Begun(send) => send.send_reset(reason),
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.session.unsent.set(self.session.unsent.get() - self.counted);
    }
}

fn put(fields: &mut HeaderMap, name: Option<HeaderName>, value: Bytes) {
    // Both were checked when the reply was decoded.
    if let (Some(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(value)) {
        fields.insert(name, value);
    }
}
