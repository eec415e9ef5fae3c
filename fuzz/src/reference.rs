//! The rules of the scanner once more, slowly: a tree of the whole text, then one rule after the other. Whether it is
//! JSON is asked of serde_json.

use std::collections::HashSet;

use envelope::{Code, Kind, Limits};
use serde::de::IgnoredAny;

/// What a scan must come to.
pub enum Verdict {
    /// Syntax or UTF-8 is broken; a limit may have been met before that.
    NotJson,
    /// Sound JSON over a limit of the text.
    Limit,
    /// Refused with exactly this code.
    Refused(Code),
    Accepted(Expected),
}

/// What the envelope of an accepted message has.
#[derive(Default)]
pub struct Expected {
    pub kind: Option<Kind>,
    pub id: Option<(usize, usize)>,
    pub method: Option<Vec<u8>>,
    pub name: Option<Vec<u8>>,
    pub uri: Option<Vec<u8>>,
    pub protocol_version: Option<Vec<u8>>,
    pub params: Option<(usize, usize)>,
    pub arguments: Option<(usize, usize)>,
    pub elements: Vec<(usize, usize)>,
}

struct Tree {
    start: usize,
    end: usize,
    node: Node,
}

enum Node {
    Null,
    Literal,
    Integer,
    Number,
    Text,
    Array(Vec<Tree>),
    Object(Vec<(Tree, Tree)>),
}

pub fn judge(data: &[u8], limits: &Limits) -> Verdict {
    let json = std::str::from_utf8(data).is_ok() && serde_json::from_slice::<IgnoredAny>(data).is_ok();
    if !json {
        return Verdict::NotJson;
    }
    let mut reader = Reader { data, at: 0 };
    let root = reader.value();
    let mut nodes = 0;
    if over(&root, 0, &mut nodes, limits) {
        return Verdict::Limit;
    }
    match &root.node {
        Node::Array(elements) if elements.len() > limits.batch_messages as usize => Verdict::Limit,
        Node::Array(elements) if elements.is_empty() => Verdict::Refused(Code::BatchEmpty),
        Node::Array(elements) => Verdict::Accepted(Expected {
            kind: Some(Kind::Batch),
            elements: elements.iter().map(|one| (one.start, one.end)).collect(),
            ..Expected::default()
        }),
        Node::Object(members) => match content(data, &root) {
            Some(code) => Verdict::Refused(code),
            None => message(data, members, limits).map_or_else(Verdict::Refused, Verdict::Accepted),
        },
        Node::Text if lone_surrogate(text(data, &root)).is_some() => Verdict::Refused(Code::JsonSurrogate),
        _ => Verdict::Refused(Code::EnvelopeType),
    }
}

/// Whether a limit of the text is met.
fn over(tree: &Tree, depth: u32, nodes: &mut u32, limits: &Limits) -> bool {
    *nodes += 1;
    let number = matches!(tree.node, Node::Integer | Node::Number);
    if *nodes > limits.nodes || (number && tree.end - tree.start > limits.number as usize) {
        return true;
    }
    let children: Vec<&Tree> = match &tree.node {
        Node::Array(items) => items.iter().collect(),
        Node::Object(members) => members.iter().map(|(_, value)| value).collect(),
        _ => return false,
    };
    depth >= limits.depth
        || children
            .into_iter()
            .any(|child| over(child, depth + 1, nodes, limits))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Message,
    Params,
    Tracked,
    Other,
}

/// The first content error in reading order.
fn content(data: &[u8], root: &Tree) -> Option<Code> {
    walk(data, root, Place::Message)
}

fn walk(data: &[u8], tree: &Tree, place: Place) -> Option<Code> {
    match &tree.node {
        Node::Array(items) => items.iter().find_map(|item| walk(data, item, Place::Other)),
        Node::Text => string_error(data, tree, false),
        Node::Object(members) => {
            let mut seen = HashSet::new();
            members.iter().find_map(|(key, value)| {
                let name = decoded(data, key);
                let named = matches!(
                    (place, name.as_slice()),
                    (Place::Message, b"method") | (Place::Params, b"name" | b"uri")
                );
                let inner = match (place, name.as_slice()) {
                    (Place::Message, b"params") => Place::Params,
                    (Place::Params, b"_meta" | b"arguments") => Place::Tracked,
                    _ => Place::Other,
                };
                string_error(data, key, true)
                    .or_else(|| {
                        (place != Place::Other && !seen.insert(name)).then_some(Code::JsonDuplicateKey)
                    })
                    .or_else(|| match value.node {
                        Node::Text => string_error(data, value, named),
                        _ => walk(data, value, inner),
                    })
            })
        }
        _ => None,
    }
}

/// Half of a surrogate pair, or a control character where there must be none; whichever comes first.
fn string_error(data: &[u8], tree: &Tree, named: bool) -> Option<Code> {
    let raw = text(data, tree);
    let surrogate = lone_surrogate(raw);
    let control = control(raw).filter(|_| named);
    match (surrogate, control) {
        (None, None) => None,
        (Some(one), Some(other)) if other < one => Some(Code::JsonControl),
        (None, Some(_)) => Some(Code::JsonControl),
        (Some(_), _) => Some(Code::JsonSurrogate),
    }
}

/// Position of each escape with its character and, for `\u`, its code unit; other bytes as they are.
fn units(raw: &[u8]) -> Vec<(usize, bool, u32)> {
    let mut units = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        if raw[at] != b'\\' {
            units.push((at, false, u32::from(raw[at])));
            at += 1;
        } else if raw[at + 1] == b'u' {
            let hex = std::str::from_utf8(&raw[at + 2..at + 6]).unwrap_or_default();
            units.push((at, true, u32::from_str_radix(hex, 16).unwrap_or_default()));
            at += 6;
        } else {
            let unit = match raw[at + 1] {
                b'b' => 8,
                b'f' => 12,
                b'n' => 10,
                b'r' => 13,
                b't' => 9,
                other => u32::from(other),
            };
            units.push((at, false, unit));
            at += 2;
        }
    }
    units
}

fn lone_surrogate(raw: &[u8]) -> Option<usize> {
    let units = units(raw);
    let is = |at: usize, range: std::ops::Range<u32>| {
        units
            .get(at)
            .is_some_and(|(_, escaped, unit)| *escaped && range.contains(unit))
    };
    let mut at = 0;
    while at < units.len() {
        if is(at, 0xd800..0xdc00) && is(at + 1, 0xdc00..0xe000) {
            at += 2;
        } else if is(at, 0xd800..0xe000) {
            return Some(units[at].0);
        } else {
            at += 1;
        }
    }
    None
}

fn control(raw: &[u8]) -> Option<usize> {
    units(raw)
        .iter()
        .find(|(_, _, unit)| *unit < 0x20 || *unit == 0x7f)
        .map(|(at, _, _)| *at)
}

fn text<'a>(data: &'a [u8], tree: &Tree) -> &'a [u8] {
    &data[tree.start + 1..tree.end - 1]
}

/// The text of a string; what has none (half a pair) stands for itself.
fn decoded(data: &[u8], tree: &Tree) -> Vec<u8> {
    let quoted = &data[tree.start..tree.end];
    serde_json::from_slice::<String>(quoted).map_or_else(|_| quoted.to_vec(), String::into_bytes)
}

fn message(data: &[u8], members: &[(Tree, Tree)], limits: &Limits) -> Result<Expected, Code> {
    let find = |members: &'_ [(Tree, Tree)], name: &str| {
        members
            .iter()
            .position(|(key, _)| decoded(data, key) == name.as_bytes())
    };
    let member = |name: &str| find(members, name).map(|at| &members[at].1);
    let string = |tree: Option<&Tree>| {
        tree.filter(|tree| matches!(tree.node, Node::Text))
            .map(|tree| decoded(data, tree))
    };
    let span = |tree: &Tree| (tree.start, tree.end);
    if string(member("jsonrpc")).as_deref() != Some(b"2.0") {
        return Err(Code::EnvelopeVersion);
    }
    let id = member("id");
    let valid = id.filter(|id| {
        matches!(id.node, Node::Text | Node::Integer) && id.end - id.start <= limits.id_bytes as usize
    });
    let (method, result, error) = (member("method"), member("result"), member("error"));
    let Some(method) = method else {
        let sound = error.is_none_or(|error| matches!(error.node, Node::Object(_)));
        if result.is_some() == error.is_some() || !sound {
            return Err(Code::EnvelopeShape);
        }
        let nobody = id.is_none_or(|id| matches!(id.node, Node::Null)) && error.is_some();
        if valid.is_none() && !nobody {
            return Err(Code::EnvelopeId);
        }
        return Ok(Expected {
            kind: Some(Kind::Response),
            id: valid.map(span),
            ..Expected::default()
        });
    };
    if result.is_some() || error.is_some() {
        return Err(Code::EnvelopeShape);
    }
    let kind = match (id, valid) {
        (_, Some(_)) => Kind::Request,
        (None, None) => Kind::Notification,
        (Some(_), None) => return Err(Code::EnvelopeId),
    };
    let length = method.end - method.start;
    if !matches!(method.node, Node::Text) || length < 3 || length - 2 > limits.method_bytes as usize {
        return Err(Code::EnvelopeMethod);
    }
    let mut expected = Expected {
        kind: Some(kind),
        id: valid.map(span),
        method: string(Some(method)),
        ..Expected::default()
    };
    let Some(params) = member("params") else {
        return Ok(expected);
    };
    let Node::Object(inside) = &params.node else {
        return Err(Code::EnvelopeParams);
    };
    let param = |name: &str| find(inside, name).map(|at| &inside[at].1);
    expected.params = Some(span(params));
    expected.name = string(param("name"));
    expected.uri = string(param("uri"));
    expected.arguments = param("arguments").map(span);
    if let Some(Tree {
        node: Node::Object(meta),
        ..
    }) = param("_meta")
    {
        let version = find(meta, "io.modelcontextprotocol/protocolVersion").map(|at| &meta[at].1);
        expected.protocol_version = string(version);
    }
    Ok(expected)
}

/// Reads text that is known to be JSON.
struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn space(&mut self) -> u8 {
        while matches!(self.data.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.data.get(self.at).copied().unwrap_or_default()
    }

    fn value(&mut self) -> Tree {
        let first = self.space();
        let start = self.at;
        let node = match first {
            b'"' => self.string(),
            b'{' => {
                self.at += 1;
                let mut members = Vec::new();
                while self.space() != b'}' {
                    self.at += usize::from(self.space() == b',');
                    let key = self.value();
                    self.space();
                    self.at += 1;
                    members.push((key, self.value()));
                }
                self.at += 1;
                Node::Object(members)
            }
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                while self.space() != b']' {
                    self.at += usize::from(self.space() == b',');
                    items.push(self.value());
                }
                self.at += 1;
                Node::Array(items)
            }
            _ => {
                let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
                while self.data.get(self.at).is_some_and(word) {
                    self.at += 1;
                }
                match &self.data[start..self.at] {
                    b"null" => Node::Null,
                    b"true" | b"false" => Node::Literal,
                    number if number.iter().any(|byte| b".eE".contains(byte)) => Node::Number,
                    _ => Node::Integer,
                }
            }
        };
        Tree {
            start,
            end: self.at,
            node,
        }
    }

    fn string(&mut self) -> Node {
        self.at += 1;
        while self.data[self.at] != b'"' {
            self.at += if self.data[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        Node::Text
    }
}
