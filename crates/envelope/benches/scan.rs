//! Time of a scan by size and kind of message.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use envelope::words::{HEADER, scan_words};

const LIMITS: [u32; 6] = [64, 50_000, 64, 256, 256, 100];

fn call(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":42,"method":"tools/call","params":{{"name":"echo","arguments":{arguments},"_meta":{{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}}}}"#
    )
}

fn items(count: usize) -> String {
    let items: Vec<_> = (0..count)
        .map(|i| format!(r#"{{"id":{i},"label":"item {i}","ok":true,"value":{i}.5}}"#))
        .collect();
    call(&format!(r#"{{"items":[{}]}}"#, items.join(",")))
}

fn scans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scan");
    let messages = [
        ("ping", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned()),
        ("text", call(&format!(r#"{{"text":"{}"}}"#, "x".repeat(100)))),
        ("text", call(&format!(r#"{{"text":"{}"}}"#, "x".repeat(20_000)))),
        ("items", items(2)),
        ("items", items(30)),
        ("items", items(400)),
        (
            "accents",
            call(&format!(r#"{{"text":"{}"}}"#, "é€".repeat(4_000))),
        ),
        (
            "escapes",
            call(&format!(r#"{{"text":"{}"}}"#, r"\n\u00e9".repeat(2_500))),
        ),
    ];
    for (name, message) in &messages {
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_with_input(
            BenchmarkId::new(*name, message.len()),
            message,
            |bencher, message| {
                let mut out = [0; HEADER];
                bencher
                    .iter(|| scan_words(black_box(message.as_bytes()), 0, message.len(), LIMITS, &mut out));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, scans);
criterion_main!(benches);
