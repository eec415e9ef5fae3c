//! What an `Accept` header allows (RFC 9110, 12.5.1).

use crate::media_type::trim_js;

const MAX_LENGTH: usize = 1_024;

/// The kinds of reply a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// `application/json`.
    pub json: bool,
    /// `text/event-stream`.
    pub sse: bool,
}

/// Reads the field value, joined if it came in several lines; a missing one allows everything.
#[must_use]
pub fn read(value: Option<&[u8]>) -> Accepted {
    let both = Accepted {
        json: true,
        sse: true,
    };
    let Some(value) = value else { return both };
    if value == b"application/json, text/event-stream" {
        return both;
    }
    let (mut json, mut sse) = (Rank::Unsaid, Rank::Unsaid);
    if value.len() <= MAX_LENGTH {
        for range in value.split(|byte| *byte == b',') {
            let mut parts = range.split(|byte| *byte == b';');
            let kind = trim_js(parts.next().unwrap_or_default());
            let wanted = parts.find_map(quality).unwrap_or(true);
            if kind.eq_ignore_ascii_case(b"application/json") {
                json = Rank::specific(wanted);
            } else if kind.eq_ignore_ascii_case(b"text/event-stream") {
                sse = Rank::specific(wanted);
            } else if kind.eq_ignore_ascii_case(b"application/*") {
                json.wildcard(wanted);
            } else if kind.eq_ignore_ascii_case(b"text/*") {
                sse.wildcard(wanted);
            } else if kind == b"*/*" {
                json.wildcard(wanted);
                sse.wildcard(wanted);
            }
        }
    }
    Accepted {
        json: json == Rank::Wanted,
        sse: sse == Rank::Wanted,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rank {
    Unsaid,
    Wanted,
    /// Stays refused even when a wildcard follows.
    Refused,
}

impl Rank {
    fn specific(wanted: bool) -> Self {
        if wanted { Self::Wanted } else { Self::Refused }
    }

    fn wildcard(&mut self, wanted: bool) {
        if *self == Self::Unsaid && wanted {
            *self = Self::Wanted;
        }
    }
}

/// Whether a parameter that is a sound `q` is above zero; None for any other parameter.
fn quality(parameter: &[u8]) -> Option<bool> {
    let text = trim_js(parameter);
    let rest = text.strip_prefix(b"q").or_else(|| text.strip_prefix(b"Q"))?;
    let value = trim_js(trim_js(rest).strip_prefix(b"=")?);
    let (whole, fraction) = value.split_first()?;
    let digits = match fraction {
        [] => fraction,
        [b'.', digits @ ..] if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => digits,
        _ => return None,
    };
    match whole {
        b'1' => Some(true),
        b'0' => Some(digits.iter().any(|digit| *digit != b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(value: &str) -> (bool, bool) {
        let Accepted { json, sse } = read(Some(value.as_bytes()));
        (json, sse)
    }

    #[test]
    fn a12_accept() {
        assert_eq!(
            read(None),
            Accepted {
                json: true,
                sse: true
            }
        );
        for (value, expected) in [
            ("application/json, text/event-stream", (true, true)),
            ("text/event-stream,APPLICATION/JSON", (true, true)),
            ("*/*", (true, true)),
            ("application/json", (true, false)),
            ("text/*", (false, true)),
            ("application/*;q=0.1", (true, false)),
            ("application/json;q=0, */*", (false, true)),
            ("*/*, application/json;q=0", (false, true)),
            ("application/json;q=0.000", (false, false)),
            ("application/json;q=0.001", (true, false)),
            ("application/json; Q = 0 ", (false, false)),
            ("application/json;q=2", (true, false)),
            ("application/json;a=b;q=0", (false, false)),
            ("text/html", (false, false)),
            ("", (false, false)),
        ] {
            assert_eq!(of(value), expected, "{value}");
        }
        assert_eq!(
            of(&format!("application/json,{}", "a/b,".repeat(2_500))),
            (false, false)
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(Some(&bytes));
        }
    }
}
