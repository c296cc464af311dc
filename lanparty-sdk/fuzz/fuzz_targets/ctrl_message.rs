//! See `src/ctrl_message.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| lanparty_sdk_fuzz::ctrl_message::run(data));
