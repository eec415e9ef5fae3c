//! The scan itself: one loop over the bytes, an explicit bit stack instead of recursion.

use crate::check;
use crate::code::Code;
use crate::envelope::{Envelope, Failure, Limits, Span};
use crate::keys::{KeyIndex, Place, ROLES, Role, role};
use crate::text::{self, NOWHERE, Stop, bad_byte};

/// What stands in the message for a [`Role`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Absent,
    /// A string without lone surrogates.
    Text {
        escaped: bool,
    },
    Integer,
    Null,
    Object,
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub shape: Shape,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Scalar,
    Object,
    Array,
}

/// Everything the loop found in a text that is sound to its end.
pub(crate) struct Findings {
    pub root: Root,
    pub start: usize,
    pub slots: [Slot; ROLES],
    pub duplicate_id: bool,
    pub content: Option<Stop>,
    pub ascii: bool,
    pub elements: Vec<Span>,
}

impl Findings {
    #[inline]
    pub(crate) fn slot(&self, role: Role) -> Slot {
        self.slots.get(role as usize).copied().unwrap_or(ABSENT)
    }
}

const ABSENT: Slot = Slot {
    shape: Shape::Absent,
    span: Span { start: 0, end: 0 },
};

/// Scans one message.
///
/// # Errors
/// The [`Failure`] with the row of the error table; see the crate documentation for which one wins.
pub fn scan(bytes: &[u8], limits: &Limits) -> Result<Envelope, Failure> {
    scan_range(bytes, 0, limits)
}

/// Scans the message in `bytes[start..]`; offsets and spans count from the start of `bytes`.
///
/// # Errors
/// As [`scan`].
pub fn scan_range(bytes: &[u8], start: usize, limits: &Limits) -> Result<Envelope, Failure> {
    let mut scanner = Scanner::new(bytes, start, limits);
    match scanner.run() {
        Ok(()) => check::envelope(scanner.found, bytes, limits),
        Err(stop) => Err(Failure {
            code: stop.code,
            offset: stop.offset,
            id: None,
        }),
    }
}

enum Next {
    Value,
    Key,
    After,
}

struct Scanner<'a, 'l> {
    bytes: &'a [u8],
    pos: usize,
    limits: &'l Limits,
    depth: u32,
    nodes: u32,
    /// One bit per open container of the current 64 levels, 1 for an object; outer levels wait in `spill`.
    bits: u64,
    spill: Vec<u64>,
    place: Place,
    /// Places of the containers at depth 1 to 3; deeper ones are never tracked.
    places: [Place; 4],
    role: Role,
    /// Roles of the containers opened at depth 1 and 2.
    open_roles: [Role; 4],
    element_start: usize,
    keys: KeyIndex<'a>,
    found: Findings,
}

impl<'a, 'l> Scanner<'a, 'l> {
    #[inline]
    fn new(bytes: &'a [u8], start: usize, limits: &'l Limits) -> Self {
        Self {
            bytes,
            pos: start,
            limits,
            depth: 0,
            nodes: 0,
            bits: 0,
            spill: Vec::new(),
            place: Place::Other,
            places: [Place::Other; 4],
            role: Role::None,
            open_roles: [Role::None; 4],
            element_start: 0,
            keys: KeyIndex::new(),
            found: Findings {
                root: Root::Scalar,
                start,
                slots: [ABSENT; ROLES],
                duplicate_id: false,
                content: None,
                ascii: true,
                elements: Vec::new(),
            },
        }
    }

    fn run(&mut self) -> Result<(), Stop> {
        self.skip_space();
        match self.bytes.get(self.pos) {
            None => {
                return Err(Stop {
                    code: Code::ParseEmpty,
                    offset: self.bytes.len(),
                });
            }
            Some(b'{') => self.found.root = Root::Object,
            Some(b'[') => self.found.root = Root::Array,
            Some(_) => {}
        }
        self.found.start = self.pos;
        let mut next = Next::Value;
        loop {
            next = match next {
                Next::Value => self.value()?,
                Next::Key => self.key()?,
                Next::After if self.depth == 0 => {
                    self.skip_space();
                    return if self.pos < self.bytes.len() {
                        Err(bad_byte(self.bytes, self.pos))
                    } else {
                        Ok(())
                    };
                }
                Next::After => self.after()?,
            }
        }
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.pos), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.pos += 1;
        }
    }

    /// The next byte that is not white space; 0, which no grammar rule knows, at the end.
    #[inline]
    fn peek(&mut self) -> u8 {
        match self.bytes.get(self.pos) {
            Some(byte) if *byte > b' ' => *byte,
            _ => {
                self.skip_space();
                self.bytes.get(self.pos).copied().unwrap_or(0)
            }
        }
    }

    #[inline]
    fn value(&mut self) -> Result<Next, Stop> {
        let byte = self.peek();
        let start = self.pos;
        if start >= self.bytes.len() {
            return Err(bad_byte(self.bytes, start));
        }
        if self.nodes >= self.limits.nodes {
            return Err(Stop {
                code: Code::JsonNodes,
                offset: start,
            });
        }
        self.nodes += 1;
        if self.depth == 1 && self.found.root == Root::Array {
            if self.found.elements.len() >= self.limits.batch_messages as usize {
                return Err(Stop {
                    code: Code::BatchSize,
                    offset: start,
                });
            }
            self.element_start = start;
        }
        let shape = match byte {
            b'"' => {
                let token = text::string(self.bytes, start)?;
                self.pos = token.close + 1;
                self.found.ascii &= token.ascii;
                let named = matches!(self.role, Role::Method | Role::Name | Role::Uri);
                self.note_string(&token, named);
                if token.surrogate == NOWHERE {
                    Shape::Text {
                        escaped: token.escaped,
                    }
                } else {
                    Shape::Other
                }
            }
            b'{' | b'[' => return self.open(byte == b'{'),
            b'-' | b'0'..=b'9' => {
                let (end, integer) = text::number(self.bytes, start, self.limits.number as usize)?;
                self.pos = end;
                if integer { Shape::Integer } else { Shape::Other }
            }
            b't' | b'f' | b'n' => {
                let word: &[u8] = match byte {
                    b't' => b"true",
                    b'f' => b"false",
                    _ => b"null",
                };
                self.pos = text::literal(self.bytes, start, word)?;
                if byte == b'n' { Shape::Null } else { Shape::Other }
            }
            _ => return Err(bad_byte(self.bytes, start)),
        };
        if self.role != Role::None {
            self.fill(
                self.role,
                Slot {
                    shape,
                    span: Span { start, end: self.pos },
                },
            );
            self.role = Role::None;
        }
        self.end_element();
        Ok(Next::After)
    }

    #[inline]
    fn end_element(&mut self) {
        if self.depth == 1 && self.found.root == Root::Array {
            self.found.elements.push(Span {
                start: self.element_start,
                end: self.pos,
            });
        }
    }

    #[inline]
    fn fill(&mut self, role: Role, slot: Slot) {
        if let Some(place) = self.found.slots.get_mut(role as usize) {
            *place = slot;
        }
    }

    /// Remembers the first content error; `named` strings may not have control characters.
    #[inline]
    fn note_string(&mut self, token: &text::StringToken, named: bool) {
        if token.control == NOWHERE && token.surrogate == NOWHERE {
            return;
        }
        let control = if named { token.control } else { NOWHERE };
        let (code, offset) = if control < token.surrogate {
            (Code::JsonControl, control)
        } else {
            (Code::JsonSurrogate, token.surrogate)
        };
        if offset != NOWHERE {
            self.found.content.get_or_insert(Stop { code, offset });
        }
    }

    #[inline]
    fn key(&mut self) -> Result<Next, Stop> {
        if self.peek() != b'"' {
            return Err(bad_byte(self.bytes, self.pos));
        }
        let start = self.pos;
        let token = text::string(self.bytes, start)?;
        self.pos = token.close + 1;
        self.found.ascii &= token.ascii;
        self.note_string(&token, true);
        if self.place != Place::Other {
            self.track(start, &token);
        }
        if self.peek() != b':' {
            return Err(bad_byte(self.bytes, self.pos));
        }
        self.pos += 1;
        Ok(Next::Value)
    }

    /// Finds the role of a key and whether its object has it already.
    #[inline]
    fn track(&mut self, start: usize, token: &text::StringToken) {
        let key = crate::Text {
            span: Span {
                start: start + 1,
                end: token.close,
            },
            escaped: token.escaped,
        };
        let decoded = key.decode(self.bytes);
        self.role = role(self.place, &decoded);
        if self.role == Role::Id && self.found.slot(Role::Id).shape != Shape::Absent {
            self.found.duplicate_id = true;
        }
        if self.found.content.is_none() && !self.keys.insert(self.place, decoded) {
            self.found.content = Some(Stop {
                code: Code::JsonDuplicateKey,
                offset: start,
            });
        }
    }

    #[inline]
    fn open(&mut self, object: bool) -> Result<Next, Stop> {
        let start = self.pos;
        if self.depth >= self.limits.depth {
            return Err(Stop {
                code: Code::JsonDepth,
                offset: start,
            });
        }
        let role = std::mem::replace(&mut self.role, Role::None);
        if role != Role::None {
            let shape = if object { Shape::Object } else { Shape::Other };
            self.fill(
                role,
                Slot {
                    shape,
                    span: Span { start, end: start },
                },
            );
        }
        if let Some(slot) = self.open_roles.get_mut(self.depth as usize) {
            *slot = role;
        }
        self.place = match (self.place, role) {
            _ if !object => Place::Other,
            _ if self.depth == 0 => Place::Message,
            (Place::Message, Role::Params) => Place::Params,
            (Place::Params, Role::Meta) => Place::Meta,
            (Place::Params, Role::Arguments) => Place::Arguments,
            _ => Place::Other,
        };
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.spill.push(self.bits);
            self.bits = 0;
        }
        self.bits = (self.bits << 1) | u64::from(object);
        self.depth += 1;
        if let Some(slot) = self.places.get_mut(self.depth as usize) {
            *slot = self.place;
        }
        self.pos += 1;
        match (self.peek(), object) {
            (b'}', true) | (b']', false) => {
                self.close();
                Ok(Next::After)
            }
            (_, true) => Ok(Next::Key),
            (_, false) => Ok(Next::Value),
        }
    }

    /// Leaves the innermost container, whose closing bracket is at the current position.
    #[inline]
    fn close(&mut self) {
        self.pos += 1;
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.bits = self.spill.pop().unwrap_or(0);
        }
        self.place = self
            .places
            .get(self.depth as usize)
            .copied()
            .unwrap_or(Place::Other);
        let role = self
            .open_roles
            .get(self.depth as usize)
            .copied()
            .unwrap_or(Role::None);
        if role != Role::None
            && let Some(slot) = self.found.slots.get_mut(role as usize)
        {
            slot.span.end = self.pos;
        }
        self.end_element();
    }

    /// After a value inside a container: a comma or the end of the container.
    #[inline]
    fn after(&mut self) -> Result<Next, Stop> {
        let object = self.bits & 1 == 1;
        match (self.peek(), object) {
            (b',', true) => {
                self.pos += 1;
                Ok(Next::Key)
            }
            (b',', false) => {
                self.pos += 1;
                Ok(Next::Value)
            }
            (b'}', true) | (b']', false) => {
                self.close();
                Ok(Next::After)
            }
            _ => Err(bad_byte(self.bytes, self.pos)),
        }
    }
}
