//! What is JSON and what is not, judged by `serde_json`.

// A helper of a test may fail the test.
#![allow(clippy::unwrap_used)]

use envelope::{Code, Limits, scan};
use proptest::prelude::*;

/// Limits that generated texts do not meet.
const WIDE: Limits = Limits {
    depth: 100,
    nodes: 1_000_000,
    number: 1_000_000,
    id_bytes: 1_000,
    method_bytes: 1_000,
    batch_messages: 1_000_000,
};

/// A string that may have control characters, unlike names.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(bytes).is_ok()
}

/// True when the scanner takes the text for JSON, whatever it thinks of it as a message.
fn is_accepted_text(bytes: &[u8]) -> bool {
    !matches!(scan(bytes, &WIDE), Err(failure) if failure.code.name().starts_with("PARSE_"))
}

fn has_lone_surrogate(bytes: &[u8]) -> bool {
    // In a batch the scanner leaves them to the scan of each element, `serde_json` never does.
    bytes.windows(4).any(|window| {
        matches!(
            window,
            [b'\\', b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F']
        )
    })
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        any::<String>().prop_map(|value| serde_json::to_string(&value).unwrap()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        "\"(\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-fA-F]{2}|[a-zé€😀])*\"",
    ];
    let space = "[ \n\r\t]{0,2}";
    leaf.prop_recursive(6, 64, 6, move |inner| {
        let key = prop_oneof![
            any::<String>().prop_map(|key| serde_json::to_string(&key).unwrap()),
            "\"(jsonrpc|id|method|params|name|_meta|arguments)\"",
        ];
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..6), space)
                .prop_map(|(items, gap)| format!("[{gap}{}{gap}]", items.join(&format!("{gap},")))),
            (prop::collection::vec((key, inner), 0..6), space).prop_map(|(members, gap)| {
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
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accepts_generated_json(text in json()) {
        prop_assert!(is_json(text.as_bytes()));
        prop_assert!(is_accepted_text(text.as_bytes()));
    }

    #[test]
    fn agrees_on_mutated_json(
        text in json(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..3, prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "e", ".", "-", "0", "\u{7f}"])
                .prop_map(|piece| piece.as_bytes().to_vec()),
        ]), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        for (at, drop, insert) in changes {
            let start = at.index(bytes.len() + 1);
            let end = (start + drop).min(bytes.len());
            bytes.splice(start..end, insert);
        }
        prop_assume!(!has_lone_surrogate(&bytes));
        prop_assert_eq!(is_accepted_text(&bytes), is_json(&bytes));
    }

    #[test]
    fn agrees_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assume!(!has_lone_surrogate(&bytes));
        prop_assert_eq!(is_accepted_text(&bytes), is_json(&bytes));
    }

    #[test]
    fn agrees_on_utf8(bytes in prop::collection::vec(prop_oneof![0x7f..=0xff_u8, Just(b'a')], 0..8)) {
        prop_assume!(!bytes.contains(&b'"'));
        let text = [b"[\"".as_slice(), &bytes, b"\"]"].concat();
        let expected = if std::str::from_utf8(&bytes).is_ok() { None } else { Some(Code::ParseUtf8) };
        prop_assert_eq!(scan(&text, &WIDE).err().map(|failure| failure.code), expected);
    }

    #[test]
    fn decodes_strings_as_serde_does(name in "(\\PC|\\\\u00[2-6][0-9a-f]|\\\\u20aC|\\\\ud83d\\\\ude00|\\\\/){0,12}") {
        prop_assume!(!name.contains('"') && serde_json::from_str::<String>(&format!("\"{name}\"")).is_ok());
        let text = format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"_meta":{{"{VERSION}":"{name}"}}}}}}"#);
        let envelope = scan(text.as_bytes(), &WIDE).unwrap();
        let expected: String = serde_json::from_str(&format!("\"{name}\"")).unwrap();
        prop_assert_eq!(envelope.protocol_version.unwrap().decode(text.as_bytes()), expected.as_bytes());
    }

    #[test]
    fn never_panics_and_stays_in_range(bytes in prop::collection::vec(any::<u8>(), 0..64), start in 0_usize..70) {
        if let Err(failure) = envelope::scan_range(&bytes, start, &WIDE) {
            prop_assert!(failure.offset <= bytes.len());
        }
    }
}
