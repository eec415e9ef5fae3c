//! Known keys, and duplicate keys of the tracked objects.

use std::borrow::Cow;
use std::collections::HashSet;

/// The objects whose keys are tracked; everything else is [`Place::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Place {
    Other,
    Message,
    Params,
    Meta,
    Arguments,
}

/// What the value of a known key means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    None,
    JsonRpc,
    Id,
    Method,
    Params,
    Result,
    Error,
    Name,
    Uri,
    Meta,
    Arguments,
    RequestId,
    ProgressToken,
    ProtocolVersion,
}

/// Number of roles.
pub(crate) const ROLES: usize = 14;

/// The role of the decoded key `name` in `place`.
#[inline]
pub(crate) fn role(place: Place, name: &[u8]) -> Role {
    match (place, name) {
        (Place::Message, b"jsonrpc") => Role::JsonRpc,
        (Place::Message, b"id") => Role::Id,
        (Place::Message, b"method") => Role::Method,
        (Place::Message, b"params") => Role::Params,
        (Place::Message, b"result") => Role::Result,
        (Place::Message, b"error") => Role::Error,
        (Place::Params, b"name") => Role::Name,
        (Place::Params, b"uri") => Role::Uri,
        (Place::Params, b"_meta") => Role::Meta,
        (Place::Params, b"arguments") => Role::Arguments,
        (Place::Params, b"requestId") => Role::RequestId,
        (Place::Meta, b"progressToken") => Role::ProgressToken,
        (Place::Meta, b"io.modelcontextprotocol/protocolVersion") => Role::ProtocolVersion,
        _ => Role::None,
    }
}

/// Keys compared pairwise before a hash set takes over.
const SMALL: usize = 24;

/// The keys seen so far in the tracked objects.
///
/// A few plain keys are compared pairwise; more of them, or one with escapes, move to a hash set with a secret seed, so
/// that neither their number nor their choice makes the search slower than linear.
pub(crate) struct KeyIndex<'a> {
    small: [(Place, &'a [u8]); SMALL],
    count: usize,
    /// One bit per fingerprint of the keys in `small`.
    filter: u64,
    large: Option<HashSet<(Place, Cow<'a, [u8]>)>>,
}

impl<'a> KeyIndex<'a> {
    pub(crate) const fn new() -> Self {
        Self {
            small: [(Place::Other, &[]); SMALL],
            count: 0,
            filter: 0,
            large: None,
        }
    }

    /// Adds a decoded key; false when `place` already has it.
    #[inline]
    pub(crate) fn insert(&mut self, place: Place, key: Cow<'a, [u8]>) -> bool {
        match key {
            Cow::Borrowed(plain) if self.large.is_none() => self.insert_small(place, plain),
            other => self.insert_large(place, other),
        }
    }

    fn insert_small(&mut self, place: Place, key: &'a [u8]) -> bool {
        let bit = 1 << fingerprint(place, key);
        let seen = self.small.get(..self.count).unwrap_or_default();
        if self.filter & bit != 0 && seen.contains(&(place, key)) {
            return false;
        }
        let Some(slot) = self.small.get_mut(self.count) else {
            return self.insert_large(place, Cow::Borrowed(key));
        };
        *slot = (place, key);
        self.count += 1;
        self.filter |= bit;
        true
    }

    #[cold]
    fn insert_large(&mut self, place: Place, key: Cow<'a, [u8]>) -> bool {
        let seen = self.small.get(..self.count).unwrap_or_default();
        self.large
            .get_or_insert_with(|| {
                seen.iter()
                    .map(|(place, key)| (*place, Cow::Borrowed(*key)))
                    .collect()
            })
            .insert((place, key))
    }
}

/// Six bits that differ for most pairs of different short keys.
#[inline]
fn fingerprint(place: Place, key: &[u8]) -> u32 {
    let first = key.first().copied().unwrap_or(0);
    let last = key.last().copied().unwrap_or(0);
    let length = u32::try_from(key.len() & 63).unwrap_or(0);
    (u32::from(first) ^ (u32::from(last) << 2) ^ (length << 3) ^ ((place as u32) << 1)) & 63
}
