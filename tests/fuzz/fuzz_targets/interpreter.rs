//! What the runtime computes of any graph in f32 is what the oracle says in f64, wherever f32 can tell.
#![no_main]

use hnn_exporter::graph::Graph;
use hnn_exporter::optimize::optimize;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(graph) = Graph::parse(text) else { return };
    if !graph.parameters().is_empty() || !hnn_fuzz::is_small(&graph) {
        return;
    }
    let Ok(graph) = optimize(&graph) else { return };
    let Some(found) = hnn_fuzz::interpreted(&graph) else { return };
    if let Some(difference) = hnn_fuzz::judge(&graph, &found) {
        panic!("{difference}\n{graph}");
    }
});
