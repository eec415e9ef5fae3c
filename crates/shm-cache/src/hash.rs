//! Keyed hash: without the seed nobody can choose keys that collide.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;

use crate::error::Error;

/// Secret of a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64, pub u64);

/// Two independent halves: one says where a key belongs, the other tells keys apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash {
    pub place: u64,
    pub identity: u64,
}

impl Seed {
    /// A seed from the system's random numbers.
    pub fn random() -> Result<Self, Error> {
        let word = || getrandom::u64().map_err(|_| Error::Random);
        Ok(Self(word()?, word()?))
    }

    pub fn hash(self, key: &[u8]) -> KeyHash {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(key);
        let hash = hasher.finish128();
        KeyHash {
            place: hash.h1,
            identity: hash.h2,
        }
    }
}
