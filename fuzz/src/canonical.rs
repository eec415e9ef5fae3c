//! Canonical text: means the same, is the same for the same value, keeps to its bound, leaves nothing behind on failure.

use envelope::{Code, Limits, scan};
use envelope::{NoCanonical, canonical_params, canonical_value};
use serde_json::Value;

const ENOUGH: usize = 1 << 20;
const BEFORE: &[u8] = b"before";

pub fn run(data: &[u8]) {
    let mut out = BEFORE.to_vec();
    let written = canonical_value(data, ENOUGH, &mut out);
    let Some(text) = out.strip_prefix(BEFORE) else {
        panic!("what was there stays")
    };
    match written {
        Ok(()) => {
            means_the_same(data, text);
            again(text);
            bounded(data, text.len());
        }
        Err(reason) => {
            assert!(text.is_empty(), "a failure leaves nothing");
            refused(data, reason);
        }
    }
    params(data);
}

fn means_the_same(data: &[u8], text: &[u8]) {
    // serde_json has no number beyond f64, and another bound of depth.
    if let Ok(value) = serde_json::from_slice::<Value>(data) {
        let canonical: Value = serde_json::from_slice(text).expect("canonical text is JSON");
        assert!(same(&value, &canonical), "{value} became {canonical}");
    }
    assert!(
        !text.iter().any(|byte| *byte < b' '),
        "no white space and no control characters"
    );
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

fn again(text: &[u8]) {
    let mut out = Vec::new();
    assert_eq!(canonical_value(text, ENOUGH, &mut out), Ok(()));
    assert_eq!(out, text, "canonical text is its own canonical text");
}

fn bounded(data: &[u8], length: usize) {
    let mut out = Vec::new();
    assert_eq!(canonical_value(data, length, &mut out), Ok(()));
    let short = length.saturating_sub(1);
    out.clear();
    assert_eq!(canonical_value(data, short, &mut out), Err(NoCanonical::TooLong));
    assert!(out.is_empty());
}

/// What the scanner takes for a sound text has canonical text, except for its depth.
fn refused(data: &[u8], reason: NoCanonical) {
    let limits = Limits {
        depth: 128,
        nodes: u32::MAX,
        number: u32::MAX,
        ..Limits::default()
    };
    let sound = match scan(data, &limits) {
        Ok(envelope) => envelope.elements.is_empty(),
        Err(failure) => {
            matches!(
                failure.code,
                Code::EnvelopeType | Code::JsonControl | Code::JsonDuplicateKey
            ) && std::str::from_utf8(data).is_ok()
                && serde_json::from_slice::<Value>(data).is_ok()
        }
    };
    assert!(
        !sound || reason == NoCanonical::Depth,
        "{reason:?} for sound JSON"
    );
}

fn params(data: &[u8]) {
    let mut out = Vec::new();
    let Ok(seen) = canonical_params(data, ENOUGH, &mut out) else {
        return;
    };
    if data.is_empty() {
        assert_eq!(out, b"{}");
        return;
    }
    let Ok(Value::Object(mut object)) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let stateful = ["inputResponses", "requestState", "task"]
        .iter()
        .any(|key| object.contains_key(*key));
    assert_eq!(seen.stateful, stateful);
    object.remove("_meta");
    let mut expected = Vec::new();
    let text = serde_json::to_vec(&object).expect("values can be written");
    assert_eq!(canonical_value(&text, ENOUGH, &mut expected), Ok(()));
    assert_eq!(out, expected, "params without _meta");
}
