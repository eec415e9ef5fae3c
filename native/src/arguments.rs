//! Checked reading of JavaScript arguments through Node-API. Everything that is not exactly what a function asks for is
//! `None`; no conversion of JavaScript's own (`NaN` to 0, `-1` to 2^32 - 1) happens.

use std::ptr::null_mut;

use napi::sys;

/// The first `N` arguments of a call; missing ones are `undefined`.
///
/// # Safety
/// `env` and `info` are those Node passed to the running callback.
pub unsafe fn read<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> Option<[sys::napi_value; N]> {
    let mut values = [null_mut(); N];
    let mut count = N;
    // SAFETY: `values` has room for `count` handles; the two outputs we do not want may be null.
    let status = unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &raw mut count,
            values.as_mut_ptr(),
            null_mut(),
            null_mut(),
        )
    };
    (status == sys::Status::napi_ok).then_some(values)
}

/// A whole number in `0..=u32::MAX`.
///
/// # Safety
/// `env` is that of the running callback and `value` one of its arguments.
pub unsafe fn whole(env: sys::napi_env, value: sys::napi_value) -> Option<u32> {
    let mut number = 0.0;
    // SAFETY: the output lives across the call.
    let status = unsafe { sys::napi_get_value_double(env, value, &raw mut number) };
    if status != sys::Status::napi_ok || !(0.0..=f64::from(u32::MAX)).contains(&number) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = number as u32;
    (f64::from(whole).to_bits() == number.to_bits() || number == 0.0).then_some(whole)
}

/// Memory of a typed array: never null, aligned for `T`, valid while the running callback does not call into JavaScript.
pub struct Memory<T> {
    pub pointer: *mut T,
    pub length: usize,
}

impl<T> Memory<T> {
    /// True when the two share a byte.
    pub fn overlaps<U>(&self, other: &Memory<U>) -> bool {
        let (start, other_start) = (self.pointer.addr(), other.pointer.addr());
        let end = start.saturating_add(self.length.saturating_mul(size_of::<T>()));
        let other_end = other_start.saturating_add(other.length.saturating_mul(size_of::<U>()));
        start < other_end && other_start < end
    }
}

/// A `Uint8Array` (so also a `Buffer`).
///
/// # Safety
/// As [`whole`].
pub unsafe fn bytes(env: sys::napi_env, value: sys::napi_value) -> Option<Memory<u8>> {
    // SAFETY: passed on; the element type fits the array type.
    unsafe { typed_array(env, value, sys::TypedarrayType::uint8_array) }
}

/// A `Uint32Array`.
///
/// # Safety
/// As [`whole`].
pub unsafe fn words(env: sys::napi_env, value: sys::napi_value) -> Option<Memory<u32>> {
    // SAFETY: passed on; the element type fits the array type.
    unsafe { typed_array(env, value, sys::TypedarrayType::uint32_array) }
}

/// # Safety
/// As [`whole`]; `T` is the element type of `wanted`.
unsafe fn typed_array<T>(env: sys::napi_env, value: sys::napi_value, wanted: i32) -> Option<Memory<T>> {
    let mut kind = -1;
    let mut length = 0;
    let mut data = null_mut();
    let mut buffer = null_mut();
    // SAFETY: the outputs live across the call; the one we do not want may be null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env,
            value,
            &raw mut kind,
            &raw mut length,
            &raw mut data,
            &raw mut buffer,
            null_mut(),
        )
    };
    if status != sys::Status::napi_ok || kind != wanted {
        return None;
    }
    // Another thread may write to shared memory while we read it, which Rust must never see.
    let mut exclusive = false;
    // SAFETY: `buffer` is the handle the call above has made.
    let status = unsafe { sys::napi_is_arraybuffer(env, buffer, &raw mut exclusive) };
    if status != sys::Status::napi_ok || !exclusive {
        return None;
    }
    let pointer = data.cast::<T>();
    // An empty or detached array has no memory.
    if length == 0 || pointer.is_null() {
        return Some(Memory {
            pointer: std::ptr::NonNull::dangling().as_ptr(),
            length: 0,
        });
    }
    pointer.is_aligned().then_some(Memory { pointer, length })
}
