//! HTTP/2 over TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod authority;
mod peer;
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use authority::Authority;
use front::slab::{field, flag};
use front::tls::Clients;
use h2::client::Builder;
use peer::{Peer, block, shake, until};
use support::{Running, config, echo, start, start_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;

async fn dial(running: &Running, client: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(running.front.local_addr()).await?;
    stream.set_nodelay(true)?;
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(client).connect(name, stream).await
}

async fn peer(running: &Running, client: Arc<ClientConfig>) -> Peer {
    let stream = dial(running, client).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    shake(stream, &mut Builder::new()).await
}

#[test]
fn alpn_settles_the_protocol() {
    let authority = Authority::new();
    let mut config = config();
    config.tls = Some(authority.tls(Clients::Off));
    let running = start(config);
    block(async {
        for old in [true, false] {
            let client = authority.client(None, &["http/1.1", "h2"], old);
            let mut peer = peer(&running, client).await;
            peer.expect_alive().await;
            let argument = format!("{{\"x\":\"{}\"}}", "y".repeat(300_000));
            let reply = peer.echo("1", &argument).await.unwrap();
            assert!(reply.body.ends_with(&format!("\"result\":{argument}}}")));
        }
        // Without ALPN the first bytes do not choose: HTTP/2 is not to be expected there.
        let mut stream = dial(&running, authority.client(None, &[], false)).await.unwrap();
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        assert!(
            all.starts_with(b"HTTP/1.1 400 "),
            "{}",
            String::from_utf8_lossy(&all)
        );
    });
}

#[test]
fn drivers_can_be_left_out() {
    let authority = Authority::new();
    let mut config = config();
    config.drivers.http2 = None;
    let plain = start(config.clone());
    config.tls = Some(authority.tls(Clients::Off));
    let secure = start(config);
    let mut client = plain.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(client.rest().starts_with("HTTP/1.1 400 "));
    block(async {
        let client = authority.client(None, &["h2", "http/1.1"], false);
        let stream = dial(&secure, client).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        assert!(
            dial(&secure, authority.client(None, &["h2"], false))
                .await
                .is_err()
        );
    });
}

#[test]
fn client_certificates_reach_every_request() {
    let authority = Authority::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let mut config = config();
    config.tls = Some(authority.tls(Clients::Require));
    let running = start_with(
        config,
        Box::new(move |_, request| {
            assert_ne!(request.flags & flag::HTTP2, 0);
            let subject = request
                .fields
                .iter()
                .find(|found| found.0 == field::CLIENT_CERT_SUBJECT);
            let subject = subject.map(|found| String::from_utf8(found.2.to_vec()).unwrap());
            sink.lock().unwrap().push(subject.expect("subject"));
            vec![echo(&request)]
        }),
    );
    block(async {
        let one = authority.issue("one", 1);
        let two = authority.issue("two", 1);
        let mut first = peer(&running, authority.client(Some(&one), &["h2"], false)).await;
        let mut second = peer(&running, authority.client(Some(&two), &["h2"], false)).await;
        for _ in 0..2 {
            first.expect_alive().await;
            second.expect_alive().await;
        }
        // In TLS 1.3 the client learns of the refusal with its first read.
        if let Ok(mut stream) = dial(&running, authority.client(None, &["h2"], false)).await {
            assert!(stream.read_u8().await.is_err());
        }
    });
    let seen = seen.lock().unwrap();
    let names: Vec<bool> = seen.iter().map(|subject| subject.contains("CN=one")).collect();
    assert_eq!(names, [true, false, true, false]);
}

#[test]
fn drain_and_a_peer_that_leaves() {
    let authority = Authority::new();
    let mut config = config();
    config.tls = Some(authority.tls(Clients::Off));
    let running = start_with(config, Box::new(|_, _| Vec::new()));
    block(async {
        let client = authority.client(None, &["h2"], false);
        let (idle, mut busy) = (peer(&running, client.clone()).await, peer(&running, client).await);
        let request = busy.post("1", "{}").await;
        until(|| running.handled() == 1).await;
        running.front.drain(Duration::from_secs(10));
        idle.connection.await.unwrap().unwrap();
        until(|| running.front.connections() == 1).await;
        busy.connection.abort();
        drop((request, busy));
        until(|| running.front.connections() == 0).await;
        until(|| running.gone.lock().unwrap().len() == 1).await;
    });
    running.front.join();
}
