//! The scanner against serde_json (is it JSON?) and against a slow reading of its own rules (what is in it?).

use envelope::{Code, Limits, scan, scan_range};

use crate::reference::{self, Verdict};

/// So wide that only the text itself is judged.
const WIDE: Limits = Limits {
    depth: 120,
    nodes: u32::MAX,
    number: u32::MAX,
    id_bytes: u32::MAX,
    method_bytes: u32::MAX,
    batch_messages: u32::MAX,
};

/// So narrow that short inputs meet every limit.
const NARROW: Limits = Limits {
    depth: 3,
    nodes: 12,
    number: 6,
    id_bytes: 5,
    method_bytes: 8,
    batch_messages: 2,
};

pub fn run(data: &[u8]) {
    for limits in [WIDE, NARROW, Limits::default()] {
        let scanned = scan(data, &limits);
        if let Err(failure) = &scanned {
            assert!(
                failure.offset <= data.len(),
                "the offset of a failure is in the text"
            );
            assert!(
                failure
                    .id
                    .is_none_or(|id| id.start < id.end && id.end <= data.len())
            );
        }
        // Where a message stands in its buffer must not matter.
        let shifted = [b"{\"x".as_slice(), data].concat();
        let again = scan_range(&shifted, 3, &limits);
        assert_eq!(scanned.is_ok(), again.is_ok());
        if let (Err(one), Err(other)) = (&scanned, &again) {
            assert_eq!((one.code, one.offset + 3), (other.code, other.offset));
        }
        compare(data, &limits, &scanned);
    }
}

fn compare(data: &[u8], limits: &Limits, scanned: &Result<envelope::Envelope, envelope::Failure>) {
    let code = scanned.as_ref().err().map(|failure| failure.code);
    match reference::judge(data, limits) {
        Verdict::NotJson => {
            // A limit may be met before the place where the text stops being JSON.
            let limit = matches!(
                code,
                Some(Code::JsonDepth | Code::JsonNodes | Code::JsonNumber | Code::BatchSize)
            );
            let broken = code.is_some_and(|code| code.name().starts_with("PARSE_"));
            assert!(broken || limit, "{code:?} for what is not JSON");
        }
        Verdict::Limit => assert!(
            matches!(
                code,
                Some(Code::JsonDepth | Code::JsonNodes | Code::JsonNumber | Code::BatchSize)
            ),
            "{code:?} for what is over a limit"
        ),
        Verdict::Refused(expected) => assert_eq!(code, Some(expected)),
        Verdict::Accepted(expected) => {
            let found = scanned.as_ref().unwrap_or_else(|failure| {
                panic!("{:?} at {} for a sound message", failure.code, failure.offset)
            });
            assert_eq!(Some(found.kind), expected.kind);
            let span = |span: Option<envelope::Span>| span.map(|span| (span.start, span.end));
            let text = |text: Option<envelope::Text>| {
                text.map(|text| {
                    let raw = data.get(text.span.start..text.span.end);
                    assert_eq!(raw.map(|raw| raw.contains(&b'\\')), Some(text.escaped));
                    text.decode(data).into_owned()
                })
            };
            assert_eq!(span(found.id), expected.id);
            assert_eq!(text(found.method), expected.method);
            assert_eq!(text(found.name), expected.name);
            assert_eq!(text(found.uri), expected.uri);
            assert_eq!(text(found.protocol_version), expected.protocol_version);
            assert_eq!(span(found.params), expected.params);
            assert_eq!(span(found.arguments), expected.arguments);
            assert_eq!(found.ascii, data.is_ascii());
            let elements: Vec<_> = found.elements.iter().map(|one| (one.start, one.end)).collect();
            assert_eq!(elements, expected.elements);
        }
    }
}
