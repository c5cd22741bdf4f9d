//! Every primitive, row by row: what the vectorized graph gives for many rows is what its source gives for each.

use super::*;
use crate::evaluate::evaluate;
use crate::graph::{Binary, Tensor, Unary};

const ROWS: usize = 3;

/// Numbers without a pattern, above 0 so that every primitive is defined on them.
fn numbers(len: usize, seed: usize) -> Vec<f64> {
    (0..len).map(|index| 0.1 + ((index * 37 + seed * 101 + 13) % 89) as f64 / 89.0).collect()
}

/// Checks `build`, a graph of one row with inputs of `shapes`, against its own vectorization.
fn check(shapes: &[&[usize]], build: impl Fn(&mut Graph, &[NodeId]) -> NodeId) -> Graph {
    let mut source = Graph::new();
    let mut inputs = Vec::new();
    for (index, shape) in shapes.iter().enumerate() {
        inputs.push(source.input(&format!("x{index}"), Shape::fixed(shape).unwrap()).unwrap());
    }
    let result = build(&mut source, &inputs);
    let lengths = source.shape(result).row();
    let mut target = Graph::new();
    let mut bound = Vec::new();
    for (index, (input, shape)) in inputs.iter().zip(shapes).enumerate() {
        bound.push((*input, target.input(&format!("x{index}"), squeezed(shape).unwrap()).unwrap()));
    }
    let vectorized = vectorize(&mut target, &source, &bound, &[result]).unwrap()[0];
    assert_eq!(*target.shape(vectorized), squeezed(&lengths).unwrap());
    target.set_output("y", vectorized);
    target.verify().unwrap();
    source.set_output("y", result);
    let rows: Vec<Vec<Tensor>> = (0..ROWS)
        .map(|row| {
            let tensor = |(index, shape): (usize, &&[usize])| {
                Tensor::new(shape.to_vec(), numbers(shape.iter().product(), row * 7 + index)).unwrap()
            };
            shapes.iter().enumerate().map(tensor).collect()
        })
        .collect();
    let names: Vec<String> = (0..shapes.len()).map(|index| format!("x{index}")).collect();
    let wanted: Vec<f64> = rows
        .iter()
        .flat_map(|row| {
            let given: Vec<(&str, &Tensor)> = names.iter().map(String::as_str).zip(row).collect();
            evaluate(&source, &given).unwrap()[0].data().to_vec()
        })
        .collect();
    let stacked: Vec<Tensor> = (0..shapes.len())
        .map(|index| {
            let data = rows.iter().flat_map(|row| row[index].data().to_vec()).collect();
            Tensor::new(squeezed(shapes[index]).unwrap().resolve(ROWS), data).unwrap()
        })
        .collect();
    let given: Vec<(&str, &Tensor)> = names.iter().map(String::as_str).zip(&stacked).collect();
    let found = evaluate(&target, &given).unwrap().remove(0);
    assert_eq!(found.data().len(), wanted.len());
    for (found, wanted) in found.data().iter().zip(&wanted) {
        assert!((found - wanted).abs() <= 1e-14 * wanted.abs().max(1.0), "{found} is not {wanted}");
    }
    target
}

fn weight(graph: &mut Graph, shape: &[usize]) -> NodeId {
    graph.constant(Tensor::new(shape.to_vec(), numbers(shape.iter().product(), 50)).unwrap()).unwrap()
}

#[test]
fn functions_of_one_number() {
    for function in Unary::ALL {
        check(&[&[1, 4]], |g, x| g.add(Op::Unary(*function), &[x[0]]).unwrap());
    }
}

#[test]
fn functions_of_two_numbers_stretch_either_side() {
    let shapes: [(&[usize], &[usize]); 7] = [
        (&[3], &[2, 3]),
        (&[2, 3], &[3]),
        (&[2, 1], &[1, 3]),
        (&[1], &[2, 3]),
        (&[], &[4]),
        (&[2, 1, 3], &[4, 1]),
        (&[1, 3], &[1, 3]),
    ];
    for (a, b) in shapes {
        for function in Binary::ALL {
            let op = Op::Binary(*function);
            check(&[a, b], |g, x| g.add(op.clone(), &[x[0], x[1]]).unwrap());
            // One side the same for all rows.
            check(&[a], |g, x| {
                let w = weight(g, b);
                g.add(op.clone(), &[x[0], w]).unwrap()
            });
            check(&[b], |g, x| {
                let w = weight(g, a);
                g.add(op.clone(), &[w, x[0]]).unwrap()
            });
        }
    }
}

#[test]
fn choices_by_comparison() {
    for comparison in Comparison::ALL {
        check(&[&[2, 1], &[3]], |g, x| {
            let condition = g.compare(*comparison, x[0], x[1]).unwrap();
            let w = weight(g, &[2, 3]);
            g.select(condition, x[0], w).unwrap()
        });
        check(&[&[2, 1], &[2, 3]], |g, x| {
            let half = g.scalar(0.5).unwrap();
            let condition = g.compare(*comparison, x[0], half).unwrap();
            g.select(condition, x[1], half).unwrap()
        });
        check(&[&[4]], |g, x| {
            let (a, b) = (weight(g, &[4]), g.scalar(0.5).unwrap());
            let condition = g.compare(*comparison, a, b).unwrap();
            g.select(condition, x[0], b).unwrap()
        });
    }
}

#[test]
fn products_with_every_transpose_and_rank() {
    let shapes: [(&[usize], &[usize]); 10] = [
        (&[1, 3], &[3, 4]),
        (&[4, 3], &[3, 1]),
        (&[1, 3], &[3, 1]),
        (&[2, 3], &[3, 4]),
        (&[3, 1], &[1, 2]),
        (&[1, 1], &[1, 1]),
        (&[5, 2, 3], &[3, 4]),
        (&[2, 3], &[5, 3, 4]),
        (&[1, 2, 3], &[5, 3, 1]),
        (&[5, 1, 3], &[5, 3, 1]),
    ];
    let swapped = |shape: &[usize], flip: bool| {
        let mut shape = shape.to_vec();
        let last = shape.len() - 1;
        if flip {
            shape.swap(last - 1, last);
        }
        shape
    };
    for (a, b) in shapes {
        for (transpose_lhs, transpose_rhs) in [(false, false), (true, false), (false, true), (true, true)] {
            let (a, b) = (swapped(a, transpose_lhs), swapped(b, transpose_rhs));
            let op = Op::MatMul { transpose_lhs, transpose_rhs };
            check(&[&a, &b], |g, x| g.add(op.clone(), &[x[0], x[1]]).unwrap());
            check(&[&a], |g, x| {
                let w = weight(g, &b);
                g.add(op.clone(), &[x[0], w]).unwrap()
            });
            check(&[&b], |g, x| {
                let w = weight(g, &a);
                g.add(op.clone(), &[w, x[0]]).unwrap()
            });
        }
    }
}

#[test]
fn movements_along_and_beside_dimensions_of_length_one() {
    check(&[&[2, 1, 3]], |g, x| g.transpose(x[0], &[2, 0, 1]).unwrap());
    check(&[&[1, 3]], |g, x| g.transpose(x[0], &[1, 0]).unwrap());
    check(&[&[1, 6]], |g, x| g.reshape(x[0], Shape::fixed(&[2, 1, 3]).unwrap()).unwrap());
    check(&[&[2, 1]], |g, x| g.broadcast(x[0], Shape::fixed(&[4, 2, 3]).unwrap()).unwrap());
    check(&[&[]], |g, x| g.broadcast(x[0], Shape::fixed(&[2, 2]).unwrap()).unwrap());
    check(&[&[2, 4]], |g, x| g.slice(x[0], 1, 1, 2).unwrap());
    check(&[&[2, 4]], |g, x| g.slice(x[0], 0, 1, 1).unwrap());
    check(&[&[2, 1, 3]], |g, x| g.pad(x[0], 1, 1, 2).unwrap());
    check(&[&[2, 3]], |g, x| g.pad(x[0], 0, 0, 1).unwrap());
    check(&[&[2, 1, 3]], |g, x| g.sum(x[0], &[0, 1]).unwrap());
    check(&[&[2, 1, 3]], |g, x| g.sum(x[0], &[1]).unwrap());
    check(&[&[1, 2], &[1, 1]], |g, x| g.concat(&[x[0], x[1]], 1).unwrap());
    check(&[&[1, 3]], |g, x| {
        let w = weight(g, &[2, 3]);
        g.concat(&[w, x[0], x[0]], 0).unwrap()
    });
    check(&[&[1, 1]], |g, x| g.concat(&[x[0], x[0]], 0).unwrap());
}

#[test]
fn what_depends_on_no_row_is_given_to_all() {
    check(&[&[2]], |g, _| weight(g, &[1, 3]));
}

#[test]
fn a_traced_layer_has_the_nodes_of_a_batched_one() {
    for shape in [&[4][..], &[1, 4]] {
        let target = check(&[shape], |g, x| {
            let x = g.reshape(x[0], Shape::fixed(&[1, 4]).unwrap()).unwrap();
            let (w, bias) = (weight(g, &[8, 4]), weight(g, &[8]));
            let z = g.matmul_transposed(x, w).unwrap();
            let z = g.add_values(z, bias).unwrap();
            let y = g.tanh(z).unwrap();
            g.sum(y, &[0, 1]).unwrap()
        });
        let names: Vec<&str> = target.nodes().iter().map(|node| node.op.name()).collect();
        assert_eq!(names, ["input", "constant", "constant", "matmul", "add", "tanh", "sum"]);
    }
}

#[test]
fn a_graph_with_a_batch_is_refused() {
    let mut source = Graph::new();
    let x = source.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    assert!(vectorize(&mut Graph::new(), &source, &[], &[x]).is_err());
}
