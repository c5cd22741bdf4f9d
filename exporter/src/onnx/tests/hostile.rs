//! Damaged, oversized and unsupported files are errors that say so.

use prost::Message;

use super::super::proto::tensor_proto::{DataLocation, DataType};
use super::super::proto::{ModelProto, OperatorSetIdProto, TensorProto};
use super::super::{
    MAX_DECODED_BYTES, MAX_FILE_BYTES, MAX_FILE_NODES, MAX_FILE_PARTS, MAX_FILE_TENSORS, MAX_OPSET, OnnxError,
    WriteOptions, read, tensor, write,
};
use super::cases;

fn small_file() -> Vec<u8> {
    write(&cases::mlp_gradient(2), &WriteOptions::default()).unwrap()
}

fn changed(change: impl FnOnce(&mut ModelProto)) -> Result<crate::graph::Graph, OnnxError> {
    let mut model = ModelProto::decode(&small_file()[..]).unwrap();
    change(&mut model);
    read(&model.encode_to_vec())
}

#[test]
fn no_prefix_of_a_file_is_a_model_with_its_output() {
    let bytes = small_file();
    for len in 0..bytes.len() {
        // Metadata come last, so a cut there may leave a whole graph; anything shorter must be refused.
        if let Ok(graph) = read(&bytes[..len]) {
            assert_eq!(graph.outputs().len(), 1, "prefix of {len} bytes");
        }
    }
    assert!(read(&bytes[..bytes.len() / 2]).is_err());
    assert!(read(&[]).is_err());
}

#[test]
fn a_flipped_bit_gives_an_error_or_a_sound_graph() {
    let mut bytes = small_file();
    let mut refused = 0;
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        match read(&bytes) {
            Ok(graph) => assert!(graph.outputs().iter().all(|(_, id)| id.index() < graph.nodes().len())),
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(refused > bytes.len(), "only {refused} flips were noticed");
}

#[test]
fn an_oversized_file_is_refused_before_it_is_decoded() {
    let bytes = vec![0; MAX_FILE_BYTES + 1];
    assert!(matches!(read(&bytes), Err(OnnxError::Limit { limit: MAX_FILE_BYTES, .. })));
}

#[test]
fn weights_in_a_second_file_are_refused_with_the_way_out() {
    let error = changed(|model| {
        let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
        tensor.raw_data = None;
        tensor.data_location = Some(DataLocation::External as i32);
    });
    let message = error.unwrap_err().to_string();
    assert!(message.contains("external data") && message.contains("save_as_external_data=False"), "{message}");
}

#[test]
fn unknown_operators_are_refused_by_node_and_name() {
    let error = changed(|model| {
        let node = &mut model.graph.as_mut().unwrap().node[1];
        node.op_type = Some("Gyroscope".to_owned());
    });
    let message = error.unwrap_err().to_string();
    assert!(message.contains("Gyroscope") && message.contains("compute_") && message.contains("Gemm"), "{message}");
}

#[test]
fn lengths_that_lie_are_refused() {
    for dims in [vec![-1, 2], vec![i64::MAX, i64::MAX], vec![1 << 40], vec![3, 3]] {
        let error = changed(|model| model.graph.as_mut().unwrap().initializer[0].dims = dims.clone());
        assert!(matches!(error, Err(OnnxError::Value { .. })), "{dims:?}");
    }
    let byte = TensorProto { data_type: Some(DataType::Int8 as i32), int32_data: vec![300], ..TensorProto::default() };
    assert!(tensor(&byte.encode_to_vec()).unwrap_err().to_string().contains("300 does not fit int8"));
    let odd = changed(|model| model.graph.as_mut().unwrap().initializer[0].raw_data = Some(vec![0; 7]));
    assert!(odd.unwrap_err().to_string().contains("7 bytes"));
}

#[test]
fn values_are_defined_once_and_before_their_use() {
    let swapped = changed(|model| model.graph.as_mut().unwrap().node.reverse());
    assert!(swapped.unwrap_err().to_string().contains("before this node"));
    let twice = changed(|model| {
        let nodes = &mut model.graph.as_mut().unwrap().node;
        nodes[1].output = nodes[0].output.clone();
    });
    assert!(twice.unwrap_err().to_string().contains("taken"));
}

#[test]
fn opsets_out_of_range_are_refused_with_the_range() {
    for version in [6, MAX_OPSET + 1] {
        let error = changed(|model| {
            model.opset_import = vec![OperatorSetIdProto { domain: None, version: Some(version) }];
        });
        assert!(error.unwrap_err().to_string().contains("7 to 26"));
    }
}

/// A field of a message: its number, and its content, whose length takes four bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut bytes = vec![number << 3 | 2];
    bytes.extend(
        (0..4).map(|group| u8::try_from(len >> (7 * group) & 0x7f).unwrap() | if group < 3 { 0x80 } else { 0 }),
    );
    [bytes, content.to_vec()].concat()
}

#[test]
fn many_empty_parts_are_refused_before_they_are_decoded() {
    let empty = |number: u8, count: usize| [number << 3 | 2, 0].repeat(count);
    let limit = |bytes: &[u8]| match read(bytes) {
        Err(OnnxError::Limit { what, limit, .. }) => (what, limit),
        other => panic!("{other:?}"),
    };
    assert_eq!(limit(&field(7, &empty(1, 1 << 21))), ("nodes".to_owned(), MAX_FILE_NODES));
    assert_eq!(limit(&field(7, &empty(5, 1 << 21))), ("tensors".to_owned(), MAX_FILE_TENSORS));
    let names = field(7, &field(1, &empty(1, 1 << 21)));
    assert_eq!(limit(&names), ("parts of the file".to_owned(), MAX_FILE_PARTS));
    // An attribute is large in memory, so that far fewer of them are too many.
    let attributes = field(7, &field(1, &empty(5, 1 << 21)));
    assert_eq!(limit(&attributes), ("bytes of the file in memory".to_owned(), MAX_DECODED_BYTES));
    // In a small file already, by its length: 2¹² empty attributes are 8 KiB.
    assert_eq!(limit(&field(7, &field(1, &empty(5, 1 << 12)))).0, "bytes of the file in memory");
    // Packed integers of one byte become eight.
    let packed = field(7, &field(5, &field(7, &vec![0; 1 << 26 >> 1])));
    assert_eq!(limit(&packed), ("bytes of the file in memory".to_owned(), MAX_DECODED_BYTES));
    // Lists within messages that are not scanned: quantization annotations, device configurations, sequence types.
    let list = empty(2, 1 << 21);
    let input_type = |ty: &[u8]| field(11, &field(2, ty));
    for graph in
        [field(14, &list), field(1, &field(10, &list)), input_type(&field(4, &field(1, &field(1, &field(2, &list)))))]
    {
        assert_eq!(limit(&field(7, &graph)), ("bytes of the file in memory".to_owned(), MAX_DECODED_BYTES));
    }
    // A tensor that is alone in its file has the same limits.
    assert!(matches!(tensor(&empty(13, 1 << 21)), Err(OnnxError::Limit { limit: MAX_FILE_PARTS, .. })));
    // Several fields of one message are merged when decoded, so they count together.
    let halves = field(7, &empty(1, MAX_FILE_NODES / 2 + 1)).repeat(2);
    assert_eq!(limit(&halves).0, "nodes");
    assert!(matches!(read(&field(7, &empty(1, MAX_FILE_NODES))), Err(OnnxError::Malformed(_))));
}
