use std::ptr::null_mut;
use std::slice;

use envelope::words;
use napi::sys;

use crate::arguments;

/// `scanEnvelope(body: Uint8Array, start, end, limits: Uint32Array, out: Uint32Array): number`; see
/// [`envelope::words`] for the statuses and the words of `out`.
pub unsafe extern "C" fn scan_envelope(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with a live environment and call.
    let status = words::guarded(|| unsafe { scan(env, info) }.unwrap_or(words::ARGUMENT));
    let mut result = null_mut();
    // SAFETY: as above. When Node cannot make the number, the null it leaves reads as `undefined`.
    unsafe { sys::napi_create_uint32(env, status, &raw mut result) };
    result
}

/// # Safety
/// `env` and `info` are those Node passed to the running callback.
unsafe fn scan(env: sys::napi_env, info: sys::napi_callback_info) -> Option<u32> {
    // SAFETY: the caller's promise, for this line and the next five; all handles are arguments of this call.
    let [body, start, end, limits, out] = unsafe { arguments::read(env, info) }?;
    // SAFETY: above.
    let body = unsafe { arguments::bytes(env, body) }?;
    // SAFETY: above.
    let (start, end) = unsafe { (arguments::whole(env, start)?, arguments::whole(env, end)?) };
    // SAFETY: above.
    let limits = unsafe { arguments::words(env, limits) }?;
    // SAFETY: above.
    let out = unsafe { arguments::words(env, out) }?;
    if limits.length < words::LIMITS || out.overlaps(&body) {
        return None;
    }
    // SAFETY: the memory of three live typed arrays on this thread; nothing below calls into JavaScript, so it neither
    // moves nor changes. `limits` is copied before `out` becomes writable, and `out` shares no byte with `body`.
    let limits = unsafe { *limits.pointer.cast::<[u32; words::LIMITS]>() };
    // SAFETY: above.
    let body = unsafe { slice::from_raw_parts(body.pointer, body.length) };
    // SAFETY: above.
    let out = unsafe { slice::from_raw_parts_mut(out.pointer, out.length) };
    Some(words::scan_words(body, start as usize, end as usize, limits, out))
}
