//! Canonical text against a plain implementation on `serde_json`. That numbers and escapes are JavaScript's own is held
//! by the contract suite, which compares with `JSON.parse` and `JSON.stringify`.

// A helper of a test may fail the test.
#![allow(clippy::unwrap_used)]

use envelope::{MAX_DEPTH, NoCanonical, Seen, canonical_params, canonical_value};
use proptest::prelude::*;
use serde_json::Value;

const WIDE: usize = 1 << 30;

fn canonical(text: &str) -> Result<String, NoCanonical> {
    let mut out = b"kept".to_vec();
    canonical_value(text.as_bytes(), WIDE, &mut out)?;
    Ok(String::from_utf8(out)
        .unwrap()
        .strip_prefix("kept")
        .unwrap()
        .to_owned())
}

fn params(text: &str) -> (String, Seen) {
    let mut out = Vec::new();
    let seen = canonical_params(text.as_bytes(), WIDE, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), seen)
}

fn number(text: &str) -> String {
    let value: f64 = text.parse().unwrap();
    if value.is_finite() {
        ryu_js::Buffer::new().format_finite(value).to_owned()
    } else {
        "null".to_owned()
    }
}

fn reference(value: &Value) -> String {
    match value {
        Value::Number(value) => {
            let text = number(&value.to_string());
            if text == "-0" { "0".to_owned() } else { text }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reference).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            let mut keys: Vec<_> = members.keys().collect();
            keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
            let members: Vec<_> = keys
                .into_iter()
                .map(|key| {
                    format!(
                        "{}:{}",
                        serde_json::to_string(key).unwrap(),
                        reference(&members[key])
                    )
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        any::<String>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        "\"(\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-fA-F]{2}|\\\\ud83d\\\\ude00|[a-zé€😀\u{e000}\u{ffff}])*\"",
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let key = prop_oneof![
            any::<String>().prop_map(|key| serde_json::to_string(&key).unwrap()),
            "\"[ab😀\u{e000}\u{ffff}é]{0,2}\"",
            "\"(\\\\u0061|b|\\\\ud83d\\\\ude00|\\\\uffff){0,2}\"",
        ];
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..6), "[ \n\r\t]{0,2}")
                .prop_map(|(items, gap)| format!("[{gap}{}{gap}]", items.join(&format!("{gap},")))),
            (prop::collection::vec((key, inner), 0..8), "[ \n\r\t]{0,2}").prop_map(|(members, gap)| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, item)| format!("{key}{gap}:{gap}{item}"))
                    .collect();
                format!("{{{gap}{}{gap}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_the_plain_implementation(text in json()) {
        let value: Value = serde_json::from_str(&text).unwrap();
        let found = canonical(&text).unwrap();
        prop_assert_eq!(&found, &reference(&value));
        prop_assert_eq!(canonical(&found).unwrap(), found, "it is its own canonical text");
    }

    #[test]
    fn leaves_out_meta_of_the_top_only(text in json(), meta in json()) {
        let (found, _) = params(&format!(r#"{{"z":{text},"\u005fmeta":{meta},"_meta":{meta},"a":{{"_meta":{meta}}}}}"#));
        let expected = format!(r#"{{"a":{{"_meta":{}}},"z":{}}}"#, canonical(&meta).unwrap(), canonical(&text).unwrap());
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn refuses_what_is_no_json(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\u0e.-".to_vec())], 0..40)) {
        let mut out = b"kept".to_vec();
        let found = canonical_value(&bytes, WIDE, &mut out);
        if found.is_err() {
            prop_assert_eq!(out, b"kept");
        }
        let valid = serde_json::from_slice::<Value>(&bytes).is_ok();
        prop_assert_eq!(found.is_ok(), valid, "{:?}", found);
    }

    #[test]
    fn keeps_to_the_bound(text in json(), bound in any::<prop::sample::Index>()) {
        let length = canonical(&text).unwrap().len();
        let limit = bound.index(length + 1);
        let mut out = Vec::new();
        let found = canonical_value(text.as_bytes(), limit, &mut out);
        prop_assert_eq!(found.is_ok(), limit == length);
        prop_assert!(canonical_value(text.as_bytes(), length, &mut out).is_ok());
    }
}

#[test]
fn writes_numbers_as_javascript_does() {
    for (text, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("1.0", "1"),
        ("-1.50", "-1.5"),
        ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"),
        ("1e-6", "0.000001"),
        ("1E-7", "1e-7"),
        ("9007199254740993", "9007199254740992"),
        ("123456789012345", "123456789012345"),
        ("-123456789012345", "-123456789012345"),
        ("5e-324", "5e-324"),
        ("1e-400", "0"),
        ("-1e-400", "0"),
        ("1e400", "null"),
        ("-1e400", "null"),
        ("0.1", "0.1"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
    ] {
        assert_eq!(canonical(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn orders_keys_by_utf16() {
    let text = "{\"\u{ffff}\":1,\"\u{1f600}\":2,\"\u{e000}\":3,\"z\":4,\"\u{d7ff}\":5,\"\":6,\"zz\":7}";
    let expected = "{\"\":6,\"z\":4,\"zz\":7,\"\u{d7ff}\":5,\"\u{1f600}\":2,\"\u{e000}\":3,\"\u{ffff}\":1}";
    assert_eq!(canonical(text).unwrap(), expected);
}

#[test]
fn takes_the_last_of_equal_keys() {
    assert_eq!(
        canonical(r#"{"b":1,"a":1,"\u0061":2,"a":{"x":3,"x":4}}"#).unwrap(),
        r#"{"a":{"x":4},"b":1}"#
    );
}

#[test]
fn bounds_the_depth() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(canonical(&nested(MAX_DEPTH)).is_ok());
    assert_eq!(canonical(&nested(MAX_DEPTH + 1)), Err(NoCanonical::Depth));
    assert_eq!(canonical(&nested(1_000_000)), Err(NoCanonical::Depth));
    assert_eq!(canonical(&r#"{"a":"#.repeat(1_000_000)), Err(NoCanonical::Depth));
}

#[test]
fn refuses_half_pairs() {
    assert_eq!(canonical(r#""\ud800""#), Err(NoCanonical::Malformed));
    assert_eq!(canonical(r#"{"\udc00":1}"#), Err(NoCanonical::Malformed));
}

#[test]
fn tells_what_must_not_be_cached() {
    let none = Seen::default();
    let stateful = Seen {
        stateful: true,
        ..none
    };
    let reporting = Seen {
        reporting: true,
        ..none
    };
    assert_eq!(
        params(r#"{"name":"x","_meta":{"a":{"progressToken":1}}}"#),
        (r#"{"name":"x"}"#.to_owned(), none)
    );
    assert_eq!(params(r#"{"arguments":{"requestState":1,"task":{}}}"#).1, none);
    for name in ["inputResponses", "requestState", "task", "\\u0074ask"] {
        assert_eq!(params(&format!(r#"{{"{name}":1}}"#)).1, stateful, "{name}");
    }
    for name in [
        "progressToken",
        "progress\\u0054oken",
        "io.modelcontextprotocol/logLevel",
    ] {
        assert_eq!(
            params(&format!(r#"{{"_meta":{{"x":1,"{name}":1}}}}"#)).1,
            reporting,
            "{name}"
        );
    }
}

#[test]
fn takes_no_bytes_for_absent_params() {
    assert_eq!(params(""), ("{}".to_owned(), Seen::default()));
    assert_eq!(canonical(""), Err(NoCanonical::Malformed));
}
