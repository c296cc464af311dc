//! See `src/ethernet.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lanparty_sdk_fuzz::ethernet::run(data));
