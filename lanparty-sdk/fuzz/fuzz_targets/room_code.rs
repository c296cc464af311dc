//! See `src/room_code.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lanparty_sdk_fuzz::room_code::run(data));
