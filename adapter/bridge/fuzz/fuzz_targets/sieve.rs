//! Feeds the sieve with what libFuzzer finds.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| latchkey_fuzz::sieve::check(input));
