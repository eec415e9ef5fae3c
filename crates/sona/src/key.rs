//! Keys of cached results.
//!
//! A key holds everything its result depends on, each part with its length before it, so that no two requests that
//! differ in any part share a key. `src/intelligence/cache-key.ts` makes the very same bytes.
//!
//! ```text
//! version  u8 = 1
//! epoch    u32 length, bytes      what answers: definition, identity of the server, registration
//! revision u32 length, bytes      protocol revision, hence also the era
//! method   u32 length, bytes
//! name     u32 length, bytes      tool name or URI
//! scope    u8                     0 public, 1 private
//! whom     u32 length, bytes      the principal; empty when public
//! params   u32 length, bytes      canonical text without `_meta`
//! ```
//!
//! Lengths are little-endian.

use envelope::canonical_params;

/// Bytes a key may have; requests that need more are not cached.
pub const MAX_KEY: usize = 64 * 1024;
/// Bytes of raw params that are looked at: spaces, escapes and `_meta` do not reach the key.
const MAX_PARAMS: usize = 4 * MAX_KEY;

/// What a result depends on.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Identity of what answers; changes when it is replaced.
    pub epoch: &'a [u8],
    /// Protocol revision of the answer.
    pub revision: &'a [u8],
    /// JSON-RPC method.
    pub method: &'a [u8],
    /// Tool name or URI, decoded.
    pub name: &'a [u8],
    /// Who asks; none for results declared public.
    pub principal: Option<&'a [u8]>,
    /// Raw `params`, strictly scanned; empty when absent.
    pub params: &'a [u8],
}

/// Why a request is answered without the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncacheable {
    /// Its params have no canonical text (malformed, too deep) or the key would be too long.
    Params,
    /// It goes on with an earlier answer, or asks for a task.
    Stateful,
    /// It asks for progress or log messages.
    Reporting,
}

/// Writes the key of `query` to `out`, which is emptied first.
///
/// # Errors
/// [`Uncacheable`]; `out` is then of no use.
pub fn write_key(query: &Query<'_>, out: &mut Vec<u8>) -> Result<(), Uncacheable> {
    if query.params.len() > MAX_PARAMS {
        return Err(Uncacheable::Params);
    }
    out.clear();
    out.push(1);
    for part in [query.epoch, query.revision, query.method, query.name] {
        put(part, out)?;
    }
    out.push(u8::from(query.principal.is_some()));
    put(query.principal.unwrap_or_default(), out)?;
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    let seen = canonical_params(query.params, MAX_KEY, out).map_err(|_| Uncacheable::Params)?;
    if seen.stateful {
        return Err(Uncacheable::Stateful);
    }
    if seen.reporting {
        return Err(Uncacheable::Reporting);
    }
    if out.len() > MAX_KEY {
        return Err(Uncacheable::Params);
    }
    let length = length(out.len() - length_at - 4)?;
    if let Some(place) = out.get_mut(length_at..length_at + 4) {
        place.copy_from_slice(&length);
    }
    Ok(())
}

fn put(part: &[u8], out: &mut Vec<u8>) -> Result<(), Uncacheable> {
    if part.len() > MAX_KEY {
        return Err(Uncacheable::Params);
    }
    out.extend_from_slice(&length(part.len())?);
    out.extend_from_slice(part);
    Ok(())
}

fn length(value: usize) -> Result<[u8; 4], Uncacheable> {
    u32::try_from(value)
        .map(u32::to_le_bytes)
        .map_err(|_| Uncacheable::Params)
}
