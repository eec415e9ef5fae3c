//! Who asks.

use std::sync::Arc;

use crate::config::Authentication;
use crate::guard::{Fields, Single};
use crate::replies::{Replies, Table};
use crate::sessions::{Session, now_ms};
use crate::shared::Shared;
use crate::tokens::{ANONYMOUS, Grant};

/// Who asks, as far as the front knows.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// Nobody is authenticated.
    Anonymous,
    /// The owner of a token in the table.
    Known(Arc<Grant>),
    /// The consumer finds out, or refuses.
    Unknown,
}

impl Caller {
    /// Who sends a request with these fields.
    pub fn of(fields: &Fields<'_>, shared: &Shared) -> Self {
        if shared.config.authentication == Authentication::Open {
            return Self::Anonymous;
        }
        let known = fields
            .get(Single::Authorization)
            .and_then(|value| shared.tokens.find(value, now_ms()));
        known.map_or(Self::Unknown, Self::Known)
    }

    /// The principal, when it is certain.
    pub fn principal(&self) -> Option<&[u8]> {
        match self {
            Self::Anonymous => Some(ANONYMOUS),
            Self::Known(grant) => Some(&grant.principal),
            Self::Unknown => None,
        }
    }

    /// The session of a legacy message, when it is one of this caller.
    pub fn session(&self, fields: &Fields<'_>, modern: bool, shared: &Shared) -> Option<Arc<Session>> {
        let id = fields.get(Single::SessionId).filter(|_| !modern)?;
        shared.sessions.find(id, self.principal()?)
    }

    /// The prepared replies for this caller.
    pub fn table<'a>(&self, replies: &'a Replies) -> Option<&'a Table> {
        match self {
            Self::Anonymous => replies.anonymous.as_deref(),
            Self::Known(grant) => replies.scopes.get(&grant.scope).map(AsRef::as_ref),
            Self::Unknown => None,
        }
    }
}
