//! See `src/certificate.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lanparty_sdk_fuzz::certificate::run(data));
