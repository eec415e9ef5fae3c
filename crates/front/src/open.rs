//! From an accepted connection to the driver of its protocol.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::BytesMut;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::clock::Clock;
use crate::driver::{Driver, Incoming};
use crate::hub::Hub;
use crate::stream::Stream;
use crate::tls::{Certificate, H2};

/// What a client of HTTP/2 with prior knowledge begins with (RFC 9113, 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection to its end.
pub async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    secure: Option<Arc<ServerConfig>>,
    hub: Rc<Hub>,
    clock: Rc<Clock>,
) {
    clock.set(hub.config().limits.headers);
    let opened = match secure {
        // Its room is given back before the connection is served.
        Some(config) => Box::pin(handshake(stream, config, &hub, &clock)).await,
        None => sniff(stream, &hub, &clock).await,
    };
    let Some(opened) = opened else { return };
    let incoming = Incoming {
        stream: opened.stream,
        input: opened.input,
        peer,
        certificate: opened.certificate,
        hub,
        clock,
    };
    opened.driver.serve(incoming).await;
}

struct Opened {
    stream: Stream,
    input: BytesMut,
    certificate: Option<Rc<Certificate>>,
    driver: &'static dyn Driver,
}

/// The protocol of a connection in clear follows from its first bytes.
async fn sniff(stream: TcpStream, hub: &Hub, clock: &Clock) -> Option<Opened> {
    let drivers = hub.config().drivers;
    let (mut stream, mut input) = (Stream::Plain(stream), BytesMut::new());
    let driver = match drivers.http2 {
        None => drivers.http1,
        Some(http2) => {
            poll_fn(|cx| {
                loop {
                    let known = input.len().min(PREFACE.len());
                    if input.get(..known) != PREFACE.get(..known) {
                        return Poll::Ready(Some(drivers.http1));
                    }
                    if known == PREFACE.len() {
                        return Poll::Ready(Some(http2));
                    }
                    if clock.fired(cx) || (input.is_empty() && hub.draining()) {
                        return Poll::Ready(None);
                    }
                    match stream.poll_fill(cx, &mut input) {
                        Poll::Ready(Ok(1..)) => {}
                        Poll::Ready(_) => return Poll::Ready(None),
                        Poll::Pending => return Poll::Pending,
                    }
                }
            })
            .await?
        }
    };
    Some(Opened {
        stream,
        input,
        certificate: None,
        driver,
    })
}

/// The protocol of a connection under TLS is settled in the handshake.
async fn handshake(stream: TcpStream, config: Arc<ServerConfig>, hub: &Hub, clock: &Clock) -> Option<Opened> {
    let mut accepting = pin!(TlsAcceptor::from(config).accept(stream));
    let stream = poll_fn(|cx| match accepting.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(outcome.ok()),
        Poll::Pending if clock.fired(cx) || hub.draining() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await?;
    let (_, session) = stream.get_ref();
    let drivers = hub.config().drivers;
    let driver = match drivers.http2 {
        Some(http2) if session.alpn_protocol() == Some(H2) => http2,
        _ => drivers.http1,
    };
    let certificate = match session.peer_certificates().and_then(<[_]>::first) {
        Some(leaf) => Some(Rc::new(Certificate::read(leaf)?)),
        None => None,
    };
    Some(Opened {
        stream: Stream::Tls(Box::new(stream)),
        input: BytesMut::new(),
        certificate,
        driver,
    })
}
