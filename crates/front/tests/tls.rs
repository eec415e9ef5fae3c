//! TLS over real sockets with a rustls client.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod authority;
mod support;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use authority::Authority;
use front::slab::field;
use front::tls::{Clients, Tls};
use support::{Running, config, echo, post, start, start_with, until};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};

type Secure = StreamOwned<ClientConnection, TcpStream>;

fn connect(running: &Running, client: Arc<ClientConfig>) -> Secure {
    let stream = TcpStream::connect(running.front.local_addr()).unwrap();
    stream.set_read_timeout(Some(support::WAIT)).unwrap();
    let session = ClientConnection::new(client, "localhost".try_into().unwrap()).unwrap();
    StreamOwned::new(session, stream)
}

/// Sends one request and returns what comes, to the end of its body.
fn ask(stream: &mut Secure, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes())?;
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while !all.ends_with(b"}}") {
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => all.extend_from_slice(&piece[..count]),
        }
    }
    Ok(String::from_utf8(all).unwrap())
}

fn secured(tls: Tls) -> Running {
    let mut config = config();
    config.tls = Some(tls);
    start(config)
}

#[test]
fn http11_over_tls_12_and_13() {
    let authority = Authority::new();
    let running = secured(authority.tls(Clients::Off));
    for (old, alpn) in [(true, vec![]), (false, vec!["http/1.1"]), (false, vec![])] {
        let mut stream = connect(&running, authority.client(None, &alpn, old));
        for length in [1, 70_000, 300_000] {
            let argument = format!("{{\"x\":\"{}\"}}", "y".repeat(length));
            let reply = ask(&mut stream, &post("1", &argument)).unwrap();
            assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
            assert!(reply.ends_with(&format!("\"result\":{argument}}}")), "{length}");
        }
        let chosen = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(chosen.is_some(), !alpn.is_empty());
    }
    // A protocol that is not spoken here.
    let mut stream = connect(&running, authority.client(None, &["spdy/3"], false));
    assert!(ask(&mut stream, &post("1", "{}")).is_err());
}

#[test]
fn client_certificates_are_verified_and_handed_over() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let good = authority.issue("Zoë #1", 1);
    let expired = authority.issue("late", -1);
    let other = foreign.issue("Zoë #1", 1);
    for clients in [Clients::Request, Clients::Require] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let mut config = config();
        config.tls = Some(authority.tls(clients));
        let running = start_with(
            config,
            Box::new(move |_, request| {
                let found: Vec<_> = [field::CLIENT_CERT_SHA256, field::CLIENT_CERT_SUBJECT]
                    .into_iter()
                    .filter_map(|id| request.fields.iter().find(|field| field.0 == id))
                    .map(|(_, _, value)| String::from_utf8(value.to_vec()).unwrap())
                    .collect();
                sink.lock().unwrap().push(found);
                vec![echo(&request)]
            }),
        );
        for old in [true, false] {
            for bad in [&expired, &other] {
                let mut stream = connect(&running, authority.client(Some(bad), &[], old));
                assert!(ask(&mut stream, &post("1", "{}")).is_err());
            }
            let mut stream = connect(&running, authority.client(None, &[], old));
            let answered = ask(&mut stream, &post("1", "{}")).is_ok();
            assert_eq!(answered, clients == Clients::Request);
            let client = authority.client(Some(&good), &[], old);
            // The second connection would resume the session of the first one.
            for _ in 0..2 {
                ask(&mut connect(&running, Arc::clone(&client)), &post("1", "{}")).unwrap();
                let last = seen.lock().unwrap().last().cloned().unwrap();
                let digest = ring::digest::digest(&ring::digest::SHA256, good.certificate.der());
                let mut hex = String::new();
                for byte in digest.as_ref() {
                    write!(hex, "{byte:02x}").unwrap();
                }
                assert_eq!(last[0], hex);
                assert!(
                    last[1].is_ascii() && last[1].contains("CN=Zo\\C3\\AB"),
                    "{last:?}"
                );
                assert!(last[1].contains("O=Tests\\, Ltd"), "{last:?}");
            }
        }
        let without = seen
            .lock()
            .unwrap()
            .iter()
            .filter(|found| found.is_empty())
            .count();
        assert_eq!(without, if clients == Clients::Request { 2 } else { 0 });
    }
}

#[test]
fn garbage_and_silence_in_the_handshake_end_the_connection() {
    let authority = Authority::new();
    let mut config = config();
    config.limits.headers = Duration::from_millis(200);
    config.tls = Some(authority.tls(Clients::Off));
    let running = start(config);
    for garbage in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        vec![0; 100],
        vec![0x16, 3, 1, 0xff, 0xff, 1],
        [vec![0x16, 3, 1, 0x40, 0], vec![0xff; 0x4000]].concat(),
    ] {
        let mut client = running.connect();
        client.send(&garbage);
        // At most an alert, and never an answer.
        assert!(client.rest().len() < 20);
    }
    let (mut silent, mut half) = (running.connect(), running.connect());
    half.send([0x16, 3, 1]);
    assert_eq!(silent.rest() + &half.rest(), "");
    until(|| running.front.connections() == 0);
    let mut stream = connect(&running, authority.client(None, &[], false));
    ask(&mut stream, &post("1", "{}")).unwrap();
    assert_eq!(running.handled(), 1);
}

#[test]
fn certificates_change_without_a_restart() {
    let (first, second) = (Authority::new(), Authority::new());
    let running = secured(first.tls(Clients::Off));
    let mut open = connect(&running, first.client(None, &[], false));
    ask(&mut open, &post("1", "{}")).unwrap();
    for bad in [
        Tls::default(),
        Tls {
            key: second.tls(Clients::Off).key,
            ..first.tls(Clients::Off)
        },
        Tls {
            authorities: Vec::new(),
            ..first.tls(Clients::Require)
        },
    ] {
        assert_eq!(
            running.front.set_tls(&bad).unwrap_err().kind(),
            std::io::ErrorKind::InvalidInput
        );
    }
    ask(
        &mut connect(&running, first.client(None, &[], false)),
        &post("1", "{}"),
    )
    .unwrap();
    running.front.set_tls(&second.tls(Clients::Require)).unwrap();
    // What is open stays open.
    ask(&mut open, &post("2", "{}")).unwrap();
    assert!(
        ask(
            &mut connect(&running, first.client(None, &[], false)),
            &post("1", "{}")
        )
        .is_err()
    );
    let identity = second.issue("client", 1);
    let client = second.client(Some(&identity), &[], false);
    ask(&mut connect(&running, client), &post("1", "{}")).unwrap();
    assert!(start(config()).front.set_tls(&first.tls(Clients::Off)).is_err());
}

#[test]
fn drain_ends_handshakes_and_lets_requests_finish() {
    let authority = Authority::new();
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut config = config();
    config.tls = Some(authority.tls(Clients::Off));
    let running = start_with(
        config,
        Box::new(move |_, request| {
            sender.send(request).unwrap();
            Vec::new()
        }),
    );
    let mut waiting = running.connect();
    let mut busy = connect(&running, authority.client(None, &[], false));
    busy.write_all(post("1", "{}").as_bytes()).unwrap();
    let request = receiver.recv_timeout(support::WAIT).unwrap();
    until(|| running.front.connections() == 2);
    running.front.drain(Duration::from_secs(10));
    assert_eq!(waiting.rest(), "");
    let mut slab = Vec::new();
    echo(&request).encode(&mut slab).unwrap();
    running.front.reply(&slab).unwrap();
    let mut all = String::new();
    busy.read_to_string(&mut all).unwrap();
    assert!(
        all.contains("Connection: close\r\n") && all.ends_with("\"result\":{}}"),
        "{all}"
    );
    running.front.join();
}
