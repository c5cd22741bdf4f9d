//! The vocabulary and the habits of exporters.

use super::super::{MIN_OPSET, ReadOptions, Weights};
use super::file::{File, X, evaluated, info, integers_attribute, real_attribute, refusal};
use crate::evaluate::evaluate;
use crate::graph::Tensor;
use crate::import::{StateInputs, adopt};

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
    let file = File::new(None)
        .floats("w", &[1, 4], &[1.0, 2.0, 3.0, 4.0])
        .floats("c", &[1], &[10.0])
        .node("Gemm", "x w c", "y", &[("transB", 1)])
        .with(real_attribute("alpha", 2.0))
        .with(real_attribute("beta", 0.5));
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
    let file = File::new(None).node("ReduceMean", "x", "y", &[("keepdims", 0)]).with(integers_attribute("axes", &[1]));
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
}

#[test]
fn a_batch_fixed_to_several_rows_is_read_as_the_batch() {
    let file = File::new(Some(5)).integers("shape", &[3], &[5, 2, 2]).node("Reshape", "x shape", "y", &[]);
    assert_eq!(evaluated(file), (vec![2, 2, 2], X.to_vec()));
}

#[test]
fn a_file_that_uses_its_one_row_is_read_literally_and_says_why() {
    // H(x[0]) = Σ x: the reduction over all axes would mix rows if there were more than one.
    let one = |rows| File::new(Some(rows)).node("ReduceSum", "x", "y", &[("keepdims", 0)]);
    let imported = one(1).read_with(&ReadOptions::default()).unwrap();
    assert!(imported.not_batched.unwrap().to_string().contains("mixes the rows"));
    let model = adopt(&imported.graph, &StateInputs::default()).unwrap();
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    assert_eq!(evaluate(model.graph(), &[("x", &x)]).unwrap()[0].data(), &[1.75, 2.0]);
    // Several rows that are mixed are no batch.
    let several = one(3).read_with(&ReadOptions::default()).unwrap();
    assert!(adopt(&several.graph, &StateInputs::default()).unwrap_err().to_string().contains("[3,4]"));
    // What no reading understands is refused for its own reason.
    assert!(refusal(File::new(Some(1)).node("Conv", "x x", "y", &[])).contains("write a small one as MatMul"));
}

#[test]
fn a_traced_function_of_one_vector_becomes_a_model() {
    // jax.export of x -> ½ x·x: no batch anywhere.
    let mut file = File::new(None).floats("half", &[], &[0.5]).node("MatMul", "x x", "square", &[]).node(
        "Mul",
        "square half",
        "y",
        &[],
    );
    file.graph.input = vec![info("x", &[Some(4)])];
    let model = adopt(&file.read().unwrap(), &StateInputs::default()).unwrap();
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    let wanted = X.chunks(4).map(|row| row.iter().map(|x| 0.5 * x * x).sum()).collect::<Vec<f64>>();
    assert_eq!(evaluate(model.graph(), &[("x", &x)]).unwrap()[0].data(), wanted);
}

#[test]
fn a_symbolic_length_that_is_not_the_batch_is_refused_with_the_way_out() {
    let mut file = File::new(None).node("Tanh", "x", "y", &[]);
    file.graph.input = vec![info("x", &[None, None])];
    let message = refusal(file);
    assert!(message.contains("axis 1") && message.contains("dynamic_axes"), "{message}");
}

#[test]
fn old_opsets_and_formats_are_read_and_older_ones_refused() {
    let slice = |opset| {
        let file = File::new(None).opset(opset).node("Slice", "x", "y", &[]);
        file.with(integers_attribute("axes", &[1]))
            .with(integers_attribute("starts", &[-2]))
            .with(integers_attribute("ends", &[i64::MAX]))
    };
    for opset in [MIN_OPSET, 9] {
        assert_eq!(evaluated(slice(opset)), (vec![2, 2], vec![2.0, 0.25, -2.0, 3.0]));
    }
    assert!(refusal(slice(MIN_OPSET - 1)).contains("7 to 26"));
    for (ir, good) in [(3, true), (13, true), (2, false), (14, false)] {
        let mut file = File::new(None).node("Tanh", "x", "y", &[]);
        file.model.ir_version = Some(ir);
        assert_eq!(file.read().is_ok(), good, "{ir}");
    }
}

#[test]
fn a_batch_that_is_moved_and_moved_back_is_read_for_one_row() {
    // What torch.onnx writes for x[:, index]: transpose, gather along the first axis, transpose.
    let moved = |kind: &str| {
        let order = |file: File| file.with(integers_attribute("perm", &[1, 0]));
        let file = order(File::new(None).integers("index", &[2], &[3, 0]).node("Transpose", "x", "columns", &[]));
        let file = order(file.node("Gather", "columns index", "picked", &[]).node("Transpose", "picked", "rows", &[]));
        file.integers("axes", &[1], &[1]).node(kind, "rows axes", "y", &[("keepdims", 0)])
    };
    let weighted = moved("ReduceSum").floats("w", &[1], &[1.0]).node("Mul", "y w", "unused", &[]);
    let options = ReadOptions { weights: Weights::Parameters, ..ReadOptions::default() };
    assert_eq!(weighted.read_with(&options).unwrap().parameters.len(), 1);
    let imported = moved("ReduceSum").read_with(&ReadOptions::default()).unwrap();
    assert!(imported.not_batched.unwrap().to_string().contains("Transpose"));
    let model = adopt(&imported.graph, &StateInputs::default()).unwrap();
    let x = Tensor::new(vec![2, 4], X.to_vec()).unwrap();
    assert_eq!(evaluate(model.graph(), &[("x", &x)]).unwrap()[0].data(), &[0.75, 2.5]);
}

#[test]
fn an_open_batch_whose_rows_mix_is_refused_though_one_row_could_be_read() {
    let mixed = |kind: &str| {
        let file = File::new(None).node("Transpose", "x", "columns", &[]).with(integers_attribute("perm", &[1, 0]));
        let file = file.node(kind, "columns", "mixed", &[("axis", 1)]).node("Transpose", "mixed", "back", &[]);
        file.integers("axes", &[1], &[1]).node("ReduceSum", "back axes", "y", &[("keepdims", 0)])
    };
    // Softmax over the batch is 1 for one row; a sum over the batch would give one number for all.
    assert!(refusal(mixed("Softmax")).contains("Transpose"));
    assert!(refusal(File::new(None).node("ReduceSum", "x", "y", &[("keepdims", 0)])).contains("mixes the rows"));
}
