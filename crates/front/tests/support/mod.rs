//! A front with a stand-in for the consumer, and raw connections to it.
// Each test binary uses a part of it; functions outside `#[test]` count as other code for clippy.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(clippy::similar_names, clippy::missing_panics_doc)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use front::slab::{MIN_SLAB, RecordKind, Reply, Request, reply_flag};
use front::{Config, Front};

pub const WAIT: Duration = Duration::from_secs(10);

/// Decides what happens with a request record.
pub type Handler = dyn FnMut(&Front, Request) -> Vec<Reply> + Send;

pub struct Running {
    pub front: Arc<Front>,
    pub gone: Arc<Mutex<Vec<u64>>>,
    pub handled: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    consumer: Option<JoinHandle<()>>,
}

pub fn config() -> Config {
    let mut config = Config::default();
    config.limits.check = Duration::from_millis(10);
    config
}

/// The arguments come back as the result.
pub fn echo(request: &Request) -> Reply {
    let result = match request.kind {
        RecordKind::Message => {
            let (start, end) = (request.words[19] as usize, request.words[20] as usize);
            if end == 0 {
                b"{}".as_slice()
            } else {
                &request.body[start..end]
            }
        }
        _ => b"\"bare\"",
    };
    Reply {
        token: request.token,
        flags: reply_flag::END | reply_flag::RESULT,
        status: 200,
        body: bytes::Bytes::copy_from_slice(result),
        ..Reply::default()
    }
}

pub fn start(config: Config) -> Running {
    start_with(
        config,
        Box::new(|front, mut request| {
            if request.flags & front::slab::flag::DETACHED != 0 {
                request.body = front.take_body(request.token).expect("detached body");
            }
            vec![echo(&request)]
        }),
    )
}

pub fn start_with(config: Config, mut handler: Box<Handler>) -> Running {
    let (sender, receiver) = mpsc::channel::<Thread>();
    let target: Arc<Mutex<Option<Thread>>> = Arc::default();
    let wake = {
        let target = Arc::clone(&target);
        Box::new(move || {
            if let Some(thread) = target.lock().unwrap().as_ref() {
                thread.unpark();
            }
        })
    };
    let front =
        Arc::new(Front::start(config, SocketAddr::from(([127, 0, 0, 1], 0)), wake).expect("listening"));
    let (gone, handled, stop) = (
        Arc::<Mutex<Vec<u64>>>::default(),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let consumer = {
        let (front, gone, handled, stop) = (front.clone(), gone.clone(), handled.clone(), stop.clone());
        std::thread::spawn(move || {
            sender.send(std::thread::current()).unwrap();
            let mut slab = vec![0; MIN_SLAB];
            while !stop.load(Ordering::SeqCst) {
                let size = front.drain_into(&mut slab).expect("large enough");
                if size == 0 {
                    std::thread::park_timeout(Duration::from_millis(20));
                    continue;
                }
                let (mut at, mut out) = (0, Vec::new());
                while at < size {
                    let (request, length) = Request::decode(&slab[at..size]).expect("sound");
                    at += length;
                    if request.kind == RecordKind::Gone {
                        gone.lock().unwrap().push(request.token);
                        continue;
                    }
                    handled.fetch_add(1, Ordering::SeqCst);
                    for reply in handler(&front, request) {
                        reply.encode(&mut out).expect("short");
                    }
                }
                front.reply(&out).expect("sound");
            }
        })
    };
    *target.lock().unwrap() = Some(receiver.recv().unwrap());
    Running {
        front,
        gone,
        handled,
        stop,
        consumer: Some(consumer),
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(consumer) = self.consumer.take() {
            let _ = consumer.join();
        }
    }
}

impl Running {
    pub fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.front.local_addr()).expect("connected");
        stream.set_read_timeout(Some(WAIT)).unwrap();
        Client {
            stream,
            read: Vec::new(),
        }
    }

    pub fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    /// The same process answers on.
    pub fn expect_alive(&self) {
        let mut client = self.connect();
        client.send(post("1", "{\"a\":1}"));
        assert_eq!(
            client.response().body,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":1}}"
        );
    }
}

pub fn until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + WAIT;
    while !condition() {
        assert!(Instant::now() < end, "never");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn body(id: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"echo","arguments":{arguments}}}}}"#
    )
}

pub const FIELDS: &str =
    "Host: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";

pub fn post(id: &str, arguments: &str) -> String {
    let body = body(id, arguments);
    request("", &body)
}

pub fn request(more: &str, body: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\n{FIELDS}{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub struct Client {
    pub stream: TcpStream,
    pub read: Vec<u8>,
}

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Client {
    pub fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).expect("sent");
    }

    /// Reads more; false at the end.
    pub fn more(&mut self) -> bool {
        let mut piece = [0; 16_384];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(count) => {
                self.read.extend_from_slice(&piece[..count]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }

    pub fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.read.drain(..end + 4).collect();
                return String::from_utf8(head).unwrap();
            }
            assert!(
                self.more(),
                "the connection ended: {:?}",
                String::from_utf8_lossy(&self.read)
            );
        }
    }

    pub fn response(&mut self) -> Response {
        let head = self.head();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .map_or(0, |value| value.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more(), "the body ended early");
        }
        let body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        let status = head[9..12].parse().unwrap();
        Response { status, head, body }
    }

    /// Reads until this text has come.
    pub fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.read).contains(text) {
            assert!(
                self.more(),
                "ended without {text:?}: {:?}",
                String::from_utf8_lossy(&self.read)
            );
        }
    }

    /// Reads to the end of the connection and gives what came.
    pub fn rest(&mut self) -> String {
        while self.more() {}
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

pub fn code(response: &Response) -> String {
    let value: serde_json::Value = serde_json::from_str(&response.body).expect("JSON");
    assert_eq!(value["jsonrpc"], "2.0");
    value["error"]["data"]["code"]
        .as_str()
        .expect("a code")
        .to_owned()
}
