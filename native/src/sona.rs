//! Routes and cached results behind handles: opened by the macros, asked by raw functions that copy into memory of the
//! caller.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ptr::null_mut;
use std::slice;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use envelope::{NoCanonical, canonical_params, words};
use napi::{Env, Error, Result, Status, sys};
use napi_derive::napi;
use shm_cache::{Heap, HeapOptions, Kind, SegmentOptions};
use sona::{Cache, CacheOptions, Route, Router, Written};

use crate::arguments;

/// There is no entry; nothing is routed; there is no canonical text.
const NONE: i32 = -1;
/// An argument has the wrong type or range.
const ARGUMENT: i32 = -2;
/// The implementation failed.
const PANIC: i32 = -3;
/// The store is switched off.
const OFF: i32 = -4;

/// Routes and cached results of one owner.
pub struct Sona {
    /// The results.
    pub cache: Cache,
    router: RwLock<Router>,
}

static OPEN: RwLock<Option<HashMap<u32, Arc<Sona>>>> = RwLock::new(None);
static NEXT: AtomicU32 = AtomicU32::new(1);

/// What a handle stands for; `None` once it is closed.
pub fn find(handle: u32) -> Option<Arc<Sona>> {
    let open = OPEN.read().unwrap_or_else(PoisonError::into_inner);
    open.as_ref()?.get(&handle).cloned()
}

/// Sizes are bytes.
#[napi(object)]
pub struct SonaOptions {
    /// Name of memory shared with other processes; absent: that of this process.
    pub shared: Option<String>,
    /// Most bytes of all entries.
    pub cache_size: f64,
    /// Largest key and value together.
    pub max_entry: f64,
    /// How long a call of the store may take.
    pub timeout_ms: u32,
}

/// What has been opened.
#[napi(object)]
pub struct SonaOpened {
    pub handle: u32,
    /// `segment` for shared memory, else `heap`.
    pub kind: String,
    /// Why it is not shared although that was asked for: code, colon, text.
    pub warning: Option<String>,
}

/// Counters of this process and sizes of the store.
#[napi(object)]
pub struct SonaStats {
    pub hits: f64,
    pub misses: f64,
    pub puts: f64,
    pub refused: f64,
    pub evictions: f64,
    pub corrupt: f64,
    pub entries: f64,
    pub bytes: f64,
    pub capacity: f64,
    /// 0 in use, 1 switched off after a failure, 2 switched off because it is slow.
    pub state: u32,
}

/// Opens a cache and an empty route table. Throws `code: text` for options out of range.
#[napi(catch_unwind)]
pub fn sona_open(env: Env, options: SonaOptions) -> Result<SonaOpened> {
    let (bytes, max_entry) = (size(options.cache_size)?, size(options.max_entry)?);
    let opened = match options.shared {
        Some(name) => shm_cache::open(&SegmentOptions {
            name,
            bytes,
            max_entry,
            ..SegmentOptions::default()
        }),
        None => Heap::new(HeapOptions {
            capacity: bytes,
            max_entry,
        })
        .map(|heap| shm_cache::Opened {
            store: Arc::new(heap),
            kind: Kind::Heap,
            warning: None,
        }),
    };
    let opened = opened.map_err(|error| refused(&error))?;
    let options = CacheOptions {
        max_value: max_entry,
        timeout: Duration::from_millis(u64::from(options.timeout_ms)),
    };
    let sona = Sona {
        cache: Cache::new(opened.store, options),
        router: RwLock::default(),
    };
    let handle = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut open = OPEN.write().unwrap_or_else(PoisonError::into_inner);
    open.get_or_insert_default().insert(handle, Arc::new(sona));
    drop(open);
    // A worker thread that ends must not leave its memory behind.
    env.add_env_cleanup_hook(handle, |handle| drop(take(handle)))?;
    Ok(SonaOpened {
        handle,
        kind: match opened.kind {
            Kind::Segment => "segment".to_owned(),
            Kind::Heap => "heap".to_owned(),
        },
        warning: opened.warning.map(|error| format!("{}: {error}", error.code())),
    })
}

fn refused(error: &shm_cache::Error) -> Error {
    Error::new(Status::InvalidArg, format!("{}: {error}", error.code()))
}

fn size(value: f64) -> Result<usize> {
    // Exact up to 2^53, far above what is taken.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let size = value as usize;
    if value.is_finite() && value >= 0.0 {
        Ok(size)
    } else {
        Err(refused(&shm_cache::Error::Option(
            "a size must be a number of 0 or more",
        )))
    }
}

/// Forgets a handle; its memory goes when nobody else uses it. False when it is unknown.
#[napi(catch_unwind)]
#[must_use]
pub fn sona_close(handle: u32) -> bool {
    take(handle).is_some()
}

fn take(handle: u32) -> Option<Arc<Sona>> {
    let mut open = OPEN.write().unwrap_or_else(PoisonError::into_inner);
    open.as_mut()?.remove(&handle)
}

/// Replaces the routes: each is a name and its aliases. False when the handle is unknown.
#[napi(catch_unwind)]
#[must_use]
#[allow(clippy::needless_pass_by_value)]
pub fn sona_set_routes(handle: u32, routes: Vec<Vec<String>>) -> bool {
    let Some(sona) = find(handle) else {
        return false;
    };
    let made = Router::new(&routes);
    *sona.router.write().unwrap_or_else(PoisonError::into_inner) = made;
    true
}

/// Forgets all results. False when the handle is unknown.
#[napi(catch_unwind)]
#[must_use]
pub fn sona_clear(handle: u32) -> bool {
    find(handle).map(|sona| sona.cache.clear()).is_some()
}

/// Figures of a handle; nothing when it is unknown.
#[napi(catch_unwind)]
#[must_use]
pub fn sona_stats(handle: u32) -> Option<SonaStats> {
    let sona = find(handle)?;
    let stats = sona.cache.stats();
    // Counters beyond 2^53 are of no interest.
    #[allow(clippy::cast_precision_loss)]
    let number = |value: u64| value as f64;
    Some(SonaStats {
        hits: number(stats.hits),
        misses: number(stats.misses),
        puts: number(stats.puts),
        refused: number(stats.refused),
        evictions: number(stats.evictions),
        corrupt: number(stats.corrupt),
        entries: number(stats.entries),
        bytes: number(stats.bytes),
        capacity: number(stats.capacity),
        state: sona.cache.state() as u32,
    })
}

/// `canonicalParams(body: Uint8Array, start, end, out: Uint8Array): number`: writes the canonical text of the params in
/// `body[start, end)`, without `_meta`, and returns its length; nothing is written when that is more than `out` holds.
pub unsafe extern "C" fn canonical(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with a live environment and call; so below.
    unsafe {
        answer(env, || {
            let [body, start, end, out] = arguments::read(env, info)?;
            let (start, end) = (arguments::whole(env, start)?, arguments::whole(env, end)?);
            let (body, out) = disjoint(env, body, out)?;
            let params = body.get(start as usize..end as usize)?;
            with_scratch(|text| match canonical_params(params, usize::MAX, text) {
                Ok(_) => copy(text, out),
                Err(NoCanonical::Malformed | NoCanonical::Depth | NoCanonical::TooLong) => Some(NONE),
            })
        })
    }
}

/// `sonaRoute(handle, name: Uint8Array, length, out: Uint32Array): number`: what the UTF-8 in `name[0, length)` means:
/// 1 a name, 2 an alias, 3 a namespaced form, with the route's index in `out[0]`; else 0, with the number of suggestions
/// in `out[0]` and their indices behind it.
pub unsafe extern "C" fn route(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with a live environment and call; the memory is that of two live typed arrays on this
    // thread, one only read, one only written, that share no byte.
    unsafe {
        answer(env, || {
            let [handle, name, length, out] = arguments::read(env, info)?;
            let sona = find(arguments::whole(env, handle)?)?;
            let length = arguments::whole(env, length)? as usize;
            let (name, out) = (arguments::bytes(env, name)?, arguments::words(env, out)?);
            if name.overlaps(&out) {
                return None;
            }
            let name = slice::from_raw_parts(name.pointer.cast_const(), name.length);
            let name = std::str::from_utf8(name.get(..length)?).ok()?;
            let out = slice::from_raw_parts_mut(out.pointer, out.length).first_chunk_mut::<4>()?;
            let router = sona.router.read().unwrap_or_else(PoisonError::into_inner);
            match router.route(name) {
                Route::Routed { index, how } => {
                    *out = [index, 0, 0, 0];
                    Some(how as i32)
                }
                Route::Unknown { did_you_mean } => {
                    *out = [u32::try_from(did_you_mean.len()).unwrap_or(0), 0, 0, 0];
                    for (place, index) in out.iter_mut().skip(1).zip(did_you_mean) {
                        *place = index;
                    }
                    Some(0)
                }
            }
        })
    }
}

/// `sonaGet(handle, key: Uint8Array, length, now, out: Uint8Array): number`: copies the value of `key[0, length)` to `out`
/// and returns its length; when that is more than `out` holds, nothing is written. -1 when there is none.
pub unsafe extern "C" fn get(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with a live environment and call; so below.
    unsafe {
        answer(env, || {
            let [handle, key, length, now, out] = arguments::read(env, info)?;
            let sona = find(arguments::whole(env, handle)?)?;
            let length = arguments::whole(env, length)? as usize;
            let now = time(env, now)?;
            let (key, out) = disjoint(env, key, out)?;
            let key = key.get(..length)?;
            with_scratch(|value| {
                if sona.cache.get(key, now, value) {
                    copy(value, out)
                } else {
                    Some(NONE)
                }
            })
        })
    }
}

/// `sonaPut(handle, key: Uint8Array, length, value: Uint8Array, size, expires): number`: keeps `value[0, size)` under
/// `key[0, length)` until the time given. 1 stored, 0 refused (too large), -4 when the store is switched off.
pub unsafe extern "C" fn put(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with a live environment and call; both arrays are only read, on this thread, and nothing
    // below calls into JavaScript.
    unsafe {
        answer(env, || {
            let [handle, key, length, value, size, expires] = arguments::read(env, info)?;
            let sona = find(arguments::whole(env, handle)?)?;
            let length = arguments::whole(env, length)? as usize;
            let size = arguments::whole(env, size)? as usize;
            let expires = time(env, expires)?;
            let (key, value) = (arguments::bytes(env, key)?, arguments::bytes(env, value)?);
            let key = slice::from_raw_parts(key.pointer.cast_const(), key.length).get(..length)?;
            let value = slice::from_raw_parts(value.pointer.cast_const(), value.length).get(..size)?;
            Some(match sona.cache.put(key, value, expires) {
                Written::Stored => 1,
                Written::Refused => 0,
                Written::Off => OFF,
            })
        })
    }
}

/// `sonaRemove(handle, key: Uint8Array, length): number`: 1 when there was an entry, else 0.
pub unsafe extern "C" fn remove(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: as `put`.
    unsafe {
        answer(env, || {
            let [handle, key, length] = arguments::read(env, info)?;
            let sona = find(arguments::whole(env, handle)?)?;
            let length = arguments::whole(env, length)? as usize;
            let key = arguments::bytes(env, key)?;
            let key = slice::from_raw_parts(key.pointer.cast_const(), key.length).get(..length)?;
            Some(i32::from(sona.cache.remove(key)))
        })
    }
}

/// # Safety
/// `env` is the one Node passed to the running callback.
unsafe fn answer(env: sys::napi_env, work: impl FnOnce() -> Option<i32>) -> sys::napi_value {
    let mut outcome = PANIC;
    words::guarded(|| {
        outcome = work().unwrap_or(ARGUMENT);
        0
    });
    let mut result = null_mut();
    // SAFETY: above. When Node cannot make the number, the null it leaves reads as `undefined`.
    unsafe { sys::napi_create_int32(env, outcome, &raw mut result) };
    result
}

/// Memory to read and memory to write that share no byte.
///
/// # Safety
/// `env` is that of the running callback and the values are arguments of it; the slices are used before JavaScript runs
/// again.
unsafe fn disjoint<'a>(
    env: sys::napi_env,
    source: sys::napi_value,
    target: sys::napi_value,
) -> Option<(&'a [u8], &'a mut [u8])> {
    // SAFETY: the caller's promise.
    let (source, target) = unsafe { (arguments::bytes(env, source)?, arguments::bytes(env, target)?) };
    if source.overlaps(&target) {
        return None;
    }
    // SAFETY: the memory of two live typed arrays on this thread that share no byte.
    unsafe {
        Some((
            slice::from_raw_parts(source.pointer.cast_const(), source.length),
            slice::from_raw_parts_mut(target.pointer, target.length),
        ))
    }
}

/// Milliseconds since the Unix epoch; infinity is the end of time.
///
/// # Safety
/// `env` is that of the running callback and `value` one of its arguments.
unsafe fn time(env: sys::napi_env, value: sys::napi_value) -> Option<u64> {
    let mut number = 0.0;
    // SAFETY: the output lives across the call.
    let status = unsafe { sys::napi_get_value_double(env, value, &raw mut number) };
    // The conversion saturates, and a fraction of a millisecond does not matter.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let time = number as u64;
    (status == sys::Status::napi_ok && number >= 0.0).then_some(time)
}

/// The length of `bytes`, which are copied if they fit.
fn copy(bytes: &[u8], out: &mut [u8]) -> Option<i32> {
    if let Some(place) = out.get_mut(..bytes.len()) {
        place.copy_from_slice(bytes);
    }
    i32::try_from(bytes.len()).ok()
}

/// What a call may leave allocated for the next.
const SCRATCH: usize = 1 << 20;

/// Runs `work` with an empty buffer that is used again.
fn with_scratch(work: impl FnOnce(&mut Vec<u8>) -> Option<i32>) -> Option<i32> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with(|buffer| {
        let mut buffer = buffer.try_borrow_mut().ok()?;
        buffer.clear();
        let outcome = work(&mut buffer);
        buffer.shrink_to(SCRATCH);
        outcome
    })
}
