//! A real HTTP/2 client, and one that sends frames made by hand.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc
)]

use std::future::Future;
use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use front::Front;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinHandle, LocalSet, spawn_local};

use crate::support::{self, Client, WAIT};

/// Runs a test that talks HTTP/2.
pub fn block<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async move {
        tokio::time::timeout(3 * WAIT, test).await.expect("in time")
    })
}

pub async fn until(mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(WAIT, waiting).await.expect("in time");
}

pub struct Peer {
    pub send: SendRequest<Bytes>,
    pub connection: JoinHandle<Result<(), h2::Error>>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: String,
}

impl Reply {
    /// The code of an error.
    pub fn code(&self) -> String {
        let value: serde_json::Value = serde_json::from_str(&self.body).expect("JSON");
        value["error"]["data"]["code"]
            .as_str()
            .expect("a code")
            .to_owned()
    }
}

pub async fn connect(front: &Front) -> Peer {
    connect_with(front, &mut Builder::new()).await
}

pub async fn connect_with(front: &Front, builder: &mut Builder) -> Peer {
    let stream = tokio::net::TcpStream::connect(front.local_addr()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    shake(stream, builder).await
}

pub async fn shake<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S, builder: &mut Builder) -> Peer {
    let (send, connection) = builder.handshake(stream).await.unwrap();
    Peer {
        send,
        connection: spawn_local(connection),
    }
}

/// A request with the fields of a message.
pub fn message() -> http::request::Builder {
    Request::builder()
        .method(Method::POST)
        .uri("http://127.0.0.1/mcp")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
}

impl Peer {
    /// Begins a request.
    pub async fn begin(&mut self, request: Request<()>, end: bool) -> (ResponseFuture, SendStream<Bytes>) {
        let mut ready = self.send.clone().ready().await.expect("ready");
        ready.send_request(request, end).expect("sent")
    }

    /// Begins a message and sends its body.
    pub async fn post(&mut self, id: &str, arguments: &str) -> (ResponseFuture, SendStream<Bytes>) {
        let (response, mut send) = self.begin(message().body(()).unwrap(), false).await;
        send_all(&mut send, support::body(id, arguments).into(), true)
            .await
            .unwrap();
        (response, send)
    }

    pub async fn ask(&mut self, request: Request<()>, body: Option<String>) -> Result<Reply, h2::Error> {
        let (response, mut send) = self.begin(request, body.is_none()).await;
        if let Some(body) = body {
            // The reply may come before the body has gone out.
            let _ = send_all(&mut send, body.into(), true).await;
        }
        read(response).await
    }

    pub async fn echo(&mut self, id: &str, arguments: &str) -> Result<Reply, h2::Error> {
        let body = support::body(id, arguments);
        self.ask(message().body(()).unwrap(), Some(body)).await
    }

    /// The same process answers on.
    pub async fn expect_alive(&mut self) {
        let reply = self.echo("9", "{\"a\":1}").await.unwrap();
        assert_eq!(reply.body, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"a\":1}}");
    }
}

/// Sends a body as the window allows.
pub async fn send_all(send: &mut SendStream<Bytes>, mut data: Bytes, end: bool) -> Result<(), h2::Error> {
    loop {
        send.reserve_capacity(data.len());
        if data.is_empty() {
            return send.send_data(data, end);
        }
        let room = match std::future::poll_fn(|cx| send.poll_capacity(cx)).await {
            Some(room) => room?.min(data.len()),
            None => return Err(h2::Reason::STREAM_CLOSED.into()),
        };
        let piece = data.split_to(room);
        let last = data.is_empty();
        send.send_data(piece, end && last)?;
        if last {
            return Ok(());
        }
    }
}

pub async fn read(response: ResponseFuture) -> Result<Reply, h2::Error> {
    let (head, mut stream) = response.await?.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok(Reply {
        status: head.status.as_u16(),
        fields: head.headers,
        body: String::from_utf8(body).unwrap(),
    })
}

/// Reads a stream until this text has come.
pub async fn read_until(stream: &mut RecvStream, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let data = stream.data().await.expect("more").unwrap();
        stream.flow_control().release_capacity(data.len()).unwrap();
        all.push_str(std::str::from_utf8(&data).unwrap());
    }
    all
}

pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub const ENHANCE_YOUR_CALM: u32 = 0xb;

/// A frame as it came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of a frame that ends something.
    pub fn reason(&self) -> u32 {
        let at = if self.kind == kind::GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A field that enters no table; without Huffman.
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![0];
    for text in [name, value] {
        // An integer with a prefix of 7 bits (RFC 7541, 5.1).
        let mut rest = text.len();
        if rest >= 127 {
            out.push(127);
            rest -= 127;
            while rest >= 128 {
                out.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
        }
        out.push(u8::try_from(rest).unwrap());
        out.extend(text.as_bytes());
    }
    out
}

/// The fields of a message without a body.
pub fn block_of_post() -> Vec<u8> {
    [
        // :method POST, :scheme http
        vec![0x83, 0x86],
        literal(":path", "/mcp"),
        literal(":authority", "127.0.0.1"),
        literal("content-type", "application/json"),
        literal("accept", "application/json, text/event-stream"),
    ]
    .concat()
}

/// A connection whose frames are made by hand.
pub struct Raw(pub Client);

impl Raw {
    pub fn connect(running: &support::Running) -> Self {
        let mut client = running.connect();
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.send(frame(kind::SETTINGS, 0, 0, &[]));
        Self(client)
    }

    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.0.send(frame(kind, flags, stream, payload));
    }

    /// Sends a lot; false when the peer stopped taking it.
    pub fn flood(&mut self, bytes: &[u8], count: usize) -> bool {
        self.0
            .stream
            .set_write_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        let batch = bytes.repeat(count.min(100));
        (0..count.div_ceil(100)).all(|_| self.0.stream.write_all(&batch).is_ok())
    }

    /// Begins a message on a stream and ends it.
    pub fn post(&mut self, stream: u32, arguments: &str) {
        self.send(kind::HEADERS, END_HEADERS, stream, &block_of_post());
        let body = support::body(&stream.to_string(), arguments);
        self.send(kind::DATA, END_STREAM, stream, body.as_bytes());
    }

    /// The next frame; None at the end of the connection.
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            let read = &mut self.0.read;
            if read.len() >= 9 {
                let length = u32::from_be_bytes([0, read[0], read[1], read[2]]) as usize;
                if read.len() >= 9 + length {
                    let bytes: Vec<u8> = read.drain(..9 + length).collect();
                    return Some(Frame {
                        kind: bytes[3],
                        flags: bytes[4],
                        stream: u32::from_be_bytes(bytes[5..9].try_into().unwrap()) & 0x7fff_ffff,
                        payload: bytes[9..].to_vec(),
                    });
                }
            }
            if !self.0.more() {
                return None;
            }
        }
    }

    /// The next frame of this kind.
    pub fn expect(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().expect("a frame");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Reads to the end of the connection; the last GOAWAY.
    pub fn end(&mut self) -> Option<Frame> {
        let mut last = None;
        while let Some(frame) = self.next() {
            if frame.kind == kind::GOAWAY {
                last = Some(frame);
            }
        }
        last
    }
}
