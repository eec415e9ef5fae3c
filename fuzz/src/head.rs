//! A request head on its way through the HTTP/1.1 driver: where it ends, its lines, its framing, the guard.

use bytes::BytesMut;
use front::fuzzing::{Framing, head_end};
use front::guard::{self, Fields, Policy, Single};

use crate::input::Input;

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let cut = input.below(256);
    let text = input.0;
    let whole = head_end(text, &mut 0);
    let mut scanned = 0;
    let first = head_end(text.get(..cut).unwrap_or(text), &mut scanned);
    if first.is_ok() {
        let second = head_end(text, &mut scanned);
        assert_eq!(second.is_ok(), whole.is_ok(), "cut at {cut}");
        assert!(!matches!(first, Ok(Some(_))) || first == whole);
        assert!(second.is_err() || matches!(first, Ok(Some(_))) || second == whole);
    }
    let Ok(Some(end)) = whole else { return };
    let head = text.get(..end).expect("the head is in the text");
    assert!(head.ends_with(b"\r\n\r\n"));
    let mut lines = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Request::new(&mut lines);
    let Ok(httparse::Status::Complete(length)) = parsed.parse(head) else {
        return;
    };
    assert_eq!(length, head.len(), "two readers agree on where the head ends");
    let target = parsed.path.unwrap_or_default().as_bytes();
    let lines: Vec<_> = parsed
        .headers
        .iter()
        .map(|line| (line.name, line.value))
        .collect();
    framing(&lines);
    judged(&lines, target);
}

/// Against RFC 9112, 6.3, read plainly: only what cannot be misread has a length.
fn framing(lines: &[(&str, &[u8])]) {
    let mut framing = Framing::default();
    for (name, value) in lines {
        framing.add(name.as_bytes(), value);
    }
    let values = |wanted: &str| -> Vec<String> {
        let named = lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named
            .map(|(_, value)| String::from_utf8_lossy(value).to_ascii_lowercase())
            .collect()
    };
    let expected = match (
        values("content-length").as_slice(),
        values("transfer-encoding").as_slice(),
    ) {
        ([], []) => Some(Some(0)),
        ([], [coding]) if coding == "chunked" => Some(None),
        ([length], []) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => length
            .parse::<u64>()
            .ok()
            .filter(|_| length.len() <= 19)
            .map(Some),
        _ => None,
    };
    assert_eq!(framing.length(true).ok(), expected);
    let old = framing.length(false).ok();
    assert_eq!(old, expected.filter(Option::is_some), "HTTP/1.0 has no chunks");
}

/// What the guard lets pass has exactly one acceptable Host, no foreign Origin and nothing twice.
fn judged(lines: &[(&str, &[u8])], target: &[u8]) {
    let mut fields = Fields::default();
    for (name, value) in lines {
        fields.add(name.as_bytes(), value);
    }
    let policy = Policy::loopback();
    let refused = guard::refuse(&fields, target, &policy);
    let accepted = fields.accepted();
    let _ = guard::refuse_media(&fields, accepted);
    let path = guard::path(target);
    assert!(path.len() <= target.len().max(1));
    if refused.is_some() {
        return;
    }
    assert!(lines.len() <= policy.header_lines);
    let named = |wanted: &str| {
        lines
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .count()
    };
    assert_eq!(named("host"), 1);
    for name in [
        "origin",
        "authorization",
        "content-type",
        "content-length",
        "content-encoding",
        "mcp-session-id",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "last-event-id",
        "mcp-param-x",
    ] {
        assert!(named(name) <= 1, "{name} twice");
    }
    let host = String::from_utf8_lossy(fields.get(Single::Host).unwrap_or_default()).to_ascii_lowercase();
    let name = host
        .strip_suffix(|last: char| last.is_ascii_digit())
        .map_or(host.as_str(), |_| {
            let colon = host.rfind(':').filter(|at| {
                host.get(at + 1..)
                    .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
            });
            colon.and_then(|at| host.get(..at)).unwrap_or(&host)
        });
    assert!(["localhost", "127.0.0.1", "[::1]"].contains(&name), "{host}");
    if let Some(origin) = fields.get(Single::Origin) {
        let origin = String::from_utf8_lossy(origin);
        let rest = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            .expect("a web origin");
        let ours = ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .find_map(|host| rest.strip_prefix(host));
        let port = ours.expect("a loopback origin");
        assert!(
            port.is_empty()
                || port
                    .strip_prefix(':')
                    .is_some_and(|port| port.parse::<u32>().is_ok()),
            "{origin}"
        );
    }
    let mut number = BytesMut::new();
    front::fuzzing::decimal(lines.len(), &mut number);
    assert_eq!(number.as_ref(), lines.len().to_string().as_bytes());
}
