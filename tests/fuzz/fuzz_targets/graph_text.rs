//! Any text is a graph or an error with its place, and a graph that was read is well-formed and is written as it was read.
#![no_main]

use hnn_exporter::graph::Graph;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(graph) = Graph::parse(text) else { return };
    graph.verify().expect("a graph that was read is well-formed");
    let written = graph.to_string();
    let again = Graph::parse(&written).expect("a text that was written can be read");
    assert_eq!(again.to_string(), written);
});
