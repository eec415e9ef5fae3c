//! No two requests that differ share a key; two that mean the same do.

// A helper of a test may fail the test.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sona::Uncacheable;
use sona::key::{MAX_KEY, Query, write_key};

type Parts = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Option<Vec<u8>>, String);

fn key((epoch, revision, method, name, principal, params): &Parts) -> Vec<u8> {
    let query = Query {
        epoch,
        revision,
        method,
        name,
        principal: principal.as_deref(),
        params: params.as_bytes(),
    };
    let mut out = b"left over".to_vec();
    write_key(&query, &mut out).unwrap();
    out
}

/// Short texts of few characters, so that parts are often equal and often look like parts of each other.
fn part() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 4, b'a', b'b']), 0..6)
}

fn parts() -> impl Strategy<Value = Parts> {
    let params = prop::sample::select(vec![
        "",
        "{}",
        r#"{"a":1}"#,
        r#"{"a":2}"#,
        r#"{"a":"1"}"#,
        r#"{"b":1,"a":1}"#,
    ]);
    (
        part(),
        part(),
        part(),
        part(),
        prop::option::of(part()),
        params.prop_map(str::to_owned),
    )
}

fn meaning(parts: &Parts) -> Parts {
    let mut parts = parts.clone();
    if parts.5.is_empty() {
        "{}".clone_into(&mut parts.5);
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn differ_exactly_when_the_requests_do(left in parts(), right in parts(), shared in 0_usize..7) {
        // Mostly alike: one part of the other request at most.
        let mut other = left.clone();
        match shared {
            0 => other.0 = right.0,
            1 => other.1 = right.1,
            2 => other.2 = right.2,
            3 => other.3 = right.3,
            4 => other.4 = right.4,
            5 => other.5 = right.5,
            _ => other = right,
        }
        prop_assert_eq!(key(&left) == key(&other), meaning(&left) == meaning(&other));
    }

    #[test]
    fn do_not_depend_on_spelling(parts in parts(), meta in "[a-z]{0,4}", gap in "[ \n\t]{0,3}") {
        let mut spelt = parts.clone();
        let inside = parts.5.trim_start_matches('{').trim_end_matches('}').to_owned();
        let comma = if inside.is_empty() { "" } else { "," };
        spelt.5 = format!("{{{gap}\"_meta\"{gap}:{{\"x\":\"{meta}\"}}{comma}{gap}{inside}{gap}}}").replace("\"a\"", "\"\\u0061\"");
        prop_assert_eq!(key(&parts), key(&spelt));
    }
}

fn refusal(params: &str, name: &[u8]) -> Option<Uncacheable> {
    let query = Query {
        epoch: b"e",
        revision: b"2026-07-28",
        method: b"tools/call",
        name,
        principal: None,
        params: params.as_bytes(),
    };
    write_key(&query, &mut Vec::new()).err()
}

#[test]
fn layout_is_the_documented_one() {
    let query = Query {
        epoch: b"ep",
        revision: b"r",
        method: b"m",
        name: b"",
        principal: Some(b"p"),
        params: br#"{"b":1,"a":[]}"#,
    };
    let mut out = Vec::new();
    write_key(&query, &mut out).unwrap();
    let expected: Vec<u8> = [
        b"\x01\x02\0\0\0ep\x01\0\0\0r\x01\0\0\0m\0\0\0\0".as_slice(),
        b"\x01\x01\0\0\0p\x0e\0\0\0",
        br#"{"a":[],"b":1}"#,
    ]
    .concat();
    assert_eq!(out, expected);
}

#[test]
fn there_are_none_for_requests_that_go_on_with_others() {
    for member in ["inputResponses", "requestState", "task"] {
        assert_eq!(
            refusal(&format!(r#"{{"{member}":{{}}}}"#), b"x"),
            Some(Uncacheable::Stateful)
        );
        assert_eq!(
            refusal(&format!(r#"{{"arguments":{{"{member}":1}}}}"#), b"x"),
            None
        );
    }
}

#[test]
fn there_are_none_for_requests_that_want_reports() {
    for member in ["progressToken", "io.modelcontextprotocol/logLevel"] {
        assert_eq!(
            refusal(&format!(r#"{{"_meta":{{"{member}":1}}}}"#), b"x"),
            Some(Uncacheable::Reporting)
        );
    }
}

#[test]
fn there_are_none_for_what_is_too_long_or_malformed() {
    let text = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length));
    let rest = 1 + 4 + 1 + 4 + 10 + 4 + 10 + 4 + 1 + 1 + 4 + 4 + 8;
    assert_eq!(refusal(&text(MAX_KEY - rest), b"x"), None);
    assert_eq!(
        refusal(&text(MAX_KEY - rest + 1), b"x"),
        Some(Uncacheable::Params)
    );
    assert_eq!(refusal(&" ".repeat(5 * MAX_KEY), b"x"), Some(Uncacheable::Params));
    assert_eq!(refusal("{}", &vec![b'x'; MAX_KEY + 1]), Some(Uncacheable::Params));
    for malformed in ["{", "{\"a\":}", "[1,]", "{\"a\":\"\\ud800\"}", "\u{0}"] {
        assert_eq!(refusal(malformed, b"x"), Some(Uncacheable::Params), "{malformed}");
    }
}
