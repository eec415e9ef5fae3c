use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::sessions::{Sessions, Ticket};

const META_TEXT: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");
const LIST: (&str, &str) = ("Mcp-Method", "tools/list");
const CALL: (&str, &str) = ("Mcp-Method", "tools/call");
const ECHO: (&str, &str) = ("Mcp-Name", "echo");

fn table() -> Table {
    let mut table = Table::new(true);
    for revision in Revision::ALL {
        for method in Prepared::ALL {
            let result = Bytes::from(format!("\"{} {}\"", revision.name(), method.name()));
            let _ = table.set(revision, method.name().as_bytes(), result);
        }
    }
    let rule = |public| Rule {
        epoch: Bytes::from_static(b"7"),
        public,
    };
    table
        .cache(b"tools/call", Some(b"echo"), rule(false))
        .expect("cacheable");
    table
        .cache(b"tools/call", Some("é".as_bytes()), rule(true))
        .expect("cacheable");
    table
        .cache(b"resources/read", None, rule(true))
        .expect("cacheable");
    table
}

fn session(revision: Revision) -> Arc<Session> {
    let sessions = Sessions::new(8);
    sessions.insert(b"s", Bytes::from_static(b"p"), revision);
    sessions.find(b"s", b"p").expect("known")
}

/// What is said of a text, as text.
fn decided(text: &str, lines: &[(&str, &str)], session: Option<&Session>) -> String {
    let table = table();
    let mut fields = Fields::default();
    for (name, value) in lines {
        fields.add(name.as_bytes(), value.as_bytes());
    }
    let message = Message::scan(text.as_bytes(), &envelope::Limits::default()).expect("sound");
    let modern = message.modern(text.as_bytes(), &fields);
    let asked = Asked {
        message: &message,
        body: text.as_bytes(),
        fields: &fields,
        modern,
        session: session.filter(|_| !modern),
        principal: b"p",
    };
    match decide(&asked, &table) {
        Decision::Prepared(method, result) => {
            assert!(
                std::str::from_utf8(result)
                    .expect("text")
                    .ends_with(&format!("{}\"", method.name()))
            );
            format!("{result:?}")
                .replace(['\\', '"'], "")
                .trim_start_matches('b')
                .to_owned()
        }
        Decision::Accepted => "accepted".to_owned(),
        Decision::LookUp(query) => format!(
            "look up {} {} as {:?}",
            String::from_utf8_lossy(query.name),
            query.revision,
            query
                .principal
                .map(|principal| String::from_utf8_lossy(principal).into_owned())
        ),
        Decision::HandOver => "hand over".to_owned(),
    }
}

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

#[test]
fn only_modern_requests_without_a_question_are_answered() {
    let list = |params: &str| request("tools/list", params);
    let good = list(&format!(r#"{{"_meta":{{{META_TEXT},"x":[1,{{"a":"}}"}}]}}}}"#));
    let answer = "2026-07-28 tools/list";
    assert_eq!(decided(&good, &[VERSION, LIST], None), answer);
    let info = r#""io.modelcontextprotocol/clientInfo""#;
    for (extra, expected) in [
        (format!(r#",{info}:{{"name":"a","version":"1","t":{{}}}}"#), true),
        (format!(r#",{info}:{{"name":"a"}}"#), false),
        (format!(r#",{info}:{{"name":"a","version":1}}"#), false),
        (
            format!(r#",{info}:{{"name":"a","version":"1","n\u0061m":1}}"#),
            false,
        ),
        (format!(r",{info}:1"), false),
        (r#","progressToken":1"#.to_owned(), false),
        (r#","io.modelcontextprotocol/logLevel":"debug""#.to_owned(), false),
        (r#","progress\u0054oken":{}"#.to_owned(), false),
    ] {
        let text = list(&format!("{{ \"_meta\" : {{{META_TEXT}{extra}}} }}"));
        let expected = if expected { answer } else { "hand over" };
        assert_eq!(decided(&text, &[VERSION, LIST], None), expected, "{text}");
    }
    for params in [
        format!(r#"{{"_meta":{{{META_TEXT}}},"cursor":"x"}}"#),
        format!(r#"{{"cursor":null,"_meta":{{{META_TEXT}}}}}"#),
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#.to_owned(),
        format!(r#"{{"_meta":{{{}}}}}"#, META_TEXT.replace("{}", "[]")),
        format!(
            r#"{{"_meta":{{{}}}}}"#,
            META_TEXT.replace("2026-07-28", "2099-01-01")
        ),
        "{}".to_owned(),
    ] {
        assert_eq!(
            decided(&list(&params), &[VERSION, LIST], None),
            "hand over",
            "{params}"
        );
    }
    for lines in [
        [VERSION, ("Accept", "*/*")],
        [LIST, ("Accept", "*/*")],
        [VERSION, CALL],
        [("MCP-Protocol-Version", "2025-11-25"), LIST],
    ] {
        assert_eq!(decided(&good, &lines, None), "hand over", "{lines:?}");
    }
    for (method, expected) in [
        ("tools\\/list", "hand over"),
        ("ping", "hand over"),
        ("initialize", "hand over"),
        ("server/discover", "2026-07-28 server/discover"),
        ("resources/templates/list", "2026-07-28 resources/templates/list"),
    ] {
        let text = good.replace("tools/list", method);
        let lines = [VERSION, ("Mcp-Method", method)];
        assert_eq!(decided(&text, &lines, None), expected, "{method}");
    }
}

#[test]
fn legacy_requests_need_a_session_and_an_id_of_their_own() {
    for revision in Revision::ALL.into_iter().filter(|revision| !revision.modern()) {
        let session = session(revision);
        for method in [
            "ping",
            "tools/list",
            "prompts/list",
            "resources/list",
            "resources/templates/list",
        ] {
            let expected = format!("{} {method}", revision.name());
            let bare = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
            assert_eq!(decided(&bare, &[], None), "hand over");
            assert_eq!(decided(&bare, &[], Some(&session)), expected);
            // Any legacy revision may stand in the field; that of the session decides.
            assert_eq!(
                decided(&bare, &[("MCP-Protocol-Version", "2025-06-18")], Some(&session)),
                expected
            );
            for version in ["2026-07-28", "2099-01-01", ""] {
                let lines = [("MCP-Protocol-Version", version), ("Mcp-Session-Id", "s")];
                assert_eq!(decided(&bare, &lines, Some(&session)), "hand over", "{version}");
            }
            for (params, answered) in [
                ("{}", true),
                (r#"{"_meta":{}}"#, true),
                (r#"{"_meta":{"traceparent":"x","a":{"progressToken":1}}}"#, true),
                (r#"{"_meta":{"progressToken":1}}"#, false),
                (r#"{"_meta":{"progressToken":null}}"#, false),
                (r#"{"_meta":{"progress\u0054oken":1}}"#, false),
                (r#"{"_meta":[]}"#, false),
                (r#"{"cursor":"a"}"#, false),
                (r#"{"x":1}"#, false),
            ] {
                let expected = if answered { expected.as_str() } else { "hand over" };
                assert_eq!(
                    decided(&request(method, params), &[], Some(&session)),
                    expected,
                    "{params}"
                );
            }
            let ticket = Ticket::new(Arc::clone(&session), Some(b"1"));
            assert_eq!(decided(&bare, &[], Some(&session)), "hand over");
            assert_eq!(
                decided(&bare.replace(":1,", ":2,"), &[], Some(&session)),
                expected
            );
            drop(ticket);
            for id in ["-0", "\"\\u0061\""] {
                assert_eq!(
                    decided(&bare.replace(":1,", &format!(":{id},")), &[], Some(&session)),
                    "hand over",
                    "{id}"
                );
            }
        }
        for method in ["initialize", "server/discover", "tools/call", "logging/setLevel"] {
            assert_eq!(decided(&request(method, "{}"), &[], Some(&session)), "hand over");
        }
    }
}

#[test]
fn names_agree_plain_or_in_base64() {
    let said = |name: &str, header: Option<&str>| {
        let text = request(
            "tools/call",
            &format!(r#"{{"name":"{name}","_meta":{{{META_TEXT}}}}}"#),
        );
        let mut lines = vec![VERSION, CALL];
        lines.extend(header.map(|header| ("Mcp-Name", header)));
        decided(&text, &lines, None)
    };
    let echo = "look up echo 2026-07-28 as Some(\"p\")";
    assert_eq!(said("echo", Some("echo")), echo);
    assert_eq!(said("echo", Some("=?base64?ZWNobw==?=")), echo);
    assert_eq!(said("é", Some("=?base64?w6k=?=")), "look up é 2026-07-28 as None");
    for bad in [
        None,
        Some("other"),
        Some("=?base64?ZWNobw?="),
        Some("=?base64?ZWNobx==?="),
        Some("=?base64?/w==?="),
    ] {
        assert_eq!(said("echo", bad), "hand over", "{bad:?}");
    }
    assert_eq!(said("é", Some("é")), "hand over");
    assert_eq!(said("other", Some("other")), "hand over");
    assert_eq!(said("ech\\u006f", Some("echo")), "hand over");
}

#[test]
fn only_calls_without_a_question_are_looked_up() {
    let modern = |more: &str| {
        request(
            "tools/call",
            &format!(r#"{{"name":"echo","_meta":{{{META_TEXT}}}{more}}}"#),
        )
    };
    let found = "look up echo 2026-07-28 as Some(\"p\")";
    assert_eq!(
        decided(&modern(r#","arguments":{"a":1}"#), &[VERSION, CALL, ECHO], None),
        found
    );
    for more in [
        r#","inputResponses":{}"#,
        r#","requestState":"x""#,
        r#","task":{}"#,
        r#","arg\u0075ments":{}"#,
    ] {
        assert_eq!(
            decided(&modern(more), &[VERSION, CALL, ECHO], None),
            "hand over",
            "{more}"
        );
    }
    let param = ("Mcp-Param-A", "1");
    assert_eq!(
        decided(&modern(""), &[VERSION, CALL, ECHO, param], None),
        "hand over"
    );
    let asks = modern("").replace("\"_meta\":{", "\"_meta\":{\"progressToken\":1,");
    assert_eq!(decided(&asks, &[VERSION, CALL, ECHO], None), "hand over");
    let read = request(
        "resources/read",
        &format!(r#"{{"uri":"a:b","_meta":{{{META_TEXT}}}}}"#),
    );
    let lines = [VERSION, ("Mcp-Method", "resources/read"), ("Mcp-Name", "a:b")];
    assert_eq!(decided(&read, &lines, None), "look up a:b 2026-07-28 as None");
    let session = session(Revision::June2025);
    let legacy = |params: &str| decided(&request("tools/call", params), &[], Some(&session));
    let found = "look up echo 2025-06-18 as Some(\"p\")";
    assert_eq!(legacy(r#"{"name":"echo"}"#), found);
    assert_eq!(legacy(r#"{"name":"echo","arguments":{},"_meta":{"a":1}}"#), found);
    for params in [
        r#"{"name":"echo","_meta":{"progressToken":1}}"#,
        r#"{"name":"echo","_meta":1}"#,
        r#"{"name":"echo","uri":"a"}"#,
        r#"{"name":"other"}"#,
        r#"{"name":1}"#,
        "{}",
    ] {
        assert_eq!(legacy(params), "hand over", "{params}");
    }
    let ticket = Ticket::new(Arc::clone(&session), None);
    assert_eq!(legacy(r#"{"name":"echo"}"#), "hand over");
    drop(ticket);
    let text = request("tools/call", r#"{"name":"echo"}"#);
    assert_eq!(decided(&text, &[], None), "hand over");
}

#[test]
fn notifications() {
    let note = |method: &str| format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#);
    assert_eq!(decided(&note("notifications/x"), &[VERSION], None), "accepted");
    assert_eq!(
        decided(&note("notifications/cancelled"), &[VERSION], None),
        "accepted"
    );
    assert_eq!(
        decided(
            &note("notifications/x"),
            &[("MCP-Protocol-Version", "2099-01-01")],
            None
        ),
        "hand over"
    );
    let session = session(Revision::March2025);
    for (method, expected) in [
        ("notifications/progress", "accepted"),
        ("x", "accepted"),
        ("notifications/initialized", "hand over"),
        ("notifications/cancelled", "hand over"),
        ("notifications/roots/list_changed", "hand over"),
        ("notifications\\/initialized", "hand over"),
    ] {
        assert_eq!(decided(&note(method), &[], Some(&session)), expected, "{method}");
        assert_eq!(decided(&note(method), &[], None), "hand over");
        let lines = [("MCP-Protocol-Version", "2099-01-01"), ("Mcp-Session-Id", "s")];
        assert_eq!(decided(&note(method), &lines, Some(&session)), "hand over");
    }
    for other in [
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":""}}"#,
        r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
    ] {
        assert_eq!(decided(other, &[], Some(&session)), "hand over", "{other}");
        assert_eq!(decided(other, &[VERSION], None), "hand over", "{other}");
    }
}

/// The rules once more, on parsed JSON: what may be answered without the consumer.
fn reference(text: &str, lines: &[(&str, &str)], session: bool) -> bool {
    let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let line = |name: &str| {
        lines
            .iter()
            .find(|(each, _)| *each == name)
            .map(|(_, value)| *value)
    };
    let method = value["method"].as_str().expect("a method");
    let empty = serde_json::Map::new();
    let params = match &value["params"] {
        serde_json::Value::Object(params) => params,
        _ => &empty,
    };
    let meta = params.get("_meta").and_then(|meta| meta.as_object());
    let only = |names: &[&str]| params.keys().all(|key| names.contains(&key.as_str()));
    let prepared = method.ends_with("/list") || method == "ping" || method == "server/discover";
    let version = "io.modelcontextprotocol/protocolVersion";
    let modern = meta.is_some_and(|meta| meta.get(version).is_some_and(serde_json::Value::is_string))
        || line("MCP-Protocol-Version") == Some("2026-07-28");
    let asks = |meta: &serde_json::Map<String, serde_json::Value>| {
        meta.contains_key("progressToken") || modern && meta.contains_key("io.modelcontextprotocol/logLevel")
    };
    if meta.is_some_and(asks) || text.contains('\\') {
        return false;
    }
    let call = method == "tools/call"
        && params.get("name").is_some_and(|name| name == "echo")
        && only(&["name", "arguments", "_meta"]);
    if modern {
        let Some(meta) = meta else { return false };
        return meta.get(version).is_some_and(|version| version == "2026-07-28")
            && meta
                .get("io.modelcontextprotocol/clientCapabilities")
                .is_some_and(serde_json::Value::is_object)
            && line("MCP-Protocol-Version") == Some("2026-07-28")
            && line("Mcp-Method") == Some(method)
            && ((prepared && method != "ping" && only(&["_meta"]))
                || (call && line("Mcp-Name") == Some("echo")));
    }
    session
        && line("MCP-Protocol-Version").is_none_or(|version| version == "2025-11-25")
        && value["id"] != 5
        && params.get("_meta").is_none_or(serde_json::Value::is_object)
        && ((prepared && method != "server/discover" && only(&["_meta"])) || call)
}

fn pick(options: &'static [&'static str]) -> impl Strategy<Value = String> {
    let all: Vec<usize> = (0..options.len()).collect();
    let most = options.len().min(4);
    proptest::sample::subsequence(all, 0..=most)
        .prop_shuffle()
        .prop_map(|list| {
            list.into_iter()
                .filter_map(|index| options.get(index).copied())
                .collect::<Vec<_>>()
                .join(",")
        })
}

proptest! {
    #[test]
    fn base64_of_any_text_comes_back(text in "\\PC{0,40}") {
        let value = format!("=?base64?{}?=", STANDARD.encode(&text));
        prop_assert_eq!(decoded(value.as_bytes()), Some(text.into_bytes()));
    }

    #[test]
    fn decisions_are_those_of_the_rules(
        method in proptest::sample::select(vec!["tools/list", "prompts/list", "resources/list", "ping", "server/discover", "tools/call", "prompts/get", "logging/setLevel"]),
        id in proptest::sample::select(vec!["1", "5", "\"a\""]),
        meta in pick(&[
            r#""io.modelcontextprotocol/protocolVersion":"2026-07-28""#,
            r#""io.modelcontextprotocol/clientCapabilities":{"a":{}}"#,
            r#""traceparent":"00-a""#,
            r#""progressToken":1"#,
            r#""io.modelcontextprotocol/logLevel":"info""#,
            r#""\u0061":1"#,
        ]),
        has_meta in 0..4_u8,
        params in pick(&[r#""name":"echo""#, r#""arguments":{"x":[1,"}"]}"#, r#""cursor":null"#]),
        has_params: bool,
        session: bool,
        mask in 0..8_u8,
        version in proptest::sample::select(vec!["2026-07-28", "2026-07-28", "2025-11-25"]),
    ) {
        let mut members: Vec<String> = if params.is_empty() { vec![] } else { vec![params] };
        match has_meta {
            0 => {}
            1 => members.push("\"_meta\":1".to_owned()),
            _ => members.push(format!("\"_meta\":{{{meta}}}")),
        }
        let params = if has_params || !members.is_empty() { format!(",\"params\":{{{}}}", members.join(",")) } else { String::new() };
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"{params}}}"#);
        let mut lines = Vec::new();
        for (bit, line) in [(1, ("MCP-Protocol-Version", version)), (2, ("Mcp-Method", method)), (4, ECHO)] {
            if mask & bit != 0 {
                lines.push(line);
            }
        }
        // A routing field without a session makes a request modern; here the session field stands for it.
        lines.push(("Mcp-Session-Id", "s"));
        let known = self::session(Revision::November2025);
        let _running = Ticket::new(Arc::clone(&known), Some(b"5"));
        let said = decided(&text, &lines, session.then_some(&*known));
        prop_assert_eq!(said != "hand over", reference(&text, &lines, session), "{} {:?}", text, lines);
    }
}
