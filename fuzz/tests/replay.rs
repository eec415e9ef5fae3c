//! Runs every target on everything that is kept: the corpus, and inputs that once failed.

use std::fs;
use std::path::PathBuf;

use ferromcp_fuzz::TARGETS;

fn folder(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(kind)
}

/// Every input of a pack: a length (u32, little-endian) and the bytes.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let pack = fs::read(folder("corpus").join(format!("{target}.pack"))).unwrap_or_default();
    let mut inputs = Vec::new();
    let mut rest = pack.as_slice();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        inputs.push(after[..length].to_vec());
        rest = &after[length..];
    }
    inputs
}

fn regressions(target: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder("regressions").join(target)) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| fs::read(path).expect("an input")).collect()
}

#[test]
fn what_was_found_stays_found() {
    let mut few = Vec::new();
    for (name, run) in TARGETS {
        let corpus = corpus(name);
        if corpus.len() < 10 {
            few.push(*name);
        }
        for input in corpus.iter().chain(&regressions(name)).chain([&Vec::new()]) {
            // Should the target panic, this is what it panicked on.
            println!("{name}: {}", input.escape_ascii());
            run(input);
        }
    }
    assert!(few.is_empty(), "hardly anything is kept for {few:?}");
}
