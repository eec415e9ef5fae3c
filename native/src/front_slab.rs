//! The two functions of the hand-over, once per turn of the loop each.

use std::ptr::null_mut;
use std::slice;

use envelope::words;
use napi::sys;

use crate::{arguments, front};

/// `frontTake(handle, slab: Uint8Array): number`: fills the slab with request records and returns the bytes written; 0
/// when nothing waits, and only then `wake` will be called again. -1 for an unknown handle or a wrong slab.
pub unsafe extern "C" fn front_take(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with a live environment and call.
    unsafe { answer(env, || take(env, info)) }
}

/// `frontReply(handle, slab: Uint8Array, length): number`: sends the reply records in `slab[0, length)`. -1 for an unknown
/// handle or wrong records; those before the first wrong one were taken.
pub unsafe extern "C" fn front_reply(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with a live environment and call.
    unsafe { answer(env, || reply(env, info)) }
}

/// # Safety
/// `env` is the one Node passed to the running callback.
unsafe fn answer(env: sys::napi_env, work: impl FnOnce() -> Option<i32>) -> sys::napi_value {
    let mut outcome = -1;
    words::guarded(|| {
        outcome = work().unwrap_or(-1);
        0
    });
    let mut result = null_mut();
    // SAFETY: above. When Node cannot make the number, the null it leaves reads as `undefined`.
    unsafe { sys::napi_create_int32(env, outcome, &raw mut result) };
    result
}

/// # Safety
/// As [`answer`]; `info` is of the same call.
unsafe fn take(env: sys::napi_env, info: sys::napi_callback_info) -> Option<i32> {
    // SAFETY: the caller's promise, for this line and the next two; all handles are arguments of this call.
    let [handle, slab] = unsafe { arguments::read(env, info) }?;
    // SAFETY: above.
    let handle = unsafe { arguments::whole(env, handle)? };
    // SAFETY: above.
    let slab = unsafe { arguments::bytes(env, slab) }?;
    // SAFETY: the memory of a live typed array on this thread; nothing below calls into JavaScript, so it neither moves
    // nor changes.
    let slab = unsafe { slice::from_raw_parts_mut(slab.pointer, slab.length) };
    let written = front::find(handle)?.drain_into(slab).ok()?;
    i32::try_from(written).ok()
}

/// # Safety
/// As [`take`].
unsafe fn reply(env: sys::napi_env, info: sys::napi_callback_info) -> Option<i32> {
    // SAFETY: the caller's promise, for this line and the next three; all handles are arguments of this call.
    let [handle, slab, length] = unsafe { arguments::read(env, info) }?;
    // SAFETY: above.
    let handle = unsafe { arguments::whole(env, handle)? };
    // SAFETY: above.
    let slab = unsafe { arguments::bytes(env, slab) }?;
    // SAFETY: above.
    let length = unsafe { arguments::whole(env, length)? } as usize;
    // SAFETY: as in `take`; `get` below keeps within the array.
    let slab = unsafe { slice::from_raw_parts(slab.pointer.cast_const(), slab.length) };
    front::find(handle)?.reply(slab.get(..length)?).ok()?;
    Some(0)
}
