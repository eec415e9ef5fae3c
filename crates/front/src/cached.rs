//! Looking up results that were made before. They are written elsewhere; the front only reads.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What identifies a cached result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheQuery<'a> {
    /// `tools/call`, `resources/read` or `prompts/get`.
    pub method: &'a [u8],
    /// The name or URI in UTF-8, without escapes.
    pub name: &'a [u8],
    /// `params` as it stands in the message: an object the strict scanner has found sound, without members other than
    /// `name` or `uri`, `arguments` and `_meta`.
    pub params: &'a [u8],
    /// Revision of the request.
    pub revision: &'a str,
    /// Epoch of the rule; a new one makes all earlier results unreachable.
    pub epoch: &'a [u8],
    /// Who asks; None when the result was declared public.
    pub principal: Option<&'a [u8]>,
}

/// Where results are looked up, on the threads of the front: it must not block.
pub trait ResultCache: Send + Sync {
    /// Appends the JSON text of the result to `out` and returns true, or returns false; what it has appended then does
    /// not count.
    fn lookup(&self, query: &CacheQuery<'_>, out: &mut Vec<u8>) -> bool;
}

/// How a look-up went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The result is in `out`.
    Hit,
    /// There is none.
    Miss,
    /// The cache panicked, which counts as a miss.
    Failed,
}

/// Looks up a result; a panic of the cache ends here.
pub fn look_up(cache: &dyn ResultCache, query: &CacheQuery<'_>, out: &mut Vec<u8>) -> Looked {
    let start = out.len();
    let looked = match catch_unwind(AssertUnwindSafe(|| cache.lookup(query, out))) {
        Ok(true) if out.len() > start => return Looked::Hit,
        Ok(_) => Looked::Miss,
        Err(_) => Looked::Failed,
    };
    out.truncate(start);
    looked
}

#[cfg(test)]
mod tests {
    use super::*;

    struct By(fn(&mut Vec<u8>) -> bool);

    impl ResultCache for By {
        fn lookup(&self, _: &CacheQuery<'_>, out: &mut Vec<u8>) -> bool {
            (self.0)(out)
        }
    }

    #[test]
    fn a_cache_that_fails_is_a_miss() {
        let query = CacheQuery {
            method: b"tools/call",
            name: b"a",
            params: b"{}",
            revision: "2026-07-28",
            epoch: b"1",
            principal: None,
        };
        for (cache, expected, left) in [
            (
                By(|out| {
                    out.push(b'1');
                    true
                }),
                Looked::Hit,
                "x1",
            ),
            (
                By(|out| {
                    out.push(b'1');
                    false
                }),
                Looked::Miss,
                "x",
            ),
            (By(|_| true), Looked::Miss, "x"),
            (
                By(|out| {
                    out.push(b'1');
                    panic!("broken")
                }),
                Looked::Failed,
                "x",
            ),
        ] {
            let mut out = b"x".to_vec();
            assert_eq!(look_up(&cache, &query, &mut out), expected);
            assert_eq!(out, left.as_bytes());
        }
    }
}
