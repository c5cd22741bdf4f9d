//! The operators of a file, counted as they stand there, before anything is read into a graph.

use std::collections::BTreeMap;

use super::{OnnxError, scan};

/// How many nodes the graph of a file has of each operator; nodes inside functions and subgraphs are not counted.
///
/// # Errors
/// [`OnnxError::Malformed`] where the bytes are no ONNX model, [`OnnxError::Limit`] beyond the limits of [`super::read()`].
pub fn operators(bytes: &[u8]) -> Result<BTreeMap<String, usize>, OnnxError> {
    let model = scan::decode(bytes)?;
    let mut counts = BTreeMap::new();
    for node in model.graph.into_iter().flat_map(|graph| graph.node) {
        *counts.entry(node.op_type.unwrap_or_default()).or_default() += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::super::MAX_FILE_NODES;
    use super::*;

    #[test]
    fn a_file_beyond_the_limits_of_the_reader_is_not_decoded() {
        // Field 7 of a model is its graph, field 1 of a graph a node.
        let nodes = [0x0a, 0].repeat(MAX_FILE_NODES + 1);
        let mut bytes = vec![0x3a];
        prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
        bytes.extend(nodes);
        assert!(matches!(operators(&bytes), Err(OnnxError::Limit { limit: MAX_FILE_NODES, .. })));
    }
}
