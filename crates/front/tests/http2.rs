//! HTTP/2 over real sockets with the client of the h2 crate.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod peer;
mod support;

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use front::slab::{RecordKind, Request, field, flag, reply_flag};
use front::{Replies, Revision, Table};
use h2::Reason;
use h2::client::Builder;
use http::{HeaderMap, Method};
use peer::{block, connect, connect_with, message, read, read_until, send_all, until};
use support::{Running, body, config, echo, start, start_with};

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

fn send(running: &Running, replies: &[front::slab::Reply]) {
    let mut slab = Vec::new();
    for reply in replies {
        reply.encode(&mut slab).unwrap();
    }
    running.front.reply(&slab).unwrap();
}

fn event(token: u64, text: impl Into<Bytes>) -> front::slab::Reply {
    front::slab::Reply {
        token,
        flags: reply_flag::EVENT,
        status: 200,
        body: text.into(),
        ..front::slab::Reply::default()
    }
}

async fn next(requests: &mpsc::Receiver<Request>) -> Request {
    loop {
        if let Ok(request) = requests.try_recv() {
            return request;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn both_protocols_on_one_port_and_ids_as_they_came() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        for id in ["1", "\"a\\u0062\"", "12345678901234567890123", "-0"] {
            let reply = peer.echo(id, "{\"x\":[1,2]}").await.unwrap();
            assert_eq!(
                (reply.status, reply.fields["content-type"].as_bytes()),
                (200, b"application/json".as_slice())
            );
            assert!(reply.fields.contains_key("date"));
            assert_eq!(
                reply.body,
                format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"x\":[1,2]}}}}")
            );
        }
        for length in [1_000, 10_000, 65_000, 70_000, 500_000] {
            let argument = format!("{{\"x\":\"{}\"}}", "y".repeat(length));
            let reply = peer.echo("1", &argument).await.unwrap();
            assert_eq!(reply.fields["content-length"], reply.body.len().to_string());
            assert!(
                reply.body.ends_with(&format!("\"result\":{argument}}}")),
                "{length}"
            );
        }
    });
    running.expect_alive();
}

#[test]
fn what_the_consumer_needs_is_handed_over() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let mut config = config();
    for method in ["GET", "POST"] {
        config.routes.push(front::config::Route {
            method: method.into(),
            path: "/healthz".into(),
        });
    }
    let running = start_with(
        config,
        Box::new(move |_, request| {
            let reply = echo(&request);
            sink.lock().unwrap().push(request);
            vec![reply]
        }),
    );
    block(async {
        let mut peer = connect(&running.front).await;
        let post = message()
            .header("mcp-session-id", "s1")
            .header("mcp-param-region", "eu")
            .header("authorization", "Bearer t")
            .header("host", "127.0.0.1");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "1".parse().unwrap());
        let (response, mut send) = peer.begin(post.body(()).unwrap(), false).await;
        for piece in body("1", "{}").as_bytes().chunks(7) {
            send_all(&mut send, Bytes::copy_from_slice(piece), false)
                .await
                .unwrap();
        }
        send.send_trailers(trailers).unwrap();
        assert_eq!(read(response).await.unwrap().status, 200);
        for (method, path) in [
            ("GET", "/mcp"),
            ("DELETE", "/mcp"),
            ("GET", "/healthz?a=b"),
            ("HEAD", "/healthz"),
            ("POST", "/healthz"),
        ] {
            let uri = format!("http://127.0.0.1{path}");
            let request = message().method(method).uri(uri).header("last-event-id", "5");
            let reply = peer.ask(request.body(()).unwrap(), None).await.unwrap();
            assert_eq!(
                (reply.status, reply.body.is_empty()),
                (200, method == "HEAD"),
                "{method} {path}"
            );
        }
    });
    let seen = seen.lock().unwrap();
    let kinds: Vec<_> = seen.iter().map(|request| request.kind).collect();
    let route = RecordKind::Route;
    assert_eq!(
        kinds,
        [
            RecordKind::Message,
            RecordKind::Get,
            RecordKind::Delete,
            route,
            route,
            route
        ]
    );
    let value = |request: &Request, id| {
        let found = request.fields.iter().find(|field| field.0 == id);
        found.map(|(_, _, value)| String::from_utf8(value.to_vec()).unwrap())
    };
    for request in seen.iter() {
        assert_ne!(request.flags & flag::HTTP2, 0);
        assert_eq!(value(request, field::HOST).as_deref(), Some("127.0.0.1"));
        assert!(value(request, field::PEER).unwrap().starts_with("127.0.0.1:"));
    }
    assert_eq!(value(&seen[0], field::SESSION_ID).as_deref(), Some("s1"));
    assert_eq!(value(&seen[0], field::AUTHORIZATION).as_deref(), Some("Bearer t"));
    assert_eq!(value(&seen[1], field::LAST_EVENT_ID).as_deref(), Some("5"));
    assert_eq!(value(&seen[3], field::TARGET).as_deref(), Some("/healthz?a=b"));
    assert_eq!(value(&seen[4], field::HTTP_METHOD).as_deref(), Some("HEAD"));
}

#[test]
fn prepared_replies_come_without_the_consumer() {
    let running = start(config());
    let mut table = Table::new(true);
    let result = Bytes::from_static(b"{\"tools\":[]}");
    table.set(Revision::July2026, b"tools/list", result).unwrap();
    running.front.set_replies(Replies {
        anonymous: Some(table.into()),
        ..Replies::default()
    });
    let text = r#"{"jsonrpc":"2.0","id":"\u0061","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    block(async {
        let mut peer = connect(&running.front).await;
        for _ in 0..3 {
            let request = message()
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", "tools/list");
            let reply = peer
                .ask(request.body(()).unwrap(), Some(text.to_owned()))
                .await
                .unwrap();
            assert_eq!(
                reply.body,
                r#"{"jsonrpc":"2.0","id":"\u0061","result":{"tools":[]}}"#
            );
        }
    });
    assert_eq!((running.handled(), running.front.answered()), (0, 3));
}

#[test]
fn a_hundred_requests_at_once_in_any_order() {
    let (running, requests) = held(config());
    block(async {
        let mut peer = connect(&running.front).await;
        let mut responses = Vec::new();
        for id in 0..100 {
            responses.push(peer.post(&id.to_string(), &format!("{{\"n\":{id}}}")).await.0);
        }
        let mut waiting = Vec::new();
        while waiting.len() < 100 {
            waiting.push(next(&requests).await);
        }
        for request in waiting.iter().rev() {
            send(&running, &[echo(request)]);
        }
        for (id, response) in responses.into_iter().enumerate() {
            let expected = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"n\":{id}}}}}");
            assert_eq!(read(response).await.unwrap().body, expected);
        }
    });
    assert!(running.gone.lock().unwrap().is_empty());
}

#[test]
fn events_comments_and_the_last_reply() {
    let mut config = config();
    config.limits.keep_alive = Duration::from_millis(50);
    let (running, requests) = held(config);
    block(async {
        let mut peer = connect(&running.front).await;
        let (response, _) = peer.post("1", "{\"x\":1}").await;
        let request = next(&requests).await;
        send(&running, &[event(request.token, "{\"n\":1}")]);
        let (head, mut stream) = response.await.unwrap().into_parts();
        assert_eq!(head.headers["content-type"], "text/event-stream");
        assert!(!head.headers.contains_key("content-length"));
        read_until(&mut stream, "event: message\ndata: {\"n\":1}\n\n").await;
        read_until(&mut stream, ":\n\n:\n\n").await;
        // The connection is quiet as well, but it is asked and answers.
        send(&running, &[echo(&request)]);
        read_until(
            &mut stream,
            "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"x\":1}}\n\n",
        )
        .await;
        assert!(stream.data().await.is_none());
    });
    assert!(running.gone.lock().unwrap().is_empty());
}

#[test]
fn a_stream_that_is_reset_is_reported_once_and_the_others_go_on() {
    let (running, requests) = held(config());
    block(async {
        let mut peer = connect(&running.front).await;
        let (first, mut first_send) = peer.post("1", "{}").await;
        let one = next(&requests).await;
        let (second, _) = peer.post("2", "{}").await;
        let two = next(&requests).await;
        send(&running, &[event(one.token, "{}")]);
        drop(first.await.unwrap());
        first_send.send_reset(Reason::CANCEL);
        until(|| *running.gone.lock().unwrap() == [one.token]).await;
        // What comes too late is dropped.
        send(&running, &[echo(&one), echo(&two)]);
        assert_eq!(read(second).await.unwrap().status, 200);
        let _third = peer.post("3", "{}").await;
        let three = next(&requests).await;
        peer.connection.abort();
        drop(peer);
        until(|| *running.gone.lock().unwrap() == [one.token, three.token]).await;
        until(|| running.front.connections() == 0).await;
    });
}

#[test]
fn b04_events_that_are_not_read_end_their_stream_only() {
    let mut config = config();
    config.limits.write_buffer_bytes = 100_000;
    let (running, requests) = held(config);
    block(async {
        let mut peer = connect_with(&running.front, Builder::new().initial_window_size(0)).await;
        let (mut tokens, mut responses) = (Vec::new(), Vec::new());
        for id in 0..100 {
            responses.push(peer.post(&id.to_string(), "{}").await);
            tokens.push(next(&requests).await.token);
        }
        let piece = Bytes::from(vec![b'x'; 30_000]);
        let events: Vec<_> = tokens.iter().map(|token| event(*token, piece.clone())).collect();
        until(|| {
            send(&running, &events);
            running.gone.lock().unwrap().len() == 100
        })
        .await;
        for (response, _) in responses {
            let error = read(response).await.unwrap_err();
            assert_eq!(error.reason(), Some(Reason::CANCEL));
        }
        assert_eq!(running.front.connections(), 1);
        // The places are free again.
        let _last = peer.post("101", "{}").await;
        next(&requests).await;
    });
}

#[test]
fn a08_a_large_reply_that_is_not_read_is_dropped_after_a_while() {
    let mut config = config();
    config.limits.write_stall = Duration::from_millis(100);
    let (running, requests) = held(config);
    block(async {
        let mut peer = connect_with(&running.front, Builder::new().initial_window_size(1_000)).await;
        let (response, _) = peer.post("1", "{}").await;
        let mut reply = echo(&next(&requests).await);
        reply.body = Bytes::from(vec![b'1'; 16 * 1024 * 1024]);
        send(&running, &[reply]);
        let mut stream = response.await.unwrap().into_body();
        assert_eq!(stream.data().await.unwrap().unwrap().len(), 1_000);
        let error = stream.data().await.unwrap().unwrap_err();
        assert_eq!(error.reason(), Some(Reason::CANCEL));
    });
}

#[test]
fn large_replies_and_streams_pass_through_a_narrow_window() {
    let (running, requests) = held(config());
    block(async {
        let mut peer = connect_with(&running.front, Builder::new().initial_window_size(1_000)).await;
        let (response, _) = peer.post("1", "{}").await;
        let request = next(&requests).await;
        let large = format!("[{}1]", "1,".repeat(400_000));
        let mut reply = echo(&request);
        reply.body = large.clone().into();
        send(&running, &[event(request.token, large.clone()), reply]);
        let reply = read(response).await.unwrap();
        assert_eq!(reply.body.matches(&large).count(), 2);
        assert!(reply.body.ends_with("}\n\n"));
    });
}

#[test]
fn drain_sends_goaway_and_lets_requests_finish() {
    let (running, requests) = held(config());
    block(async {
        let (mut busy, idle) = (connect(&running.front).await, connect(&running.front).await);
        let (first, _) = busy.post("1", "{}").await;
        let (one, (second, _)) = (next(&requests).await, busy.post("2", "{}").await);
        let two = next(&requests).await;
        until(|| running.front.connections() == 2).await;
        running.front.drain(Duration::from_secs(10));
        idle.connection.await.unwrap().unwrap();
        until(|| running.front.connections() == 1).await;
        send(&running, &[event(one.token, "{}"), echo(&two)]);
        assert_eq!(read(second).await.unwrap().status, 200);
        send(&running, &[echo(&one)]);
        assert!(read(first).await.unwrap().body.ends_with("}\n\n"));
        // It has seen the GOAWAY.
        assert!(busy.send.clone().ready().await.is_err());
        busy.connection.await.unwrap().unwrap();
    });
    running.front.join();
    assert!(running.gone.lock().unwrap().is_empty());
}

#[test]
fn a_connection_serves_so_many_requests_and_then_says_goodbye() {
    let mut config = config();
    config.limits.requests_per_socket = 5;
    let running = start(config);
    block(async {
        let mut peer = connect(&running.front).await;
        let mut served = 0;
        while peer.send.clone().ready().await.is_ok() {
            peer.expect_alive().await;
            served += 1;
        }
        assert_eq!(served, 5);
        peer.connection.await.unwrap().unwrap();
    });
}

#[test]
fn requests_wait_and_connections_idle_only_so_long() {
    let mut config = config();
    config.limits.request = Duration::from_millis(200);
    config.limits.idle = Duration::from_millis(300);
    let running = start(config);
    block(async {
        let mut peer = connect(&running.front).await;
        let (response, mut send) = peer.begin(message().body(()).unwrap(), false).await;
        send.send_data("{".into(), false).unwrap();
        let reply = read(response).await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (408, "HTTP_TIMEOUT"));
        let reason = std::future::poll_fn(|cx| send.poll_reset(cx)).await.unwrap();
        assert_eq!(reason, Reason::NO_ERROR);
        peer.expect_alive().await;
        peer.connection.await.unwrap().unwrap();
        until(|| running.front.connections() == 0).await;
    });
}

#[test]
fn clients_that_wait_for_100_continue_get_it() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        let request = message().header("expect", "100-continue").body(()).unwrap();
        let (mut response, mut send) = peer.begin(request, false).await;
        let first = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
        assert_eq!(first.unwrap().unwrap().status(), 100);
        send.send_data(body("1", "{}").into(), true).unwrap();
        assert_eq!(read(response).await.unwrap().status, 200);
        let refused = message()
            .method(Method::PUT)
            .header("expect", "100-continue")
            .body(())
            .unwrap();
        assert_eq!(peer.ask(refused, None).await.unwrap().status, 405);
    });
}
