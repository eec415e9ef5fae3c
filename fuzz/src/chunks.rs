//! Chunked bodies: the same body whatever the pieces, and the body a plain reading of the grammar finds.

use bytes::BytesMut;
use front::fuzzing::{Chunks, Progress};

use crate::input::Input;

const BOUND: usize = 2_000;
const TRAILERS: usize = 300;

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let step = 1 + input.below(64);
    let text = input.0;
    let whole = decode(text, text.len().max(1));
    let pieces = decode(text, step);
    // A line that is too long is noticed before its end has come, whatever stands behind.
    assert_eq!(whole.is_ok(), pieces.is_ok(), "pieces of {step}");
    if let (Ok(one), Ok(other)) = (&whole, &pieces) {
        assert_eq!(one, other);
    }
    if let Ok(Some((body, rest))) = &whole {
        assert!(body.len() <= BOUND);
        let expected = plainly(text).expect("what is taken follows the grammar");
        assert_eq!((body.as_slice(), *rest), (expected.0.as_slice(), expected.1));
    }
    if let Some((body, _)) = plainly(text)
        && body.len() <= BOUND
        && text.len() <= TRAILERS
    {
        assert!(matches!(whole, Ok(Some(_))), "what follows the grammar is taken");
    }
}

/// The body and how many bytes follow it; None while there is more to come.
fn decode(text: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, &'static str> {
    let mut chunks = Chunks::new(BOUND, TRAILERS);
    let mut input = BytesMut::new();
    let mut given = 0;
    for piece in text.chunks(step) {
        input.extend_from_slice(piece);
        given += piece.len();
        match chunks.take(&mut input) {
            Ok(Progress::Done(body)) => return Ok(Some((body.to_vec(), text.len() - given + input.len()))),
            Ok(Progress::More) => {}
            Err(row) => return Err(row.name),
        }
    }
    Ok(None)
}

/// RFC 9112, 7.1, read plainly; white space in extensions is not taken.
fn plainly(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut rest = text;
    loop {
        let (line, after) = line(rest)?;
        let (size, extensions) = line.split_at(line.find(';').unwrap_or(line.len()));
        if size.is_empty()
            || !size.bytes().all(|byte| byte.is_ascii_hexdigit())
            || !are_extensions(extensions)
        {
            return None;
        }
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = after;
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
    loop {
        let (line, after) = line(rest)?;
        rest = after;
        if line.is_empty() {
            return Some((body, rest.len()));
        }
        let (name, value) = line.split_once(':')?;
        let framing = ["content-length", "transfer-encoding"].contains(&name.to_ascii_lowercase().as_str());
        if framing || name.is_empty() || !name.chars().all(is_token) || !value.chars().all(is_text) {
            return None;
        }
    }
}

/// A line, its bytes as characters, and what follows it.
fn line(text: &[u8]) -> Option<(String, &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    let line = text.get(..end)?.strip_suffix(b"\r")?;
    Some((
        line.iter().map(|byte| char::from(*byte)).collect(),
        text.get(end + 1..)?,
    ))
}

/// `*( ";" token [ "=" ( token / quoted-string ) ] )`, one character after the other.
fn are_extensions(text: &str) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        End,
        Name(bool),
        Value(bool),
        Quoted,
        Escaped,
    }
    let last = text.chars().try_fold(At::End, |at, one| match (at, one) {
        (At::End | At::Name(true) | At::Value(true), ';') => Some(At::Name(false)),
        (At::Name(true), '=') => Some(At::Value(false)),
        (At::Name(_), one) if is_token(one) => Some(At::Name(true)),
        (At::Value(false), '"') | (At::Escaped, _) if is_text(one) => Some(At::Quoted),
        (At::Value(_), one) if is_token(one) => Some(At::Value(true)),
        (At::Quoted, '"') => Some(At::End),
        (At::Quoted, '\\') => Some(At::Escaped),
        (At::Quoted, one) if is_text(one) => Some(At::Quoted),
        _ => None,
    });
    matches!(last, Some(At::End | At::Name(true) | At::Value(true)))
}

fn is_token(one: char) -> bool {
    one.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(one)
}

fn is_text(one: char) -> bool {
    one == '\t' || (one >= ' ' && one != '\u{7f}')
}
