//! Counts the frames of a peer before they are parsed, for the bounds that h2 does not have.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::open::PREFACE;
use crate::stream::Stream;

const FRAME_HEAD: usize = 9;

/// Frames that bring nothing forward (PING, SETTINGS, PRIORITY, `WINDOW_UPDATE`, empty DATA, unknown kinds) a peer may
/// send at once …
const IDLE_FRAMES: Bucket = Bucket::new(1_000, Duration::from_millis(10));
/// … and what it earns: by every request, and by this many bytes it has taken.
const EARNED_BY_REQUEST: u32 = 4;
const EARNED_BY_BYTES: usize = 1_024;
/// Bytes of such a frame that count as one more.
const IDLE_FRAME_BYTES: u32 = 256;
/// `RST_STREAM` frames a peer may send at once; every reply it lets finish earns one.
const RESETS: Bucket = Bucket::new(200, Duration::from_millis(30));

/// What may happen, at once and over time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    most: u32,
    every: Duration,
    left: u32,
    filled: Option<Instant>,
}

impl Bucket {
    const fn new(most: u32, every: Duration) -> Self {
        Self {
            most,
            every,
            left: most,
            filled: None,
        }
    }

    fn earn(&mut self, count: u32) {
        self.left = self.left.saturating_add(count).min(self.most);
    }

    /// False when there is not so much left.
    fn spend(&mut self, count: u32, now: Instant) -> bool {
        if self.left < count {
            let since = self.filled.map_or(self.every, |filled| now - filled);
            let periods = since.as_nanos() / self.every.as_nanos().max(1);
            self.earn(u32::try_from(periods).unwrap_or(u32::MAX));
            self.filled = Some(now);
        }
        match self.left.checked_sub(count) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

/// What is known of the bytes of a connection.
#[derive(Debug)]
pub struct Meter {
    parser: RefCell<Parser>,
    /// When the peer last sent something.
    heard: Cell<Instant>,
    /// Since when it takes nothing of what is to be sent.
    blocked: Cell<Option<Instant>>,
    flooded: Cell<bool>,
}

#[derive(Debug)]
struct Parser {
    preface: usize,
    head: [u8; FRAME_HEAD],
    head_length: usize,
    /// Bytes of the frame that are still to come.
    payload: usize,
    /// The frame is the last one of a header block.
    ends_headers: bool,
    /// When the header block began that is not complete.
    headers: Option<Instant>,
    idle_frames: Bucket,
    resets: Bucket,
    sent: usize,
}

impl Meter {
    pub fn new() -> Rc<Self> {
        let parser = Parser {
            preface: PREFACE.len(),
            head: [0; FRAME_HEAD],
            head_length: 0,
            payload: 0,
            ends_headers: false,
            headers: None,
            idle_frames: IDLE_FRAMES,
            resets: RESETS,
            sent: 0,
        };
        Rc::new(Self {
            parser: RefCell::new(parser),
            heard: Cell::new(Instant::now()),
            blocked: Cell::new(None),
            flooded: Cell::new(false),
        })
    }

    pub fn heard(&self) -> Instant {
        self.heard.get()
    }

    pub fn blocked(&self) -> Option<Instant> {
        self.blocked.get()
    }

    /// When the header block began that is still coming.
    pub fn headers(&self) -> Option<Instant> {
        self.parser.borrow().headers
    }

    /// The peer has sent too many frames that bring nothing forward; nothing more is read from it.
    pub fn flooded(&self) -> bool {
        self.flooded.get()
    }

    /// A reply went out to its end.
    pub fn finished(&self) {
        self.parser.borrow_mut().resets.earn(1);
    }

    fn received(&self, bytes: &[u8]) {
        let now = Instant::now();
        self.heard.set(now);
        if !self.parser.borrow_mut().take(bytes, now) {
            self.flooded.set(true);
        }
    }

    fn sent<T>(&self, outcome: &Poll<io::Result<T>>, count: impl Fn(&T) -> usize) {
        match outcome {
            Poll::Ready(Ok(done)) => {
                self.blocked.set(None);
                let mut parser = self.parser.borrow_mut();
                parser.sent += count(done);
                let earned = u32::try_from(parser.sent / EARNED_BY_BYTES).unwrap_or(u32::MAX);
                parser.sent %= EARNED_BY_BYTES;
                parser.idle_frames.earn(earned);
            }
            Poll::Pending if self.blocked.get().is_none() => self.blocked.set(Some(Instant::now())),
            _ => {}
        }
    }
}

impl Parser {
    /// False when a bucket is empty.
    fn take(&mut self, mut bytes: &[u8], now: Instant) -> bool {
        let preface = self.preface.min(bytes.len());
        self.preface -= preface;
        bytes.advance(preface);
        while !bytes.is_empty() {
            if self.payload > 0 {
                let count = self.payload.min(bytes.len());
                self.payload -= count;
                bytes.advance(count);
            } else {
                let Some(room) = self.head.get_mut(self.head_length..) else {
                    return true;
                };
                let count = room.len().min(bytes.len());
                bytes.copy_to_slice(room.get_mut(..count).unwrap_or_default());
                self.head_length += count;
                if self.head_length < FRAME_HEAD {
                    return true;
                }
                self.head_length = 0;
                if !self.frame(now) {
                    return false;
                }
            }
            if self.payload == 0 && self.ends_headers {
                self.ends_headers = false;
                self.headers = None;
            }
        }
        true
    }

    /// Judges a frame by its head (RFC 9113, 4.1).
    fn frame(&mut self, now: Instant) -> bool {
        let [high, middle, low, kind, flags, ..] = self.head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        self.payload = usize::try_from(length).unwrap_or(usize::MAX);
        let (end_stream, end_headers) = (flags & 1 != 0, flags & 4 != 0);
        match kind {
            DATA if length > 0 || end_stream => true,
            HEADERS | CONTINUATION => {
                self.headers = self.headers.or(Some(now));
                self.ends_headers = end_headers;
                if kind == HEADERS {
                    self.idle_frames.earn(EARNED_BY_REQUEST);
                    return true;
                }
                self.idle_frames.spend(1, now)
            }
            RST_STREAM => self.resets.spend(1, now),
            _ => self.idle_frames.spend(1 + length / IDLE_FRAME_BYTES, now),
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;

/// A stream under a meter. It comes back to `home` when h2 is done with it.
pub struct Metered {
    stream: Option<Stream>,
    input: BytesMut,
    meter: Rc<Meter>,
    home: Rc<Cell<Option<Stream>>>,
}

impl Metered {
    /// `input` was read already.
    pub fn new(stream: Stream, input: BytesMut, meter: Rc<Meter>, home: Rc<Cell<Option<Stream>>>) -> Self {
        Self {
            stream: Some(stream),
            input,
            meter,
            home,
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut Stream>> {
        self.stream
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.home.set(self.stream.take());
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.meter.flooded() {
            return Poll::Pending;
        }
        let before = room.filled().len();
        let outcome = if self.input.is_empty() {
            self.stream()?.poll_read(cx, room)
        } else {
            let count = self.input.len().min(room.remaining());
            room.put_slice(&self.input.split_to(count));
            Poll::Ready(Ok(()))
        };
        if let Some(bytes) = room.filled().get(before..)
            && !bytes.is_empty()
        {
            self.meter.received(bytes);
        }
        outcome
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = self.stream()?.poll_write(cx, data);
        self.meter.sent(&outcome, |count| *count);
        outcome
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.stream()?.poll_write_vectored(cx, slices);
        self.meter.sent(&outcome, |count| *count);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.stream()?.poll_flush(cx);
        self.meter.sent(&outcome, |()| 0);
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let length_bytes = u32::try_from(length).expect("short").to_be_bytes();
        let mut out = length_bytes[1..].to_vec();
        out.extend([kind, flags, 0, 0, 0, 1]);
        out.resize(FRAME_HEAD + length, b'x');
        out
    }

    fn begun() -> Rc<Meter> {
        let meter = Meter::new();
        meter.received(PREFACE);
        meter
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        for step in 1..40 {
            let meter = begun();
            let open = [frame(4, 0, 0), frame(HEADERS, 0, 10)].concat();
            for piece in open.chunks(step) {
                meter.received(piece);
            }
            assert!(meter.headers().is_some(), "{step}");
            for piece in frame(CONTINUATION, 4, 30).chunks(step) {
                assert!(meter.headers().is_some(), "{step}");
                meter.received(piece);
            }
            assert!(meter.headers().is_none(), "{step}");
            meter.received(&frame(HEADERS, 4, 0));
            assert!(meter.headers().is_none(), "{step}");
            assert!(!meter.flooded());
        }
    }

    #[test]
    fn b03_frames_that_bring_nothing_forward_run_out() {
        for bad in [
            frame(DATA, 0, 0),
            frame(2, 0, 5),
            frame(4, 0, 0),
            frame(6, 0, 8),
            frame(8, 0, 4),
            frame(CONTINUATION, 0, 0),
            frame(0x77, 0, 0),
        ] {
            let meter = begun();
            for _ in 0..1_000 {
                meter.received(&bad);
            }
            assert!(!meter.flooded(), "{bad:?}");
            for _ in 0..10_000 {
                meter.received(&bad);
            }
            assert!(meter.flooded(), "{bad:?}");
        }
        let meter = begun();
        for _ in 0..100 {
            meter.received(&frame(0x77, 0, 16_384));
        }
        assert!(meter.flooded());
    }

    #[test]
    fn b02_resets_run_out_unless_replies_finish() {
        let (honest, hostile) = (begun(), begun());
        for _ in 0..10_000 {
            for meter in [&honest, &hostile] {
                meter.received(&frame(HEADERS, 5, 20));
                meter.received(&frame(RST_STREAM, 0, 4));
            }
            honest.finished();
        }
        assert!(!honest.flooded());
        assert!(hostile.flooded());
    }

    #[test]
    fn requests_replies_and_time_earn() {
        let meter = begun();
        for _ in 0..10_000 {
            meter.received(&frame(HEADERS, 4, 20));
            meter.received(&frame(DATA, 1, 0));
            for _ in 0..4 {
                meter.received(&frame(8, 0, 4));
            }
            meter.received(&frame(DATA, 0, 1));
            meter.sent(&Poll::Ready(Ok(4_096)), |count| *count);
            for _ in 0..4 {
                meter.received(&frame(8, 0, 4));
            }
        }
        assert!(!meter.flooded());
        let (mut bucket, start) = (IDLE_FRAMES, Instant::now());
        assert!(bucket.spend(1_000, start));
        assert!(bucket.spend(1, start + Duration::from_secs(1)));
        assert!(!bucket.spend(100, start + Duration::from_secs(1)));
        assert!(bucket.spend(100, start + Duration::from_secs(3)));
    }

    #[test]
    fn a_peer_that_takes_nothing_is_known() {
        let meter = begun();
        meter.sent::<()>(&Poll::Pending, |()| 0);
        let since = meter.blocked();
        assert!(since.is_some());
        meter.sent::<()>(&Poll::Pending, |()| 0);
        assert_eq!(meter.blocked(), since);
        meter.sent(&Poll::Ready(Ok(1)), |count| *count);
        assert_eq!(meter.blocked(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_mean_the_same(
            bytes in proptest::collection::vec(prop_oneof![0_u8..10, any::<u8>()], 0..2_000),
            step in 1_usize..50,
        ) {
            let (whole, pieces) = (begun(), begun());
            whole.received(&bytes);
            for piece in bytes.chunks(step) {
                pieces.received(piece);
            }
            // Between the pieces time passes, in which a little is earned.
            if !whole.flooded() && !pieces.flooded() {
                let (whole, pieces) = (whole.parser.borrow(), pieces.parser.borrow());
                prop_assert_eq!(whole.payload, pieces.payload);
                prop_assert_eq!(whole.head_length, pieces.head_length);
                prop_assert_eq!(whole.headers.is_some(), pieces.headers.is_some());
            }
        }
    }
}
