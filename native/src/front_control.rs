//! What JavaScript tells a running front: replies that are known, sessions, tokens, certificates; and its counters.

// The macros make owned values of arguments.
#![allow(clippy::needless_pass_by_value)]

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use front::replies::{Rule, Table};
use front::revision::Revision;
use front::tls::{Clients, Tls};
use front::tokens::Grant;
use front::{CacheQuery, Replies, ResultCache};
use napi::bindgen_prelude::Buffer;
use napi::{Error, Result, Status};
use napi_derive::napi;

use crate::front::find;
use crate::sona::{self, Sona};

/// Prepared replies and rules for everyone where nobody is authenticated.
#[napi(object)]
pub struct PreparedTable {
    /// False: JavaScript answers everything.
    pub open: bool,
    /// Notifications that JavaScript has no use for are accepted without it.
    pub notifications: bool,
    pub replies: Vec<PreparedReply>,
    pub rules: Vec<CacheRule>,
}

/// The JSON text of a result.
#[napi(object)]
pub struct PreparedReply {
    pub revision: String,
    pub method: String,
    pub result: String,
}

/// Whose results may be looked up.
#[napi(object)]
pub struct CacheRule {
    pub method: String,
    pub name: String,
    pub epoch: Buffer,
    pub is_public: bool,
}

/// Replaces the prepared replies as a whole.
#[napi(catch_unwind)]
pub fn front_set_replies(handle: u32, table: PreparedTable) -> Result<()> {
    let Some(front) = find(handle) else { return Ok(()) };
    if !table.open {
        front.set_replies(Replies::default());
        return Ok(());
    }
    let wrong = |what: &str| Error::new(Status::InvalidArg, format!("cannot be prepared: {what}"));
    let mut prepared = Table::new(table.notifications);
    for PreparedReply {
        revision,
        method,
        result,
    } in table.replies
    {
        let revision = Revision::of(revision.as_bytes()).ok_or_else(|| wrong(&revision))?;
        let result = Bytes::from(result.into_bytes());
        prepared
            .set(revision, method.as_bytes(), result)
            .map_err(|_| wrong(&method))?;
    }
    for CacheRule {
        method,
        name,
        epoch,
        is_public,
    } in table.rules
    {
        let rule = Rule {
            epoch: Bytes::copy_from_slice(&epoch),
            public: is_public,
        };
        prepared
            .cache(method.as_bytes(), Some(name.as_bytes()), rule)
            .map_err(|_| wrong(&method))?;
    }
    front.set_replies(Replies {
        anonymous: Some(Arc::new(prepared)),
        scopes: HashMap::new(),
    });
    Ok(())
}

/// Makes a legacy session known; false when the id is taken or the revision has no sessions.
#[napi(catch_unwind)]
#[must_use]
pub fn front_session_opened(handle: u32, id: String, principal: String, revision: String) -> bool {
    let (Some(front), Some(revision)) = (find(handle), Revision::of(revision.as_bytes())) else {
        return false;
    };
    front
        .sessions()
        .insert(id.as_bytes(), Bytes::from(principal.into_bytes()), revision)
}

/// Forgets a legacy session; requests that come later go to JavaScript.
#[napi(catch_unwind)]
pub fn front_session_closed(handle: u32, id: String) {
    if let Some(front) = find(handle) {
        front.sessions().remove(id.as_bytes());
    }
}

/// When a session was last used, in milliseconds since 1970; -1 when it is unknown.
#[napi(catch_unwind)]
#[must_use]
#[allow(clippy::cast_precision_loss)] // Milliseconds since 1970 are far below 2^53.
pub fn front_session_used_at(handle: u32, id: String) -> f64 {
    let used = find(handle).and_then(|front| front.sessions().last_used(id.as_bytes()));
    used.map_or(-1.0, |ms| ms as f64)
}

/// What a verified token allows.
#[napi(object)]
pub struct TokenGrant {
    /// The whole value of `Authorization`.
    pub authorization: String,
    pub principal: String,
    pub scope: String,
    /// Milliseconds since 1970.
    pub expires_ms: f64,
}

/// Makes a verified token known; false when the table is full.
#[napi(catch_unwind)]
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Negative and absurd times saturate.
pub fn front_token(handle: u32, grant: TokenGrant) -> bool {
    let Some(front) = find(handle) else { return false };
    let TokenGrant {
        authorization,
        principal,
        scope,
        expires_ms,
    } = grant;
    let grant = Grant {
        principal: Bytes::from(principal.into_bytes()),
        scope: Bytes::from(scope.into_bytes()),
        expires_ms: expires_ms as u64,
    };
    front
        .tokens()
        .insert(authorization.as_bytes(), grant, front::sessions::now_ms())
}

/// Forgets a token; false when it was not known.
#[napi(catch_unwind)]
#[must_use]
pub fn front_revoke_token(handle: u32, authorization: String) -> bool {
    find(handle).is_some_and(|front| front.tokens().revoke(authorization.as_bytes()))
}

/// Forgets all tokens of a principal and returns how many there were.
#[napi(catch_unwind)]
#[must_use]
pub fn front_revoke_principal(handle: u32, principal: String) -> u32 {
    let count = find(handle).map_or(0, |front| front.tokens().revoke_principal(principal.as_bytes()));
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Certificate and key of a listener, PEM.
#[napi(object)]
pub struct TlsOptions {
    pub certificates: Buffer,
    pub key: Buffer,
    /// `off`, `request` or `require`.
    pub clients: String,
    pub authorities: Option<Buffer>,
}

/// Reads the options of a listener.
///
/// # Errors
/// For an unknown word; bad certificates are found when the listener takes them.
pub fn tls(options: TlsOptions) -> Result<Tls> {
    let clients = match options.clients.as_str() {
        "off" => Clients::Off,
        "request" => Clients::Request,
        "require" => Clients::Require,
        other => return Err(Error::new(Status::InvalidArg, format!("clients: {other}"))),
    };
    Ok(Tls {
        certificates: options.certificates.to_vec(),
        key: options.key.to_vec(),
        clients,
        authorities: options.authorities.map(|pem| pem.to_vec()).unwrap_or_default(),
    })
}

/// Shows another certificate to connections that come later.
#[napi(catch_unwind)]
pub fn front_set_tls(handle: u32, options: TlsOptions) -> Result<()> {
    let tls = tls(options)?;
    find(handle).map_or(Ok(()), |front| {
        front
            .set_tls(&tls)
            .map_err(|error| Error::new(Status::InvalidArg, error.to_string()))
    })
}

/// A counter by name.
#[napi(object)]
pub struct Counted {
    pub name: String,
    pub count: f64,
}

/// What became of the requests so far.
#[napi(object)]
pub struct FrontCounters {
    pub connections: u32,
    /// Answered from prepared replies, by method.
    pub prepared: Vec<Counted>,
    /// Notifications accepted.
    pub accepted: f64,
    /// Results found in the cache, not found, and look-ups that failed.
    pub hits: f64,
    pub misses: f64,
    pub failures: f64,
    pub handed_over: f64,
    /// Refused since too many waited.
    pub busy: f64,
    /// Refused, by code.
    pub refused: Vec<Counted>,
}

/// The counters of a front; nothing once it has been stopped.
#[napi(catch_unwind)]
#[must_use]
#[allow(clippy::cast_precision_loss)] // No counter gets to 2^53.
pub fn front_counters(handle: u32) -> Option<FrontCounters> {
    let front = find(handle)?;
    let stats = front.stats();
    let counted = |(name, count): (&str, u64)| Counted {
        name: name.to_owned(),
        count: count as f64,
    };
    Some(FrontCounters {
        connections: u32::try_from(front.connections()).unwrap_or(u32::MAX),
        prepared: stats.prepared.into_iter().map(counted).collect(),
        accepted: stats.accepted as f64,
        hits: stats.hits as f64,
        misses: stats.misses as f64,
        failures: stats.failures as f64,
        handed_over: stats.handed_over as f64,
        busy: stats.busy as f64,
        refused: stats.refused.into_iter().map(counted).collect(),
    })
}

/// The cache of a handle, as the front asks it.
struct Cached(Arc<Sona>);

impl ResultCache for Cached {
    fn lookup(&self, query: &CacheQuery<'_>, out: &mut Vec<u8>) -> bool {
        let query = ::sona::Query {
            epoch: query.epoch,
            revision: query.revision.as_bytes(),
            method: query.method,
            name: query.name,
            params: query.params,
            principal: query.principal,
        };
        self.0.cache.lookup(&query, front::now_ms(), out)
    }
}

/// Looks results up in the cache of this handle from now on; nowhere when it is unknown.
#[napi(catch_unwind)]
pub fn front_set_cache(handle: u32, cache: u32) {
    if let Some(front) = find(handle) {
        let cache = sona::find(cache).map(|sona| -> Box<dyn ResultCache> { Box::new(Cached(sona)) });
        front.set_cache(cache);
    }
}
