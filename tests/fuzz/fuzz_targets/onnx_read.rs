//! Any bytes are an ONNX file or an error, and what is read is a well-formed graph that can be adopted or is refused.
#![no_main]

use hnn_exporter::dynamics;
use hnn_exporter::import::{StateInputs, adopt};
use hnn_exporter::onnx;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = onnx::read(bytes) else { return };
    graph.verify().expect("a graph that was read is well-formed");
    let Ok(model) = adopt(&graph, &StateInputs::default()) else { return };
    if hnn_fuzz::is_small(model.graph())
        && let Ok(field) = dynamics::field(&model)
    {
        field.verify().expect("a field is well-formed");
    }
});
