//! Files as other tools write them: the vocabulary and the habits of exporters.

use prost::Message;

use super::super::proto::attribute_proto::AttributeType;
use super::super::proto::tensor_proto::DataType;
use super::super::proto::tensor_shape_proto::{Dimension, dimension};
use super::super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use super::super::{OnnxError, read};
use crate::evaluate::evaluate;
use crate::graph::{Graph, Tensor};

/// A file built operator by operator, with input `x` `[batch, 4]` unless told otherwise and output `y`.
struct File {
    graph: GraphProto,
}

fn info(name: &str, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = |len: &Option<i64>| Dimension {
        denotation: None,
        value: Some(match len {
            Some(len) => dimension::Value::DimValue(*len),
            None => dimension::Value::DimParam("rows".to_owned()),
        }),
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type: Some(DataType::Float as i32), shape: Some(shape) };
    ValueInfoProto {
        name: Some(name.to_owned()),
        r#type: Some(TypeProto { denotation: None, value: Some(type_proto::Value::TensorType(tensor)) }),
        ..ValueInfoProto::default()
    }
}

impl File {
    fn new(rows: Option<i64>) -> Self {
        let graph = GraphProto {
            input: vec![info("x", &[rows, Some(4)])],
            output: vec![info("y", &[rows, None])],
            ..GraphProto::default()
        };
        Self { graph }
    }

    fn floats(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type: Some(DataType::Float as i32),
            name: Some(name.to_owned()),
            float_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    fn integers(mut self, name: &str, dims: &[i64], values: &[i64]) -> Self {
        self.graph.initializer.push(TensorProto {
            dims: dims.to_vec(),
            data_type: Some(DataType::Int64 as i32),
            name: Some(name.to_owned()),
            int64_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    fn node(mut self, operator: &str, inputs: &str, outputs: &str, attributes: &[(&str, i64)]) -> Self {
        let names = |list: &str| list.split(' ').map(|name| if name == "-" { "" } else { name }.to_owned()).collect();
        let attribute = |(name, value): &(&str, i64)| AttributeProto {
            name: Some((*name).to_owned()),
            r#type: Some(AttributeType::Int as i32),
            i: Some(*value),
            ..AttributeProto::default()
        };
        self.graph.node.push(NodeProto {
            input: names(inputs),
            output: names(outputs),
            op_type: Some(operator.to_owned()),
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        });
        self
    }

    fn read(self) -> Result<Graph, OnnxError> {
        let model = ModelProto {
            ir_version: Some(8),
            opset_import: vec![OperatorSetIdProto { domain: None, version: Some(17) }],
            graph: Some(self.graph),
            ..ModelProto::default()
        };
        read(&model.encode_to_vec())
    }
}

/// Two rows; the second is what a plain example would miss.
const X: [f64; 8] = [0.5, -1.0, 2.0, 0.25, -0.5, 1.5, -2.0, 3.0];

fn evaluated(file: File) -> (Vec<usize>, Vec<f64>) {
    let graph = file.read().unwrap();
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    let y = evaluate(&graph, &[("x", &x)]).unwrap().remove(0);
    (y.shape().to_vec(), y.data().to_vec())
}

fn refusal(file: File) -> String {
    file.read().unwrap_err().to_string()
}

#[test]
fn a_frozen_batch_of_one_is_read_as_the_batch() {
    // torch.onnx.export without dynamic axes: shapes of the example are in the file.
    let file = File::new(Some(1)).integers("shape", &[3], &[1, 2, 2]).node("Reshape", "x shape", "y", &[]);
    assert_eq!(evaluated(file), (vec![2, 2, 2], X.to_vec()));
}

#[test]
fn shapes_computed_from_the_batch_are_followed() {
    let file = File::new(None)
        .integers("zero", &[], &[0])
        .integers("first", &[1], &[0])
        .integers("rest", &[1], &[-1])
        .node("Shape", "x", "shape", &[])
        .node("Gather", "shape zero", "rows", &[("axis", 0)])
        .node("Unsqueeze", "rows first", "rows_list", &[])
        .integers("two", &[1], &[2])
        .node("Concat", "rows_list two rest", "target", &[("axis", 0)])
        .node("Reshape", "x target", "y", &[]);
    assert_eq!(evaluated(file), (vec![2, 2, 2], X.to_vec()));
}

#[test]
fn relu_clip_and_powers_are_exact() {
    let (_, relu) = evaluated(File::new(None).node("Relu", "x", "y", &[]));
    assert_eq!(relu, X.map(|value| value.max(0.0)));
    let clip = File::new(None).floats("high", &[], &[1.0]).node("Clip", "x - high", "y", &[]);
    assert_eq!(evaluated(clip).1, X.map(|value| value.min(1.0)));
    let cube = File::new(None).integers("three", &[], &[3]).node("Pow", "x three", "y", &[]);
    assert_eq!(evaluated(cube).1, X.map(|value| value * value * value));
}

#[test]
fn gemm_applies_every_attribute() {
    let mut file = File::new(None).floats("w", &[1, 4], &[1.0, 2.0, 3.0, 4.0]).floats("c", &[1], &[10.0]).node(
        "Gemm",
        "x w c",
        "y",
        &[("transB", 1)],
    );
    for (name, value) in [("alpha", 2.0), ("beta", 0.5)] {
        file.graph.node[0].attribute.push(AttributeProto {
            name: Some(name.to_owned()),
            r#type: Some(AttributeType::Float as i32),
            f: Some(value),
            ..AttributeProto::default()
        });
    }
    // 2 · (0.5 − 2 + 6 + 1) + 5 and 2 · (−0.5 + 3 − 6 + 12) + 5.
    assert_eq!(evaluated(file), (vec![2, 1], vec![16.0, 22.0]));
}

#[test]
fn a_vector_on_the_right_of_matmul_gives_one_number_per_row() {
    let file = File::new(None).floats("w", &[4], &[1.0, 0.0, 0.0, 2.0]).node("MatMul", "x w", "y", &[]);
    assert_eq!(evaluated(file), (vec![2], vec![1.0, 5.5]));
}

#[test]
fn splits_slices_and_gathers_take_elements_of_a_row() {
    let split = File::new(None).node("Split", "x", "q p", &[("axis", -1)]).node("Sub", "p q", "y", &[]);
    assert_eq!(evaluated(split), (vec![2, 2], vec![1.5, 1.25, -1.5, 1.5]));
    let slice = File::new(None)
        .integers("start", &[1], &[-2])
        .integers("end", &[1], &[i64::MAX])
        .integers("axis", &[1], &[1])
        .node("Slice", "x start end axis", "y", &[]);
    assert_eq!(evaluated(slice), (vec![2, 2], vec![2.0, 0.25, -2.0, 3.0]));
    let gather = File::new(None).integers("last", &[], &[-1]).node("Gather", "x last", "y", &[("axis", 1)]);
    assert_eq!(evaluated(gather), (vec![2], vec![0.25, 3.0]));
}

#[test]
fn means_flattening_and_squeezing_keep_rows_apart() {
    let mean = File::new(None)
        .integers("shape", &[3], &[0, 2, 2])
        .node("Reshape", "x shape", "matrix", &[])
        .node("Flatten", "matrix", "flat", &[("axis", 1)])
        .integers("axes", &[1], &[-1])
        .node("ReduceSum", "flat axes", "sum", &[("keepdims", 1)])
        .node("Squeeze", "sum axes", "y", &[]);
    assert_eq!(evaluated(mean), (vec![2], vec![1.75, 2.0]));
    let mut file = File::new(None).node("ReduceMean", "x", "y", &[("keepdims", 0)]);
    file.graph.node[0].attribute.push(AttributeProto {
        name: Some("axes".to_owned()),
        r#type: Some(AttributeType::Ints as i32),
        ints: vec![1],
        ..AttributeProto::default()
    });
    assert_eq!(evaluated(file), (vec![2], vec![1.75 / 4.0, 0.5]));
}

#[test]
fn what_mixes_rows_is_refused_with_the_reason() {
    let sum = refusal(File::new(None).node("ReduceSum", "x", "y", &[]));
    assert!(sum.contains("mixes the rows") && sum.contains("ReduceSum"), "{sum}");
    let row = File::new(None).integers("zero", &[], &[0]).node("Gather", "x zero", "y", &[("axis", 0)]);
    assert!(refusal(row).contains("rows must not mix"));
    let merged = File::new(None).integers("all", &[1], &[-1]).node("Reshape", "x all", "y", &[]);
    assert!(refusal(merged).contains("mixes the batch"));
    assert!(refusal(File::new(None).node("Transpose", "x", "y", &[])).contains("permute"));
}

#[test]
fn weights_listed_as_inputs_are_weights() {
    let mut file = File::new(None).floats("w", &[4], &[1.0, 1.0, 1.0, 1.0]).node("Add", "x w", "y", &[]);
    file.graph.input.push(info("w", &[Some(4)]));
    let graph = file.read().unwrap();
    assert_eq!(graph.inputs().len(), 1);
}

#[test]
fn unknown_attributes_and_left_out_inputs_are_refused() {
    assert!(refusal(File::new(None).node("Tanh", "x", "y", &[("axis", 1)])).contains("attribute `axis`"));
    assert!(refusal(File::new(None).node("Add", "x -", "y", &[])).contains("left out"));
    assert!(refusal(File::new(None).node("Add", "x", "y", &[])).contains("1 inputs"));
    let split = File::new(None).node("Split", "x", "a b y", &[("axis", 1), ("num_outputs", 3)]);
    assert!(refusal(split).contains("do not make up 4"));
}
