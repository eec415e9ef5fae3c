//! Serves requests of any kind with a consumer in the same process, for tools that test HTTP/2.
//!
//! `cargo run -p front --example h2 -- 127.0.0.1:3901`: address. A GET on `/mcp` gets 100 KB, a POST its arguments.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;
use front::slab::{MIN_SLAB, RecordKind, Reply, Request, reply_flag};
use front::{Config, Front};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1);
    let address: SocketAddr = address.as_deref().unwrap_or("127.0.0.1:3901").parse()?;
    let consumer: Arc<OnceLock<Thread>> = Arc::default();
    let woken = Arc::clone(&consumer);
    let wake = Box::new(move || {
        if let Some(thread) = woken.get() {
            thread.unpark();
        }
    });
    let front = Front::start(Config::default(), address, wake)?;
    let _ = consumer.set(std::thread::current());
    println!("listening on http://{}/mcp", front.local_addr());
    let large = Bytes::from(format!("{{\"text\":\"{}\"}}", "x".repeat(100_000)));
    let (mut slab, mut out) = (vec![0; MIN_SLAB], Vec::new());
    loop {
        let size = front.drain_into(&mut slab).unwrap_or(0);
        if size == 0 {
            std::thread::park_timeout(Duration::from_millis(100));
            continue;
        }
        let mut rest = slab.get(..size).unwrap_or_default();
        out.clear();
        while let Some((request, length)) = Request::decode(rest) {
            rest = rest.get(length..).unwrap_or_default();
            let (result, body) = match request.kind {
                RecordKind::Gone => continue,
                RecordKind::Message => (reply_flag::RESULT, Bytes::from_static(b"{}")),
                _ => (0, large.clone()),
            };
            let reply = Reply {
                token: request.token,
                flags: reply_flag::END | result,
                status: 200,
                body,
                ..Reply::default()
            };
            reply.encode(&mut out).ok_or("the reply is too long")?;
        }
        front.reply(&out).map_err(|broken| format!("{broken:?}"))?;
    }
}
