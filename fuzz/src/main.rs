//! libFuzzer on the target that the environment variable FERROMCP_FUZZ_TARGET names; `scripts/fuzz.mjs` starts it.
#![no_main]

use std::sync::OnceLock;

use ferromcp_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

fn target() -> Target {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    *CHOSEN.get_or_init(|| {
        let name = std::env::var("FERROMCP_FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|(target, _)| *target == name);
        found.map_or_else(
            || panic!("FERROMCP_FUZZ_TARGET={name} names no target"),
            |(_, run)| *run,
        )
    })
}

fuzz_target!(|data: &[u8]| target()(data));
