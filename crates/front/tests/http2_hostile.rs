//! HTTP/2 frames no honest client sends, or not so many of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod peer;
mod support;

use std::time::{Duration, Instant};

use peer::{END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Raw, block_of_post, frame, kind, literal};
use support::{Running, config, echo, start, start_with, until};

const REFUSED_STREAM: u32 = 7;

fn silent() -> Running {
    start_with(config(), Box::new(|_, _| Vec::new()))
}

#[test]
fn b02_rapid_reset_ends_the_connection_and_no_other() {
    let running = silent();
    let mut other = Raw::connect(&running);
    other.post(1, "{}");
    until(|| running.handled() == 1);
    let mut raw = Raw::connect(&running);
    let mut pairs = Vec::new();
    for index in 0..10_000 {
        let stream = 2 * index + 1;
        pairs.extend(frame(kind::HEADERS, END_HEADERS, stream, &block_of_post()));
        let body = support::body("1", "{}");
        pairs.extend(frame(kind::DATA, END_STREAM, stream, body.as_bytes()));
        pairs.extend(frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    raw.flood(&pairs, 1);
    assert_eq!(raw.end().expect("GOAWAY").reason(), ENHANCE_YOUR_CALM);
    until(|| running.front.connections() == 1);
    until(|| running.gone.lock().unwrap().len() + 1 == running.handled());
    // Nowhere near as many as were sent.
    assert!(running.handled() < 1_000, "{}", running.handled());
    other.send(kind::PING, 0, 0, b"12345678");
    assert_eq!(other.expect(kind::PING).payload, b"12345678");
}

#[test]
fn b03_continuation_flood() {
    let running = start(config());
    for piece in [
        literal("x-a", "b"),
        Vec::new(),
        literal("x-a", &"b".repeat(8_000)),
    ] {
        let mut raw = Raw::connect(&running);
        raw.send(kind::HEADERS, 0, 1, &block_of_post());
        raw.flood(&frame(kind::CONTINUATION, 0, 1, &piece), 10_000);
        assert!(raw.end().is_some());
    }
    until(|| running.front.connections() == 0);
    running.expect_alive();
    assert_eq!(running.handled(), 1);
}

#[test]
fn b03_hpack_bomb() {
    let running = start(config());
    let mut raw = Raw::connect(&running);
    // One field of 4,000 bytes enters the table; then it is named by one byte each.
    let mut block = block_of_post();
    let mut field = literal("x-a", &"b".repeat(3_900));
    field[0] = 0x40;
    block.extend(field);
    block.extend([0xbe].repeat(10_000));
    raw.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block);
    // 431 for that request, or the end of the connection; no handler has seen it.
    while let Some(frame) = raw.next() {
        if frame.stream == 1 || frame.kind == kind::GOAWAY {
            break;
        }
    }
    running.expect_alive();
    assert_eq!(running.handled(), 1);
}

#[test]
fn b03_frames_that_bring_nothing_forward() {
    let running = start(config());
    let open = frame(kind::HEADERS, END_HEADERS, 1, &block_of_post());
    for bad in [
        frame(kind::PING, 0, 0, b"12345678"),
        frame(kind::PING, 1, 0, b"12345678"),
        frame(kind::SETTINGS, 0, 0, &[]),
        frame(kind::SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100].repeat(100)),
        frame(kind::PRIORITY, 0, 3, &[0, 0, 0, 0, 1]),
        frame(kind::DATA, 0, 1, &[]),
        frame(kind::WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()),
        frame(0x77, 0, 0, b"unknown"),
    ] {
        let mut raw = Raw::connect(&running);
        raw.0.send(&open);
        raw.flood(&bad, 50_000);
        assert_eq!(raw.end().expect("GOAWAY").reason(), ENHANCE_YOUR_CALM, "{bad:?}");
    }
    until(|| running.front.connections() == 0);
    running.expect_alive();
    assert_eq!(running.handled(), 1);
}

#[test]
fn b03_answers_that_are_not_read_pile_up_nowhere() {
    let mut config = config();
    config.limits.write_stall = Duration::from_millis(200);
    let running = start_with(
        config,
        Box::new(|_, request| {
            let mut reply = echo(&request);
            reply.body = vec![b'1'; 1024 * 1024].into();
            vec![reply]
        }),
    );
    let mut raw = Raw::connect(&running);
    // A window wide enough for everything; then nothing is read.
    let window = [0, 4, 0x7f, 0xff, 0xff, 0xff];
    raw.send(kind::SETTINGS, 0, 0, &window);
    raw.send(kind::WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    for index in 0..100 {
        raw.post(2 * index + 1, "{}");
    }
    until(|| running.handled() == 100);
    until(|| running.front.connections() == 0);
}

#[test]
fn b04_the_101st_stream_is_refused() {
    let running = silent();
    let mut raw = Raw::connect(&running);
    for index in 0..101 {
        raw.post(2 * index + 1, "{}");
    }
    let reset = raw.expect(kind::RST_STREAM);
    assert_eq!((reset.stream, reset.reason()), (201, REFUSED_STREAM));
    until(|| running.handled() == 100);
    raw.send(kind::RST_STREAM, 0, 1, &8_u32.to_be_bytes());
    until(|| running.gone.lock().unwrap().len() == 1);
    raw.post(203, "{}");
    until(|| running.handled() == 101);
}

#[test]
fn a07_headers_that_do_not_end() {
    let mut config = config();
    config.limits.headers = Duration::from_millis(200);
    let running = start(config);
    let (mut silent, mut half, mut preface) =
        (Raw::connect(&running), Raw::connect(&running), running.connect());
    half.post(1, "{}");
    half.expect(kind::HEADERS);
    half.0
        .send(&frame(kind::HEADERS, END_HEADERS, 3, &block_of_post())[..20]);
    preface.send("PRI * HTTP/2.0\r\n\r\nSM\r");
    assert_eq!(half.end().expect("GOAWAY").reason(), ENHANCE_YOUR_CALM);
    assert_eq!(silent.end().expect("GOAWAY").reason(), 0);
    assert_eq!(preface.rest(), "");
    until(|| running.front.connections() == 0);
}

#[test]
fn peers_that_do_not_answer_pings_are_given_up() {
    let mut config = config();
    config.limits.keep_alive = Duration::from_millis(50);
    config.limits.write_stall = Duration::from_millis(100);
    let running = start_with(config, Box::new(|_, _| Vec::new()));
    let mut raw = Raw::connect(&running);
    raw.post(1, "{}");
    until(|| running.handled() == 1);
    // One that answers stays.
    let end = Instant::now() + Duration::from_millis(400);
    while Instant::now() < end {
        let ping = raw.expect(kind::PING);
        raw.send(kind::PING, 1, 0, &ping.payload);
    }
    assert!(running.gone.lock().unwrap().is_empty());
    until(|| running.front.connections() == 0);
    until(|| running.gone.lock().unwrap().len() == 1);
}

#[test]
fn drain_does_not_wait_for_an_idle_peer_that_says_nothing() {
    let running = silent();
    let mut raw = Raw::connect(&running);
    raw.expect(kind::SETTINGS);
    let begun = Instant::now();
    running.front.drain(Duration::from_secs(60));
    assert_eq!(raw.end().expect("GOAWAY").reason(), 0);
    running.front.join();
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn bytes_that_are_no_frames() {
    let running = start(config());
    for garbage in [
        vec![0xff; 100_000],
        frame(kind::HEADERS, END_HEADERS, 0, &block_of_post()),
        frame(kind::HEADERS, END_HEADERS, 2, &block_of_post()),
        frame(kind::HEADERS, END_HEADERS, 1, &[0xff; 100]),
        frame(kind::DATA, 0, 1, b"x"),
        frame(kind::SETTINGS, 0, 0, b"12345"),
        frame(kind::PING, 0, 0, b"1"),
        frame(kind::WINDOW_UPDATE, 0, 0, &[0; 4]),
        frame(kind::CONTINUATION, END_HEADERS, 1, &[]),
        frame(5, END_HEADERS, 1, &[0; 10]),
    ] {
        let mut raw = Raw::connect(&running);
        raw.0.send(&garbage);
        let end = raw.end().expect("GOAWAY");
        assert_ne!(end.reason(), 0, "{:?}", &garbage[..9]);
    }
    running.expect_alive();
    assert_eq!(running.handled(), 1);
}
