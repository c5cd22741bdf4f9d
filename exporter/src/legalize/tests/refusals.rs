//! What the operators that move, join and reduce refuse, and the reason they give.

use super::*;
use crate::graph::{Dim, Shape, Tensor};

/// An input of an operator under test.
#[derive(Clone, Copy)]
enum Given {
    /// Numbers that depend on the state, with a batch.
    Rows(&'static [usize]),
    /// Numbers that depend on the state, of a fixed shape.
    Literal(&'static [usize]),
    /// A tensor of ones.
    Ones(&'static [usize]),
    /// Integers of a shape.
    Known(&'static [usize], &'static [i64]),
    /// A truth value.
    Truth(bool),
}

use Given::{Known, Literal, Ones, Rows, Truth};

fn refusal(kind: &str, opset: i64, inputs: &[Given], attributes: &[(&str, Attribute)], output_count: usize) -> String {
    let mut graph = Graph::new();
    let mut values = Vec::new();
    for (position, given) in inputs.iter().enumerate() {
        let name = format!("x{position}");
        values.push(Some(match given {
            Rows(row) => Value::Node(graph.input(&name, Shape::batched(row).unwrap()).unwrap()),
            Literal(shape) => Value::Node(graph.input(&name, Shape::fixed(shape).unwrap()).unwrap()),
            Ones(shape) => Value::Node(graph.constant(Tensor::full(shape, 1.0).unwrap()).unwrap()),
            Known(shape, values) => {
                let values = values.iter().map(|value| Length::Known(*value)).collect();
                Value::Integers(Integers::new(shape.to_vec(), values).unwrap())
            }
            Truth(truth) => Value::Integers(Integers::truths(vec![], &[*truth]).unwrap()),
        }));
    }
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let operator = Operator { kind, inputs: values, output_count, attributes, opset, frozen_batch: None };
    match legalize(&mut graph, &operator) {
        Ok(results) => panic!("{kind} of {} inputs gave {results:?}", inputs.len()),
        Err(error) => error.to_string(),
    }
}

/// Operator, opset, inputs, attributes, results named, and words of the reason.
type Refused<'a> = (&'a str, i64, &'a [Given], &'a [(&'a str, Attribute)], usize, &'a str);

fn check(cases: &[Refused<'_>]) {
    for (kind, opset, inputs, attributes, output_count, words) in cases {
        let reason = refusal(kind, *opset, inputs, attributes, *output_count);
        assert!(reason.contains(words), "{kind}: `{reason}` does not say `{words}`");
    }
}

fn int(value: i64) -> Attribute {
    Attribute::Integer(value)
}

fn ints(values: &[i64]) -> Attribute {
    Attribute::Integers(values.to_vec())
}

fn text(value: &str) -> Attribute {
    Attribute::Text(value.to_owned())
}

#[test]
fn rows_do_not_mix() {
    const FIRST: Given = Known(&[1], &[0]);
    const STATE: Given = Rows(&[3, 4]);
    let first = [STATE, FIRST];
    for kind in ["Sum", "Mean", "SumSquare", "L1", "L2", "LogSum", "LogSumExp", "Max", "Min", "Prod"] {
        let kind = format!("Reduce{kind}");
        check(&[
            (&kind, 20, &first, &[], 1, "reduce over the axes of one state only"),
            (&kind, 13, &first[..1], &[], 1, "mixes the rows"),
        ]);
    }
    check(&[
        ("Softmax", 13, &first[..1], &[("axis", int(0))], 1, "mixes the rows"),
        ("LogSoftmax", 11, &first[..1], &[("axis", int(0))], 1, "mixes the rows"),
        ("LayerNormalization", 17, &[STATE, Ones(&[4])], &[("axis", int(0))], 1, "mixes the rows"),
        ("RMSNormalization", 23, &[STATE, Ones(&[4])], &[("axis", int(-3))], 1, "mixes the rows"),
        ("MeanVarianceNormalization", 13, &[Rows(&[2, 3, 4])], &[], 1, "mixes the rows"),
        ("Gather", 20, &first, &[], 1, "picks rows of the batch"),
        ("GatherElements", 20, &[STATE, Known(&[1, 1, 1], &[0])], &[("axis", int(1))], 1, "row by row"),
        ("GatherND", 20, &first, &[], 1, "name rows of the batch"),
        ("ScatterND", 20, &[STATE, FIRST, Rows(&[4])], &[], 1, "name rows of the batch"),
        ("ScatterElements", 20, &[Rows(&[2]), Known(&[1, 1], &[0]), Ones(&[1, 1])], &[], 1, "row by row"),
        ("Slice", 20, &[STATE, Known(&[1], &[0]), Known(&[1], &[1])], &[], 1, "some rows of the batch"),
        ("Split", 20, &[STATE], &[("num_outputs", int(2))], 2, "splits the batch"),
        ("Concat", 20, &[STATE, STATE], &[("axis", int(0))], 1, "joins along the batch"),
        ("Transpose", 20, &[STATE], &[], 1, "moves the batch"),
        ("Tile", 20, &[STATE, Known(&[3], &[2, 1, 1])], &[], 1, "repeats the rows"),
        ("Pad", 20, &[Rows(&[2]), Known(&[4], &[1, 0, 0, 0])], &[], 1, "rows of the batch"),
        ("CumSum", 20, &[STATE, Known(&[], &[0])], &[], 1, "rows must not mix"),
        ("Trilu", 20, &[Rows(&[4])], &[], 1, "rows of the batch must not mix"),
        ("EyeLike", 20, &[Rows(&[4])], &[], 1, "fixed size"),
        ("Flatten", 20, &[STATE], &[("axis", int(0))], 1, "flatten from axis 1"),
        ("Reshape", 20, &[STATE, Known(&[2], &[-1, 6])], &[], 1, "keep the batch as the first"),
        ("Einsum", 20, &[Rows(&[4])], &[("equation", text("bi->i"))], 1, "keep its label first"),
        ("Einsum", 20, &[Rows(&[4])], &[("equation", text("bi->ib"))], 1, "keep its label first"),
        ("Einsum", 20, &[Rows(&[4]), Rows(&[4])], &[("equation", text("bi,bj->ij"))], 1, "keep its label first"),
        ("Einsum", 20, &[Rows(&[4]), Rows(&[4])], &[("equation", text("bi,ci->bc"))], 1, "keep its label first"),
    ]);
}

#[test]
fn what_depends_on_the_state_is_no_index_and_no_shape() {
    let x = Rows(&[4]);
    let needs_integers = "must be integers";
    check(&[
        ("Gather", 20, &[x, x], &[], 1, needs_integers),
        ("GatherElements", 20, &[x, x], &[], 1, needs_integers),
        ("GatherND", 20, &[x, x], &[], 1, needs_integers),
        ("ScatterND", 20, &[x, x, x], &[], 1, needs_integers),
        ("ScatterElements", 20, &[x, x, x], &[], 1, needs_integers),
        ("Slice", 20, &[x, x, x], &[], 1, needs_integers),
        ("Reshape", 20, &[x, x], &[], 1, needs_integers),
        ("Expand", 20, &[x, x], &[], 1, needs_integers),
        ("Tile", 20, &[x, x], &[], 1, needs_integers),
        ("Pad", 20, &[x, x], &[], 1, needs_integers),
        ("Split", 20, &[x, x], &[("axis", int(1))], 2, needs_integers),
        ("CumSum", 20, &[x, x], &[], 1, needs_integers),
        ("Trilu", 20, &[Rows(&[4, 4]), x], &[], 1, needs_integers),
        ("ReduceSum", 20, &[x, x], &[], 1, needs_integers),
        ("Squeeze", 20, &[x, x], &[], 1, needs_integers),
        ("Unsqueeze", 20, &[x, x], &[], 1, needs_integers),
        ("Range", 20, &[Ones(&[]), Literal(&[]), Ones(&[])], &[], 1, "cannot depend on the state"),
    ]);
}

#[test]
fn training_is_refused_with_the_remedy() {
    let image = Rows(&[2, 3, 3]);
    let batch_norm = [image, Ones(&[2]), Ones(&[2]), Ones(&[2]), Ones(&[2])];
    let remedy = "model.eval()";
    check(&[
        ("Dropout", 13, &[image, Ones(&[]), Truth(true)], &[], 1, remedy),
        ("BatchNormalization", 15, &batch_norm, &[("training_mode", int(1))], 1, remedy),
        ("BatchNormalization", 9, &batch_norm, &[], 5, remedy),
        ("BatchNormalization", 7, &batch_norm, &[("spatial", int(0))], 1, "opset 9"),
        ("Dropout", 7, &[image], &[], 2, "mask"),
    ]);
}

#[test]
fn indices_and_shapes_that_do_not_fit_are_named() {
    let x = Literal(&[3, 4]);
    let dims = |axis| ("axis", int(axis));
    check(&[
        ("Gather", 20, &[x, Known(&[1], &[3])], &[], 1, "index 3 is beyond the 3"),
        ("Gather", 20, &[x, Known(&[1], &[-5])], &[dims(1)], 1, "index -5 is beyond the 4"),
        ("Gather", 20, &[x, Known(&[1], &[0])], &[dims(2)], 1, "axis 2 is beyond rank 2"),
        ("GatherElements", 20, &[x, Known(&[4, 1], &[0, 0, 0, 0])], &[dims(1)], 1, "do not lie within"),
        ("GatherElements", 20, &[x, Known(&[1], &[0])], &[], 1, "do not lie within"),
        ("GatherND", 20, &[x, Known(&[1, 3], &[0, 0, 0])], &[], 1, "do not fit"),
        ("GatherND", 20, &[x, Known(&[], &[0])], &[], 1, "batch_dims"),
        ("GatherND", 20, &[x, Known(&[2, 1], &[0, 0])], &[("batch_dims", int(1))], 1, "do not fit"),
        ("GatherND", 20, &[x, Known(&[1], &[0])], &[("batch_dims", int(-1))], 1, "batch_dims"),
        ("ScatterND", 20, &[x, Known(&[1, 1], &[0]), Ones(&[1, 3])], &[], 1, "does not reshape"),
        ("ScatterND", 20, &[x, Known(&[1, 1], &[0]), Ones(&[1, 4])], &[("reduction", text("mean"))], 1, "mean"),
        ("ScatterElements", 20, &[x, Known(&[1, 1], &[0]), Ones(&[1, 4])], &[], 1, "updates of shape [1,4]"),
        ("ScatterND", 20, &[Literal(&[1 << 17]), Known(&[1, 1], &[0]), Ones(&[1])], &[], 1, "the most is 65536"),
        (
            "ScatterND",
            20,
            &[Literal(&[2]), Known(&[65, 1], &[0; 65]), Ones(&[65])],
            &[("reduction", text("mul"))],
            1,
            "more than 64",
        ),
        ("Slice", 20, &[x, Known(&[1], &[0]), Known(&[2], &[1, 1])], &[], 1, "differ in length"),
        (
            "Slice",
            20,
            &[x, Known(&[1], &[0]), Known(&[1], &[1]), Known(&[1], &[0]), Known(&[1], &[0])],
            &[],
            1,
            "step of 0",
        ),
        ("Slice", 9, &[x], &[("ends", ints(&[1]))], 1, "`starts` is missing"),
        ("Pad", 20, &[x, Known(&[2], &[1, 1])], &[], 1, "2 amounts for 2 axes"),
        ("Pad", 20, &[x, Known(&[4], &[0, -3, 0, -2])], &[], 1, "of an axis"),
        ("Pad", 20, &[x, Known(&[4], &[0, 0, 0, i64::MAX])], &[], 1, "of an axis"),
        ("Pad", 20, &[x, Known(&[4], &[0, -4, 0, 1])], &[("mode", text("edge"))], 1, "of an axis"),
        ("Pad", 20, &[x, Known(&[4], &[0, 0, 0, 0])], &[("mode", text("mirror"))], 1, "`mirror`"),
        ("Pad", 20, &[x, Known(&[4], &[1, 0, 0, 0]), Ones(&[2])], &[], 1, "not one number"),
        ("Pad", 20, &[x], &[], 1, "`pads` is missing"),
        ("Split", 20, &[x, Known(&[2], &[1, 1])], &[dims(1)], 2, "do not make up 4"),
        ("Tile", 20, &[x, Known(&[1], &[2])], &[], 1, "1 repeats"),
        ("Tile", 20, &[x, Known(&[2], &[1, -1])], &[], 1, "axis 1 is not repeated"),
        ("CumSum", 20, &[x, Known(&[2], &[0, 1])], &[], 1, "not one integer"),
        ("CumSum", 20, &[Literal(&[4096]), Known(&[], &[0])], &[], 1, "the most is 1024"),
        ("Trilu", 20, &[Literal(&[3])], &[], 1, "holds no matrices"),
        ("EyeLike", 20, &[Literal(&[3])], &[], 1, "no matrix"),
        ("EyeLike", 20, &[x], &[("dtype", int(8))], 1, "element type 8"),
        ("Range", 20, &[Ones(&[]), Ones(&[]), Ones(&[2])], &[], 1, "not one number"),
        ("Unsqueeze", 11, &[x], &[], 1, "`axes` is missing"),
        ("Squeeze", 20, &[x, Known(&[1], &[0])], &[], 1, "not of length 1"),
        ("Concat", 20, &[x], &[], 1, "`axis` is missing"),
        ("Gemm", 20, &[x, Ones(&[4, 2]), Ones(&[4, 2])], &[], 1, "broadcast"),
        ("Gemm", 20, &[x, Ones(&[4, 1]), Ones(&[3, 2])], &[], 1, "does not stretch"),
        ("Gemm", 20, &[x, Ones(&[4])], &[], 1, "must be matrices"),
        ("MatMul", 20, &[x, Ones(&[])], &[], 1, "multiply with Mul"),
        ("MatMul", 20, &[x, x], &[], 1, "do not multiply"),
        ("LayerNormalization", 17, &[x, Ones(&[2, 3, 4])], &[], 1, "do not stretch"),
        ("GroupNormalization", 21, &[x, Ones(&[4]), Ones(&[4])], &[("num_groups", int(3))], 1, "do not divide"),
        ("InstanceNormalization", 20, &[x, Ones(&[3]), Ones(&[4])], &[], 1, "not one number for each"),
    ]);
}

#[test]
fn equations_that_mean_nothing_are_refused() {
    let refused = |equation: &str, inputs: &[Given], words: &str| {
        let reason = refusal("Einsum", 20, inputs, &[("equation", text(equation))], 1);
        assert!(reason.contains(words), "{equation}: `{reason}` does not say `{words}`");
    };
    let x = Literal(&[3, 4]);
    refused("ij,jk->ik", &[x], "names 2 operands, there are 1");
    refused("ijk->i", &[x], "does not name the 2 axes");
    refused("i...jk->i", &[x], "does not name the 2 axes");
    refused("i1->i", &[x], "`1` is no label");
    refused("ij->ii", &[x], "is repeated");
    refused("ij->k", &[x], "no operand has the label `k`");
    refused("ii->i", &[x], "have one label");
    refused("ij,jk->ik", &[x, x], "different lengths");
    assert!(refusal("Einsum", 20, &[x], &[], 1).contains("`equation` is missing"));
}

#[test]
fn matrices_of_zeros_and_ones_have_a_limit() {
    // 4096 · 4096 places are beyond the limit; the same elements in order are one slice and need no matrix.
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::new(vec![Dim::Batch, Dim::Fixed(4096)]).unwrap()).unwrap();
    let mut positions: Vec<usize> = (0..4096).collect();
    assert_eq!(pick::pick(&mut graph, x, 1, &positions).unwrap(), x);
    positions.reverse();
    let reason = pick::pick(&mut graph, x, 1, &positions).unwrap_err().to_string();
    assert!(reason.contains("zeros and ones exceeds the limit"), "{reason}");
    // So has a constant that repeats another.
    let row = graph.constant(Tensor::full(&[1, 1 << 17], 1.0).unwrap()).unwrap();
    let reason = pick::pick(&mut graph, row, 0, &[0; 9]).unwrap_err().to_string();
    assert!(reason.contains("1179648 elements picked"), "{reason}");
    let pads = [Literal(&[1024, 1024]), Known(&[4], &[0, 0, 1, 0]), Ones(&[])];
    check(&[("Pad", 20, &pads, &[], 1, "pad with 0")]);
}
