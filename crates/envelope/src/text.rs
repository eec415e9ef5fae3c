//! Tokens: strings, numbers, literals.

use crate::code::Code;

/// A text error: the scan ends here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub code: Code,
    pub offset: usize,
}

/// "There is none" of the offsets in [`StringToken`].
pub(crate) const NOWHERE: usize = usize::MAX;

/// What a scanned string is made of.
pub(crate) struct StringToken {
    /// Index of the closing quote.
    pub close: usize,
    pub escaped: bool,
    pub ascii: bool,
    /// First control character, raw or escaped, or [`NOWHERE`].
    pub control: usize,
    /// First escape of a lone surrogate, or [`NOWHERE`].
    pub surrogate: usize,
}

/// The error for a byte that cannot stand at `pos`, or for the end of the text.
#[cold]
pub(crate) fn bad_byte(bytes: &[u8], pos: usize) -> Stop {
    let code = match bytes.get(pos) {
        Some(byte) if *byte >= 0x80 && sequence_length(bytes, pos) == 0 => Code::ParseUtf8,
        _ => Code::ParseSyntax,
    };
    Stop {
        code,
        offset: pos.min(bytes.len()),
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// High bit set in the lowest byte that ends a plain run: quote, backslash, controls, DEL, non-ASCII. Higher bytes may
/// be flagged falsely because of borrows; only the lowest flag counts.
const fn special_mask(word: u64) -> u64 {
    const fn zero_bytes(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGHS
    }
    let below_space = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    zero_bytes(word ^ (ONES * 0x22))
        | zero_bytes(word ^ (ONES * 0x5c))
        | zero_bytes(word ^ (ONES * 0x7f))
        | below_space
        | (word & HIGHS)
}

/// Index of the first byte at or after `pos` that is not plain string text.
#[inline]
fn skip_plain(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(chunk) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<8>) {
        let mask = special_mask(u64::from_le_bytes(*chunk));
        if mask != 0 {
            return pos + (mask.trailing_zeros() / 8) as usize;
        }
        pos += 8;
    }
    while let Some(byte) = bytes.get(pos) {
        if matches!(byte, 0..0x20 | b'"' | b'\\' | 0x7f..) {
            break;
        }
        pos += 1;
    }
    pos
}

/// Length of the UTF-8 sequence of a non-ASCII character at `pos`, 0 when it is not sound (Unicode, table 3-7).
#[inline]
fn sequence_length(bytes: &[u8], pos: usize) -> usize {
    let at = |offset: usize| bytes.get(pos + offset).copied().unwrap_or(0);
    let follows = |offset: usize| at(offset) & 0xc0 == 0x80;
    let (first, second) = (at(0), at(1));
    match first {
        0xc2..=0xdf if follows(1) => 2,
        0xe0 if matches!(second, 0xa0..=0xbf) && follows(2) => 3,
        0xed if matches!(second, 0x80..=0x9f) && follows(2) => 3,
        0xe1..=0xec | 0xee..=0xef if follows(1) && follows(2) => 3,
        0xf0 if matches!(second, 0x90..=0xbf) && follows(2) && follows(3) => 4,
        0xf1..=0xf3 if follows(1) && follows(2) && follows(3) => 4,
        0xf4 if matches!(second, 0x80..=0x8f) && follows(2) && follows(3) => 4,
        _ => 0,
    }
}

/// Scans the string whose opening quote is at `open`.
#[inline]
pub(crate) fn string(bytes: &[u8], open: usize) -> Result<StringToken, Stop> {
    let mut token = StringToken {
        close: 0,
        escaped: false,
        ascii: true,
        control: NOWHERE,
        surrogate: NOWHERE,
    };
    let mut pos = open + 1;
    loop {
        match bytes.get(pos) {
            Some(b'"') => {
                token.close = pos;
                return Ok(token);
            }
            Some(b'\\') => {
                token.escaped = true;
                pos = escape(bytes, pos, &mut token)?;
            }
            Some(0x7f) => {
                token.control = token.control.min(pos);
                pos += 1;
            }
            Some(0x80..) => {
                token.ascii = false;
                while bytes.get(pos).is_some_and(|byte| *byte >= 0x80) {
                    match sequence_length(bytes, pos) {
                        0 => {
                            return Err(Stop {
                                code: Code::ParseUtf8,
                                offset: pos,
                            });
                        }
                        length => pos += length,
                    }
                }
            }
            Some(0x20..) => pos = skip_plain(bytes, pos),
            _ => return Err(bad_byte(bytes, pos)),
        }
    }
}

/// Scans the escape at `pos`; returns the index after it.
#[inline]
fn escape(bytes: &[u8], pos: usize, token: &mut StringToken) -> Result<usize, Stop> {
    match bytes.get(pos + 1) {
        Some(b'"' | b'\\' | b'/') => Ok(pos + 2),
        Some(b'b' | b'f' | b'n' | b'r' | b't') => {
            token.control = token.control.min(pos);
            Ok(pos + 2)
        }
        Some(b'u') => {
            let unit = match hex4(bytes, pos + 2) {
                Ok(unit) => unit,
                Err(at) => return Err(bad_byte(bytes, at)),
            };
            match unit {
                0..0x20 | 0x7f => token.control = token.control.min(pos),
                0xd800..=0xdbff => {
                    if low_surrogate(bytes, pos + 6).is_some() {
                        return Ok(pos + 12);
                    }
                    token.surrogate = token.surrogate.min(pos);
                }
                0xdc00..=0xdfff => token.surrogate = token.surrogate.min(pos),
                _ => {}
            }
            Ok(pos + 6)
        }
        _ => Err(bad_byte(bytes, pos + 1)),
    }
}

/// Four hexadecimal digits at `pos`, or the index of the first byte that is none.
fn hex4(bytes: &[u8], pos: usize) -> Result<u32, usize> {
    let mut unit = 0;
    for at in pos..pos + 4 {
        let digit = bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
            .ok_or(at)?;
        unit = unit * 16 + digit;
    }
    Ok(unit)
}

/// The low surrogate escaped at `pos`, if that is what stands there.
fn low_surrogate(bytes: &[u8], pos: usize) -> Option<u32> {
    if bytes.get(pos) != Some(&b'\\') || bytes.get(pos + 1) != Some(&b'u') {
        return None;
    }
    hex4(bytes, pos + 2)
        .ok()
        .filter(|unit| (0xdc00..=0xdfff).contains(unit))
}

/// Decodes the inside of a scanned string. Lone surrogates become their three-byte form, which no sound text has.
#[cold]
pub(crate) fn decode(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut pos = 0;
    while let Some(byte) = raw.get(pos) {
        if *byte != b'\\' {
            out.push(*byte);
            pos += 1;
            continue;
        }
        let kind = raw.get(pos + 1).copied().unwrap_or(b'\\');
        pos += 2;
        match kind {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let unit = hex4(raw, pos).unwrap_or(0xfffd);
                pos += 4;
                let mut point = unit;
                if let (0xd800..=0xdbff, Some(low)) = (unit, low_surrogate(raw, pos)) {
                    point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    pos += 6;
                }
                push_point(&mut out, point);
            }
            other => out.push(other),
        }
    }
    out
}

fn push_point(out: &mut Vec<u8>, point: u32) {
    if let Some(character) = char::from_u32(point) {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    let low6 = |shift: u32| u8::try_from((point >> shift) & 0x3f).unwrap_or(0) | 0x80;
    out.extend_from_slice(&[0xed, low6(6), low6(0)]);
}

/// Scans the number at `start`; returns its end and whether it is an integer literal.
#[inline]
pub(crate) fn number(bytes: &[u8], start: usize, limit: usize) -> Result<(usize, bool), Stop> {
    // The window is one longer than the limit: whoever fills it is too long, whatever follows.
    let window = bytes
        .get(..start.saturating_add(limit).saturating_add(1))
        .unwrap_or(bytes);
    let fail = |pos: usize| {
        if pos - start > limit {
            Stop {
                code: Code::JsonNumber,
                offset: start,
            }
        } else {
            bad_byte(bytes, pos)
        }
    };
    let digits = |mut pos: usize| {
        while window.get(pos).is_some_and(u8::is_ascii_digit) {
            pos += 1;
        }
        pos
    };
    let some_digits = |pos: usize| {
        let end = digits(pos);
        if end == pos { Err(fail(pos)) } else { Ok(end) }
    };

    let mut pos = start;
    if window.get(pos) == Some(&b'-') {
        pos += 1;
    }
    pos = if window.get(pos) == Some(&b'0') {
        pos + 1
    } else {
        some_digits(pos)?
    };
    let mut integer = true;
    if window.get(pos) == Some(&b'.') {
        integer = false;
        pos = some_digits(pos + 1)?;
    }
    if matches!(window.get(pos), Some(b'e' | b'E')) {
        integer = false;
        pos += 1;
        if matches!(window.get(pos), Some(b'+' | b'-')) {
            pos += 1;
        }
        pos = some_digits(pos)?;
    }
    if pos - start > limit {
        Err(fail(pos))
    } else {
        Ok((pos, integer))
    }
}

/// Scans the literal `word` at `start`; returns its end.
#[inline]
pub(crate) fn literal(bytes: &[u8], start: usize, word: &[u8]) -> Result<usize, Stop> {
    let mut pos = start;
    for expected in word {
        if bytes.get(pos) != Some(expected) {
            return Err(bad_byte(bytes, pos));
        }
        pos += 1;
    }
    Ok(pos)
}
