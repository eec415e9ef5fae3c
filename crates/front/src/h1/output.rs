//! Responses in HTTP/1.1.

use bytes::Bytes;

use super::Connection;
use crate::answer::{Answer, JSON, Start};
use crate::error::{self, MissingId, Row};
use crate::head::decimal;
use crate::payload::Payload;

/// Room for the header section of a usual response.
const HEAD: usize = 160;

impl Connection {
    pub(super) fn malformed(&mut self, row: &Row) {
        self.hub.refused(row);
        let body = error::frame(row, None, MissingId::Null);
        let mut answer = Answer::json(row.http, Payload::Whole(body.into()));
        if row.http == 405 {
            answer.start.fields.push(("Allow", Bytes::from_static(b"POST")));
        }
        self.answer(&answer, false, false);
    }

    pub(super) fn answer(&mut self, answer: &Answer, keep: bool, bodiless: bool) {
        self.hub.buffers.fill(&mut self.out);
        self.out.reserve(HEAD + answer.body.len());
        self.start(&answer.start, keep, false);
        if !bodiless {
            answer.body.write(&mut self.out);
        }
    }

    pub(super) fn start(&mut self, start: &Start, keep: bool, chunked: bool) {
        let out = &mut self.out;
        let fields = start.fields.as_slice();
        if start.status == 200 && matches!(fields, [one] if *one == JSON) {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: application/json");
        } else {
            out.extend_from_slice(b"HTTP/1.1 ");
            decimal(usize::from(start.status), out);
            out.extend_from_slice(b" ");
            let known = http::StatusCode::from_u16(start.status).ok();
            let reason = known.and_then(|status| status.canonical_reason());
            out.extend_from_slice(reason.unwrap_or_default().as_bytes());
            for (name, value) in fields {
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b": ");
                out.extend_from_slice(value);
            }
        }
        if let Some(length) = start.length {
            out.extend_from_slice(b"\r\nContent-Length: ");
            decimal(length, out);
        } else if chunked {
            out.extend_from_slice(b"\r\nTransfer-Encoding: chunked");
        }
        out.extend_from_slice(b"\r\nDate: ");
        self.hub.write_date(out);
        if !keep {
            out.extend_from_slice(b"\r\nConnection: close");
        }
        out.extend_from_slice(b"\r\n\r\n");
    }

    pub(super) fn piece(&mut self, data: &Payload, chunked: bool) {
        if chunked {
            let size = format!("{:x}\r\n", data.len());
            self.out.extend_from_slice(size.as_bytes());
        }
        data.write(&mut self.out);
        if chunked {
            self.out.extend_from_slice(b"\r\n");
        }
    }
}
