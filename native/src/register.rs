//! Registration of the exports that bypass the napi macros: those cost more than the calls do.

use napi::bindgen_prelude::{Env, Object};
use napi::{JsValue, Result, check_status, sys};
use napi_derive::napi;

use crate::front_slab::{front_reply, front_take};
use crate::scan_envelope::scan_envelope;
use crate::sona;

#[napi(module_exports)]
fn module_exports(exports: Object, env: Env) -> Result<()> {
    function(env, &exports, c"scanEnvelope", scan_envelope)?;
    function(env, &exports, c"frontTake", front_take)?;
    function(env, &exports, c"frontReply", front_reply)?;
    function(env, &exports, c"canonicalParams", sona::canonical)?;
    function(env, &exports, c"sonaRoute", sona::route)?;
    function(env, &exports, c"sonaGet", sona::get)?;
    function(env, &exports, c"sonaPut", sona::put)?;
    function(env, &exports, c"sonaRemove", sona::remove)
}

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

fn function(env: Env, exports: &Object, name: &std::ffi::CStr, callback: Callback) -> Result<()> {
    let length = isize::try_from(name.count_bytes()).unwrap_or(0);
    let mut value = std::ptr::null_mut();
    // SAFETY: `env` and `exports` are live for this call of the module initialiser, `name` is a C string, `callback` has
    // the signature Node-API asks for and needs no data.
    let status = unsafe {
        sys::napi_create_function(
            env.raw(),
            name.as_ptr(),
            length,
            Some(callback),
            std::ptr::null_mut(),
            &raw mut value,
        )
    };
    check_status!(status)?;
    // SAFETY: as above; `value` was just made by Node.
    let status = unsafe { sys::napi_set_named_property(env.raw(), exports.raw(), name.as_ptr(), value) };
    check_status!(status)
}
