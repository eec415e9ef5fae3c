//! HTTP/2 on h2. Not on hyper: the guard must see all fields of a request as they came, and the bounds here (unsent
//! bytes of a stream, stalls, resets, floods) need the streams and the frames themselves.

mod meter;
mod outgoing;
mod stream;

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ::h2::server::{self, Builder};
use ::h2::{Ping, PingPong, Reason};
use bytes::{Bytes, BytesMut};
use tokio::task::spawn_local;

use crate::clock::Clock;
use crate::config::Limits;
use crate::driver::Incoming;
use crate::hub::Hub;
use crate::stream::Stream;
use crate::tls::Certificate;
use meter::{Meter, Metered};

/// Window of a stream, and the most that is sent ahead on one.
const STREAM_WINDOW: u32 = 64 * 1024 - 1;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// RFC 9113 counts so much on top of each field (6.5.2).
const FIELD_OVERHEAD: usize = 32;
const PSEUDO_FIELDS: usize = 4;
/// Streams this side may have to reset because the peer broke the rules.
const BROKEN_STREAMS: usize = 256;
/// A connection that is to end may take so long to do so once no request is left.
const FAREWELL: Duration = Duration::from_millis(500);
const FAREWELL_BYTES: usize = 1024 * 1024;
/// Bytes the bodies and event streams of one connection may hold.
const MEMORY: usize = 10 * 1024 * 1024;

/// What the streams of one connection share.
struct Session {
    hub: Rc<Hub>,
    peer: SocketAddr,
    certificate: Option<Rc<Certificate>>,
    meter: Rc<Meter>,
    /// Requests that are not over.
    open: Cell<usize>,
    /// Since when there is none.
    idle: Cell<Instant>,
    /// Bytes of bodies that are not whole yet.
    bodies: Cell<usize>,
    /// Unsent bytes of event streams.
    unsent: Cell<usize>,
    waker: RefCell<Option<Waker>>,
}

impl Session {
    fn listen(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    fn limits(&self) -> &Limits {
        &self.hub.config().limits
    }
}

/// Counts a request while it runs.
struct Running(Rc<Session>);

impl Running {
    fn new(session: &Rc<Session>) -> Self {
        session.open.set(session.open.get() + 1);
        Self(Rc::clone(session))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let session = &self.0;
        session.open.set(session.open.get() - 1);
        if session.open.get() == 0 {
            session.idle.set(Instant::now());
            if let Some(waker) = session.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }
}

/// Serves one connection to its end.
pub async fn serve(incoming: Incoming) {
    let (home, clock) = (Rc::new(Cell::new(None)), incoming.clock);
    let session = Rc::new(Session {
        hub: incoming.hub,
        peer: incoming.peer,
        certificate: incoming.certificate,
        meter: Meter::new(),
        open: Cell::new(0),
        idle: Cell::new(Instant::now()),
        bodies: Cell::new(0),
        unsent: Cell::new(0),
        waker: RefCell::default(),
    });
    let meter = Rc::clone(&session.meter);
    let stream = Metered::new(incoming.stream, incoming.input, meter, Rc::clone(&home));
    // Its room is given back before the connection is served.
    let Some(h2) = Box::pin(handshake(stream, &session, &clock)).await else {
        return;
    };
    let mut connection = Connection::new(h2, session, clock);
    let over = poll_fn(|cx| connection.poll(cx)).await;
    drop(connection);
    if let Some(stream) = home.take().filter(|_| over.graceful) {
        linger(stream).await;
    }
}

type H2 = server::Connection<Metered, Bytes>;

/// The peer's preface, within the time for headers.
async fn handshake(stream: Metered, session: &Session, clock: &Clock) -> Option<H2> {
    let limits = session.limits();
    let fields = session.hub.config().policy.header_lines + PSEUDO_FIELDS;
    let list = limits.header_bytes + fields * FIELD_OVERHEAD;
    let streams = usize::try_from(limits.streams).unwrap_or(usize::MAX);
    let mut builder = Builder::new();
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
        .max_send_buffer_size(usize::try_from(STREAM_WINDOW).unwrap_or(usize::MAX))
        // Requests that were taken back before they were looked at (rapid reset).
        .max_pending_accept_reset_streams(streams)
        .max_local_error_reset_streams(Some(BROKEN_STREAMS));
    let mut handshake = pin!(builder.handshake(stream));
    clock.set(limits.headers);
    poll_fn(|cx| match handshake.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(outcome.ok()),
        Poll::Pending if clock.fired(cx) || session.hub.draining() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Takes what the peer still sends for a moment; else the reset would overtake the last frames.
async fn linger(mut stream: Stream) {
    let (mut taken, mut input) = (0, BytesMut::new());
    let reading = poll_fn(|cx| {
        loop {
            input.clear();
            match stream.poll_fill(cx, &mut input) {
                Poll::Ready(Ok(count @ 1..)) if taken < FAREWELL_BYTES => taken += count,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    let _ = tokio::time::timeout(FAREWELL, reading).await;
}

struct Connection {
    h2: H2,
    session: Rc<Session>,
    clock: Rc<Clock>,
    pings: Option<PingPong>,
    /// When the ping went out that has no answer yet.
    pinged: Option<Instant>,
    served: usize,
    /// The peer has been told to begin no further request.
    leaving: bool,
    /// The peer has been told that the connection ends.
    expelled: Option<Instant>,
}

/// The connection ends.
struct Over {
    /// The peer was told why.
    graceful: bool,
}

impl Connection {
    fn new(mut h2: H2, session: Rc<Session>, clock: Rc<Clock>) -> Self {
        let pings = h2.ping_pong();
        Self {
            h2,
            session,
            clock,
            pings,
            pinged: None,
            served: 0,
            leaving: false,
            expelled: None,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Over> {
        self.session.listen(cx);
        loop {
            if self.clock.fired(cx)
                && let Poll::Ready(over) = self.overdue(Instant::now())
            {
                return Poll::Ready(over);
            }
            if self.session.hub.draining() || self.served >= self.session.limits().requests_per_socket {
                self.leave();
            }
            match self.h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.served += 1;
                    let running = Running::new(&self.session);
                    spawn_local(stream::serve(running, request, respond));
                    continue;
                }
                // What went wrong stands in a GOAWAY that was sent.
                Poll::Ready(_) => return Poll::Ready(Over { graceful: true }),
                Poll::Pending => {}
            }
            if self.session.meter.flooded() && self.expelled.is_none() {
                self.expel();
                continue;
            }
            self.poll_pong(cx);
            let deadline = self.deadline();
            self.clock.restore(deadline);
            return Poll::Pending;
        }
    }

    /// No further requests; those that run go on.
    fn leave(&mut self) {
        if !self.leaving && self.expelled.is_none() {
            self.leaving = true;
            self.session.idle.set(Instant::now());
            self.h2.graceful_shutdown();
        }
    }

    /// Ends everything.
    fn expel(&mut self) {
        self.expelled = Some(Instant::now());
        self.h2.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
    }

    fn poll_pong(&mut self, cx: &mut Context<'_>) {
        if let (Some(pings), Some(_)) = (&mut self.pings, self.pinged)
            && pings.poll_pong(cx).is_ready()
        {
            self.pinged = None;
        }
    }

    /// When something has to be done if nothing happens.
    fn deadline(&self) -> Option<Instant> {
        let limits = self.session.limits();
        let times = [
            self.idle_end(),
            self.expelled.map(|since| since + FAREWELL),
            self.session
                .meter
                .blocked()
                .map(|since| since + limits.write_stall),
            self.session.meter.headers().map(|since| since + limits.headers),
            match self.pinged {
                Some(since) => Some(since + limits.write_stall),
                None => self.ping_due(),
            },
        ];
        times.into_iter().flatten().min()
    }

    fn idle_end(&self) -> Option<Instant> {
        let limits = self.session.limits();
        let wait = match self.served {
            _ if self.leaving => FAREWELL,
            0 => limits.headers,
            _ => limits.idle,
        };
        (self.session.open.get() == 0).then(|| self.session.idle.get() + wait)
    }

    fn ping_due(&self) -> Option<Instant> {
        let quiet = self.session.limits().keep_alive;
        self.pings.as_ref().map(|_| self.session.meter.heard() + quiet)
    }

    fn overdue(&mut self, now: Instant) -> Poll<Over> {
        let limits = self.session.limits();
        let (stall, headers) = (limits.write_stall, limits.headers);
        let late = |since: Option<Instant>, after| since.is_some_and(|since| since + after <= now);
        if late(self.expelled, FAREWELL)
            || late(self.session.meter.blocked(), stall)
            || late(self.pinged, stall)
        {
            return Poll::Ready(Over { graceful: false });
        }
        if late(self.session.meter.headers(), headers) && self.expelled.is_none() {
            self.expel();
        } else if late(self.idle_end(), Duration::ZERO) {
            if self.leaving {
                return Poll::Ready(Over { graceful: false });
            }
            self.leave();
        } else if self.pinged.is_none()
            && late(self.ping_due(), Duration::ZERO)
            && let Some(pings) = &mut self.pings
        {
            self.pinged = pings.send_ping(Ping::opaque()).is_ok().then_some(now);
        }
        Poll::Pending
    }
}

/// Time for one stream to get on, set up only when it needs it.
struct Timer {
    hub: Rc<Hub>,
    entry: Option<(u64, Rc<Clock>)>,
}

impl Timer {
    fn new(hub: &Rc<Hub>) -> Self {
        Self {
            hub: Rc::clone(hub),
            entry: None,
        }
    }

    fn clock(&mut self) -> &Clock {
        let clocks = &self.hub.clocks;
        &self.entry.get_or_insert_with(|| clocks.add()).1
    }

    fn clear(&self) {
        if let Some((_, clock)) = &self.entry {
            clock.clear();
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some((key, _)) = self.entry {
            self.hub.clocks.remove(key);
        }
    }
}
