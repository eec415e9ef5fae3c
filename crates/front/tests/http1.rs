//! HTTP/1.1 over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use front::slab::{RecordKind, field};
use support::{FIELDS, body, code, config, echo, post, request, start, start_with};

#[test]
fn keep_alive_pipelining_and_ids_as_they_came() {
    let running = start(config());
    let mut client = running.connect();
    for id in ["1", "\"a\\u0062\"", "12345678901234567890123", "-0"] {
        client.send(post(id, "{\"x\":[1,2]}"));
        let response = client.response();
        assert_eq!(response.status, 200);
        assert!(
            response.head.contains("Content-Type: application/json\r\n"),
            "{}",
            response.head
        );
        assert_eq!(
            response.body,
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"x\":[1,2]}}}}")
        );
    }
    let many: String = (0..50)
        .map(|id| post(&id.to_string(), &format!("{{\"n\":{id}}}")))
        .collect();
    client.send(many);
    for id in 0..50 {
        let expected = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"n\":{id}}}}}");
        assert_eq!(client.response().body, expected);
    }
    assert_eq!(running.front.connections(), 1);
}

#[test]
fn bodies_in_chunks_in_pieces_and_of_any_size() {
    let running = start(config());
    let mut client = running.connect();
    let text = body("7", "{\"x\":1}");
    let (first, second) = text.split_at(11);
    let head = format!("POST /mcp HTTP/1.1\r\n{FIELDS}Transfer-Encoding: chunked\r\n\r\n");
    let chunked = format!(
        "{head}{:x}\r\n{first}\r\n{:X};e\r\n{second}\r\n0\r\nT: x\r\n\r\n",
        first.len(),
        second.len()
    );
    for piece in chunked.as_bytes().chunks(13) {
        client.send(piece);
    }
    assert!(client.response().body.ends_with("\"result\":{\"x\":1}}"));
    for length in [10_000, 65_000, 70_000, 1_000_000] {
        let argument = format!("{{\"x\":\"{}\"}}", "y".repeat(length));
        client.send(post("1", &argument));
        assert!(
            client
                .response()
                .body
                .ends_with(&format!("\"result\":{argument}}}")),
            "{length}"
        );
    }
    client.send(format!(
        "POST /mcp HTTP/1.1\r\n{FIELDS}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        text.len()
    ));
    assert!(client.head().starts_with("HTTP/1.1 100 "));
    client.send(&text);
    assert_eq!(client.response().status, 200);
}

#[test]
fn what_the_consumer_needs_is_handed_over() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = seen.clone();
    let mut config = config();
    config.routes.push(front::config::Route {
        method: "GET".into(),
        path: "/healthz".into(),
    });
    let running = start_with(
        config,
        Box::new(move |_, request| {
            let reply = echo(&request);
            sink.lock().unwrap().push(request);
            vec![reply]
        }),
    );
    let mut client = running.connect();
    client.send(request(
        "mcp-session-id: s1\r\nMCP-Protocol-Version: 2025-11-25\r\nMcp-Param-Region: eu\r\nAuthorization: Bearer t\r\n",
        &body("1", "{}"),
    ));
    assert_eq!(client.response().status, 200);
    client.send("GET /mcp HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 5\r\n\r\n");
    assert_eq!(client.response().status, 200);
    client.send("HEAD /healthz?x=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 200 "));
    client.send(request("MCP-Protocol-Version: 2026-07-28\r\n", &body("2", "{}")));
    assert_eq!(client.response().status, 200);
    let seen = seen.lock().unwrap();
    let fields = |index: usize| -> Vec<(u16, String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let request: &front::slab::Request = &seen[index];
        request
            .fields
            .iter()
            .filter(|each| ![field::HOST, field::PEER].contains(&each.0))
            .map(|(id, name, value)| (id, text(name), text(value)))
            .collect()
    };
    let own = |id: u16, name: &str, value: &str| (id, name.to_owned(), value.to_owned());
    assert_eq!(
        fields(0),
        [
            own(field::SESSION_ID, "", "s1"),
            own(field::PROTOCOL_VERSION, "", "2025-11-25"),
            own(field::AUTHORIZATION, "", "Bearer t"),
            own(field::MCP_OTHER, "mcp-param-region", "eu"),
        ]
    );
    assert_eq!((seen[0].kind, seen[0].modern), (RecordKind::Message, false));
    assert_eq!(seen[1].kind, RecordKind::Get);
    assert_eq!(fields(1), [own(field::LAST_EVENT_ID, "", "5")]);
    assert_eq!(seen[2].kind, RecordKind::Route);
    assert_eq!(
        fields(2),
        [
            own(field::HTTP_METHOD, "", "HEAD"),
            own(field::TARGET, "", "/healthz?x=1")
        ]
    );
    assert!(seen[3].modern);
}

/// Sends it, expects this status and the end of the connection, and that no handler ran.
fn refused_and_closed(text: &str, statuses: &[u16]) {
    let running = start(config());
    let mut client = running.connect();
    client.send(text);
    let response = client.response();
    assert!(statuses.contains(&response.status), "{text:.300} -> {response:?}");
    code(&response);
    assert!(response.head.contains("Connection: close\r\n"));
    assert_eq!(client.rest(), "", "{text:.300}");
    assert_eq!(running.handled(), 0);
    running.expect_alive();
}

#[test]
fn a01_ambiguous_framing_is_refused_and_ends_the_connection() {
    let text = body("1", "{}");
    let length = text.len();
    let chunked = format!("{length:x}\r\n{text}\r\n0\r\n\r\n");
    for (fields, payload) in [
        (
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
            &chunked,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n".into(),
            &chunked,
        ),
        (
            format!("Content-Length: {length}\r\nContent-Length: 4\r\n"),
            &text,
        ),
        (
            format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"),
            &text,
        ),
        (format!("Content-Length: {length}, {length}\r\n"), &text),
        ("Content-Length: +4\r\n".into(), &text),
        ("Content-Length: -1\r\n".into(), &text),
        ("Content-Length: 0x10\r\n".into(), &text),
        (format!("Content-Length: {}\r\n", "9".repeat(30)), &text),
        ("Transfer-Encoding: xchunked\r\n".into(), &chunked),
        ("Transfer-Encoding: chunked, gzip\r\n".into(), &chunked),
        ("Transfer-Encoding : chunked\r\n".into(), &chunked),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            &format!("{}\r\n{text}", "f".repeat(20)),
        ),
        ("Transfer-Encoding: chunked\r\n".into(), &format!("zz\r\n{text}")),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            &format!("1;{}\r\n{text}", "x".repeat(20_000)),
        ),
        (
            "Transfer-Encoding: chunked\r\n".into(),
            &format!("4\r\n{text}\r\n0\r\n\r\n"),
        ),
    ] {
        refused_and_closed(
            &format!("POST /mcp HTTP/1.1\r\n{FIELDS}{fields}\r\n{payload}"),
            &[400, 413],
        );
    }
}

#[test]
fn a02_characters_that_split_or_join_fields() {
    for line in [
        "X-Folded: a\r\n b\r\n",
        "X-Bare: a\nX-Next: b\r\n",
        "X-Bare: a\rb\r\n",
        "X-Nul: a\0b\r\n",
        "X-\0Nul: a\r\n",
        "X-Space : a\r\n",
        "X Space: a\r\n",
        "garbage\r\n",
        ": a\r\n",
    ] {
        refused_and_closed(&request(line, &body("1", "{}")), &[400]);
    }
}

#[test]
fn a03_to_a05_fields_and_targets() {
    let running = start(config());
    let text = body("1", "{}");
    for (raw, status, expected) in [
        (
            request("HOST: 127.0.0.1\r\n", &text),
            400,
            "HTTP_HEADER_DUPLICATE",
        ),
        (
            request("Mcp-Name: a\r\nmcp-name: a\r\n", &text),
            400,
            "HTTP_HEADER_DUPLICATE",
        ),
        (
            request("", &text).replace("Host: 127.0.0.1\r\n", ""),
            400,
            "HTTP_TARGET",
        ),
        (
            request(&"X-A: b\r\n".repeat(97), &text),
            431,
            "HTTP_HEADERS_TOO_MANY",
        ),
        (
            request(
                &format!("{}Origin: http://evil\r\n", "X-A: b\r\n".repeat(1_000)),
                &text,
            ),
            431,
            "HTTP_HEADERS_TOO_MANY",
        ),
        (
            request(&format!("X-A: {}\r\n", "b".repeat(17_000)), &text),
            431,
            "HTTP_HEADERS_TOO_LARGE",
        ),
        (
            request("", &text).replace("/mcp", "http://evil/mcp"),
            400,
            "HTTP_TARGET",
        ),
        (
            request("", &text).replace("Host: 127.0.0.1", "Host: evil"),
            403,
            "HOST_REFUSED",
        ),
        (request("Origin: http://evil\r\n", &text), 403, "ORIGIN_REFUSED"),
    ] {
        let mut client = running.connect();
        client.send(&raw);
        let response = client.response();
        assert_eq!(
            (response.status, code(&response).as_str()),
            (status, expected),
            "{raw:.200}"
        );
    }
    assert_eq!(running.handled(), 0);
    let mut client = running.connect();
    client.send(request(&"X-A: b\r\n".repeat(96), &text));
    assert_eq!(client.response().status, 200);
    client.send(request("", &text).replace("/mcp", "http://127.0.0.1/mcp"));
    assert_eq!(client.response().status, 200);
}

#[test]
fn a07_slow_requests_are_ended_without_memory_for_what_they_announce() {
    let mut config = config();
    config.limits.headers = Duration::from_millis(80);
    config.limits.request = Duration::from_millis(200);
    config.limits.idle = Duration::from_millis(100);
    let running = start(config);
    let head = request("", "").replace("Content-Length: 0", "Content-Length: 1000");
    for text in [&head[..40], &head, &format!("{head}{{\"json")] {
        let mut client = running.connect();
        client.send(text);
        let response = client.response();
        assert_eq!((response.status, code(&response).as_str()), (408, "HTTP_TIMEOUT"));
        assert_eq!(client.rest(), "");
    }
    let mut client = running.connect();
    client.send(head.replace("1000", "10000000000"));
    assert_eq!(client.response().status, 413);
    let mut idle = running.connect();
    idle.send(post("1", "{}"));
    assert_eq!(idle.response().status, 200);
    assert_eq!(idle.rest(), "");
    assert_eq!(running.connect().rest(), "");
    running.expect_alive();
}

#[test]
fn a09_bodies_over_the_limit() {
    let mut config = config();
    config.limits.body_bytes = 1_000;
    let running = start(config);
    let fill = |length: usize| {
        body(
            "1",
            &format!("\"{}\"", "x".repeat(length - body("1", "\"\"").len())),
        )
    };
    let mut client = running.connect();
    client.send(request("", &fill(1_000)));
    assert_eq!(client.response().status, 200);
    let over = fill(1_001);
    let head = format!("POST /mcp HTTP/1.1\r\n{FIELDS}Transfer-Encoding: chunked\r\n\r\n");
    let chunks = format!("{head}200\r\n{}\r\n1f0\r\n{}\r\n", &over[..512], "y".repeat(496));
    for text in [request("", &over), chunks, request("", &"z".repeat(200_000))] {
        let mut client = running.connect();
        client.send(&text);
        let response = client.response();
        assert_eq!(
            (response.status, code(&response).as_str()),
            (413, "HTTP_BODY_TOO_LARGE")
        );
        assert_eq!(client.rest(), "");
    }
    assert_eq!(running.handled(), 1);
}

#[test]
fn a10_to_a14_media_methods_and_paths() {
    let running = start(config());
    let text = body("1", "{}");
    let mut client = running.connect();
    for (raw, status, expected) in [
        (request("Content-Encoding: gzip\r\n", &text), 415, "HTTP_ENCODING"),
        (
            request("", &text).replace("application/json\r\n", "text/plain\r\n"),
            415,
            "HTTP_MEDIA_TYPE",
        ),
        (
            request("", &text).replace("application/json, text/event-stream", "text/html"),
            406,
            "HTTP_ACCEPT",
        ),
        (request("", &text).replace("POST", "PUT"), 405, "HTTP_METHOD"),
        (request("", &text).replace("POST", "TRACE"), 405, "HTTP_METHOD"),
        (
            request("Origin: http://evil\r\n", &text).replace("POST", "OPTIONS"),
            403,
            "ORIGIN_REFUSED",
        ),
        (request("", &text).replace("/mcp", "//mcp"), 404, "HTTP_NOT_FOUND"),
        (
            request("", &text).replace("/mcp", "/mcp/../admin"),
            404,
            "HTTP_NOT_FOUND",
        ),
        (
            request("", &text).replace("/mcp", "/%6dcp"),
            404,
            "HTTP_NOT_FOUND",
        ),
        (request("", &text).replace("/mcp", "/MCP"), 404, "HTTP_NOT_FOUND"),
    ] {
        client.send(&raw);
        let response = client.response();
        assert_eq!(
            (response.status, code(&response).as_str()),
            (status, expected),
            "{raw:.100}"
        );
        assert_eq!(
            status == 405,
            response.head.contains("Allow: GET, POST, DELETE\r\n")
        );
        assert!(!response.head.to_lowercase().contains("access-control"));
    }
    client.send("CONNECT evil:443 HTTP/1.1\r\nHost: evil\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status, 405);
    assert!(response.head.contains("Allow: POST\r\n"));
    assert_eq!(client.rest(), "");
    assert_eq!(running.handled(), 0);
}

#[test]
fn bad_messages_are_answered_here_with_the_id_of_their_era() {
    let running = start(config());
    let mut client = running.connect();
    for (more, text, expected) in [
        ("", "", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"#),
        ("", "{", r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"#),
        (
            "MCP-Protocol-Version: 2026-07-28\r\n",
            "{",
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"#,
        ),
        (
            "",
            r#"{"jsonrpc":"1.0","id":"x","method":"a"}"#,
            r#"{"jsonrpc":"2.0","id":"x","error":{"code":-32600,"#,
        ),
    ] {
        client.send(request(more, text));
        let response = client.response();
        assert_eq!(response.status, 400);
        assert!(response.body.starts_with(expected), "{}", response.body);
    }
    assert_eq!(running.handled(), 0);
}
