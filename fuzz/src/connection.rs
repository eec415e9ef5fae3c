//! Whole connections against a running front: HTTP/1.1 or HTTP/2 bytes in pieces. It answers with HTTP or closes; no
//! thread of it panics, and it still serves afterwards.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use front::slab::{MIN_SLAB, RecordKind, Reply, Request, reply_flag};
use front::{Config, Front};

use crate::input::Input;

const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// Longer than any limit of the front below; reaching it is a hang.
const WAIT: Duration = Duration::from_secs(5);

pub fn run(data: &[u8]) {
    let address = address();
    let mut input = Input(data);
    let options = input.byte();
    let Ok(mut stream) = TcpStream::connect(address) else {
        return;
    };
    stream.set_read_timeout(Some(WAIT)).expect("a timeout can be set");
    stream.set_nodelay(true).expect("an option can be set");
    let mut sent = Vec::new();
    if options & 1 == 1 {
        sent.extend_from_slice(HTTP2);
        if options & 2 == 2 {
            sent.extend_from_slice(SETTINGS);
        }
    }
    let cut = input.below(64);
    sent.extend_from_slice(input.0);
    let http2 = sent.starts_with(HTTP2);
    let (first, second) = sent.split_at(sent.len().min(if options & 4 == 4 { cut } else { usize::MAX }));
    // The front may close before it has read all.
    let _ = stream.write_all(first).and_then(|()| stream.write_all(second));
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
            ) =>
        {
            panic!("neither answered nor closed")
        }
        _ => {}
    }
    let answered = answer.is_empty()
        || answer.starts_with(b"HTTP/1.1 ")
        || (http2 && answer.get(3).is_some_and(|kind| *kind < 10));
    assert!(answered, "answered with something else: {answer:?}");
}

/// The front of this process, with a consumer that echoes, and gives some replies as events.
fn address() -> SocketAddr {
    static FRONT: OnceLock<SocketAddr> = OnceLock::new();
    *FRONT.get_or_init(|| {
        let mut config = Config::default();
        config.limits.headers = Duration::from_millis(200);
        config.limits.request = Duration::from_millis(200);
        config.limits.idle = Duration::from_millis(200);
        config.limits.check = Duration::from_millis(20);
        config.limits.body_bytes = 4_096;
        let consumer: Arc<OnceLock<Thread>> = Arc::default();
        let woken = Arc::clone(&consumer);
        let wake = Box::new(move || {
            if let Some(thread) = woken.get() {
                thread.unpark();
            }
        });
        let front =
            Front::start(config, SocketAddr::from(([127, 0, 0, 1], 0)), wake).expect("the front starts");
        let address = front.local_addr();
        std::thread::spawn(move || {
            let _ = consumer.set(std::thread::current());
            consume(&front);
        });
        address
    })
}

fn consume(front: &Front) {
    let (mut slab, mut out) = (vec![0; 4 * MIN_SLAB], Vec::new());
    loop {
        let size = front.drain_into(&mut slab).unwrap_or(0);
        if size == 0 {
            std::thread::park_timeout(Duration::from_millis(10));
            continue;
        }
        let mut rest = slab.get(..size).unwrap_or_default();
        out.clear();
        while let Some((request, length)) = Request::decode(rest) {
            rest = rest.get(length..).unwrap_or_default();
            if request.kind != RecordKind::Gone {
                let body = front
                    .take_body(request.token)
                    .unwrap_or_else(|| request.body.clone());
                answer(request.token, &body, &mut out);
            }
            if rest.is_empty() {
                break;
            }
        }
        front.reply(&out).expect("our replies are sound");
    }
}

fn answer(token: u64, body: &bytes::Bytes, out: &mut Vec<u8>) {
    let event = body.len() % 3 == 1;
    let flags = if event {
        reply_flag::EVENT
    } else {
        reply_flag::RESULT
    };
    let reply = Reply {
        token,
        flags: flags | reply_flag::END,
        status: 200,
        body: bytes::Bytes::from_static(b"{}"),
        ..Reply::default()
    };
    reply.encode(out).expect("a small reply fits a record");
}
