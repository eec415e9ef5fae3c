//! Serves `tools/call` as an echo of its arguments through a consumer thread, for measurements.
//!
//! `cargo run --release -p front --example echo -- 127.0.0.1:3900 1`: address and number of threads.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use front::slab::{MIN_SLAB, RecordKind, Reply, Request, reply_flag};
use front::{Config, Front};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:3900").parse()?;
    let threads = arguments.next().as_deref().unwrap_or("1").parse()?;
    let mut config = Config {
        threads,
        ..Config::default()
    };
    config.limits.requests_per_socket = usize::MAX;
    let consumer: Arc<OnceLock<Thread>> = Arc::default();
    let woken = Arc::clone(&consumer);
    let wake = Box::new(move || {
        if let Some(thread) = woken.get() {
            thread.unpark();
        }
    });
    let front = Front::start(config, address, wake)?;
    let _ = consumer.set(std::thread::current());
    println!("listening on {}", front.local_addr());
    let (mut slab, mut out) = (vec![0; 4 * MIN_SLAB], Vec::new());
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
            if request.kind != RecordKind::Gone {
                let body = front
                    .take_body(request.token)
                    .unwrap_or_else(|| request.body.clone());
                let word = |at: usize| {
                    request
                        .words
                        .get(at)
                        .and_then(|word| usize::try_from(*word).ok())
                        .unwrap_or(0)
                };
                let reply = Reply {
                    token: request.token,
                    flags: reply_flag::END | reply_flag::RESULT,
                    status: 200,
                    body: body
                        .get(word(19)..word(20))
                        .map_or_else(|| "{}".into(), |found| body.slice_ref(found)),
                    ..Reply::default()
                };
                reply
                    .encode(&mut out)
                    .ok_or("the reply is too long for a record")?;
            }
            if rest.is_empty() {
                break;
            }
        }
        front.reply(&out).map_err(|broken| format!("{broken:?}"))?;
    }
}
