#![no_main]

#[path = "../targets.rs"]
#[allow(dead_code)]
mod targets;

libfuzzer_sys::fuzz_target!(init: targets::quiet_readers(), |bytes: &[u8]| targets::edi(bytes));
