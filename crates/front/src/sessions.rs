//! Sessions of the legacy era the consumer has opened.
//!
//! The front needs to know little of them: whose they are, which revision was agreed on, which requests run in them.
//! The consumer inserts a session once its `initialize` is answered and removes it when it ends.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::revision::Revision;

const SHARDS: usize = 16;

/// Milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| {
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    })
}

/// The sessions of a front.
pub struct Sessions {
    hashes: RandomState,
    /// Requests of one session that may run at a time before the consumer is asked about all others.
    running: usize,
    shards: [RwLock<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard(HashMap<Box<[u8]>, Arc<Session>>);

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the ids.
        formatter
            .debug_struct("Sessions")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Sessions {
    /// An empty table. From `running` requests in flight on, the requests of a session are all handed over.
    #[must_use]
    pub fn new(running: usize) -> Self {
        Self {
            hashes: RandomState::new(),
            running,
            shards: Default::default(),
        }
    }

    fn shard(&self, id: &[u8]) -> Option<&RwLock<Shard>> {
        let hash = self.hashes.hash_one(id);
        self.shards.get(usize::try_from(hash >> 60).unwrap_or(0))
    }

    /// Knows a session from now on. `principal` is whose it is ([`crate::tokens::ANONYMOUS`] where nobody is
    /// authenticated). False, and nothing changes, for a revision without sessions.
    pub fn insert(&self, id: &[u8], principal: Bytes, revision: Revision) -> bool {
        let Some(shard) = self.shard(id).filter(|_| !revision.modern()) else {
            return false;
        };
        let session = Session {
            principal,
            revision,
            limit: self.running,
            used_ms: AtomicU64::new(now_ms()),
            ended: AtomicBool::new(false),
            running: Mutex::default(),
        };
        if let Some(earlier) = write(shard).0.insert(id.into(), Arc::new(session)) {
            earlier.ended.store(true, Ordering::Relaxed);
        }
        true
    }

    /// Forgets a session; true when it was known. No request that comes later finds it.
    pub fn remove(&self, id: &[u8]) -> bool {
        let removed = self.shard(id).and_then(|shard| write(shard).0.remove(id));
        removed.is_some_and(|session| {
            session.ended.store(true, Ordering::Relaxed);
            true
        })
    }

    /// Forgets every session.
    pub fn clear(&self) {
        for shard in &self.shards {
            for (_, session) in write(shard).0.drain() {
                session.ended.store(true, Ordering::Relaxed);
            }
        }
    }

    /// When the last request of the session came, in milliseconds since 1970; None when it is not known.
    #[must_use]
    pub fn last_used(&self, id: &[u8]) -> Option<u64> {
        let shard = read(self.shard(id)?);
        shard
            .0
            .get(id)
            .map(|session| session.used_ms.load(Ordering::Relaxed))
    }

    /// The session, marked as used; None when there is none of this principal.
    pub(crate) fn find(&self, id: &[u8], principal: &[u8]) -> Option<Arc<Session>> {
        let shard = read(self.shard(id)?);
        let session = shard.0.get(id).filter(|session| session.principal == principal)?;
        session.used_ms.store(now_ms(), Ordering::Relaxed);
        Some(Arc::clone(session))
    }

    /// Sessions known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| read(shard).0.len()).sum()
    }

    /// True when no session is known.
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

/// An id as it stands in its message.
type Id = SmallVec<[u8; 24]>;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub principal: Bytes,
    pub revision: Revision,
    limit: usize,
    used_ms: AtomicU64,
    ended: AtomicBool,
    running: Mutex<Running>,
}

/// Requests the consumer is at.
#[derive(Debug, Default)]
struct Running {
    ids: Vec<Id>,
    /// Messages whose ids are not in `ids`: batches, ids with more than one spelling, those beyond the limit.
    unnamed: usize,
}

impl Session {
    fn running(&self) -> MutexGuard<'_, Running> {
        // No code that runs under the lock leaves it half done.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when a request with this id can be answered without the consumer: no request with the same id is running,
    /// and there are not as many as a session may have.
    pub fn free(&self, id: &[u8]) -> bool {
        if self.ended.load(Ordering::Relaxed) || !has_one_spelling(id) {
            return false;
        }
        let running = self.running();
        running.unnamed == 0
            && running.ids.len() < self.limit
            && !running.ids.iter().any(|each| each.as_slice() == id)
    }

    /// True when it was removed from the table.
    pub fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// True when no other text stands for the same id.
fn has_one_spelling(id: &[u8]) -> bool {
    match id {
        [b'"', inner @ ..] => !inner.contains(&b'\\'),
        b"-0" => false,
        [b'-', digits @ ..] | digits => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
    }
}

/// A message of a session the consumer is at; when it goes, the message has been answered.
#[derive(Debug)]
pub(crate) struct Ticket {
    session: Arc<Session>,
    /// None = counted as unnamed.
    id: Option<Id>,
}

impl Ticket {
    /// Notes that the consumer gets a message: a request with this id, or one without an id of its own (a batch).
    pub fn new(session: Arc<Session>, id: Option<&[u8]>) -> Self {
        let mut running = session.running();
        let named = id.filter(|id| has_one_spelling(id) && running.ids.len() < session.limit);
        let id = named.map(Id::from_slice);
        match &id {
            Some(id) => running.ids.push(id.clone()),
            None => running.unnamed += 1,
        }
        drop(running);
        Self { session, id }
    }

    /// True when its session is not in the table any more.
    pub fn ended(&self) -> bool {
        self.session.ended()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut running = self.session.running();
        match &self.id {
            Some(id) => {
                if let Some(at) = running.ids.iter().position(|each| each == id) {
                    running.ids.swap_remove(at);
                }
            }
            None => running.unnamed = running.unnamed.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn session(limit: usize) -> Arc<Session> {
        let sessions = Sessions::new(limit);
        assert!(sessions.insert(b"s", Bytes::from_static(b"p"), Revision::March2025));
        sessions.find(b"s", b"p").expect("known")
    }

    #[test]
    fn a_session_of_another_principal_does_not_exist() {
        let sessions = Sessions::new(8);
        assert!(sessions.insert(b"s", Bytes::from_static(b"p"), Revision::November2024));
        assert!(!sessions.insert(b"t", Bytes::from_static(b"p"), Revision::July2026));
        assert!(sessions.find(b"s", b"q").is_none() && sessions.find(b"t", b"p").is_none());
        assert!(sessions.find(b"s", b"p").is_some());
        assert!(!format!("{sessions:?}").contains('s') || !format!("{sessions:?}").contains("\"s\""));
    }

    #[test]
    fn use_is_noted_and_removal_takes_effect_at_once() {
        let sessions = Sessions::new(8);
        assert_eq!(sessions.last_used(b"s"), None);
        let before = now_ms();
        sessions.insert(b"s", Bytes::from_static(b"p"), Revision::June2025);
        let found = sessions.find(b"s", b"p").expect("known");
        found.used_ms.store(1, Ordering::Relaxed);
        assert!(sessions.find(b"s", b"q").is_none());
        assert_eq!(sessions.last_used(b"s"), Some(1));
        assert!(sessions.find(b"s", b"p").is_some());
        assert!(sessions.last_used(b"s") >= Some(before));
        assert!(found.free(b"1") && !found.ended());
        assert!(sessions.remove(b"s") && !sessions.remove(b"s"));
        assert!(sessions.find(b"s", b"p").is_none() && found.ended() && !found.free(b"1"));
        sessions.insert(b"s", Bytes::from_static(b"p"), Revision::June2025);
        let again = sessions.find(b"s", b"p").expect("known");
        sessions.clear();
        assert!(sessions.is_empty() && again.ended());
    }

    #[test]
    fn an_id_in_flight_is_not_free() {
        let session = session(8);
        let one = Ticket::new(Arc::clone(&session), Some(b"1"));
        let again = Ticket::new(Arc::clone(&session), Some(b"1"));
        let name = Ticket::new(Arc::clone(&session), Some(b"\"a\""));
        assert!(
            !session.free(b"1") && !session.free(b"\"a\"") && session.free(b"2") && session.free(b"\"1\"")
        );
        drop(one);
        assert!(!session.free(b"1"));
        drop((again, name));
        assert!(session.free(b"1") && session.free(b"\"a\""));
    }

    #[test]
    fn what_could_be_any_id_takes_all() {
        let session = session(2);
        for id in [
            None,
            Some(b"\"\\u0061\"".as_slice()),
            Some(b"-0"),
            Some(b"1.0"),
            Some(b"1e3"),
            Some(b""),
        ] {
            let ticket = Ticket::new(Arc::clone(&session), id);
            assert!(!session.free(b"7"), "{id:?}");
            drop(ticket);
            assert!(
                session.free(b"7") && id.is_none_or(|id| !session.free(id)),
                "{id:?}"
            );
        }
        let many: Vec<Ticket> = [b"1", b"2", b"3"]
            .map(|id| Ticket::new(Arc::clone(&session), Some(id)))
            .into();
        assert!(!session.free(b"7"));
        let mut many = many.into_iter();
        many.next();
        // The third was never named.
        assert!(!session.free(b"7"));
        drop(many);
        assert!(session.free(b"7"));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u8, u8, bool),
        Remove(u8),
        Find(u8, u8),
        Clear,
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..6_u8, 0..3_u8, any::<bool>()).prop_map(|(id, principal, modern)| Step::Insert(id, principal, modern)),
            2 => (0..6_u8).prop_map(Step::Remove),
            6 => (0..6_u8, 0..3_u8).prop_map(|(id, principal)| Step::Find(id, principal)),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_plain_map(list in proptest::collection::vec(steps(), 0..60)) {
            let sessions = Sessions::new(8);
            let mut model: HashMap<u8, u8> = HashMap::new();
            for step in list {
                match step {
                    Step::Insert(id, principal, modern) => {
                        let revision = if modern { Revision::July2026 } else { Revision::November2025 };
                        prop_assert_eq!(sessions.insert(&[id], vec![principal].into(), revision), !modern);
                        if !modern {
                            model.insert(id, principal);
                        }
                    }
                    Step::Remove(id) => prop_assert_eq!(sessions.remove(&[id]), model.remove(&id).is_some()),
                    Step::Find(id, principal) => {
                        let expected = model.get(&id) == Some(&principal);
                        prop_assert_eq!(sessions.find(&[id], &[principal]).is_some(), expected);
                        prop_assert_eq!(sessions.last_used(&[id]).is_some(), model.contains_key(&id));
                    }
                    Step::Clear => {
                        model.clear();
                        sessions.clear();
                    }
                }
                prop_assert_eq!(sessions.len(), model.len());
            }
        }

        #[test]
        fn running_ids_behave_like_a_multiset(list in proptest::collection::vec((0..5_usize, any::<bool>()), 0..40)) {
            const IDS: [&[u8]; 5] = [b"1", b"12345678901234567890123", b"-7", b"\"a\"", b"\"\""];
            let session = session(1_000);
            let mut tickets: Vec<(usize, Ticket)> = Vec::new();
            for (id, begin) in list {
                if begin {
                    tickets.push((id, Ticket::new(Arc::clone(&session), Some(IDS[id]))));
                } else if let Some(at) = tickets.iter().position(|(each, _)| *each == id) {
                    tickets.remove(at);
                }
                for (index, text) in IDS.iter().enumerate() {
                    let expected = !tickets.iter().any(|(each, _)| *each == index);
                    prop_assert_eq!(session.free(text), expected);
                }
            }
        }
    }
}
