//! Any text is a formula or an error that can be shown, and a formula that was read is a model with a field.
#![no_main]

use std::collections::BTreeMap;

use hnn_exporter::{dynamics, expression};
use libfuzzer_sys::fuzz_target;

/// Constants that a formula may use.
const SETTINGS: [&str; 4] = ["g", "k", "l", "m"];

fuzz_target!(|text: &str| {
    // A setting that is given must be used, so only those that occur are given.
    let used = SETTINGS.iter().filter(|name| text.contains(**name));
    let settings: BTreeMap<String, f64> = used.map(|name| ((*name).to_owned(), 1.5)).collect();
    match expression::parse(text, &settings) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(model) => {
            model.graph().verify().expect("a model is well-formed");
            if hnn_fuzz::is_small(model.graph()) {
                let _ = dynamics::field(&model);
            }
        }
    }
});
