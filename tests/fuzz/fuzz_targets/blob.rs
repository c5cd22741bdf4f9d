//! Any words with a right checksum are refused, or run within their bounds: no panic, no step that leaves the finite numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Whatever it says, it must say it without a panic.
    let _ = hnn_fuzz::exercise(&hnn_fuzz::resealed(bytes));
});
