//! Tokens the consumer has verified.
//!
//! The consumer inserts a token with who it stands for once it has verified it, and takes it back when it is revoked; a
//! request with a token that is not here is the consumer's to judge.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

/// Principal of every request where nobody is authenticated.
pub const ANONYMOUS: &[u8] = b"anonymous";

const SHARDS: usize = 16;

/// What a token gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who asks. Part of every session and cache key.
    pub principal: Bytes,
    /// Which of the prepared replies and rules apply; see [`crate::Replies::scopes`].
    pub scope: Bytes,
    /// From when on the token is unknown again, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// The table of tokens.
pub struct Tokens {
    keys: [RandomState; 2],
    capacity: usize,
    shards: [RwLock<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard(HashMap<u128, Entry>);

struct Entry {
    authorization: Box<[u8]>,
    grant: Arc<Grant>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the tokens.
        formatter
            .debug_struct("Tokens")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Tokens {
    /// An empty table for about `capacity` tokens.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            capacity: capacity.div_ceil(SHARDS),
            shards: Default::default(),
        }
    }

    /// 128 bits of two keyed hashes: who does not know the keys can neither make tokens collide nor learn from the time
    /// a comparison takes.
    fn key(&self, authorization: &[u8]) -> u128 {
        let [high, low] = &self.keys;
        let hash = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(authorization);
            u128::from(hasher.finish())
        };
        hash(high) << 64 | hash(low)
    }

    fn shard(&self, key: u128) -> Option<&RwLock<Shard>> {
        self.shards.get(usize::try_from(key >> 124).unwrap_or(0))
    }

    /// Knows the value of an `Authorization` field from now on, or knows it anew. False when the table is full of tokens
    /// that have not expired, or the token has expired at `now_ms`; the consumer then gets its requests as before.
    pub fn insert(&self, authorization: &[u8], grant: Grant, now_ms: u64) -> bool {
        let key = self.key(authorization);
        let Some(shard) = self.shard(key) else {
            return false;
        };
        let mut shard = write(shard);
        if grant.expires_ms <= now_ms {
            shard.0.remove(&key);
            return false;
        }
        if shard.0.len() >= self.capacity && !shard.0.contains_key(&key) {
            shard.0.retain(|_, entry| entry.grant.expires_ms > now_ms);
            if shard.0.len() >= self.capacity {
                return false;
            }
        }
        let entry = Entry {
            authorization: authorization.into(),
            grant: Arc::new(grant),
        };
        shard.0.insert(key, entry);
        true
    }

    /// What the value of an `Authorization` field gives at `now_ms`.
    #[must_use]
    pub fn find(&self, authorization: &[u8], now_ms: u64) -> Option<Arc<Grant>> {
        let key = self.key(authorization);
        let shard = read(self.shard(key)?);
        let entry = shard.0.get(&key)?;
        let same = equal(&entry.authorization, authorization) && entry.grant.expires_ms > now_ms;
        same.then(|| Arc::clone(&entry.grant))
    }

    /// Forgets one token; true when it was known. No request that comes later finds it.
    pub fn revoke(&self, authorization: &[u8]) -> bool {
        let key = self.key(authorization);
        self.shard(key)
            .is_some_and(|shard| write(shard).0.remove(&key).is_some())
    }

    /// Forgets every token of a principal and returns how many there were.
    pub fn revoke_principal(&self, principal: &[u8]) -> usize {
        self.retain(|grant| grant.principal != principal)
    }

    /// Forgets every token that has expired at `now_ms` and returns how many there were.
    pub fn expire(&self, now_ms: u64) -> usize {
        self.retain(|grant| grant.expires_ms > now_ms)
    }

    /// Forgets every token.
    pub fn clear(&self) {
        self.retain(|_| false);
    }

    fn retain(&self, keep: impl Fn(&Grant) -> bool) -> usize {
        let mut removed = 0;
        for shard in &self.shards {
            let mut shard = write(shard);
            let before = shard.0.len();
            shard.0.retain(|_, entry| keep(&entry.grant));
            removed += before - shard.0.len();
        }
        removed
    }

    /// Tokens known, those that have expired and were not yet forgotten included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).0.len()).sum()
    }

    /// True when no token is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

// No code that runs under a lock leaves a shard half done.
fn read(shard: &RwLock<Shard>) -> RwLockReadGuard<'_, Shard> {
    shard.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(shard: &RwLock<Shard>) -> RwLockWriteGuard<'_, Shard> {
    shard.write().unwrap_or_else(PoisonError::into_inner)
}

/// Compares without stopping at the first difference.
fn equal(one: &[u8], other: &[u8]) -> bool {
    let differs = one
        .iter()
        .zip(other)
        .fold(0, |differs, (left, right)| differs | (left ^ right));
    one.len() == other.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_anonymous_principal_is_that_of_the_consumer() {
        let source = include_str!("../../../src/core/principal.ts");
        let name = std::str::from_utf8(ANONYMOUS).expect("ASCII");
        assert!(source.contains(&format!("ANONYMOUS: Principal = {{ id: '{name}'")));
    }

    fn grant(principal: u8, expires_ms: u64) -> Grant {
        Grant {
            principal: vec![principal].into(),
            scope: Bytes::from_static(b"read"),
            expires_ms,
        }
    }

    #[test]
    fn a_full_table_takes_no_more_until_tokens_expire() {
        let tokens = Tokens::new(SHARDS);
        let inserted: Vec<u8> = (0..=255)
            .filter(|token| tokens.insert(&[*token], grant(1, 10), 0))
            .collect();
        assert_eq!((inserted.len(), tokens.len()), (SHARDS, SHARDS));
        // Known ones can be renewed all the same.
        assert!(tokens.insert(&[inserted[0]], grant(1, 11), 0));
        assert!(
            (0..=255).any(|token| !inserted.contains(&token) && tokens.insert(&[token], grant(1, 20), 10))
        );
        tokens.expire(30);
        assert!(tokens.is_empty());
    }

    #[test]
    fn nothing_but_the_very_same_bytes_is_the_token() {
        let tokens = Tokens::new(100);
        assert!(tokens.insert(b"Bearer a", grant(1, 10), 0));
        for other in ["bearer a", "Bearer a ", "Bearer  a", "Bearer", "Bearer ab", ""] {
            assert_eq!(tokens.find(other.as_bytes(), 0), None, "{other}");
        }
        assert!(!format!("{tokens:?}").contains("Bearer"));
        assert!(equal(b"", b"") && !equal(b"a", b"") && !equal(b"a", b"b"));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, u8, u64),
        Revoke(u8),
        RevokePrincipal(u8),
        Find(u8),
        Wait(u64),
        Expire,
        Clear,
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..6_u8, 0..3_u8, 0..50_u64).prop_map(|(token, principal, life)| Step::Insert(token, principal, life)),
            2 => (0..6_u8).prop_map(Step::Revoke),
            1 => (0..3_u8).prop_map(Step::RevokePrincipal),
            6 => (0..6_u8).prop_map(Step::Find),
            2 => (0..20_u64).prop_map(Step::Wait),
            1 => Just(Step::Expire),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_plain_map(list in proptest::collection::vec(steps(), 0..60)) {
            let tokens = Tokens::new(1_000);
            let mut model: HashMap<u8, Grant> = HashMap::new();
            let mut now = 0;
            for step in list {
                match step {
                    Step::Insert(token, principal, life) => {
                        let new = grant(principal, now + life);
                        prop_assert_eq!(tokens.insert(&[token], new.clone(), now), life > 0);
                        model.remove(&token);
                        if life > 0 {
                            model.insert(token, new);
                        }
                    }
                    Step::Revoke(token) => {
                        prop_assert_eq!(tokens.revoke(&[token]), model.remove(&token).is_some());
                    }
                    Step::RevokePrincipal(principal) => {
                        let before = model.len();
                        model.retain(|_, grant| grant.principal != [principal].as_slice());
                        prop_assert_eq!(tokens.revoke_principal(&[principal]), before - model.len());
                    }
                    Step::Find(token) => {
                        let expected = model.get(&token).filter(|grant| grant.expires_ms > now);
                        let found = tokens.find(&[token], now);
                        prop_assert_eq!(found.as_deref(), expected);
                    }
                    Step::Wait(time) => now += time,
                    Step::Expire => {
                        let before = model.len();
                        model.retain(|_, grant| grant.expires_ms > now);
                        prop_assert_eq!(tokens.expire(now), before - model.len());
                    }
                    Step::Clear => {
                        model.clear();
                        tokens.clear();
                    }
                }
                prop_assert_eq!(tokens.len(), model.len());
            }
        }
    }
}
