//! Which route a name means.

use std::collections::HashMap;

use crate::distance::{Rows, within};

/// Most suggestions for a name that is unknown.
pub const MAX_SUGGESTIONS: usize = 3;
/// Characters of a name for which suggestions are sought.
const MAX_QUERY: usize = 256;
/// Most edits a suggestion may be away.
const MAX_EDITS: usize = 3;

/// By which form of a route's name it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum How {
    /// Its name.
    Name = 1,
    /// One of its aliases.
    Alias = 2,
    /// `server__tool`, `server/tool`, or `tool` if no other server has one.
    Namespace = 3,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Exactly one route.
    Routed {
        /// Its place in the list the router was made of.
        index: u32,
        /// The form that was found.
        how: How,
    },
    /// None, or more than one.
    Unknown {
        /// Routes that may have been meant, the nearest first; at most [`MAX_SUGGESTIONS`].
        did_you_mean: Vec<u32>,
    },
}

/// Routes by their names.
#[derive(Default)]
pub struct Router {
    forms: HashMap<Box<str>, (u32, How)>,
    /// Plain names that several servers have, with the first routes that have them.
    ambiguous: HashMap<Box<str>, Vec<u32>>,
    /// Folded forms for suggestions.
    folded: Vec<Folded>,
}

struct Folded {
    index: u32,
    /// One bit for each character, by its low bits.
    signature: u64,
    text: Box<[char]>,
}

impl Router {
    /// A router of `routes`; each is a name and its aliases. What was said first wins: names before aliases, both before
    /// namespaced forms, and among equals the earlier route.
    #[must_use]
    pub fn new(routes: &[Vec<String>]) -> Self {
        let mut made = Self::default();
        let numbered = || (0_u32..).zip(routes);
        for (index, route) in numbered() {
            if let Some(name) = route.first() {
                made.forms
                    .entry(name.as_str().into())
                    .or_insert((index, How::Name));
            }
        }
        for (index, route) in numbered() {
            for alias in route.iter().skip(1) {
                made.forms
                    .entry(alias.as_str().into())
                    .or_insert((index, How::Alias));
            }
        }
        let mut plain: HashMap<&str, Vec<u32>> = HashMap::new();
        for (index, route) in numbered() {
            let Some((server, tool)) = route.first().and_then(|name| namespaced(name)) else {
                continue;
            };
            for form in [format!("{server}__{tool}"), format!("{server}/{tool}")] {
                made.forms.entry(form.into()).or_insert((index, How::Namespace));
            }
            plain.entry(tool).or_default().push(index);
        }
        for (tool, mut indices) in plain {
            if made.forms.contains_key(tool) {
                continue;
            }
            if let [index] = indices.as_slice() {
                made.forms.insert(tool.into(), (*index, How::Namespace));
            } else {
                indices.truncate(MAX_SUGGESTIONS);
                made.ambiguous.insert(tool.into(), indices);
            }
        }
        for (index, route) in numbered() {
            let tool = route
                .first()
                .and_then(|name| namespaced(name))
                .map(|(_, tool)| tool);
            for form in route.iter().map(String::as_str).chain(tool) {
                let text = fold(form);
                made.folded.push(Folded {
                    index,
                    signature: signature(&text),
                    text,
                });
            }
        }
        made
    }

    /// The route `name` means.
    #[must_use]
    pub fn route(&self, name: &str) -> Route {
        if let Some(&(index, how)) = self.forms.get(name) {
            return Route::Routed { index, how };
        }
        let did_you_mean = match self.ambiguous.get(name) {
            Some(indices) => indices.clone(),
            None => self.suggest(name),
        };
        Route::Unknown { did_you_mean }
    }

    /// Routes near to `name`, by distance and then by their order.
    fn suggest(&self, name: &str) -> Vec<u32> {
        if name.chars().nth(MAX_QUERY).is_some() {
            return Vec::new();
        }
        let text = fold(name);
        let wanted = signature(&text);
        let bound = (text.len() / 3).clamp(1, MAX_EDITS);
        let mut best: Vec<(usize, u32)> = Vec::with_capacity(MAX_SUGGESTIONS + 1);
        let mut rows = Rows::default();
        for candidate in &self.folded {
            // Once there are enough, only what is nearer than the last of them matters.
            let bound = match best.get(MAX_SUGGESTIONS - 1) {
                Some((0, _)) => break,
                Some((worst, _)) => worst - 1,
                None => bound,
            };
            // An edit changes at most two of the bits.
            if (candidate.signature ^ wanted).count_ones() as usize > 2 * bound {
                continue;
            }
            let Some(distance) = within(&text, &candidate.text, bound, &mut rows) else {
                continue;
            };
            let entry = (distance, candidate.index);
            match best.iter_mut().find(|(_, index)| *index == candidate.index) {
                Some(known) => *known = (*known).min(entry),
                None => best.push(entry),
            }
            best.sort_unstable();
            best.truncate(MAX_SUGGESTIONS);
        }
        best.into_iter().map(|(_, index)| index).collect()
    }
}

/// Server and tool of `server__tool` or, without `__`, of `server/tool`.
fn namespaced(name: &str) -> Option<(&str, &str)> {
    name.split_once("__")
        .or_else(|| name.split_once('/'))
        .filter(|(server, tool)| !server.is_empty() && !tool.is_empty())
}

/// What people mix up is made equal: case, `-` `.` and space for `_`, `/` for `__`.
fn fold(name: &str) -> Box<[char]> {
    let mut text: Vec<char> = Vec::with_capacity(name.len());
    let mut open = false;
    for character in name.chars() {
        let plain = match character.to_ascii_lowercase() {
            '-' | '.' | ' ' => '_',
            other => other,
        };
        if plain == '_' && open {
            text.pop();
            text.push('/');
            open = false;
        } else {
            text.push(plain);
            open = plain == '_';
        }
    }
    text.into()
}

fn signature(text: &[char]) -> u64 {
    text.iter()
        .fold(0, |bits, character| bits | 1 << (u32::from(*character) & 63))
}
