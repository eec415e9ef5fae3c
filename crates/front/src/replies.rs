//! Replies that are known before the request comes.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use envelope::words;

use crate::guard::{Fields, Single};
use crate::hub::is_modern;
use crate::media_type::trim_js;
use crate::members::members;
use crate::message::Message;

/// The table of prepared results. It is replaced as a whole, so readers never wait.
///
/// Only requests that leave no question are answered from it; the consumer gets all others, and with them the task of
/// saying what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    /// Nobody is authenticated here, so that `Authorization` decides nothing. When false nothing is answered from the
    /// table.
    pub open: bool,
    /// Results of the modern era by method, for requests with nothing but `_meta` in their params.
    pub modern: HashMap<Vec<u8>, Bytes>,
    /// Notifications of the modern era are accepted without the consumer.
    pub notifications: bool,
}

/// What the table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The result for the id of the request.
    Result(Bytes),
    /// 202 without a body.
    Accepted,
}

impl Replies {
    pub(crate) fn find(&self, message: &Message, body: &[u8], fields: &Fields<'_>) -> Option<Found> {
        if !self.open || message.has(words_flag::IS_ERROR) {
            return None;
        }
        match message.kind() {
            KIND_REQUEST => {
                let method = message.plain_method(body)?;
                let result = self.modern.get(method)?;
                let sound = agrees(message, body, fields) && only_meta(message, body);
                sound.then(|| Found::Result(result.clone()))
            }
            KIND_NOTIFICATION if self.notifications => {
                let version = fields.get(Single::ProtocolVersion);
                let known = message.version(body).is_some() || version.is_none_or(is_modern);
                known.then_some(Found::Accepted)
            }
            _ => None,
        }
    }
}

const KIND_REQUEST: u32 = envelope::Kind::Request as u32;
const KIND_NOTIFICATION: u32 = envelope::Kind::Notification as u32;

/// Flags of the second word; see [`words`].
pub(crate) mod words_flag {
    pub const IS_ERROR: u32 = 1 << 3;
    pub const METHOD_ESCAPED: u32 = 1 << 5;
    pub const NAME_ESCAPED: u32 = 1 << 6;
    pub const URI_ESCAPED: u32 = 1 << 7;
    pub const VERSION_ESCAPED: u32 = 1 << 8;
}

/// True when the mirrored fields say what the body says (2026-07-28, Streamable HTTP, Server Validation) and the
/// revision is a modern one. Texts with escapes are left to the consumer.
fn agrees(message: &Message, body: &[u8], fields: &Fields<'_>) -> bool {
    let escapes = words_flag::METHOD_ESCAPED
        | words_flag::NAME_ESCAPED
        | words_flag::URI_ESCAPED
        | words_flag::VERSION_ESCAPED;
    if message.has(escapes) {
        return false;
    }
    let (Some(method), Some(version)) = (message.method(body), message.version(body)) else {
        return false;
    };
    let field = |which| fields.get(which).map(trim_js);
    if !is_modern(version)
        || field(Single::ProtocolVersion) != Some(version)
        || field(Single::Method) != Some(method)
    {
        return false;
    }
    let named = match method {
        b"tools/call" | b"prompts/get" => message.name(body),
        b"resources/read" => message.uri(body),
        _ => return true,
    };
    match (field(Single::Name), named) {
        (None, None) => true,
        (Some(value), Some(named)) => decoded(value).is_some_and(|value| value == named),
        _ => false,
    }
}

/// The text a field value stands for: plain, or Base64 of UTF-8 in its sentinel (2026-07-28, Value Encoding).
#[must_use]
pub fn decoded(value: &[u8]) -> Option<Vec<u8>> {
    if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return None;
    }
    let inner = value
        .strip_prefix(b"=?base64?".as_slice())
        .and_then(|rest| rest.strip_suffix(b"?=".as_slice()));
    match inner {
        // The engine refuses missing padding and stray bits.
        Some(text) => STANDARD
            .decode(text)
            .ok()
            .filter(|bytes| std::str::from_utf8(bytes).is_ok()),
        None => Some(value.to_vec()),
    }
}

const CAPABILITIES: &[u8] = b"\"io.modelcontextprotocol/clientCapabilities\"";
const CLIENT_INFO: &[u8] = b"\"io.modelcontextprotocol/clientInfo\"";
const LOG_LEVEL: &[u8] = b"\"io.modelcontextprotocol/logLevel\"";

/// True when params has `_meta` and nothing else, and `_meta` is one the consumer would take without a remark.
fn only_meta(message: &Message, body: &[u8]) -> bool {
    let Some(params) = message.params(body) else {
        return false;
    };
    let mut list = members(params);
    let (Some((b"\"_meta\"", meta)), None) = (list.next(), list.next()) else {
        return false;
    };
    let mut capable = false;
    members(meta).all(|(key, value)| match key {
        CAPABILITIES => {
            capable = value.starts_with(b"{");
            capable
        }
        CLIENT_INFO => value.starts_with(b"{") && is_implementation(value),
        LOG_LEVEL | b"\"progressToken\"" => false,
        // It could spell any of the above.
        other => !other.contains(&b'\\'),
    }) && capable
}

fn is_implementation(object: &[u8]) -> bool {
    let (mut name, mut version) = (false, false);
    members(object).all(|(key, value)| {
        let text = value.starts_with(b"\"");
        match key {
            b"\"name\"" => name = text,
            b"\"version\"" => version = text,
            _ => return true,
        }
        text
    }) && name
        && version
}

const _: () = assert!(
    words::HEADER == 22,
    "the positions in `Message` follow this layout"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find(text: &str, lines: &[(&str, &str)]) -> Option<Found> {
        let replies = Replies {
            open: true,
            notifications: true,
            modern: [
                (b"tools/list".to_vec(), Bytes::from_static(b"{}")),
                (b"tools/call".to_vec(), Bytes::from_static(b"1")),
            ]
            .into(),
        };
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.add(name.as_bytes(), value.as_bytes());
        }
        let message = Message::scan(text.as_bytes(), &envelope::Limits::default()).expect("sound");
        replies.find(&message, text.as_bytes(), &fields)
    }

    const META: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}"#;
    const VERSION: (&str, &str) = ("MCP-Protocol-Version", "2026-07-28");
    const LIST: (&str, &str) = ("Mcp-Method", "tools/list");

    fn list(params: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{params}}}"#)
    }

    #[test]
    fn only_requests_without_a_question_are_answered() {
        let found = Some(Found::Result(Bytes::from_static(b"{}")));
        let good = list(&format!(r#"{{"_meta":{{{META},"x":[1,{{"a":"}}"}}]}}}}"#));
        assert_eq!(find(&good, &[VERSION, LIST]), found);
        let info = r#""io.modelcontextprotocol/clientInfo""#;
        for (extra, expected) in [
            (format!(r#",{info}:{{"name":"a","version":"1","t":{{}}}}"#), true),
            (format!(r#",{info}:{{"name":"a"}}"#), false),
            (format!(r#",{info}:{{"name":"a","version":1}}"#), false),
            (format!(r",{info}:1"), false),
            (r#","progressToken":1"#.to_owned(), false),
            (r#","io.modelcontextprotocol/logLevel":"debug""#.to_owned(), false),
            (r#","progress\u0054oken":{}"#.to_owned(), false),
        ] {
            let text = list(&format!("{{ \"_meta\" : {{{META}{extra}}} }}"));
            assert_eq!(find(&text, &[VERSION, LIST]).is_some(), expected, "{text}");
        }
        for params in [
            format!(r#"{{"_meta":{{{META}}},"cursor":"x"}}"#),
            format!(r#"{{"cursor":null,"_meta":{{{META}}}}}"#),
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#.to_owned(),
            format!(r#"{{"_meta":{{{}}}}}"#, META.replace("{}", "[]")),
            format!(r#"{{"_meta":{{{}}}}}"#, META.replace("2026-07-28", "2099-01-01")),
            "{}".to_owned(),
        ] {
            assert_eq!(find(&list(&params), &[VERSION, LIST]), None, "{params}");
        }
        assert_eq!(find(&good, &[LIST]), None);
        assert_eq!(find(&good, &[VERSION]), None);
        assert_eq!(find(&good, &[VERSION, ("Mcp-Method", "tools/call")]), None);
        assert_eq!(find(&good, &[("MCP-Protocol-Version", "2025-11-25"), LIST]), None);
        assert_eq!(
            find(&good.replace("tools/list", "tools\\/list"), &[VERSION, LIST]),
            None
        );
        assert_eq!(
            find(
                &good.replace("tools/list", "ping"),
                &[VERSION, ("Mcp-Method", "ping")]
            ),
            None
        );
    }

    #[test]
    fn names_agree_plain_or_in_base64() {
        let value = |name: &str, header: Option<&str>| {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","_meta":{{{META}}}}}}}"#
            );
            let message = Message::scan(text.as_bytes(), &envelope::Limits::default()).expect("sound");
            let mut fields = Fields::default();
            fields.add(b"mcp-protocol-version", b"2026-07-28");
            fields.add(b"mcp-method", b"tools/call");
            if let Some(header) = header {
                fields.add(b"mcp-name", header.as_bytes());
            }
            agrees(&message, text.as_bytes(), &fields)
        };
        assert!(value("echo", Some("echo")));
        assert!(value("echo", Some("=?base64?ZWNobw==?=")));
        assert!(value("é", Some("=?base64?w6k=?=")));
        for bad in [
            None,
            Some("other"),
            Some("=?base64?ZWNobw?="),
            Some("=?base64?ZWNobx==?="),
            Some("=?base64?/w==?="),
        ] {
            assert!(!value("echo", bad), "{bad:?}");
        }
        assert!(!value("é", Some("é")));
    }

    #[test]
    fn notifications() {
        let text = r#"{"jsonrpc":"2.0","method":"notifications/x"}"#;
        assert_eq!(find(text, &[VERSION]), Some(Found::Accepted));
        assert_eq!(find(text, &[("MCP-Protocol-Version", "2099-01-01")]), None);
    }

    proptest! {
        #[test]
        fn base64_of_any_text_comes_back(text in "\\PC{0,40}") {
            let value = format!("=?base64?{}?=", STANDARD.encode(&text));
            prop_assert_eq!(decoded(value.as_bytes()), Some(text.into_bytes()));
        }

        #[test]
        fn members_are_those_serde_finds(keys in proptest::collection::btree_map("[a-z\"\\\\{}\\[\\],:]{1,6}", "\\PC{0,10}", 0..6)) {
            let value: serde_json::Value = keys.iter().map(|(key, text)| (key.clone(), serde_json::json!([{ key.as_str(): text }, text]))).collect::<serde_json::Map<_, _>>().into();
            for text in [serde_json::to_string(&value).expect("JSON"), serde_json::to_string_pretty(&value).expect("JSON")] {
                let found: Vec<(String, serde_json::Value)> = members(text.as_bytes()).map(|(key, value)| (serde_json::from_slice(key).expect("key"), serde_json::from_slice(value).expect("value"))).collect();
                let expected: Vec<(String, serde_json::Value)> = value.as_object().expect("object").iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
