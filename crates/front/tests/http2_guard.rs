//! What the guard refuses in HTTP/2.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod peer;
mod support;

use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, client::Builder};
use http::{Method, Request};
use peer::{Peer, block, connect, connect_with, message, read, send_all};
use support::{body, config, start};

/// The same request as in the happy case, with one thing changed.
fn changed(change: impl FnOnce(&mut Request<()>)) -> Request<()> {
    let mut request = message().body(()).unwrap();
    change(&mut request);
    request
}

async fn refused(peer: &mut Peer, request: Request<()>) -> (u16, String) {
    let reply = peer.ask(request, Some(body("1", "{}"))).await.unwrap();
    let code = reply.code();
    (reply.status, code)
}

#[test]
fn a03_to_a05_fields_and_targets() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        for (name, value, status, code) in [
            ("host", "127.0.0.1:1", 400, "HTTP_TARGET"),
            ("host", "evil", 400, "HTTP_TARGET"),
            ("origin", "http://evil", 403, "ORIGIN_REFUSED"),
            ("origin", "null", 403, "ORIGIN_REFUSED"),
        ] {
            let request = changed(|request| {
                request.headers_mut().insert(name, value.parse().unwrap());
            });
            assert_eq!(
                refused(&mut peer, request).await,
                (status, code.to_owned()),
                "{value}"
            );
        }
        for (uri, status, code) in [
            ("http://evil/mcp", 403, "HOST_REFUSED"),
            ("http://localhost./mcp", 403, "HOST_REFUSED"),
            ("http://user@127.0.0.1/mcp", 400, "HTTP_TARGET"),
            ("http://127.0.0.1/", 404, "HTTP_NOT_FOUND"),
            ("http://127.0.0.1//mcp", 404, "HTTP_NOT_FOUND"),
            ("http://127.0.0.1/%6dcp", 404, "HTTP_NOT_FOUND"),
            ("http://127.0.0.1/mcp/../admin", 404, "HTTP_NOT_FOUND"),
        ] {
            let request = changed(|request| *request.uri_mut() = uri.parse().unwrap());
            assert_eq!(
                refused(&mut peer, request).await,
                (status, code.to_owned()),
                "{uri}"
            );
        }
        for name in [
            "host",
            "origin",
            "authorization",
            "content-type",
            "content-length",
            "content-encoding",
            "mcp-protocol-version",
            "mcp-session-id",
            "mcp-method",
            "mcp-name",
            "mcp-param-a",
            "last-event-id",
        ] {
            let request = changed(|request| {
                request.headers_mut().remove(name);
                let length = body("1", "{}").len().to_string();
                for _ in 0..2 {
                    request.headers_mut().append(name, length.parse().unwrap());
                }
            });
            let expected = (400, "HTTP_HEADER_DUPLICATE".to_owned());
            assert_eq!(refused(&mut peer, request).await, expected, "{name}");
        }
        peer.expect_alive().await;
    });
    assert_eq!(running.handled(), 1);
}

#[test]
fn a04_fields_are_counted_and_weighed() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        let lines = |count: usize, length: usize| {
            changed(|request| {
                while request.headers().len() < count {
                    let value = "v".repeat(length).parse().unwrap();
                    request.headers_mut().append("x-a", value);
                }
            })
        };
        peer.ask(lines(100, 1), Some(body("1", "{}"))).await.unwrap();
        let many = (431, "HTTP_HEADERS_TOO_MANY".to_owned());
        assert_eq!(refused(&mut peer, lines(101, 1)).await, many);
        let large = (431, "HTTP_HEADERS_TOO_LARGE".to_owned());
        assert_eq!(refused(&mut peer, lines(4, 9_000)).await, large);
        peer.expect_alive().await;
        // h2 answers for itself what is larger than the announced list may be.
        let mut rude = connect_with(&running.front, &mut Builder::new()).await;
        let reply = rude.ask(lines(6, 6_000), None).await.unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (431, ""));
        rude.expect_alive().await;
    });
    assert_eq!(running.handled(), 3);
}

#[test]
fn a10_to_a13_media_and_methods() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        for (name, value, status, code) in [
            ("content-encoding", "gzip", 415, "HTTP_ENCODING"),
            ("content-type", "text/plain", 415, "HTTP_MEDIA_TYPE"),
            (
                "content-type",
                "application/json; charset=utf-16",
                415,
                "HTTP_MEDIA_TYPE",
            ),
            ("accept", "text/html", 406, "HTTP_ACCEPT"),
        ] {
            let request = changed(|request| {
                request.headers_mut().insert(name, value.parse().unwrap());
            });
            assert_eq!(
                refused(&mut peer, request).await,
                (status, code.to_owned()),
                "{value}"
            );
        }
        for method in [Method::PUT, Method::TRACE, Method::OPTIONS, Method::PATCH] {
            let request = changed(|request| *request.method_mut() = method.clone());
            let reply = peer.ask(request, Some("{}".to_owned())).await.unwrap();
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (405, "HTTP_METHOD"),
                "{method}"
            );
            assert_eq!(reply.fields["allow"], "GET, POST, DELETE");
        }
        // What is refused is not read to its end.
        for length in [0, 1, 60_000] {
            let request = changed(|request| *request.method_mut() = Method::PUT);
            let (response, mut send) = peer.begin(request, false).await;
            send_all(&mut send, vec![b'x'; length].into(), false)
                .await
                .unwrap();
            assert_eq!(read(response).await.unwrap().status, 405);
            let reason = std::future::poll_fn(|cx| send.poll_reset(cx)).await.unwrap();
            assert_eq!(reason, Reason::NO_ERROR);
        }
        let connect = Request::builder()
            .method(Method::CONNECT)
            .uri("127.0.0.1:80")
            .body(())
            .unwrap();
        let reply = peer.ask(connect, None).await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (405, "HTTP_METHOD"));
        let head = changed(|request| *request.method_mut() = Method::HEAD);
        let reply = peer.ask(head, None).await.unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (405, ""));
        peer.expect_alive().await;
    });
    assert_eq!(running.handled(), 1);
}

#[test]
fn bad_messages_are_answered_with_the_id_of_their_era() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        for (version, text, id) in [
            (
                "2025-11-25",
                "{\"jsonrpc\":\"1.0\",\"id\":\"\\u0061\",\"method\":\"x\"}",
                "\"id\":\"\\u0061\",",
            ),
            ("2025-11-25", "[", "\"id\":null,"),
            ("2026-07-28", "[", "\"jsonrpc\":\"2.0\",\"error\""),
        ] {
            let request = changed(|request| {
                let value = version.parse().unwrap();
                request.headers_mut().insert("mcp-protocol-version", value);
            });
            let reply = peer.ask(request, Some(text.to_owned())).await.unwrap();
            assert_eq!(reply.status, 400);
            assert!(reply.body.contains(id), "{}", reply.body);
        }
    });
    assert_eq!(running.handled(), 0);
}

#[test]
fn a09_bodies_over_the_limit() {
    let mut config = config();
    config.limits.body_bytes = 100_000;
    let running = start(config);
    let large = |length: usize| {
        let rest = length - body("1", "{\"x\":\"\"}").len();
        body("1", &format!("{{\"x\":\"{}\"}}", "y".repeat(rest)))
    };
    block(async {
        let mut peer = connect(&running.front).await;
        let reply = peer
            .ask(message().body(()).unwrap(), Some(large(100_000)))
            .await
            .unwrap();
        assert_eq!(reply.status, 200);
        let too_large = (413, "HTTP_BODY_TOO_LARGE".to_owned());
        // Counted as it comes.
        let (response, mut send) = peer.begin(message().body(()).unwrap(), false).await;
        let whole = send_all(&mut send, large(100_001).into(), false).await;
        let reply = read(response).await.unwrap();
        assert_eq!((reply.status, reply.code()), too_large);
        if whole.is_ok() {
            let reason = std::future::poll_fn(|cx| send.poll_reset(cx)).await.unwrap();
            assert_eq!(reason, Reason::NO_ERROR);
        }
        // Announced: before any of it has come.
        let announced = message().header("content-length", "100001").body(()).unwrap();
        let (response, mut send) = peer.begin(announced, false).await;
        let reply = read(response).await.unwrap();
        assert_eq!((reply.status, reply.code()), too_large);
        let reason = std::future::poll_fn(|cx| send.poll_reset(cx)).await.unwrap();
        assert_eq!(reason, Reason::NO_ERROR);
        peer.expect_alive().await;
    });
    assert_eq!(running.handled(), 2);
}

#[test]
fn a01_bodies_that_are_not_as_announced() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        for announced in ["5", "500", "+4", "x"] {
            let request = message().header("content-length", announced).body(()).unwrap();
            let error = peer.ask(request, Some(body("1", "{}"))).await.unwrap_err();
            assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR), "{announced}");
            // Whether or not it would have been let in.
            let request = message().method(Method::PUT).header("content-length", announced);
            let (response, mut send) = peer.begin(request.body(()).unwrap(), false).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            let _ = send_all(&mut send, body("1", "{}").into(), true).await;
            let error = read(response).await.unwrap_err();
            assert_eq!(error.reason(), Some(Reason::PROTOCOL_ERROR), "{announced}");
        }
        peer.expect_alive().await;
    });
    assert_eq!(running.handled(), 1);
}

#[test]
fn bodies_of_one_connection_are_bounded_together() {
    let running = start(config());
    block(async {
        let mut peer = connect(&running.front).await;
        let piece = Bytes::from(vec![b' '; 3 * 1024 * 1024]);
        let mut streams = Vec::new();
        for _ in 0..3 {
            let (response, mut send) = peer.begin(message().body(()).unwrap(), false).await;
            send_all(&mut send, piece.clone(), false).await.unwrap();
            streams.push((response, send));
        }
        let (response, mut send) = peer.begin(message().body(()).unwrap(), false).await;
        let _ = send_all(&mut send, piece, false).await;
        let reply = read(response).await.unwrap();
        assert_eq!((reply.status, reply.code().as_str()), (429, "QUOTA_REQUESTS"));
        assert_eq!(reply.fields["retry-after"], "1");
        // What was given up counts no longer.
        for (_, mut send) in streams {
            send.send_reset(Reason::CANCEL);
        }
        peer.expect_alive().await;
        let argument = format!("{{\"x\":\"{}\"}}", "y".repeat(100_000));
        assert_eq!(peer.echo("1", &argument).await.unwrap().status, 200);
    });
}
