//! Content-Type by the grammar of RFC 9110, 8.3.1.

const MAX_LENGTH: usize = 1_024;

/// True when the media type is `application/json` in UTF-8; false when it is another, malformed or missing.
#[must_use]
pub fn is_json(header: Option<&[u8]>) -> bool {
    let Some(header) = header else { return false };
    if header == b"application/json" {
        return true;
    }
    if header.len() > MAX_LENGTH {
        return false;
    }
    let mut parts = header.split(|byte| *byte == b';');
    let essence = trim_ows(parts.next().unwrap_or_default());
    essence.eq_ignore_ascii_case(b"application/json") && parts.all(parameter)
}

/// A parameter that may stand behind `application/json`: well formed, and UTF-8 if it is the charset.
fn parameter(text: &[u8]) -> bool {
    if trim_js(text).is_empty() {
        return true;
    }
    let text = trim_ows(text);
    let Some(equals) = text.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    let (name, value) = (
        text.get(..equals).unwrap_or_default(),
        text.get(equals + 1..).unwrap_or_default(),
    );
    let value = match value {
        [b'"', inner @ .., b'"'] if inner.iter().all(|byte| quoted(*byte)) => inner,
        token if is_token(token) => token,
        _ => return false,
    };
    let utf8 = value.eq_ignore_ascii_case(b"utf-8") || value.eq_ignore_ascii_case(b"utf8");
    is_token(name) && (utf8 || !name.eq_ignore_ascii_case(b"charset"))
}

fn quoted(byte: u8) -> bool {
    !matches!(byte, b'"' | b'\\' | 0..=8 | 0x0a..=0x1f | 0x7f)
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+.^_`|~-".contains(byte))
}

/// Without optional white space (space and tab) at both ends.
pub(crate) fn trim_ows(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Without what JavaScript's `trim` removes from a string of Latin-1 characters.
pub(crate) fn trim_js(mut text: &[u8]) -> &[u8] {
    while let [b'\t'..=b'\r' | b' ' | 0xa0, rest @ ..] | [rest @ .., b'\t'..=b'\r' | b' ' | 0xa0] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a11_only_json_in_utf8_is_json() {
        for good in [
            "application/json",
            "Application/JSON",
            " application/json\t",
            "application/json;",
            "application/json; ;",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json; CHARSET=utf8; a=\"x y\"",
        ] {
            assert!(is_json(Some(good.as_bytes())), "{good}");
        }
        for bad in [
            "",
            "text/plain; a=application/json",
            "application/json\t;x",
            "application/jsonx",
            "application/json, application/json",
            "application/json; charset=utf-16",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset =utf-8",
            "application/json; a=\"b\\\"\"",
            "application/json; a=\"b",
            "application / json",
            "*/*",
        ] {
            assert!(!is_json(Some(bad.as_bytes())), "{bad}");
        }
        assert!(!is_json(None));
        assert!(!is_json(Some(
            format!("application/json;{}", " ".repeat(1_024)).as_bytes()
        )));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_a_prefix_is_never_enough(tail in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut header = b"application/json".to_vec();
            header.extend_from_slice(&tail);
            let accepted = is_json(Some(&header));
            if let Some(first) = trim_ows(&tail).first() {
                prop_assert!(*first == b';' || !accepted);
            }
        }
    }
}
