//! Runs every target on everything that is kept: the corpus, and inputs that once failed.

use std::fs;
use std::path::PathBuf;

use ferromcp_fuzz::TARGETS;

fn folder(kind: &str, target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(kind).join(target)
}

fn inputs(kind: &str, target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(kind, target)) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).expect("an input")))
        .collect()
}

#[test]
fn what_was_found_stays_found() {
    let mut few = Vec::new();
    for (name, run) in TARGETS {
        let corpus = inputs("corpus", name);
        if corpus.len() < 10 {
            few.push(*name);
        }
        for (path, input) in corpus.iter().chain(&inputs("regressions", name)) {
            // The name of the input, should the target panic.
            println!("{}", path.display());
            run(input);
        }
        run(&[]);
    }
    assert!(few.is_empty(), "hardly anything is kept for {few:?}");
}
