//! What the runtime computes of any graph in f32 is what the oracle says in f64, wherever f32 can tell.
#![no_main]

use hnn_exporter::graph::Graph;
use libfuzzer_sys::fuzz_target;

/// Most nodes of a graph that is lowered: longer ones take a second each.
const MAX_NODES: usize = 48;

fuzz_target!(|text: &str| {
    let Ok(graph) = Graph::parse(text) else { return };
    if !graph.parameters().is_empty() || graph.nodes().len() > MAX_NODES || !hnn_fuzz::is_small(&graph) {
        return;
    }
    let Some(found) = hnn_fuzz::interpreted(&graph) else { return };
    if let Some(difference) = hnn_fuzz::judge(&graph, &found) {
        panic!("{difference}\n{graph}");
    }
});
