//! What is fuzzed, and what must hold for any input. A target panics when it does not.
//!
//! Every target is a plain function, so that `cargo test` replays what the fuzzer has found with a stable compiler.

mod canonical;
mod chunks;
mod connection;
mod envelope_scan;
mod head;
mod input;
mod reference;
mod segment;
mod slab;

/// Judges one input; panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target with its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("envelope", envelope_scan::run),
    ("canonical", canonical::run),
    ("head", head::run),
    ("chunks", chunks::run),
    ("slab", slab::run),
    ("connection", connection::run),
    ("segment", segment::run),
];
