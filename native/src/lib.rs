//! Node-API addon of ferromcp. It converts arguments and results; the work is done by the crates under `crates/`.
//!
//! No export lets a panic or a bad argument reach Node: `scanEnvelope` answers with a status, the others throw a coded
//! error.

// The macros leave the registration out of test builds.
#![cfg_attr(test, allow(dead_code))]

mod arguments;
mod front;
mod front_control;
mod front_slab;
mod register;
mod scan_envelope;
mod sona;

use napi_derive::napi;

/// Version of the addon. The loader refuses one that differs from the package's.
#[napi(catch_unwind)]
#[must_use]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Names of the statuses of `scanEnvelope`, from 1 on, separated by commas. The loader compares them with its own.
#[napi(catch_unwind)]
#[must_use]
pub fn status_codes() -> String {
    envelope::Code::ALL.map(envelope::Code::name).join(",")
}
