//! See `src/switch_ops.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lanparty_sdk_fuzz::switch_ops::run(data));
