//! Messages, limits and the words that cross to TypeScript.

use envelope::words::{ACCEPTED, ARGUMENT, HEADER, PANIC, guarded, scan_words};
use envelope::{Code, Failure, Kind, Limits, Span, scan, scan_range};

const LIMITS: [u32; 6] = [64, 50_000, 64, 256, 256, 100];

fn code(text: &str) -> Option<Code> {
    scan(text.as_bytes(), &Limits::default())
        .err()
        .map(|failure| failure.code)
}

#[test]
fn finds_the_parts_of_a_request() {
    let text = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"n\u0061","arguments":[1],
        "_meta":{"progressToken":7,"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let bytes = text.as_bytes();
    let envelope = scan(bytes, &Limits::default()).unwrap();
    let span = |span: Option<Span>| std::str::from_utf8(span.unwrap().of(bytes)).unwrap();
    assert_eq!(envelope.kind, Kind::Request);
    assert_eq!(span(envelope.id), "\"a\"");
    assert_eq!(envelope.method.unwrap().decode(bytes).as_ref(), b"tools/call");
    assert_eq!(envelope.name.unwrap().decode(bytes).as_ref(), b"na");
    assert_eq!(span(envelope.arguments), "[1]");
    assert_eq!(span(envelope.progress_token), "7");
    assert_eq!(
        envelope.protocol_version.unwrap().decode(bytes).as_ref(),
        b"2026-07-28"
    );
    assert!(envelope.has_meta && envelope.ascii);
    assert!(span(envelope.params).starts_with("{\"name\"") && span(envelope.params).ends_with("}}"));
}

#[test]
fn nests_to_the_limit_and_not_beyond() {
    for depth in [1_u32, 2, 63, 64, 65, 127, 128, 129, 1_000, 100_000] {
        let limits = Limits {
            depth,
            nodes: u32::MAX,
            ..Limits::default()
        };
        let size = depth as usize;
        let legal = format!("{}{}", "[".repeat(size), "]".repeat(size));
        assert!(
            !matches!(
                scan(legal.as_bytes(), &limits),
                Err(Failure {
                    code: Code::JsonDepth,
                    ..
                })
            ),
            "{depth}"
        );
        let deeper = format!("[{legal}]");
        let failure = scan(deeper.as_bytes(), &limits).unwrap_err();
        assert_eq!((failure.code, failure.offset), (Code::JsonDepth, size), "{depth}");
    }
}

#[test]
fn keeps_the_kinds_of_a_thousand_open_containers_apart() {
    let limits = Limits {
        depth: 4_000,
        nodes: u32::MAX,
        ..Limits::default()
    };
    let (mut open, mut close) = (String::new(), String::new());
    for level in 0..1_000 {
        let object = level % 3 != 0 && level % 7 != 0;
        open.push_str(if object { "{\"k\":" } else { "[" });
        close.insert(0, if object { '}' } else { ']' });
    }
    let sound = format!("[{open}1{close}]");
    assert!(scan(sound.as_bytes(), &limits).is_ok());
    for at in 0..close.len() {
        let mut wrong = close.clone().into_bytes();
        wrong[at] = if wrong[at] == b'}' { b']' } else { b'}' };
        let text = [b"[", open.as_bytes(), b"1", &wrong, b"]"].concat();
        let failure = scan(&text, &limits).unwrap_err();
        assert_eq!(
            (failure.code, failure.offset),
            (Code::ParseSyntax, 2 + open.len() + at)
        );
    }
}

#[test]
fn finds_duplicates_among_few_and_many_plain_and_escaped_keys() {
    for count in [1, 2, 23, 24, 25, 26, 100, 10_000] {
        for escaped in [false, true] {
            let keys: Vec<_> = (0..count).map(|i| format!("\"k{i}\":0")).collect();
            let again = if escaped { "\\u006b" } else { "k" };
            let text = |last: &str| {
                format!(
                    r#"{{"jsonrpc":"2.0","method":"m","params":{{"arguments":{{{},{last}}}}}}}"#,
                    keys.join(",")
                )
            };
            assert_eq!(code(&text("\"other\":1")), None);
            for i in [0, count / 2, count - 1] {
                assert_eq!(
                    code(&text(&format!("\"{again}{i}\":1"))),
                    Some(Code::JsonDuplicateKey),
                    "{count} {i}"
                );
            }
        }
    }
}

#[test]
fn the_same_key_in_different_objects_is_no_duplicate() {
    let text = r#"{"jsonrpc":"2.0","method":"m","name":1,"params":{"name":"a","method":1,
        "_meta":{"name":1,"method":2},"arguments":{"name":1,"method":2,"params":{"name":1}}}}"#;
    assert_eq!(code(text), None);
}

#[test]
fn words_hold_spans_of_the_whole_body() {
    let body = br#"xx{"jsonrpc":"2.0","id":12,"method":"ping"}y"#;
    let mut out = [7; HEADER];
    assert_eq!(scan_words(body, 2, body.len() - 1, LIMITS, &mut out), ACCEPTED);
    assert_eq!(&body[out[3] as usize..out[4] as usize], b"12");
    assert_eq!(&body[out[5] as usize..out[6] as usize], b"ping");
    assert_eq!(out[7..], [0; HEADER - 7]);
    assert_eq!(
        scan_words(body, 0, body.len(), LIMITS, &mut out),
        Code::ParseSyntax as u32
    );
    assert_eq!(out[1..], [0; HEADER - 1]);
}

#[test]
fn words_refuse_ranges_and_memory_that_do_not_fit() {
    let mut out = [7; HEADER + 6];
    assert_eq!(scan_words(b"{}", 2, 1, LIMITS, &mut out), ARGUMENT);
    assert_eq!(scan_words(b"{}", 0, 3, LIMITS, &mut out), ARGUMENT);
    assert_eq!(
        scan_words(b"{}", usize::MAX, usize::MAX, LIMITS, &mut out),
        ARGUMENT
    );
    assert_eq!(scan_words(b"{}", 0, 2, LIMITS, &mut out[..HEADER - 1]), ARGUMENT);
    assert_eq!(
        scan_words(b"[1,2,3]", 0, 7, LIMITS, &mut out[..HEADER + 5]),
        ARGUMENT
    );
    assert_eq!(out, [7; HEADER + 6]);
    assert_eq!(scan_words(b"[1,2,3]", 0, 7, LIMITS, &mut out), ACCEPTED);
    assert_eq!(out[HEADER - 1..], [3, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn statuses_are_the_positions_of_the_codes() {
    for (index, code) in Code::ALL.iter().enumerate() {
        assert_eq!(*code as usize, index + 1);
    }
}

#[test]
fn a_panic_becomes_a_status() {
    std::panic::set_hook(Box::new(|_| {}));
    assert_eq!(guarded(|| panic!("on purpose")), PANIC);
    let _ = std::panic::take_hook();
    assert_eq!(guarded(|| 3), 3);
}

#[test]
fn a_start_behind_the_end_is_an_empty_text() {
    let failure = scan_range(b"{}", 5, &Limits::default()).unwrap_err();
    assert_eq!((failure.code, failure.offset), (Code::ParseEmpty, 2));
}
