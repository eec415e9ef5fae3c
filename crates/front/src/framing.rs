//! Where the body of an HTTP/1.1 request ends (RFC 9112, 6 and 7). Anything ambiguous is an error.

use bytes::{Buf, Bytes, BytesMut};

use crate::error::{self, Row};

/// Size, extensions and line end of one chunk.
const CHUNK_LINE: usize = 4 * 1024;

/// The header fields that frame a message.
#[derive(Debug, Default)]
// Four findings that do not exclude each other.
#[allow(clippy::struct_excessive_bools)]
pub struct Framing {
    length: Option<u64>,
    chunked: bool,
    broken: bool,
    /// `Connection: close`.
    pub close: bool,
    /// `Expect: 100-continue`.
    pub expect: bool,
}

/// The framing is ambiguous or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ambiguous;

impl Framing {
    /// Takes the next line.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let number = std::str::from_utf8(value)
                    .ok()
                    .filter(|text| {
                        (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
                    })
                    .and_then(|text| text.parse().ok());
                self.broken |= number.is_none() || self.length.is_some();
                self.length = number;
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.broken |= self.chunked || !value.eq_ignore_ascii_case(b"chunked");
                self.chunked = true;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                self.close |= value
                    .split(|byte| *byte == b',')
                    .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expect |= value.eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
    }

    /// Bytes of the body; None when it comes in chunks.
    pub fn length(&self, http11: bool) -> Result<Option<u64>, Ambiguous> {
        match (self.chunked, self.length) {
            _ if self.broken => Err(Ambiguous),
            (true, None) if http11 => Ok(None),
            (true, _) => Err(Ambiguous),
            (false, length) => Ok(Some(length.unwrap_or(0))),
        }
    }
}

/// What [`Chunks::take`] has reached.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// The last chunk and the trailers have come.
    Done(Bytes),
    /// The input is used up.
    More,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size,
    Data(usize),
    DataEnd,
    Trailers(usize),
}

/// Decoder of a chunked body.
#[derive(Debug)]
pub struct Chunks {
    state: State,
    body: BytesMut,
    bound: usize,
    trailer_bytes: usize,
}

impl Chunks {
    /// At most `bound` bytes of body and `trailer_bytes` of trailers.
    pub fn new(bound: usize, trailer_bytes: usize) -> Self {
        Self {
            state: State::Size,
            body: BytesMut::new(),
            bound,
            trailer_bytes,
        }
    }

    /// Takes what has arrived from `input`.
    pub fn take(&mut self, input: &mut BytesMut) -> Result<Progress, Row> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = line(input, CHUNK_LINE, error::HTTP_BODY_TOO_LARGE)? else {
                        return Ok(Progress::More);
                    };
                    let size = chunk_size(&line)?;
                    if size > self.bound - self.body.len() {
                        return Err(error::HTTP_BODY_TOO_LARGE);
                    }
                    self.state = if size == 0 {
                        State::Trailers(0)
                    } else {
                        State::Data(size)
                    };
                }
                State::Data(left) => {
                    if input.is_empty() {
                        return Ok(Progress::More);
                    }
                    let piece = input.split_to(left.min(input.len()));
                    self.body.extend_from_slice(&piece);
                    self.state = match left - piece.len() {
                        0 => State::DataEnd,
                        left => State::Data(left),
                    };
                }
                State::DataEnd => match input.get(..2) {
                    Some(b"\r\n") => {
                        input.advance(2);
                        self.state = State::Size;
                    }
                    None if input.is_empty() || input.starts_with(b"\r") => return Ok(Progress::More),
                    _ => return Err(error::HTTP_MALFORMED),
                },
                State::Trailers(seen) => {
                    let room = self.trailer_bytes.saturating_sub(seen);
                    let Some(line) = line(input, room, error::HTTP_HEADERS_TOO_LARGE)? else {
                        return Ok(Progress::More);
                    };
                    if line.is_empty() {
                        return Ok(Progress::Done(std::mem::take(&mut self.body).freeze()));
                    }
                    if !is_trailer(&line) {
                        return Err(error::HTTP_MALFORMED);
                    }
                    self.state = State::Trailers(seen + line.len() + 2);
                }
            }
        }
    }
}

/// The next line without its end, once it is there.
fn line(input: &mut BytesMut, bound: usize, too_long: Row) -> Result<Option<BytesMut>, Row> {
    let window = input.get(..input.len().min(bound)).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if input.len() > bound {
            Err(too_long)
        } else {
            Ok(None)
        };
    };
    let mut line = input.split_to(end + 1);
    line.truncate(end);
    if !line.ends_with(b"\r") {
        return Err(error::HTTP_MALFORMED);
    }
    line.truncate(end - 1);
    if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
        return Err(error::HTTP_MALFORMED);
    }
    Ok(Some(line))
}

fn chunk_size(line: &[u8]) -> Result<usize, Row> {
    let end = memchr::memchr(b';', line).unwrap_or(line.len());
    let (digits, extensions) = line.split_at_checked(end).unwrap_or_default();
    let text = std::str::from_utf8(digits).unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || !are_extensions(extensions) {
        return Err(error::HTTP_MALFORMED);
    }
    usize::from_str_radix(text, 16).map_err(|_| error::HTTP_BODY_TOO_LARGE)
}

/// True for chunk extensions (RFC 9112, 7.1.1) without the white space that parsers disagree on.
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix(b";").and_then(after_token) else {
            return false;
        };
        let value = after.strip_prefix(b"=").map(|value| {
            let quoted = value.strip_prefix(b"\"");
            quoted.map_or_else(|| after_token(value), after_quoted)
        });
        let Some(after) = value.unwrap_or(Some(after)) else {
            return false;
        };
        rest = after;
    }
    true
}

/// What is behind the token that begins here.
fn after_token(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| !is_token(*byte));
    bytes
        .get(end.unwrap_or(bytes.len())..)
        .filter(|_| end != Some(0) && !bytes.is_empty())
}

/// What is behind the quoted string whose opening quote is already gone.
fn after_quoted(bytes: &[u8]) -> Option<&[u8]> {
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            byte if !is_text(*byte) => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return bytes.get(at + 1..),
            _ => {}
        }
    }
    None
}

/// True for a field line (RFC 9112, 5) that does not frame a message: what comes late must not (RFC 9110, 6.5.1).
fn is_trailer(line: &[u8]) -> bool {
    let Some(rest) = after_token(line) else {
        return false;
    };
    let name = line.strip_suffix(rest).unwrap_or_default();
    let frames = [b"content-length".as_slice(), b"transfer-encoding"]
        .iter()
        .any(|framing| name.eq_ignore_ascii_case(framing));
    !frames
        && rest
            .strip_prefix(b":")
            .is_some_and(|value| value.iter().all(|byte| is_text(*byte)))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn length(lines: &[(&str, &str)]) -> Result<Option<u64>, Ambiguous> {
        let mut framing = Framing::default();
        for (name, value) in lines {
            framing.add(name.as_bytes(), value.as_bytes());
        }
        framing.length(true)
    }

    #[test]
    fn a01_ambiguous_lengths() {
        assert_eq!(length(&[]), Ok(Some(0)));
        assert_eq!(length(&[("Content-Length", "12")]), Ok(Some(12)));
        assert_eq!(length(&[("Transfer-Encoding", "Chunked")]), Ok(None));
        for value in [
            "",
            "+4",
            "-1",
            "0x10",
            "1e3",
            "1,1",
            "1 1",
            "99999999999999999999",
        ] {
            assert_eq!(length(&[("Content-Length", value)]), Err(Ambiguous), "{value}");
        }
        for value in ["", "xchunked", "chunked, gzip", "gzip, chunked", "identity"] {
            assert_eq!(length(&[("Transfer-Encoding", value)]), Err(Ambiguous), "{value}");
        }
        let (one, chunked) = (("content-length", "1"), ("transfer-encoding", "chunked"));
        for lines in [[one, one], [one, chunked], [chunked, one], [chunked, chunked]] {
            assert_eq!(length(&lines), Err(Ambiguous));
        }
        let mut old = Framing::default();
        old.add(b"Transfer-Encoding", b"chunked");
        assert_eq!(old.length(false), Err(Ambiguous));
    }

    fn decode(text: &[u8], step: usize) -> Result<Option<Bytes>, Row> {
        let mut chunks = Chunks::new(1_000, 100);
        let mut input = BytesMut::new();
        for piece in text.chunks(step) {
            input.extend_from_slice(piece);
            if let Progress::Done(body) = chunks.take(&mut input)? {
                return Ok(Some(body));
            }
        }
        Ok(None)
    }

    #[test]
    fn a01_chunks() {
        for step in 1..30 {
            let text = b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: x\r\n\r\n";
            assert_eq!(decode(text, step), Ok(Some(Bytes::from_static(b"hello world"))));
            for (bad, row) in [
                ("zz\r\nx", error::HTTP_MALFORMED),
                ("-5\r\nx", error::HTTP_MALFORMED),
                ("\r\nx", error::HTTP_MALFORMED),
                ("5 \r\nhello", error::HTTP_MALFORMED),
                ("5\nhello", error::HTTP_MALFORMED),
                ("4\r\nhello\r\n", error::HTTP_MALFORMED),
                ("ffffffffffffffffffff\r\nx", error::HTTP_BODY_TOO_LARGE),
                ("3e9\r\nx", error::HTTP_BODY_TOO_LARGE),
                ("0\r\nT: x\n\r\n", error::HTTP_MALFORMED),
            ] {
                assert_eq!(decode(bad.as_bytes(), step), Err(row), "{bad}");
            }
        }
        assert_eq!(
            decode(format!("1;{}", "x".repeat(5_000)).as_bytes(), 7),
            Err(error::HTTP_BODY_TOO_LARGE)
        );
        assert_eq!(
            decode(format!("0\r\nT: {}", "x".repeat(200)).as_bytes(), 7),
            Err(error::HTTP_HEADERS_TOO_LARGE)
        );
    }

    #[test]
    fn a01_extensions_and_trailers_follow_the_grammar() {
        let body = |size: &str, trailers: &str| {
            decode(format!("{size}\r\nabc\r\n0\r\n{trailers}\r\n").as_bytes(), 7)
        };
        for size in ["3", "003", "3;a", "3;a=b;c", "3;a=\"b;\\\" c\"", "3;a=\"\""] {
            assert_eq!(
                body(size, "").map(|body| body.map(|body| body.len())),
                Ok(Some(3)),
                "{size}"
            );
        }
        for size in [
            "3;",
            "3; a",
            "3;\ta",
            "3 ;a",
            "3;a =b",
            "3;a=",
            "3;a;",
            "3;=b",
            "3;a=\"b",
            "3;a=\"b\"c",
            "3;a=\"\u{1}\"",
            "3;é",
        ] {
            assert_eq!(body(size, ""), Err(error::HTTP_MALFORMED), "{size}");
        }
        for trailers in ["A: b\r\n", "A:\r\n", "A:b\r\nC-D:\te\r\n"] {
            assert!(matches!(body("3", trailers), Ok(Some(_))), "{trailers}");
        }
        for trailers in [
            "A b\r\n",
            ": b\r\n",
            " A: b\r\n",
            "A : b\r\n",
            "A: \u{1}\r\n",
            "A: b\r\n c\r\n",
            "A: b\r\nContent-Length: 5\r\n",
            "transfer-encoding: chunked\r\n",
        ] {
            assert_eq!(body("3", trailers), Err(error::HTTP_MALFORMED), "{trailers}");
        }
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_body(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..6), step in 1_usize..40) {
            let mut text = Vec::new();
            for part in &parts {
                text.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                text.extend_from_slice(part);
                text.extend_from_slice(b"\r\n");
            }
            text.extend_from_slice(b"0\r\n\r\n");
            prop_assert_eq!(decode(&text, step), Ok(Some(parts.concat().into())));
        }

        #[test]
        fn nothing_panics(text in proptest::collection::vec(any::<u8>(), 0..200), step in 1_usize..40) {
            let _ = decode(&text, step);
        }
    }
}
