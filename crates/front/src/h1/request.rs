//! One request, from its header section to its answer or its hand-over.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes};

use super::{Connection, Manner};
use crate::accept::Accepted;
use crate::error::{self, Row};
use crate::exchange::Held;
use crate::framing::Framing;
use crate::guard::Fields;
use crate::hub::{self, Admitted, Origin, Outcome, Text};
use crate::slab::INLINE;

/// Header lines there is room for on the stack.
const LINES: usize = 32;

/// What a request leads to.
pub(super) enum Step {
    /// It has been answered; false when the connection must end.
    Done(bool),
    /// The consumer replies.
    Wait(Held, Manner),
    /// Its body must be read first.
    Body(Announced),
    /// The peer has left.
    Gone,
}

/// A body that was admitted.
pub(super) struct Announced {
    /// Its length; None when it comes in chunks.
    pub length: Option<u64>,
    /// The peer waits to be asked for it.
    pub expects: bool,
    accepted: Accepted,
    manner: Manner,
}

/// A header section that was understood.
struct Parsed<'a> {
    method: &'a str,
    target: &'a str,
    http11: bool,
    fields: Fields<'a>,
    framing: Framing,
}

/// Reads a header section and gives it to `then`, which has it only for as long as it runs.
fn parse<T>(head: &[u8], lines: usize, then: impl FnOnce(Result<Parsed<'_>, Row>) -> T) -> T {
    let mut few = [const { MaybeUninit::uninit() }; LINES];
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(head, &mut few) {
        Err(httparse::Error::TooManyHeaders) => {}
        status => return then(understood(head, &parsed, status)),
    }
    let mut many = vec![MaybeUninit::uninit(); lines + 1];
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(head, &mut many);
    then(understood(head, &parsed, status))
}

fn understood<'a>(
    head: &[u8],
    parsed: &httparse::Request<'_, 'a>,
    status: httparse::Result<usize>,
) -> Result<Parsed<'a>, Row> {
    let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
        return Err(error::HTTP_MALFORMED);
    };
    match status {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(error::HTTP_HEADERS_TOO_MANY),
        _ => return Err(error::HTTP_MALFORMED),
    }
    let mut fields = Fields::default();
    let mut framing = Framing::default();
    for line in &*parsed.headers {
        fields.add(line.name.as_bytes(), line.value);
        framing.add(line.name.as_bytes(), line.value);
    }
    Ok(Parsed {
        method,
        target,
        http11: parsed.version == Some(1),
        fields,
        framing,
    })
}

impl Connection {
    /// Answers the request whose header section has this length, as far as that needs no waiting.
    pub(super) fn step(&mut self, head: usize) -> Step {
        let input = std::mem::take(&mut self.input);
        let (section, rest) = input.split_at_checked(head).unwrap_or_default();
        let lines = self.hub.config().policy.header_lines;
        let (used, step) = parse(section, lines, |parsed| match parsed {
            Ok(parsed) => self.judge(&parsed, rest),
            Err(row) => (0, self.broken(&row)),
        });
        self.input = input;
        // A body that is still to come is read together with its header section.
        if !matches!(step, Step::Body(_)) {
            self.input.advance(head + used);
        }
        step
    }

    /// What becomes of a request, and how much of the `rest` behind its header section was its body.
    fn judge(&mut self, parsed: &Parsed<'_>, rest: &[u8]) -> (usize, Step) {
        let Parsed {
            method,
            target,
            http11,
            fields,
            framing,
        } = parsed;
        if *method == "CONNECT" {
            return (0, self.broken(&error::HTTP_METHOD));
        }
        let Ok(length) = framing.length(*http11) else {
            return (0, self.broken(&error::HTTP_MALFORMED));
        };
        let last = self.served >= self.hub.config().limits.requests_per_socket;
        let mut manner = Manner {
            keep: *http11 && !framing.close && !last,
            bodiless: *method == "HEAD",
            http11: *http11,
        };
        // A body that has come is dropped; behind one that has not, the next request cannot be found.
        let whole = length
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= rest.len());
        let (method, target) = (method.as_bytes(), target.as_bytes());
        match self.hub.admit(fields, method, target) {
            Err(row) => {
                manner.keep &= whole.is_some();
                let answer = hub::refuse(fields, &row, None);
                (whole.unwrap_or(0), self.answered(Outcome::Answer(answer), manner))
            }
            Ok(Admitted::Bare(kind)) => {
                manner.keep &= whole.is_some();
                let outcome = self.hub.bare(fields, kind, (method, target), self.origin());
                (whole.unwrap_or(0), self.answered(outcome, manner))
            }
            Ok(Admitted::Message(accepted)) => {
                let bound = self.hub.config().limits.body_bytes;
                let body = whole.filter(|length| *length < INLINE && *length <= bound);
                let Some(body) = body.and_then(|length| rest.get(..length)) else {
                    let announced = Announced {
                        length,
                        expects: framing.expect && *http11,
                        accepted,
                        manner,
                    };
                    return (0, Step::Body(announced));
                };
                let outcome = self.hub.message(fields, accepted, body, self.origin());
                (body.len(), self.answered(outcome, manner))
            }
        }
    }

    /// Answers an admitted request whose body has been read.
    pub(super) fn answer_whole(&mut self, head: &Bytes, body: Bytes, announced: &Announced) -> Step {
        let lines = self.hub.config().policy.header_lines;
        let outcome = parse(head, lines, |parsed| {
            let text = Text::Owned(body);
            let fields = parsed.map(|parsed| parsed.fields).unwrap_or_default();
            self.hub.message(&fields, announced.accepted, text, self.origin())
        });
        self.answered(outcome, announced.manner)
    }

    /// Answers an admitted request whose body is refused, after which the next request cannot be found.
    pub(super) fn refuse_body(&mut self, head: &Bytes, row: &Row) -> Step {
        self.hub.refused(row);
        let lines = self.hub.config().policy.header_lines;
        let answer = parse(head, lines, |parsed| {
            let fields = parsed.map(|parsed| parsed.fields).unwrap_or_default();
            hub::refuse(&fields, row, None)
        });
        self.clock.clear();
        self.answer(&answer, false, false);
        Step::Done(false)
    }

    fn answered(&mut self, outcome: Outcome, mut manner: Manner) -> Step {
        self.clock.clear();
        match outcome {
            Outcome::Answer(answer) => {
                manner.keep &= !self.hub.draining();
                self.answer(&answer, manner.keep, manner.bodiless);
                Step::Done(manner.keep)
            }
            Outcome::Wait(held) => Step::Wait(held, manner),
        }
    }

    fn broken(&mut self, row: &Row) -> Step {
        self.clock.clear();
        self.malformed(row);
        Step::Done(false)
    }

    fn origin(&self) -> Origin<'_> {
        Origin {
            http2: false,
            peer: self.peer,
            certificate: self.certificate.as_deref(),
        }
    }
}
