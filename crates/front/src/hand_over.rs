//! What is handed over with a request, and what waits for its reply.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::SocketAddr;

use crate::caller::Caller;
use crate::guard::{Fields, Single};
use crate::hub::Origin;
use crate::slab::{self, field};

/// Something by token. Tokens are counted up by the front itself, so they need no keyed hash.
#[derive(Debug)]
pub(crate) struct Tokens<T>(RefCell<HashMap<u64, T, BuildHasherDefault<Spread>>>);

impl<T> Default for Tokens<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Tokens<T> {
    pub fn insert(&self, token: u64, value: T) {
        self.0.borrow_mut().insert(token, value);
    }

    pub fn remove(&self, token: u64) -> Option<T> {
        let mut all = self.0.borrow_mut();
        let removed = all.remove(&token);
        // Thousands at a time are rare; their memory is not kept.
        if all.is_empty() && all.capacity() > 1_024 {
            all.shrink_to_fit();
        }
        removed
    }

    pub fn retain(&self, keep: impl Fn(&T) -> bool) {
        self.0.borrow_mut().retain(|_, value| keep(value));
    }

    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

impl<T: Clone> Tokens<T> {
    pub fn get(&self, token: u64) -> Option<T> {
        self.0.borrow().get(&token).cloned()
    }
}

/// Spreads consecutive numbers over the table (Fibonacci hashing).
#[derive(Debug, Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }
}

/// Writes the fields the consumer gets.
pub(crate) fn encode_fields(
    fields: &Fields<'_>,
    caller: &Caller,
    origin: Origin<'_>,
    out: &mut slab::Fields,
) {
    for (single, id) in [
        (Single::SessionId, field::SESSION_ID),
        (Single::ProtocolVersion, field::PROTOCOL_VERSION),
        (Single::LastEventId, field::LAST_EVENT_ID),
        (Single::Authorization, field::AUTHORIZATION),
        (Single::Method, field::MCP_METHOD),
        (Single::Name, field::MCP_NAME),
        (Single::Host, field::HOST),
        (Single::Origin, field::ORIGIN),
    ] {
        // A token that is known goes no further.
        let known = single == Single::Authorization && matches!(caller, Caller::Known(_));
        if let Some(value) = fields.get(single).filter(|_| !known) {
            out.push(id, b"", value);
        }
    }
    for (name, value) in &fields.others {
        out.push(field::MCP_OTHER, name, value);
    }
    if let Caller::Known(grant) = caller {
        out.push(field::PRINCIPAL, b"", &grant.principal);
        out.push(field::SCOPE, b"", &grant.scope);
    }
    push_peer(origin.peer, out);
    if let Some(certificate) = origin.certificate {
        out.push(field::CLIENT_CERT_SHA256, b"", certificate.sha256.as_bytes());
        out.push(field::CLIENT_CERT_SUBJECT, b"", certificate.subject.as_bytes());
    }
}

/// As `SocketAddr` writes itself, which takes long for the usual IPv4 address.
fn push_peer(peer: SocketAddr, out: &mut slab::Fields) {
    let SocketAddr::V4(address) = peer else {
        out.push(field::PEER, b"", peer.to_string().as_bytes());
        return;
    };
    let mut text = bytes::BytesMut::with_capacity(24);
    let [a, b, c, d] = address.ip().octets();
    for (number, after) in [(a, b"."), (b, b"."), (c, b"."), (d, b":")] {
        crate::head::decimal(usize::from(number), &mut text);
        text.extend_from_slice(after);
    }
    crate::head::decimal(usize::from(address.port()), &mut text);
    out.push(field::PEER, b"", &text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_written_as_ever() {
        for peer in ["127.0.0.1:0", "10.200.3.254:65535", "[::1]:80", "0.0.0.0:7"] {
            let address: SocketAddr = peer.parse().expect("an address");
            let mut fields = slab::Fields::default();
            push_peer(address, &mut fields);
            let found = fields.iter().next().map(|(id, _, value)| (id, value.to_vec()));
            assert_eq!(found, Some((field::PEER, peer.as_bytes().to_vec())));
        }
    }

    #[test]
    fn tokens_are_found_until_they_are_removed() {
        let tokens = Tokens::default();
        for token in 0..5_000 {
            tokens.insert(token * 3, token);
        }
        assert!((0..5_000).all(|token| tokens.get(token * 3) == Some(token)));
        assert!((0..5_000).all(|token| tokens.remove(token * 3) == Some(token)));
        assert_eq!((tokens.len(), tokens.get(3)), (0, None));
        assert!(tokens.0.borrow().capacity() <= 1_024);
    }
}
