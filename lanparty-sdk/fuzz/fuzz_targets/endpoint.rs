//! See `src/endpoint.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lanparty_sdk_fuzz::endpoint::run(data));
