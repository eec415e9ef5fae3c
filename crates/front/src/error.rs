//! Rows of the error table this crate answers with, and the frame they travel in.
//!
//! Names, JSON-RPC codes, statuses and messages are those of `src/core/errors.ts`; a test compares them.

/// One error as it goes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name in the error table.
    pub name: &'static str,
    /// JSON-RPC error code.
    pub rpc: i32,
    /// HTTP status.
    pub http: u16,
    /// Message; never carries input.
    pub message: &'static str,
}

macro_rules! rows {
    ($($name:ident $rpc:literal $http:literal $message:literal;)*) => {
        $(
            #[doc = $message]
            pub const $name: Row = Row { name: stringify!($name), rpc: $rpc, http: $http, message: $message };
        )*
        /// Every row.
        pub const ALL: &[Row] = &[$($name),*];
    };
}

rows! {
    PARSE_SYNTAX -32700 400 "The body is not valid JSON";
    PARSE_UTF8 -32700 400 "The body is not valid UTF-8";
    PARSE_EMPTY -32700 400 "The body is empty";
    JSON_DEPTH -32600 400 "JSON nesting is deeper than the limit";
    JSON_NODES -32600 400 "JSON has more values than the limit";
    JSON_NUMBER -32600 400 "A number literal is longer than the limit";
    JSON_DUPLICATE_KEY -32600 400 "An object has the same key twice";
    JSON_SURROGATE -32600 400 "A string has a lone surrogate escape";
    JSON_CONTROL -32600 400 "A key, method, name or URI has a control character";
    ENVELOPE_TYPE -32600 400 "A JSON-RPC message must be an object";
    ENVELOPE_VERSION -32600 400 "jsonrpc must be \"2.0\"";
    ENVELOPE_ID -32600 400 "id must be a string or an integer within the size limit";
    ENVELOPE_METHOD -32600 400 "method must be a non-empty string within the size limit";
    ENVELOPE_PARAMS -32602 400 "params must be an object";
    ENVELOPE_SHAPE -32600 400 "The message is neither a request, a notification nor a response";
    BATCH_EMPTY -32600 400 "A batch must have at least one message";
    BATCH_SIZE -32600 400 "A batch has more messages than the limit";
    INTERNAL -32603 500 "Internal error";
    HTTP_HEADERS_TOO_MANY -32600 431 "Too many header lines";
    HTTP_HEADERS_TOO_LARGE -32600 431 "The header section is larger than the limit";
    HTTP_MALFORMED -32600 400 "The request is not valid HTTP";
    HTTP_HEADER_DUPLICATE -32600 400 "A header that must be single is repeated";
    HTTP_TARGET -32600 400 "The request target does not match Host";
    HTTP_NOT_FOUND -32600 404 "Not found";
    HTTP_METHOD -32600 405 "Method not allowed";
    HTTP_ACCEPT -32600 406 "Accept must allow application/json and text/event-stream";
    HTTP_MEDIA_TYPE -32600 415 "Content-Type must be application/json in UTF-8";
    HTTP_ENCODING -32600 415 "Content-Encoding is not accepted on requests";
    HTTP_BODY_TOO_LARGE -32600 413 "The body is larger than the limit";
    HTTP_TIMEOUT -32600 408 "The request took too long to arrive";
    HOST_REFUSED -32600 403 "Host is not allowed";
    ORIGIN_REFUSED -32600 403 "Origin is not allowed";
    QUOTA_REQUESTS -32000 429 "Too many requests in flight";
    SHUTTING_DOWN -32000 503 "The server is shutting down";
}

/// The row of a code of the scanner.
#[must_use]
pub fn row_of(code: envelope::Code) -> Row {
    let name = code.name();
    ALL.iter()
        .find(|row| row.name == name)
        .copied()
        .unwrap_or(INTERNAL)
}

/// What stands for an id that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingId {
    /// `null` (JSON-RPC 2.0, legacy era).
    Null,
    /// No member at all (2026-07-28, `JSONRPCErrorResponse`).
    Omit,
}

/// The JSON-RPC error response of `row`; `id` is inserted exactly as it came.
#[must_use]
pub fn frame(row: &Row, id: Option<&[u8]>, missing: MissingId) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",");
    let id = id.or(match missing {
        MissingId::Null => Some(b"null".as_slice()),
        MissingId::Omit => None,
    });
    if let Some(id) = id {
        out.extend_from_slice(b"\"id\":");
        out.extend_from_slice(id);
        out.push(b',');
    }
    out.extend_from_slice(b"\"error\":{\"code\":");
    out.extend_from_slice(row.rpc.to_string().as_bytes());
    out.extend_from_slice(b",\"message\":\"");
    for byte in row.message.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.extend_from_slice(b"\",\"data\":{\"code\":\"");
    out.extend_from_slice(row.name.as_bytes());
    out.extend_from_slice(b"\"}}}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_error_table() {
        let table = include_str!("../../../src/core/errors.ts");
        for row in ALL {
            let start = table.find(&format!("  {}: row(", row.name)).expect(row.name);
            let text: String = table[start..].chars().take(220).collect();
            assert!(text.contains(&format!("'{}'", row.message)), "{}", row.name);
            assert!(text.contains(&format!(" {},", row.http)), "{}", row.name);
            let rpc = match row.rpc {
                -32700 => "PARSE",
                -32600 => "INVALID_REQUEST",
                -32602 => "INVALID_PARAMS",
                -32603 => "INTERNAL",
                -32000 => "-32000",
                other => panic!("{other}"),
            };
            let arguments = text.split_once("row(").expect("row").1.trim_start();
            assert!(arguments.starts_with(rpc), "{}: {arguments}", row.name);
        }
    }

    #[test]
    fn every_code_of_the_scanner_has_a_row() {
        for code in envelope::Code::ALL {
            assert_eq!(row_of(code).name, code.name());
        }
    }

    #[test]
    fn frames_carry_the_id_as_it_came() {
        let text = |id, missing| String::from_utf8(frame(&ENVELOPE_VERSION, id, missing)).expect("ASCII");
        let tail = r#""error":{"code":-32600,"message":"jsonrpc must be \"2.0\"","data":{"code":"ENVELOPE_VERSION"}}}"#;
        assert_eq!(
            text(Some(b"\"\\u0061\""), MissingId::Omit),
            format!(r#"{{"jsonrpc":"2.0","id":"\u0061",{tail}"#)
        );
        assert_eq!(
            text(None, MissingId::Null),
            format!(r#"{{"jsonrpc":"2.0","id":null,{tail}"#)
        );
        assert_eq!(
            text(None, MissingId::Omit),
            format!(r#"{{"jsonrpc":"2.0",{tail}"#)
        );
    }
}
