//! Judges a request by its raw header lines, in whatever protocol they came.

use std::collections::HashSet;

use crate::accept::{self, Accepted};
use crate::error::{self, Row};
use crate::media_type;

/// Who may talk to a listener (protection against DNS rebinding; 2026-07-28, Streamable HTTP, Security).
#[derive(Clone, Debug)]
pub struct Policy {
    /// Host names in lower case, without port, that `Host` may carry; None = any.
    pub hosts: Option<HashSet<Vec<u8>>>,
    /// Serialised origins that `Origin` may carry; a request without `Origin` is not from a browser.
    pub origins: HashSet<Vec<u8>>,
    /// Also accept any http(s) origin on a loopback name.
    pub loopback_origins: bool,
    /// Header lines of a request.
    pub header_lines: usize,
}

impl Policy {
    /// The policy of a listener on a loopback address.
    #[must_use]
    pub fn loopback() -> Self {
        Self {
            hosts: Some(LOOPBACK_HOSTS.iter().map(|host| host.to_vec()).collect()),
            origins: HashSet::new(),
            loopback_origins: true,
            header_lines: 100,
        }
    }
}

const LOOPBACK_HOSTS: [&[u8]; 3] = [b"localhost", b"127.0.0.1", b"[::1]"];

/// A field that decides something and so must not be ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Single {
    /// `Host`.
    Host,
    /// `Origin`.
    Origin,
    /// `Authorization`.
    Authorization,
    /// `Content-Type`.
    ContentType,
    /// `Content-Length`.
    ContentLength,
    /// `Content-Encoding`.
    ContentEncoding,
    /// `MCP-Protocol-Version`.
    ProtocolVersion,
    /// `Mcp-Session-Id`.
    SessionId,
    /// `Mcp-Method`.
    Method,
    /// `Mcp-Name`.
    Name,
    /// `Last-Event-ID`.
    LastEventId,
}

const SINGLES: usize = 11;

fn single(name: &[u8]) -> Option<Single> {
    let (candidate, spelling): (Single, &[u8]) = match name.len() {
        4 => (Single::Host, b"host"),
        6 => (Single::Origin, b"origin"),
        8 => (Single::Name, b"mcp-name"),
        10 => (Single::Method, b"mcp-method"),
        12 => (Single::ContentType, b"content-type"),
        13 if name.first().is_some_and(|byte| byte | 0x20 == b'a') => {
            (Single::Authorization, b"authorization")
        }
        13 => (Single::LastEventId, b"last-event-id"),
        14 if name.first().is_some_and(|byte| byte | 0x20 == b'm') => (Single::SessionId, b"mcp-session-id"),
        14 => (Single::ContentLength, b"content-length"),
        16 => (Single::ContentEncoding, b"content-encoding"),
        20 => (Single::ProtocolVersion, b"mcp-protocol-version"),
        _ => return None,
    };
    name.eq_ignore_ascii_case(spelling).then_some(candidate)
}

/// The header lines of one request, sorted out in one pass.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    singles: [Option<&'a [u8]>; SINGLES],
    /// `Mcp-*` fields without a meaning of their own (`Mcp-Param-*`).
    pub others: Vec<(&'a [u8], &'a [u8])>,
    accept: Option<&'a [u8]>,
    /// Further lines of it.
    accepts: Vec<&'a [u8]>,
    lines: usize,
    duplicate: bool,
}

impl<'a> Fields<'a> {
    /// Takes the next line; values come without optional white space around them.
    pub fn add(&mut self, name: &'a [u8], value: &'a [u8]) {
        self.lines += 1;
        if let Some(which) = single(name) {
            if let Some(slot) = self.singles.get_mut(which as usize) {
                self.duplicate |= slot.is_some();
                *slot = Some(value);
            }
        } else if name
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"mcp-"))
        {
            self.others.push((name, value));
        } else if name.eq_ignore_ascii_case(b"accept") {
            match self.accept {
                None => self.accept = Some(value),
                Some(_) => self.accepts.push(value),
            }
        }
    }

    /// The value of a field; empty is a value.
    #[must_use]
    pub fn get(&self, which: Single) -> Option<&'a [u8]> {
        self.singles.get(which as usize).copied().flatten()
    }

    /// `:authority` takes the place of `Host`; false when both are there and differ.
    pub fn authority(&mut self, authority: Option<&'a [u8]>) -> bool {
        let Some(authority) = authority else { return true };
        let agrees = self
            .get(Single::Host)
            .is_none_or(|host| host.eq_ignore_ascii_case(authority));
        if let Some(slot) = self.singles.get_mut(Single::Host as usize) {
            *slot = Some(authority);
        }
        agrees
    }

    /// What the client takes.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        let (Some(first), false) = (self.accept, self.accepts.is_empty()) else {
            return accept::read(self.accept);
        };
        // Lines of a list are one list (RFC 9110, 5.3).
        let lines: Vec<&[u8]> = [first].into_iter().chain(self.accepts.iter().copied()).collect();
        accept::read(Some(&lines.join(b", ".as_slice())))
    }
}

/// The error for a request that must not go on; judged before its path, method and body.
#[must_use]
pub fn refuse(fields: &Fields<'_>, target: &[u8], policy: &Policy) -> Option<Row> {
    if fields.lines > policy.header_lines {
        return Some(error::HTTP_HEADERS_TOO_MANY);
    }
    if fields.duplicate || repeated(&fields.others) {
        return Some(error::HTTP_HEADER_DUPLICATE);
    }
    let Some(host) = fields.get(Single::Host) else {
        return Some(error::HTTP_TARGET);
    };
    if !target.starts_with(b"/")
        && !absolute(target).is_some_and(|(authority, _)| authority.eq_ignore_ascii_case(host))
    {
        return Some(error::HTTP_TARGET);
    }
    if let Some(hosts) = &policy.hosts
        && !host_allowed(host, hosts)
    {
        return Some(error::HOST_REFUSED);
    }
    let origin = fields.get(Single::Origin)?;
    let allowed = policy.origins.contains(origin) || (policy.loopback_origins && loopback_origin(origin));
    (!allowed).then_some(error::ORIGIN_REFUSED)
}

/// The error for a message whose body must not be read.
#[must_use]
pub fn refuse_media(fields: &Fields<'_>, accepted: Accepted) -> Option<Row> {
    if let Some(encoding) = fields.get(Single::ContentEncoding)
        && !encoding.eq_ignore_ascii_case(b"identity")
    {
        return Some(error::HTTP_ENCODING);
    }
    if !media_type::is_json(fields.get(Single::ContentType)) {
        return Some(error::HTTP_MEDIA_TYPE);
    }
    (!accepted.json && !accepted.sse).then_some(error::HTTP_ACCEPT)
}

fn repeated(others: &[(&[u8], &[u8])]) -> bool {
    // At most as many as there may be header lines.
    others.iter().enumerate().any(|(index, (name, _))| {
        others
            .get(..index)
            .unwrap_or_default()
            .iter()
            .any(|(earlier, _)| earlier.eq_ignore_ascii_case(name))
    })
}

/// Compared as text: no resolution, no normalisation.
fn host_allowed(host: &[u8], hosts: &HashSet<Vec<u8>>) -> bool {
    let name = host_name(host);
    name.is_some_and(|name| hosts.contains(name) || hosts.contains(&name.to_ascii_lowercase()))
}

fn host_name(host: &[u8]) -> Option<&[u8]> {
    let from = if host.starts_with(b"[") {
        host.iter().position(|byte| *byte == b']').unwrap_or(0)
    } else {
        0
    };
    let colon = host
        .iter()
        .skip(from)
        .position(|byte| *byte == b':')
        .map(|at| at + from);
    match colon {
        None => Some(host),
        Some(at) => is_port(host.get(at + 1..)?).then(|| host.get(..at)).flatten(),
    }
}

fn is_port(text: &[u8]) -> bool {
    (1..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

fn loopback_origin(origin: &[u8]) -> bool {
    let Some(rest) = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"))
    else {
        return false;
    };
    LOOPBACK_HOSTS.iter().any(|host| match rest.strip_prefix(*host) {
        Some([]) => true,
        Some([b':', port @ ..]) => is_port(port),
        _ => false,
    })
}

/// Authority and the rest of a target in absolute form.
fn absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let scheme = [b"http://".as_slice(), b"https://"].into_iter().find(|scheme| {
        target
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    })?;
    let rest = target.get(scheme.len()..)?;
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'@'))
        .unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end)?;
    (!authority.is_empty() && !tail.starts_with(b"@")).then_some((authority, tail))
}

/// The path of a target, spelt as it came; one path has one spelling.
#[must_use]
pub fn path(target: &[u8]) -> &[u8] {
    let local = match absolute(target) {
        // Absolute-form targets that name this host are served by their path (RFC 9112, 3.2.2).
        Some((_, tail)) if tail.starts_with(b"/") => tail,
        _ => target,
    };
    local.split(|byte| *byte == b'?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge(lines: &[(&str, &str)], target: &str) -> Option<&'static str> {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.add(name.as_bytes(), value.as_bytes());
        }
        refuse(&fields, target.as_bytes(), &Policy::loopback()).map(|row| row.name)
    }

    const HOST: (&str, &str) = ("Host", "127.0.0.1:3000");

    #[test]
    fn a03_single_fields() {
        assert_eq!(judge(&[], "/mcp"), Some("HTTP_TARGET"));
        assert_eq!(judge(&[HOST], "/mcp"), None);
        for name in [
            "Host",
            "Origin",
            "Authorization",
            "Content-Type",
            "Content-Length",
            "Content-Encoding",
            "MCP-Protocol-Version",
            "Mcp-Session-Id",
            "Mcp-Method",
            "Mcp-Name",
            "Last-Event-ID",
            "Mcp-Param-A",
            "Mcp-Anything",
        ] {
            let (upper, lower) = (name.to_uppercase(), name.to_lowercase());
            assert_eq!(
                judge(&[HOST, (&upper, "a"), (&lower, "a")], "/mcp"),
                Some("HTTP_HEADER_DUPLICATE"),
                "{name}"
            );
        }
        assert_eq!(judge(&[HOST, ("Accept", "a"), ("Accept", "b")], "/mcp"), None);
    }

    #[test]
    fn a04_too_many_lines_win_over_everything() {
        let mut lines = vec![HOST, ("Host", "evil")];
        lines.resize(101, ("X-A", "b"));
        assert_eq!(judge(&lines, "/mcp"), Some("HTTP_HEADERS_TOO_MANY"));
        let mut lines = vec![HOST];
        lines.resize(100, ("X-A", "b"));
        assert_eq!(judge(&lines, "/mcp"), None);
    }

    #[test]
    fn a05_targets() {
        for (target, expected) in [
            ("http://127.0.0.1:3000/mcp", None),
            ("HTTP://127.0.0.1:3000", None),
            ("http://evil/mcp", Some("HTTP_TARGET")),
            ("http://a@127.0.0.1:3000/mcp", Some("HTTP_TARGET")),
            ("http:///mcp", Some("HTTP_TARGET")),
            ("*", Some("HTTP_TARGET")),
            ("127.0.0.1:3000", Some("HTTP_TARGET")),
        ] {
            assert_eq!(judge(&[HOST], target), expected, "{target}");
        }
        let mut fields = Fields::default();
        fields.add(b"host", b"LOCALHOST");
        assert!(fields.authority(Some(b"localhost")));
        assert!(!fields.authority(Some(b"evil")));
    }

    #[test]
    fn hosts_and_origins() {
        for host in ["localhost", "LocalHost:1", "[::1]", "[::1]:65535", "127.0.0.1"] {
            assert_eq!(judge(&[("host", host)], "/"), None, "{host}");
        }
        for host in [
            "",
            "evil",
            "localhost.",
            "localhost:",
            "localhost:123456",
            "localhost:a",
            "[::1",
            "127.0.0.1:1:2",
        ] {
            assert_eq!(judge(&[("host", host)], "/"), Some("HOST_REFUSED"), "{host}");
        }
        for origin in ["http://localhost", "https://[::1]:5173", "http://127.0.0.1:1"] {
            assert_eq!(judge(&[HOST, ("Origin", origin)], "/"), None, "{origin}");
        }
        for origin in [
            "",
            "null",
            "http://evil",
            "http://localhost.evil",
            "http://localhost:",
            "ftp://localhost",
            "HTTP://localhost",
        ] {
            assert_eq!(
                judge(&[HOST, ("Origin", origin)], "/"),
                Some("ORIGIN_REFUSED"),
                "{origin}"
            );
        }
    }

    #[test]
    fn a14_a_path_has_one_spelling() {
        for (target, expected) in [
            ("/mcp", "/mcp"),
            ("/mcp?a=/b", "/mcp"),
            ("http://h/mcp?x", "/mcp"),
            ("//mcp", "//mcp"),
            ("/mcp/../admin", "/mcp/../admin"),
            ("/%6dcp", "/%6dcp"),
            ("http://h?x", "http://h"),
        ] {
            assert_eq!(path(target.as_bytes()), expected.as_bytes(), "{target}");
        }
    }

    #[test]
    fn a10_a11_media() {
        let judge = |lines: &[(&str, &str)]| {
            let mut fields = Fields::default();
            for (name, value) in lines {
                fields.add(name.as_bytes(), value.as_bytes());
            }
            refuse_media(&fields, fields.accepted()).map(|row| row.name)
        };
        let json = ("content-type", "application/json");
        assert_eq!(judge(&[json]), None);
        assert_eq!(judge(&[json, ("content-encoding", "Identity")]), None);
        assert_eq!(
            judge(&[json, ("content-encoding", "gzip")]),
            Some("HTTP_ENCODING")
        );
        assert_eq!(judge(&[]), Some("HTTP_MEDIA_TYPE"));
        assert_eq!(judge(&[json, ("accept", "text/html")]), Some("HTTP_ACCEPT"));
        assert_eq!(
            judge(&[json, ("accept", "text/html"), ("Accept", "application/json")]),
            None
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(lines in proptest::collection::vec(("[A-Za-z-]{0,24}", proptest::collection::vec(any::<u8>(), 0..30)), 0..20), target in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut fields = Fields::default();
            for (name, value) in &lines {
                fields.add(name.as_bytes(), value);
            }
            let _ = refuse(&fields, &target, &Policy::loopback());
            let _ = path(&target);
        }

        #[test]
        fn a_foreign_host_never_passes(host in "[a-z.:\\[\\]0-9]{1,20}") {
            let name = host.rsplit_once(':').filter(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host.as_str(), |(name, _)| name);
            prop_assume!(!["localhost", "127.0.0.1", "[::1]"].contains(&name));
            prop_assert_eq!(judge(&[("Host", &host)], "/"), Some("HOST_REFUSED"));
        }
    }
}
