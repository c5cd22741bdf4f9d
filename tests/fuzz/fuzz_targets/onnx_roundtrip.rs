//! What can be read and written again means the same: written in f64, read back, and evaluated by the oracle.
#![no_main]

use hnn_exporter::onnx::{self, Precision, WriteOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = onnx::read(bytes) else { return };
    // A file without a batch is written without one, and a first length that is fixed may be read as the batch.
    let batched = graph.inputs().iter().any(|(_, id)| graph.shape(*id).is_batched());
    if !batched || !hnn_fuzz::is_small(&graph) {
        return;
    }
    let options = WriteOptions { precision: Precision::F64, ..WriteOptions::default() };
    let Ok(written) = onnx::write(&graph, &options) else { return };
    let again = onnx::read(&written).expect("a file that was written can be read");
    if let Some(difference) = hnn_fuzz::difference(&again, &graph) {
        panic!("{difference}\n{graph}\n{again}");
    }
});
