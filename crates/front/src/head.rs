//! Finding and writing the parts of an HTTP/1.1 head.

use bytes::BytesMut;

/// Where the header section ends. `scanned` remembers what was looked at. A line that ends without CR is an error:
/// parsers disagree on it.
pub fn head_end(input: &[u8], scanned: &mut usize) -> Result<Option<usize>, ()> {
    for at in memchr::memchr_iter(b'\n', input.get(*scanned..).unwrap_or_default()) {
        let end = *scanned + at;
        let line = input.get(..end).unwrap_or_default();
        if !line.ends_with(b"\r") {
            return Err(());
        }
        if line.ends_with(b"\r\n\r") {
            return Ok(Some(end + 1));
        }
    }
    *scanned = input.len();
    // What cannot become a request is refused at once, not when its time has run out.
    if method_possible(input) { Ok(None) } else { Err(()) }
}

/// The longest registered method has 17 characters.
const METHOD: usize = 24;

fn method_possible(input: &[u8]) -> bool {
    let start = input.get(..METHOD).unwrap_or(input);
    let method = start.split(|byte| *byte == b' ').next().unwrap_or_default();
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~\r".contains(byte);
    method.len() < METHOD && method.iter().all(token)
}

/// Appends a number.
pub fn decimal(mut value: usize, out: &mut BytesMut) {
    let mut digits = [b'0'; 20];
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        from -= 1;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_decimal() {
        for value in [0, 7, 10, 200, 4_096, 1_234_567, usize::MAX] {
            let mut out = BytesMut::new();
            decimal(value, &mut out);
            assert_eq!(out.as_ref(), value.to_string().as_bytes());
        }
    }

    #[test]
    fn a02_the_head_ends_at_an_empty_line_and_every_line_in_crlf() {
        let text = b"GET / HTTP/1.1\r\nA: b\r\n\r\nrest";
        for cut in 0..24 {
            let mut scanned = 0;
            assert_eq!(head_end(&text[..cut], &mut scanned), Ok(None));
            assert_eq!(head_end(text, &mut scanned), Ok(Some(24)));
        }
        assert_eq!(head_end(b"GET / HTTP/1.1\nA: b\r\n\r\n", &mut 0), Err(()));
        assert_eq!(head_end(b"\n", &mut 0), Err(()));
        assert_eq!(head_end(b"xxxxxxxxxxxxxxxxxxxxxxxx", &mut 0), Err(()));
        assert_eq!(head_end(b"{\"a\":1}", &mut 0), Err(()));
        assert_eq!(head_end(b"PROPFIND", &mut 0), Ok(None));
    }
}
