//! A front for measurements.
//!
//! `cargo run --release -p front --example echo -- 127.0.0.1:3900 1`: address and number of threads. It serves
//!
//! - `ping` and `tools/list` from prepared replies, the legacy ones in the session `bench`;
//! - `tools/call` of the tool `cached` from a cache in memory;
//! - `tools/call` of any other tool as an echo of its arguments, through the slab and a consumer thread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use bytes::Bytes;
use front::slab::{MIN_SLAB, RecordKind, Reply, Request, reply_flag};
use front::tokens::ANONYMOUS;
use front::{CacheQuery, Config, Front, Replies, ResultCache, Revision, Rule, Table};

const RESULT: &str = r#"{"content":[{"type":"text","text":"hello benchmark world 00"}]}"#;

struct Memory(HashMap<Vec<u8>, &'static str>);

impl ResultCache for Memory {
    fn lookup(&self, query: &CacheQuery<'_>, out: &mut Vec<u8>) -> bool {
        let found = self.0.get(query.name);
        out.extend_from_slice(found.map_or(b"", |found| found.as_bytes()));
        found.is_some()
    }
}

fn replies(tools: usize) -> Result<Replies, front::replies::NotPrepared> {
    let tool = |index: usize| {
        format!(
            r#"{{"name":"tool-{index}","title":"Tool {index}","description":"Does what tool number {index} does, and says so in a sentence of usual length.","inputSchema":{{"type":"object","properties":{{"message":{{"type":"string","description":"What to say"}}}},"required":["message"]}}}}"#
        )
    };
    let list: Vec<String> = (0..tools).map(tool).collect();
    let list = format!(r#"{{"tools":[{}]}}"#, list.join(","));
    let mut table = Table::new(true);
    for revision in Revision::ALL {
        table.set(revision, b"tools/list", Bytes::from(list.clone()))?;
        if !revision.modern() {
            table.set(revision, b"ping", Bytes::from_static(b"{}"))?;
        }
    }
    let rule = Rule {
        epoch: Bytes::from_static(b"1"),
        public: true,
    };
    table.cache(b"tools/call", Some(b"cached"), rule)?;
    Ok(Replies {
        anonymous: Some(table.into()),
        ..Replies::default()
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().as_deref().unwrap_or("127.0.0.1:3900").parse()?;
    let threads = arguments.next().as_deref().unwrap_or("1").parse()?;
    let mut config = Config {
        threads,
        ..Config::default()
    };
    config.limits.requests_per_socket = usize::MAX;
    config.limits.connections = 20_000;
    config.limits.idle = Duration::from_secs(600);
    let consumer: Arc<OnceLock<Thread>> = Arc::default();
    let woken = Arc::clone(&consumer);
    let wake = Box::new(move || {
        if let Some(thread) = woken.get() {
            thread.unpark();
        }
    });
    let front = Front::start(config, address, wake)?;
    front.set_replies(replies(20).map_err(|error| format!("{error:?}"))?);
    front.set_cache(Some(Box::new(Memory([(b"cached".to_vec(), RESULT)].into()))));
    front
        .sessions()
        .insert(b"bench", Bytes::from_static(ANONYMOUS), Revision::November2025);
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
                echo(&request, &body)
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

fn echo(request: &Request, body: &Bytes) -> Reply {
    let word = |at: usize| {
        let word = request.words.get(at).copied();
        word.and_then(|word| usize::try_from(word).ok()).unwrap_or(0)
    };
    let arguments = body.get(word(19)..word(20)).filter(|found| !found.is_empty());
    Reply {
        token: request.token,
        flags: reply_flag::END | reply_flag::RESULT,
        status: 200,
        body: arguments.map_or_else(|| "{}".into(), |found| body.slice_ref(found)),
        ..Reply::default()
    }
}
