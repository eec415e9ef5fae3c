//! Event streams over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use front::slab::{Reply, Request, reply_field, reply_flag};
use support::{Client, Running, body, config, echo, post, request, start_with, until};

/// A front whose requests come out of a channel.
fn held(config: front::Config) -> (Running, mpsc::Receiver<Request>) {
    let (sender, receiver) = mpsc::channel();
    let running = start_with(
        config,
        Box::new(move |_, request| {
            sender.send(request).unwrap();
            Vec::new()
        }),
    );
    (running, receiver)
}

fn send(running: &Running, replies: &[Reply]) {
    let mut slab = Vec::new();
    for reply in replies {
        reply.encode(&mut slab).unwrap();
    }
    running.front.reply(&slab).unwrap();
}

fn event(token: u64, text: impl Into<Bytes>) -> Reply {
    Reply {
        token,
        flags: reply_flag::EVENT,
        status: 200,
        body: text.into(),
        ..Reply::default()
    }
}

fn open(config: front::Config) -> (Running, Client, Request) {
    let (running, requests) = held(config);
    let mut client = running.connect();
    client.send(post("1", "{\"x\":1}"));
    let request = requests.recv_timeout(support::WAIT).unwrap();
    (running, client, request)
}

#[test]
fn events_comments_and_the_last_reply() {
    let mut config = config();
    config.limits.keep_alive = Duration::from_millis(50);
    let (running, mut client, request) = open(config);
    let mut first = event(request.token, "{\"n\":1}");
    first.fields.push((reply_field::SESSION_ID, "s1".into()));
    first.fields.push((reply_field::EVENT_ID, "7-1".into()));
    send(&running, &[first]);
    let head = client.head();
    for line in [
        "Content-Type: text/event-stream",
        "Mcp-Session-Id: s1",
        "Transfer-Encoding: chunked",
        "X-Accel-Buffering: no",
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{head}");
    }
    client.until("event: message\nid: 7-1\ndata: {\"n\":1}\n\n");
    client.until(":\n\n\r\n3\r\n:\n\n");
    send(&running, &[echo(&request)]);
    client
        .until("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":1}}\n\n\r\n0\r\n\r\n");
    // The connection lives on.
    client.read.clear();
    client.send(post("2", "{}"));
    until(|| running.handled() == 2);
    assert!(running.gone.lock().unwrap().is_empty());
}

#[test]
fn a02_line_breaks_in_data_stay_within_one_event() {
    let (running, mut client, request) = open(config());
    let text = "{\r\n\"a\":\n\r1}";
    let mut last = event(request.token, text);
    last.flags |= reply_flag::END;
    send(&running, &[last]);
    client.until("0\r\n\r\n");
    let all = String::from_utf8(client.read.clone()).unwrap();
    assert!(all.contains("data: {  \"a\":  1}\n\n"), "{all}");
}

#[test]
fn a_reply_is_an_event_where_json_is_not_taken() {
    let (running, requests) = held(config());
    let mut client = running.connect();
    client.send(
        request("", &body("1", "{}")).replace("application/json, text/event-stream", "text/event-stream"),
    );
    let first = requests.recv_timeout(support::WAIT).unwrap();
    send(&running, &[echo(&first)]);
    let response = client.response();
    assert!(response.head.contains("Content-Type: text/event-stream\r\n"));
    assert_eq!(
        response.body,
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"
    );
}

#[test]
fn abandoned_requests_end() {
    for (accept, status) in [
        ("application/json, text/event-stream", 200),
        ("application/json", 204),
    ] {
        let (running, requests) = held(config());
        let mut client = running.connect();
        client.send(request("", &body("1", "{}")).replace("application/json, text/event-stream", accept));
        let first = requests.recv_timeout(support::WAIT).unwrap();
        let mut reply = event(first.token, "");
        reply.flags = reply_flag::ABANDON;
        send(&running, &[reply]);
        let response = client.response();
        assert_eq!((response.status, response.body.as_str()), (status, ""));
        until(|| running.front.connections() == 1);
        assert!(running.gone.lock().unwrap().is_empty());
    }
}

#[test]
fn http10_streams_end_with_the_connection() {
    let (running, requests) = held(config());
    let mut client = running.connect();
    client.send(post("1", "{}").replace("HTTP/1.1", "HTTP/1.0"));
    let first = requests.recv_timeout(support::WAIT).unwrap();
    send(&running, &[event(first.token, "{}"), echo(&first)]);
    let all = client.rest();
    assert!(!all.contains("chunked"));
    assert!(
        all.ends_with("data: {}\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"),
        "{all}"
    );
}

#[test]
fn a08_a_stream_that_is_not_read_is_closed_at_its_bound() {
    let mut config = config();
    config.limits.write_buffer_bytes = 100_000;
    let (running, client, request) = open(config);
    let piece = Bytes::from(vec![b'x'; 50_000]);
    until(|| {
        send(&running, &[event(request.token, piece.clone())]);
        !running.gone.lock().unwrap().is_empty()
    });
    until(|| running.front.connections() == 0);
    assert_eq!(*running.gone.lock().unwrap(), [request.token]);
    drop(client);
}

#[test]
fn a08_a_large_reply_that_is_not_read_is_dropped_after_a_while() {
    let mut config = config();
    config.limits.write_stall = Duration::from_millis(100);
    let (running, client, request) = open(config);
    let mut reply = echo(&request);
    reply.body = Bytes::from(vec![b'1'; 16 * 1024 * 1024]);
    send(&running, &[reply]);
    until(|| running.front.connections() == 0);
    drop(client);
}

#[test]
fn a_peer_that_leaves_its_stream_is_reported() {
    let (running, mut client, request) = open(config());
    send(&running, &[event(request.token, "{}")]);
    client.until("data: {}");
    drop(client);
    until(|| *running.gone.lock().unwrap() == [request.token]);
    // What comes too late is dropped.
    send(&running, &[echo(&request)]);
    until(|| running.front.connections() == 0);
}
