//! Replies that are known before the request comes, and rules for those that may be found in a cache.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::revision::Revision;

/// Prepared replies for everyone. They are replaced as a whole, so readers never wait.
///
/// Only requests that leave no question are answered from them; the consumer gets all others, and with them the task of
/// saying what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    /// Replies where nobody is authenticated. None = the consumer answers everything.
    pub anonymous: Option<Arc<Table>>,
    /// Replies by the scope of a token ([`crate::tokens::Grant::scope`]); what a scope may not see is not in its table.
    /// Without a table for its scope the consumer answers a request.
    pub scopes: HashMap<Bytes, Arc<Table>>,
}

/// A method that can be answered before its request comes: its result depends on no member of its params.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Prepared {
    /// `server/discover`.
    Discover,
    /// `ping`.
    Ping,
    /// `tools/list`, the first page.
    Tools,
    /// `prompts/list`, the first page.
    Prompts,
    /// `resources/list`, the first page.
    Resources,
    /// `resources/templates/list`, the first page.
    Templates,
}

impl Prepared {
    /// Every method, in the order of [`crate::stats::Stats::prepared`].
    pub const ALL: [Self; 6] = [
        Self::Discover,
        Self::Ping,
        Self::Tools,
        Self::Prompts,
        Self::Resources,
        Self::Templates,
    ];

    /// The method of this name.
    #[must_use]
    pub fn of(method: &[u8]) -> Option<Self> {
        match method {
            b"server/discover" => Some(Self::Discover),
            b"ping" => Some(Self::Ping),
            b"tools/list" => Some(Self::Tools),
            b"prompts/list" => Some(Self::Prompts),
            b"resources/list" => Some(Self::Resources),
            b"resources/templates/list" => Some(Self::Templates),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discover => "server/discover",
            Self::Ping => "ping",
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::Templates => "resources/templates/list",
        }
    }

    /// True when the revision has the method.
    #[must_use]
    pub const fn exists(self, revision: Revision) -> bool {
        match self {
            Self::Discover => revision.modern(),
            Self::Ping => !revision.modern(),
            _ => true,
        }
    }
}

/// A method whose results may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Cacheable {
    /// `tools/call`, by `params.name`.
    Tool,
    /// `resources/read`, by `params.uri`.
    Resource,
    /// `prompts/get`, by `params.name`.
    Prompt,
}

impl Cacheable {
    /// The method of this name.
    #[must_use]
    pub fn of(method: &[u8]) -> Option<Self> {
        match method {
            b"tools/call" => Some(Self::Tool),
            b"resources/read" => Some(Self::Resource),
            b"prompts/get" => Some(Self::Prompt),
            _ => None,
        }
    }
}

/// How results of one tool, resource or prompt are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Part of the key; changes when earlier results must not be used any more.
    pub epoch: Bytes,
    /// The result is the same for everyone; else the principal is part of the key.
    pub public: bool,
}

/// Why an entry was not taken into a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPrepared;

/// Replies and rules for one scope.
#[derive(Clone, Debug, Default)]
pub struct Table {
    results: [[Option<Bytes>; Prepared::ALL.len()]; Revision::ALL.len()],
    pub(crate) notifications: bool,
    rules: [Rules; 3],
}

#[derive(Clone, Debug, Default)]
struct Rules {
    named: HashMap<Box<[u8]>, Rule>,
    others: Option<Rule>,
}

impl Table {
    /// An empty table. With `notifications`, those the consumer has no use for are accepted without it: all of the modern
    /// era, and in the legacy era all but `notifications/initialized`, `notifications/cancelled` and
    /// `notifications/roots/list_changed`.
    #[must_use]
    pub fn new(notifications: bool) -> Self {
        Self {
            notifications,
            ..Self::default()
        }
    }

    /// Prepares the reply to `method` in `revision`: the JSON text of its `result`, as the consumer would write it.
    ///
    /// # Errors
    /// [`NotPrepared`] for a method that cannot be prepared or does not exist in the revision.
    pub fn set(&mut self, revision: Revision, method: &[u8], result: Bytes) -> Result<(), NotPrepared> {
        let method = Prepared::of(method).filter(|method| method.exists(revision));
        let slot =
            method.and_then(|method| self.results.get_mut(revision as usize)?.get_mut(method as usize));
        *slot.ok_or(NotPrepared)? = Some(result);
        Ok(())
    }

    /// Lets results of `tools/call`, `resources/read` or `prompts/get` be looked up: those of `name` (a name or URI in
    /// UTF-8, without escapes), or of all names without a rule of their own. A tool with parameters that are mirrored
    /// in `Mcp-Param-*` fields must have no rule: only the consumer checks these.
    ///
    /// # Errors
    /// [`NotPrepared`] for another method.
    pub fn cache(&mut self, method: &[u8], name: Option<&[u8]>, rule: Rule) -> Result<(), NotPrepared> {
        let method = Cacheable::of(method).ok_or(NotPrepared)?;
        let rules = self.rules.get_mut(method as usize).ok_or(NotPrepared)?;
        match name {
            Some(name) => {
                rules.named.insert(name.into(), rule);
            }
            None => rules.others = Some(rule),
        }
        Ok(())
    }

    pub(crate) fn result(&self, revision: Revision, method: Prepared) -> Option<&Bytes> {
        self.results
            .get(revision as usize)?
            .get(method as usize)?
            .as_ref()
    }

    pub(crate) fn rule(&self, method: Cacheable, name: &[u8]) -> Option<&Rule> {
        let rules = self.rules.get(method as usize)?;
        rules.named.get(name).or(rules.others.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_exists_is_prepared() {
        let mut table = Table::default();
        let result = Bytes::from_static(b"{}");
        for revision in Revision::ALL {
            for method in Prepared::ALL {
                assert_eq!(Prepared::of(method.name().as_bytes()), Some(method));
                let set = table.set(revision, method.name().as_bytes(), result.clone());
                assert_eq!(set.is_ok(), method.exists(revision));
                assert_eq!(table.result(revision, method).is_some(), method.exists(revision));
            }
            assert_eq!(
                table.set(revision, b"tools/call", result.clone()),
                Err(NotPrepared)
            );
        }
        assert!(!Prepared::Ping.exists(Revision::July2026) && !Prepared::Discover.exists(Revision::June2025));
    }

    #[test]
    fn a_rule_of_its_own_goes_before_the_one_for_all() {
        let mut table = Table::default();
        let rule = |epoch: &'static str| Rule {
            epoch: Bytes::from_static(epoch.as_bytes()),
            public: false,
        };
        table
            .cache(b"resources/read", Some(b"a:b"), rule("1"))
            .expect("cacheable");
        assert_eq!(table.rule(Cacheable::Resource, b"a:b"), Some(&rule("1")));
        assert_eq!(table.rule(Cacheable::Resource, b"a:c"), None);
        table
            .cache(b"resources/read", None, rule("2"))
            .expect("cacheable");
        assert_eq!(table.rule(Cacheable::Resource, b"a:b"), Some(&rule("1")));
        assert_eq!(table.rule(Cacheable::Resource, b"a:c"), Some(&rule("2")));
        assert_eq!(table.rule(Cacheable::Tool, b"a:c"), None);
        assert_eq!(table.cache(b"tools/list", None, rule("3")), Err(NotPrepared));
    }
}
