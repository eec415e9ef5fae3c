//! Members of a JSON object whose text the scanner has found sound.

/// Key, with its quotes and escapes, and value of each member of `object`; nothing when it is not an object.
pub(crate) fn members(object: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = object.strip_prefix(b"{").unwrap_or_default();
    std::iter::from_fn(move || {
        let (key, after) = string(skip(rest))?;
        let value = skip(skip(after).strip_prefix(b":")?);
        let (value, after) = value.split_at_checked(value_end(value))?;
        let after = skip(after);
        rest = after.strip_prefix(b",").unwrap_or_default();
        Some((key, value))
    })
}

fn skip(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// The string at the start of `text`, and what follows.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut escaped = false;
    let end = inner.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    text.split_at_checked(end + 2)
}

fn value_end(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                let length = text
                    .get(at..)
                    .and_then(string)
                    .map_or(1, |(string, _)| string.len());
                at += length;
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
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
