//! Canonical text of a JSON value: equal values give equal bytes, whatever their spelling.
//!
//! The bytes are those `canonicalJson(JSON.parse(text))` of `src/core/canonical-json.ts` gives: keys in the order of
//! their UTF-16 code units, strings escaped as `JSON.stringify` does, numbers as ECMAScript prints the nearest double
//! (`-0` is `0`, what overflows is `null`), the last of several equal keys wins. Cache keys are made of them, so a
//! difference between the two would be a miss, and an ambiguity a wrong answer.

use std::cmp::Ordering;

use crate::text;

/// Containers a value may be nested in, itself included; deeper values have no canonical text here. The scanner's own
/// limit is usually lower. The bound is also that of the recursion.
pub const MAX_DEPTH: usize = 128;

/// Why there is no canonical text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCanonical {
    /// Not JSON in UTF-8, or with half a surrogate pair in it: what the scanner refuses.
    Malformed,
    /// Nested deeper than [`MAX_DEPTH`].
    Depth,
    /// Longer than the bound given.
    TooLong,
}

/// What the canonicalisation of request parameters has passed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// `inputResponses`, `requestState` or `task` stand at the top.
    pub stateful: bool,
    /// `_meta` asks for progress or for log messages.
    pub reporting: bool,
}

/// Appends the canonical text of the value in `bytes` to `out`, which grows by at most `limit` bytes.
///
/// # Errors
/// [`NoCanonical`]; `out` is then as long as it was.
pub fn canonical_value(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), NoCanonical> {
    run(bytes, limit, false, out).map(|_| ())
}

/// As [`canonical_value`] for the `params` of a request: `_meta` of the top level is left out. No bytes at all stand
/// for absent params, which mean the same as `{}`.
///
/// # Errors
/// As [`canonical_value`].
pub fn canonical_params(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<Seen, NoCanonical> {
    run(if bytes.is_empty() { b"{}" } else { bytes }, limit, true, out)
}

fn run(bytes: &[u8], limit: usize, params: bool, out: &mut Vec<u8>) -> Result<Seen, NoCanonical> {
    let start = out.len();
    let mut writer = Writer {
        bytes,
        pos: 0,
        out,
        params,
        seen: Seen::default(),
        members: Vec::new(),
        keys: Vec::new(),
        scratch: Vec::new(),
    };
    let result = writer.document();
    let seen = writer.seen;
    let reason = match result {
        // Only now: equal keys may have made it longer for a while. It never is longer than six times the input.
        Ok(()) if out.len() - start > limit => NoCanonical::TooLong,
        Ok(()) => return Ok(seen),
        Err(reason) => reason,
    };
    out.truncate(start);
    Err(reason)
}

/// A member of an object that is being written: its decoded key, and its text in the output.
#[derive(Clone, Copy)]
struct Member {
    key: Key,
    start: usize,
    end: usize,
}

/// Where the decoded bytes of a key are.
#[derive(Clone, Copy)]
enum Key {
    /// In the input: a key without escapes.
    Input(usize, usize),
    /// In [`Writer::keys`].
    Decoded(usize, usize),
}

/// What the members of an object mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Params,
    Meta,
    Other,
}

struct Writer<'a, 'o> {
    bytes: &'a [u8],
    pos: usize,
    out: &'o mut Vec<u8>,
    params: bool,
    seen: Seen,
    /// Members of all open objects, the innermost last.
    members: Vec<Member>,
    /// Decoded keys that had escapes.
    keys: Vec<u8>,
    scratch: Vec<u8>,
}

type Written = Result<(), NoCanonical>;

impl Writer<'_, '_> {
    fn document(&mut self) -> Written {
        let place = if self.params { Place::Params } else { Place::Other };
        self.value::<true>(0, place)?;
        self.skip_space();
        if self.pos < self.bytes.len() {
            return Err(NoCanonical::Malformed);
        }
        Ok(())
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.pos), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.pos += 1;
        }
    }

    /// The next byte that is not white space; 0 at the end.
    #[inline]
    fn peek(&mut self) -> u8 {
        self.skip_space();
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    #[inline]
    fn put<const EMIT: bool>(&mut self, text: &[u8]) {
        if EMIT {
            self.out.extend_from_slice(text);
        }
    }

    /// Reads one value and, if `EMIT`, writes it; without, it is only checked.
    fn value<const EMIT: bool>(&mut self, depth: usize, place: Place) -> Written {
        match self.peek() {
            b'{' => self.object::<EMIT>(depth, place),
            b'[' => self.array::<EMIT>(depth),
            b'"' => self.string::<EMIT>().map(|_| ()),
            b'-' | b'0'..=b'9' => self.number::<EMIT>(),
            b't' => self.literal::<EMIT>(b"true"),
            b'f' => self.literal::<EMIT>(b"false"),
            b'n' => self.literal::<EMIT>(b"null"),
            _ => Err(NoCanonical::Malformed),
        }
    }

    fn literal<const EMIT: bool>(&mut self, word: &[u8]) -> Written {
        self.pos = text::literal(self.bytes, self.pos, word).map_err(|_| NoCanonical::Malformed)?;
        self.put::<EMIT>(word);
        Ok(())
    }

    fn array<const EMIT: bool>(&mut self, depth: usize) -> Written {
        if depth >= MAX_DEPTH {
            return Err(NoCanonical::Depth);
        }
        self.pos += 1;
        self.put::<EMIT>(b"[");
        if self.peek() == b']' {
            self.pos += 1;
            self.put::<EMIT>(b"]");
            return Ok(());
        }
        loop {
            self.value::<EMIT>(depth + 1, Place::Other)?;
            let next = self.peek();
            self.pos += 1;
            match next {
                b',' => self.put::<EMIT>(b","),
                b']' => break,
                _ => return Err(NoCanonical::Malformed),
            }
        }
        self.put::<EMIT>(b"]");
        Ok(())
    }

    fn object<const EMIT: bool>(&mut self, depth: usize, place: Place) -> Written {
        if depth >= MAX_DEPTH {
            return Err(NoCanonical::Depth);
        }
        self.pos += 1;
        self.put::<EMIT>(b"{");
        if self.peek() == b'}' {
            self.pos += 1;
            self.put::<EMIT>(b"}");
            return Ok(());
        }
        let base = self.members.len();
        let keys = self.keys.len();
        let body = self.out.len();
        let mut sorted = true;
        loop {
            self.member::<EMIT>(depth, place, base, &mut sorted)?;
            let next = self.peek();
            self.pos += 1;
            match next {
                b',' => {
                    if self.peek() != b'"' {
                        return Err(NoCanonical::Malformed);
                    }
                }
                b'}' => break,
                _ => return Err(NoCanonical::Malformed),
            }
        }
        if !sorted {
            self.sort(base, body);
        }
        self.members.truncate(base);
        self.keys.truncate(keys);
        self.put::<EMIT>(b"}");
        Ok(())
    }

    /// One member, with the comma before it.
    fn member<const EMIT: bool>(
        &mut self,
        depth: usize,
        place: Place,
        base: usize,
        sorted: &mut bool,
    ) -> Written {
        if self.peek() != b'"' {
            return Err(NoCanonical::Malformed);
        }
        let first = self.members.len() == base;
        let before = self.out.len();
        if EMIT && !first {
            self.put::<EMIT>(b",");
        }
        let start = self.out.len();
        let key = self.string::<EMIT>()?;
        let (emit, inner) = self.judge(key, place);
        if self.peek() != b':' {
            return Err(NoCanonical::Malformed);
        }
        self.pos += 1;
        if !EMIT || !emit {
            self.out.truncate(before);
            return self.value::<false>(depth + 1, inner);
        }
        self.put::<EMIT>(b":");
        // Deeper objects use the same stacks and leave them as they were.
        self.value::<EMIT>(depth + 1, inner)?;
        if *sorted && !first {
            let previous = self.members.last().map(|member| member.key);
            *sorted = previous.is_some_and(|previous| self.compare(previous, key) == Ordering::Less);
        }
        let end = self.out.len();
        self.members.push(Member { key, start, end });
        Ok(())
    }

    /// Whether a member is written, and what its value is.
    #[inline]
    fn judge(&mut self, key: Key, place: Place) -> (bool, Place) {
        match place {
            Place::Other => (true, Place::Other),
            Place::Params => match self.decoded(key) {
                b"_meta" => (false, Place::Meta),
                b"inputResponses" | b"requestState" | b"task" => {
                    self.seen.stateful = true;
                    (true, Place::Other)
                }
                _ => (true, Place::Other),
            },
            Place::Meta => {
                if matches!(
                    self.decoded(key),
                    b"progressToken" | b"io.modelcontextprotocol/logLevel"
                ) {
                    self.seen.reporting = true;
                }
                (true, Place::Other)
            }
        }
    }

    #[inline]
    fn decoded(&self, key: Key) -> &[u8] {
        match key {
            Key::Input(start, end) => self.bytes.get(start..end),
            Key::Decoded(start, end) => self.keys.get(start..end),
        }
        .unwrap_or_default()
    }

    #[inline]
    fn compare(&self, left: Key, right: Key) -> Ordering {
        compare_utf16(self.decoded(left), self.decoded(right))
    }

    /// Puts the members from `base` on, whose text begins at `body`, in order; of equal keys the last stays.
    #[cold]
    fn sort(&mut self, base: usize, body: usize) {
        let mut members = self.members.split_off(base);
        // Stable, so that the last of equals is the last in the text.
        members.sort_by(|left, right| self.compare(left.key, right.key));
        self.scratch.clear();
        let mut rest = members.as_slice();
        while let Some((member, after)) = rest.split_first() {
            rest = after;
            let repeated = after
                .first()
                .is_some_and(|next| self.compare(member.key, next.key) == Ordering::Equal);
            if repeated {
                continue;
            }
            if !self.scratch.is_empty() {
                self.scratch.push(b',');
            }
            let text = self.out.get(member.start..member.end).unwrap_or_default();
            self.scratch.extend_from_slice(text);
        }
        self.out.truncate(body);
        self.out.extend_from_slice(&self.scratch);
    }

    /// Reads the string at the current position; gives its decoded content as a key.
    fn string<const EMIT: bool>(&mut self) -> Result<Key, NoCanonical> {
        let open = self.pos;
        let token = text::string(self.bytes, open).map_err(|_| NoCanonical::Malformed)?;
        if token.surrogate != text::NOWHERE {
            return Err(NoCanonical::Malformed);
        }
        self.pos = token.close + 1;
        if !token.escaped {
            let raw = self.bytes.get(open..=token.close).unwrap_or_default();
            self.put::<EMIT>(raw);
            return Ok(Key::Input(open + 1, token.close));
        }
        let raw = self.bytes.get(open + 1..token.close).unwrap_or_default();
        let decoded = text::decode(raw);
        let start = self.keys.len();
        if EMIT {
            self.put::<EMIT>(b"\"");
            escape_into(&decoded, self.out);
            self.put::<EMIT>(b"\"");
        }
        self.keys.extend_from_slice(&decoded);
        Ok(Key::Decoded(start, self.keys.len()))
    }

    fn number<const EMIT: bool>(&mut self) -> Written {
        let start = self.pos;
        let (end, integer) =
            text::number(self.bytes, start, self.bytes.len()).map_err(|_| NoCanonical::Malformed)?;
        self.pos = end;
        if !EMIT {
            return Ok(());
        }
        let raw = self.bytes.get(start..end).unwrap_or_default();
        // Up to 15 digits a double holds exactly and prints as they stand.
        if integer && raw.len() <= 15 && raw != b"-0" {
            self.put::<EMIT>(raw);
            return Ok(());
        }
        let value: f64 = std::str::from_utf8(raw)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(NoCanonical::Malformed)?;
        let mut buffer = ryu_js::Buffer::new();
        self.put::<EMIT>(if value == 0.0 {
            b"0"
        } else if value.is_finite() {
            buffer.format_finite(value).as_bytes()
        } else {
            b"null"
        });
        Ok(())
    }
}

/// Order of two sound UTF-8 texts by their UTF-16 code units: as their bytes, but characters beyond the basic plane
/// (four bytes, in UTF-16 surrogates from D800 on) come before U+E000 to U+FFFF.
fn compare_utf16(left: &[u8], right: &[u8]) -> Ordering {
    let different = left.iter().zip(right).find(|(a, b)| a != b);
    match different {
        None => left.len().cmp(&right.len()),
        Some((a @ 0xee.., b @ 0xee..)) if (*a >= 0xf0) != (*b >= 0xf0) => b.cmp(a),
        Some((a, b)) => a.cmp(b),
    }
}

/// Appends `text` with the escapes of `JSON.stringify`.
fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            8 => out.extend_from_slice(b"\\b"),
            9 => out.extend_from_slice(b"\\t"),
            10 => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            13 => out.extend_from_slice(b"\\r"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                for half in [byte >> 4, byte & 15] {
                    out.push(HEX.get(usize::from(half)).copied().unwrap_or(b'0'));
                }
            }
            _ => out.push(*byte),
        }
    }
}
