//! Every primitive at every rank, as a function on the runtime, against the f64 evaluation of the graph as built.

use hnn_runtime::{CompiledFunction, Function};

use super::models::Numbers;
use super::*;
use crate::evaluate::evaluate;
use crate::graph::{Binary, Comparison, Dim, MAX_RANK, Op};

/// Relative difference that f32 is allowed.
const TOLERANCE: f64 = 1e-5;
/// Lengths by axis, distinct so that a confusion of axes shows, with a 1 among them.
const LENGTHS: [usize; MAX_RANK] = [2, 3, 1, 4, 5, 2];

const UNARY: [Unary; 16] = [
    Unary::Neg,
    Unary::Reciprocal,
    Unary::Sqrt,
    Unary::Exp,
    Unary::Log,
    Unary::Sin,
    Unary::Cos,
    Unary::Tanh,
    Unary::Sigmoid,
    Unary::Softplus,
    Unary::Abs,
    Unary::Sign,
    Unary::Erf,
    Unary::Atan,
    Unary::Floor,
    Unary::Round,
];
const BINARY: [Binary; 7] = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Pow, Binary::Max, Binary::Min];

/// Calls the lowered graph on numbers between 0.2 and 2.2 and compares every output with the oracle.
///
/// Rows of a batch are called one by one, with a workspace that holds NaN before each call.
fn agree(label: &str, graph: &Graph, rows: usize) {
    let plan = lower_graph(graph).unwrap_or_else(|error| panic!("{label}: {error}"));
    let words = crate::emit::function_blob(&plan);
    let function = Function::parse(&words).unwrap_or_else(|error| panic!("{label}: {error}\n{plan}"));
    assert_eq!((function.arguments_len(), function.results_len()), (plan.arguments_len(), plan.results_len()));
    let mut numbers = Numbers(11);
    let mut draw = |shape: &Shape| {
        let dims = shape.resolve(rows);
        let values = (0..dims.iter().product()).map(|_| f64::from((1.2 + numbers.next()) as f32)).collect();
        Tensor::new(dims, values).unwrap()
    };
    let inputs: Vec<(&str, Tensor)> =
        plan.arguments.iter().map(|port| (port.name.as_str(), draw(&port.shape))).collect();
    let named: Vec<(&str, &Tensor)> = inputs.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let expected = evaluate(graph, &named).unwrap();
    let row = |port: &Port, tensor: &Tensor, row: usize| -> Vec<f64> {
        let start = if port.shape.is_batched() { row * port.len() } else { 0 };
        tensor.data()[start..start + port.len()].to_vec()
    };
    for index in 0..rows {
        let arguments: Vec<f32> = plan
            .arguments
            .iter()
            .zip(&inputs)
            .flat_map(|(port, (_, tensor))| row(port, tensor, index))
            .map(|value| value as f32)
            .collect();
        let mut workspace = vec![f32::NAN; function.workspace_len()];
        let mut results = vec![f32::NAN; function.results_len()];
        CompiledFunction::bind(&function, &mut workspace).unwrap().call(&arguments, &mut results);
        for (port, tensor) in plan.results.iter().zip(&expected) {
            let wanted = row(port, tensor, index);
            let rms = (wanted.iter().map(|value| value * value).sum::<f64>() / wanted.len() as f64).sqrt();
            for (found, wanted) in results[port.offset..].iter().zip(wanted) {
                let error = (f64::from(*found) - wanted).abs();
                assert!(
                    error <= TOLERANCE * (wanted.abs() + rms),
                    "{label}, output {}, row {index}: {found} is not {wanted}\n{plan}",
                    port.name
                );
            }
        }
    }
}

/// A graph over one input, with and without a batch in front, for every rank there is room for.
fn at_every_rank(label: &str, build: impl Fn(&mut Graph, NodeId) -> Option<NodeId>) {
    for rank in 0..=MAX_RANK {
        for batched in [false, true] {
            let lengths = LENGTHS[..rank].iter().map(|len| Dim::Fixed(*len));
            let dims: Vec<Dim> = batched.then_some(Dim::Batch).into_iter().chain(lengths).collect();
            let Ok(shape) = Shape::new(dims) else { continue };
            let mut graph = Graph::new();
            let x = graph.input("x", shape.clone()).unwrap();
            let Some(y) = build(&mut graph, x) else { continue };
            graph.set_output("y", y);
            agree(&format!("{label} of {shape}"), &graph, if batched { 3 } else { 1 });
        }
    }
}

/// First axis that is not the batch.
fn first_axis(graph: &Graph, id: NodeId) -> usize {
    usize::from(graph.shape(id).is_batched())
}

/// The axes but the batch in all their orders; for rank 6, those that a rotation or reversal gives.
fn orders(first: usize, rank: usize) -> Vec<Vec<usize>> {
    let own: Vec<usize> = (first..rank).collect();
    let mut all = vec![own.clone(), own.iter().rev().copied().collect()];
    all.extend((1..own.len()).map(|by| [&own[by..], &own[..by]].concat()));
    if own.len() <= 4 {
        let mut grown: Vec<Vec<usize>> = vec![vec![]];
        for _ in &own {
            grown = grown
                .iter()
                .flat_map(|part| {
                    own.iter().filter(|axis| !part.contains(axis)).map(|axis| [&part[..], &[*axis]].concat())
                })
                .collect();
        }
        all = grown;
    }
    all.into_iter().map(|order| (0..first).chain(order).collect()).collect()
}

#[test]
fn elementwise_primitives() {
    for op in UNARY {
        at_every_rank(op.name(), |graph, x| Some(graph.add(Op::Unary(op), &[x]).unwrap()));
    }
    for op in BINARY {
        at_every_rank(op.name(), |graph, x| {
            let other = graph.sin(x).unwrap();
            let other = graph.exp(other).unwrap();
            Some(graph.add(Op::Binary(op), &[x, other]).unwrap())
        });
    }
    for comparison in [Comparison::Greater, Comparison::GreaterOrEqual, Comparison::Equal] {
        at_every_rank(comparison.name(), |graph, x| {
            let rounded = graph.add(Op::Unary(Unary::Round), &[x]).unwrap();
            let one = graph.scalar(1.0).unwrap();
            let truth = graph.compare(comparison, rounded, one).unwrap();
            Some(graph.select(truth, x, rounded).unwrap())
        });
        // A truth value as a result.
        at_every_rank(comparison.name(), |graph, x| {
            let one = graph.scalar(1.25).unwrap();
            Some(graph.compare(comparison, x, one).unwrap())
        });
    }
}

#[test]
fn every_pair_of_broadcast_shapes() {
    for rank in 0..=4usize {
        // Each axis is whole on both sides, or stretched on one.
        for pattern in 0..3usize.pow(u32::try_from(rank).unwrap()) {
            let stretched = |axis: usize| pattern / 3usize.pow(u32::try_from(axis).unwrap()) % 3;
            let side = |side: usize| -> Vec<usize> {
                (0..rank).map(|axis| if stretched(axis) == side { 1 } else { LENGTHS[axis] }).collect()
            };
            let mut graph = Graph::new();
            let [a, b] =
                [("a", 1), ("b", 2)].map(|(name, own)| graph.input(name, Shape::fixed(&side(own)).unwrap()).unwrap());
            let product = graph.mul(a, b).unwrap();
            let smaller = graph.add(Op::Binary(Binary::Min), &[b, a]).unwrap();
            let condition = graph.compare(Comparison::Greater, a, b).unwrap();
            let chosen = graph.select(condition, product, b).unwrap();
            for (name, id) in [("product", product), ("smaller", smaller), ("chosen", chosen)] {
                graph.set_output(name, id);
            }
            agree(&format!("broadcast {:?} with {:?}", side(1), side(2)), &graph, 1);
        }
    }
}

#[test]
fn transposes_in_every_order_and_what_follows_them() {
    for (label, after) in [("kept", 0), ("flat", 1), ("summed", 2)] {
        for index in 0..24 {
            at_every_rank(&format!("transpose {index}, {label}"), |graph, x| {
                let (first, rank) = (first_axis(graph, x), graph.shape(x).rank());
                let order = orders(first, rank).get(index)?.clone();
                let y = graph.transpose(x, &order).unwrap();
                let len = graph.shape(x).row_len();
                let flat = if first == 1 { Shape::batched(&[len]) } else { Shape::fixed(&[len]) };
                Some(match after {
                    0 => y,
                    1 => graph.reshape(y, flat.unwrap()).unwrap(),
                    _ if rank > first => graph.sum(y, &[rank - 1]).unwrap(),
                    _ => return None,
                })
            });
        }
    }
}

#[test]
fn sums_over_every_set_of_axes() {
    for set in 1..1usize << MAX_RANK {
        at_every_rank(&format!("sum {set:b}"), |graph, x| {
            let (first, rank) = (first_axis(graph, x), graph.shape(x).rank());
            let axes: Vec<usize> = (0..MAX_RANK).filter(|bit| set & (1 << bit) != 0).map(|bit| bit + first).collect();
            (axes.last()? < &rank).then(|| graph.sum(x, &axes).unwrap())
        });
    }
}

#[test]
fn cutting_padding_and_joining_along_every_axis() {
    for offset in 0..MAX_RANK {
        let with_axis = |build: &dyn Fn(&mut Graph, NodeId, usize, usize) -> NodeId| {
            at_every_rank(&format!("axis {offset}"), |graph, x| {
                let axis = first_axis(graph, x) + offset;
                let len = *graph.shape(x).resolve(3).get(axis)?;
                Some(build(graph, x, axis, len))
            });
        };
        with_axis(&|graph, x, axis, len| graph.slice(x, axis, len / 2, len - len / 2).unwrap());
        with_axis(&|graph, x, axis, _| graph.pad(x, axis, 2, 1).unwrap());
        with_axis(&|graph, x, axis, len| {
            let part = graph.slice(x, axis, 0, len.div_ceil(2)).unwrap();
            let changed = graph.cos(x).unwrap();
            graph.concat(&[part, changed, x], axis).unwrap()
        });
    }
}

#[test]
fn products_with_every_pattern_of_leading_dimensions() {
    for lead in 0..=MAX_RANK - 2 {
        for pattern in 0..3usize.pow(u32::try_from(lead).unwrap()) {
            for transposed in 0..4 {
                let stretched = |axis: usize| pattern / 3usize.pow(u32::try_from(axis).unwrap()) % 3;
                let side = |own: usize, [rows, cols]: [usize; 2]| -> Vec<usize> {
                    let swap = transposed & own != 0;
                    let lead = (0..lead).map(|axis| if stretched(axis) == own { 1 } else { [2, 3, 2, 2][axis] });
                    lead.chain(if swap { [cols, rows] } else { [rows, cols] }).collect()
                };
                let mut graph = Graph::new();
                let a = graph.input("a", Shape::fixed(&side(1, [2, 3])).unwrap()).unwrap();
                let b = graph.input("b", Shape::fixed(&side(2, [3, 4])).unwrap()).unwrap();
                let op = Op::MatMul { transpose_lhs: transposed & 1 != 0, transpose_rhs: transposed & 2 != 0 };
                let product = graph.add(op, &[a, b]).unwrap();
                graph.set_output("product", product);
                agree(&format!("product {:?} {:?}", side(1, [2, 3]), side(2, [3, 4])), &graph, 1);
            }
        }
    }
}

#[test]
fn products_with_constants_rows_and_transposed_factors() {
    for rank in 2..=4 {
        for (rows, cols) in [(1, 5), (5, 1), (3, 4)] {
            for lhs_is_constant in [false, true] {
                let dims: Vec<usize> = [vec![1; rank - 2], vec![rows, cols]].concat();
                let mut graph = Graph::new();
                let x = graph.input("x", Shape::fixed(&dims).unwrap()).unwrap();
                let weight = if lhs_is_constant { [6, rows] } else { [cols, 6] };
                let weight = graph.constant(Numbers(5).tensor(&weight)).unwrap();
                let product = if lhs_is_constant { graph.matmul(weight, x) } else { graph.matmul(x, weight) }.unwrap();
                let bias = graph.constant(Numbers(6).tensor(&[if lhs_is_constant { cols } else { 6 }])).unwrap();
                let sum = graph.add(Op::Binary(Binary::Add), &[product, bias]).unwrap();
                let activated = graph.tanh(sum).unwrap();
                graph.set_output("y", activated);
                agree(&format!("{dims:?} with a constant, left: {lhs_is_constant}"), &graph, 1);
            }
        }
    }
}

#[test]
fn inputs_constants_and_views_may_be_results() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[3, 2]).unwrap()).unwrap();
    let scale = graph.input("scale", Shape::fixed(&[2]).unwrap()).unwrap();
    let unused = graph.input("unused", Shape::batched(&[4]).unwrap()).unwrap();
    let known = graph.constant(Numbers(3).tensor(&[2, 2])).unwrap();
    let swapped = graph.transpose(x, &[0, 2, 1]).unwrap();
    let scaled = graph.mul(x, scale).unwrap();
    for (name, id) in [("x", x), ("known", known), ("swapped", swapped), ("scaled", scaled), ("again", unused)] {
        graph.set_output(name, id);
    }
    agree("several of each", &graph, 4);
}

#[test]
fn what_has_no_elements_takes_no_kernel() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::fixed(&[2, 0, 4]).unwrap()).unwrap();
    let y = graph.input("y", Shape::fixed(&[2, 3, 4]).unwrap()).unwrap();
    let changed = graph.tanh(x).unwrap();
    let total = graph.sum(changed, &[1]).unwrap();
    let padded = graph.pad(changed, 1, 1, 2).unwrap();
    let joined = graph.concat(&[x, y, changed], 1).unwrap();
    let columns = graph.transpose(x, &[0, 2, 1]).unwrap();
    let product = graph.matmul(columns, x).unwrap();
    let weight = graph.constant(Tensor::new(vec![0, 5], vec![]).unwrap()).unwrap();
    let row = graph.slice(columns, 1, 0, 1).unwrap();
    let layer = graph.matmul(row, weight).unwrap();
    let below = graph.scalar(f64::NEG_INFINITY).unwrap();
    let largest = graph.add(Op::Binary(Binary::Max), &[total, below]).unwrap();
    for (name, id) in [
        ("none", changed),
        ("total", total),
        ("padded", padded),
        ("joined", joined),
        ("product", product),
        ("layer", layer),
        ("largest", largest),
    ] {
        graph.set_output(name, id);
    }
    agree("values without elements", &graph, 1);
}

#[test]
fn what_has_no_value_or_no_room_is_refused_by_name() {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::fixed(&[0, 2]).unwrap()).unwrap();
    graph.set_output("y", x);
    assert!(lower_graph(&graph).unwrap_err().to_string().contains("no output"));
    let mut graph = Graph::new();
    let weight = graph.parameter("weight", &[2]).unwrap();
    graph.set_output("y", weight);
    assert!(lower_graph(&graph).unwrap_err().to_string().contains("bind"));
    assert!(matches!(lower_graph(&Graph::new()), Err(LowerError::Graph(_))));
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::fixed(&[MAX_WORKSPACE + 1]).unwrap()).unwrap();
    graph.set_output("y", x);
    let expected =
        LowerError::TooLarge { what: "elements of workspace", found: MAX_WORKSPACE + 1, limit: MAX_WORKSPACE };
    assert_eq!(lower_graph(&graph), Err(expected));
}
