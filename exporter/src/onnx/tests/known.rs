//! Shapes, indices and masks that are computed in the file and known while it is read.

use super::super::{MAX_GRAPH_ELEMENTS, MAX_KNOWN_ELEMENTS};
use super::file::{File, X, evaluated, refusal};

#[test]
fn an_expanded_shape_with_a_wildcard_folds_away() {
    // torch.Tensor.expand(-1, 4): Where(shape == −1, 1, shape).
    let file = File::new(None)
        .integers("wanted", &[2], &[-1, 4])
        .integers("minus", &[], &[-1])
        .node("Shape", "wanted", "rank", &[])
        .node("ConstantOfShape", "rank", "ones_float", &[])
        .node("Cast", "ones_float", "zeros", &[("to", 7)])
        .integers("one", &[], &[1])
        .node("Add", "zeros one", "ones", &[])
        .node("Equal", "wanted minus", "wild", &[])
        .node("Where", "wild ones wanted", "target", &[])
        .node("Expand", "x target", "y", &[]);
    assert_eq!(evaluated(file), (vec![2, 4], X.to_vec()));
}

#[test]
fn arithmetic_on_the_batch_that_holds_for_any_number_of_rows_is_done() {
    // Shape of [batch, 4]: [batch·1 + 0, 4 / 2, −1], with a comparison that no batch makes true.
    let file = File::new(None)
        .node("Shape", "x", "shape", &[])
        .integers("factors", &[2], &[1, 3])
        .integers("terms", &[2], &[0, -10])
        .integers("minus", &[], &[-1])
        .integers("two", &[1], &[2])
        .node("Mul", "shape factors", "scaled", &[])
        .node("Add", "scaled terms", "moved", &[])
        .node("Equal", "moved minus", "wild", &[])
        .node("Where", "wild minus moved", "chosen", &[])
        .node("Concat", "chosen two", "target", &[("axis", 0)])
        .node("Reshape", "x target", "y", &[]);
    assert_eq!(evaluated(file), (vec![2, 2, 2], X.to_vec()));
}

#[test]
fn what_depends_on_the_number_of_rows_is_refused() {
    for (kind, other) in [("Mul", 2), ("Add", 1), ("Equal", 3), ("Greater", 1)] {
        let file = File::new(None)
            .integers("zero", &[], &[0])
            .integers("other", &[], &[other])
            .node("Shape", "x", "shape", &[])
            .node("Gather", "shape zero", "rows", &[])
            .node(kind, "rows other", "result", &[])
            .node("Cast", "result", "y", &[("to", 1)]);
        assert!(refusal(file).contains("number of rows"), "{kind}");
    }
}

#[test]
fn a_number_that_no_input_changes_may_become_an_index() {
    // ⌊√17⌋ − 1 = 3 picks the last element; −√2 is cut off to −1, which is the last one, too.
    for (value, shift) in [(17.0, -1), (2.0, -2)] {
        let file = File::new(None)
            .floats("value", &[], &[value])
            .integers("shift", &[], &[shift])
            .node("Sqrt", "value", "root", &[])
            .node("Cast", "root", "whole", &[("to", 7)])
            .node("Add", "whole shift", "index", &[])
            .node("Gather", "x index", "y", &[("axis", 1)]);
        assert_eq!(evaluated(file), (vec![2], vec![0.25, 3.0]));
    }
    let open = File::new(None).node("Cast", "x", "y", &[("to", 7)]);
    assert!(refusal(open).contains("depend on the state"));
    let huge = File::new(None).floats("value", &[], &[1e30]).node("Cast", "value", "y", &[("to", 7)]);
    assert!(refusal(huge).contains("cannot hold"));
    let narrow = File::new(None).floats("value", &[], &[300.0]).node("Cast", "value", "y", &[("to", 3)]);
    assert!(refusal(narrow).contains("300 does not fit int8"));
}

#[test]
fn a_mask_from_positions_chooses_elements() {
    // Range and comparison: 1 where the index is at least 2, then NonZero of it as indices.
    let file = File::new(None)
        .integers("zero", &[], &[0])
        .integers("four", &[], &[4])
        .integers("one", &[], &[1])
        .integers("two", &[], &[2])
        .node("Range", "zero four one", "index", &[])
        .node("GreaterOrEqual", "index two", "mask", &[])
        .node("Cast", "mask", "weight", &[("to", 1)])
        .node("Mul", "x weight", "y", &[]);
    assert_eq!(evaluated(file).1, [0.0, 0.0, 2.0, 0.25, 0.0, 0.0, -2.0, 3.0]);
    let floats = File::new(None)
        .floats("marks", &[4], &[0.0, 1.5, 0.0, -1.0])
        .integers("axes", &[1], &[0])
        .node("NonZero", "marks", "found", &[])
        .node("Squeeze", "found axes", "index", &[])
        .node("Gather", "x index", "y", &[("axis", 1)]);
    assert_eq!(evaluated(floats), (vec![2, 2], vec![-1.0, 0.25, 1.5, 3.0]));
}

#[test]
fn known_arrays_do_not_grow_without_bound() {
    // One list of 2¹⁶ zeros, and sums of it with itself: each as long.
    let mut file = File::new(None).integers("len", &[1], &[1 << 16]).node("ConstantOfShape", "len", "zeros", &[]).node(
        "Cast",
        "zeros",
        "v0",
        &[("to", 7)],
    );
    for step in 0..=MAX_KNOWN_ELEMENTS >> 16 {
        file = file.node("Add", "v0 v0", &format!("w{step}"), &[]);
    }
    assert!(refusal(file.node("Neg", "x", "y", &[])).contains(&MAX_KNOWN_ELEMENTS.to_string()));
    let beyond = File::new(None)
        .integers("a", &[], &[0])
        .integers("b", &[], &[i64::MAX])
        .integers("c", &[], &[1])
        .node("Range", "a b c", "y", &[]);
    assert!(refusal(beyond).contains("65536"));
}

#[test]
fn constants_that_a_few_integers_make_do_not_grow_without_bound() {
    // Each Gather of 1023 elements in an order of its own is a product by a matrix of 1023 · 1024 zeros and ones.
    let mut file = File::new(None).integers("repeats", &[2], &[1, 256]).node("Tile", "x repeats", "wide", &[]);
    for step in 0..=MAX_GRAPH_ELEMENTS >> 20 {
        let order: Vec<i64> = (0..1023).map(|at| at * (2 * i64::try_from(step).unwrap() + 3) % 1024).collect();
        let name = format!("order{step}");
        file = file.integers(&name, &[1023], &order).node(
            "Gather",
            &format!("wide {name}"),
            &format!("w{step}"),
            &[("axis", 1)],
        );
    }
    let message = refusal(file.node("Neg", "x", "y", &[]));
    assert!(message.contains(&format!("exceeds the limit of {MAX_GRAPH_ELEMENTS}")), "{message}");
}
