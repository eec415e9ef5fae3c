//! Bounds on connections and the queue, drain, and peers that leave.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use support::{code, config, echo, post, start, start_with, until};

#[test]
fn connections_and_requests_on_one_are_bounded() {
    let mut config = config();
    config.limits.connections = 2;
    config.limits.requests_per_socket = 3;
    let running = start(config);
    let mut first = running.connect();
    for count in 1..=3 {
        first.send(post("1", "{}"));
        assert_eq!(first.response().head.contains("Connection: close"), count == 3);
    }
    let mut second = running.connect();
    second.send(post("1", "{}"));
    assert_eq!(second.response().status, 200);
    let _third = running.connect();
    until(|| running.front.connections() == 2);
    assert_eq!(running.connect().rest(), "");
}

#[test]
fn a_full_queue_answers_busy() {
    let mut config = config();
    config.limits.queue.requests = 1;
    let front = front::Front::start(config, ([127, 0, 0, 1], 0).into(), Box::new(|| {})).unwrap();
    let connect = || support::Client {
        stream: std::net::TcpStream::connect(front.local_addr()).unwrap(),
        read: Vec::new(),
    };
    let mut waiting = connect();
    waiting.send(post("1", "{}"));
    let mut client = connect();
    let response = loop {
        client.send(post("\"b\"", "{}"));
        client
            .stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let mut one = [0];
        if client.stream.peek(&mut one).is_ok() {
            break client.response();
        }
        // It was the one that waits.
        std::mem::swap(&mut waiting, &mut client);
    };
    assert_eq!(
        (response.status, code(&response).as_str()),
        (503, "QUOTA_REQUESTS")
    );
    assert!(response.head.contains("Retry-After: 1\r\n"));
    assert!(response.body.contains("\"id\":\"b\""));
}

#[test]
fn drain_ends_idle_connections_and_lets_requests_finish() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let running = start_with(
        config(),
        Box::new(move |_, request| {
            sender.send(request).unwrap();
            Vec::new()
        }),
    );
    let (mut idle, mut busy, mut stuck) = (running.connect(), running.connect(), running.connect());
    busy.send(post("1", "{}"));
    let request = receiver.recv().unwrap();
    stuck.send(post("2", "{}"));
    let other = receiver.recv().unwrap();
    until(|| running.front.connections() == 3);
    running.front.drain(Duration::from_millis(300));
    assert_eq!(idle.rest(), "");
    let mut slab = Vec::new();
    echo(&request).encode(&mut slab).unwrap();
    running.front.reply(&slab).unwrap();
    let response = busy.response();
    assert_eq!(response.status, 200);
    assert!(response.head.contains("Connection: close\r\n"));
    assert_eq!(busy.rest(), "");
    assert_eq!(stuck.rest(), "");
    running.front.join();
    until(|| running.gone.lock().unwrap().contains(&other.token));
    assert!(std::net::TcpStream::connect(running.front.local_addr()).is_err());
}

#[test]
fn a_peer_that_leaves_is_reported_once() {
    let running = start_with(config(), Box::new(|_, _| Vec::new()));
    let mut client = running.connect();
    client.send(post("1", "{}"));
    until(|| running.handled() == 1);
    drop(client);
    until(|| running.gone.lock().unwrap().len() == 1);
    until(|| running.front.connections() == 0);
    assert_eq!(running.gone.lock().unwrap().len(), 1);
}
