//! Graphs that between them use every primitive and every special encoding of the writer, with inputs to evaluate them on.

use crate::graph::{Binary, Comparison, Graph, GraphError, NodeId, Op, Shape, Tensor, Unary};

/// Rows of the batch of every case.
pub(crate) const ROWS: usize = 3;

/// A graph and values for its inputs.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) graph: Graph,
    pub(crate) inputs: Vec<(String, Tensor)>,
}

/// Pseudo-random numbers in −1…1 that f32 holds exactly.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = u32::try_from(self.0 >> 44).unwrap();
        f64::from(bits) / f64::from(1u32 << 19) - 1.0
    }

    pub(crate) fn tensor(&mut self, shape: &[usize]) -> Tensor {
        let len = shape.iter().product();
        Tensor::new(shape.to_vec(), (0..len).map(|_| self.next()).collect()).unwrap()
    }
}

type Build<'a> = &'a dyn Fn(&mut Graph, NodeId) -> Result<NodeId, GraphError>;

/// A case with input `x [batch, 4]` and output `y`.
fn of_state(name: &str, build: Build<'_>) -> Case {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[4]).unwrap()).unwrap();
    let y = build(&mut graph, x).unwrap();
    graph.set_output("y", y);
    with_inputs(name, graph)
}

/// A case with random inputs.
pub(crate) fn with_inputs(name: &str, graph: Graph) -> Case {
    let mut numbers = Numbers::new(7);
    let inputs: Vec<(String, Tensor)> = graph
        .inputs()
        .into_iter()
        .map(|(name, id)| (name.to_owned(), numbers.tensor(&graph.shape(id).resolve(ROWS))))
        .collect();
    Case { name: name.to_owned(), graph, inputs }
}

fn constant(graph: &mut Graph, seed: u64, shape: &[usize]) -> Result<NodeId, GraphError> {
    let tensor = Numbers::new(seed).tensor(shape);
    graph.constant(tensor)
}

/// x moved to 0.5…2.5, where every function is smooth and defined.
fn positive(graph: &mut Graph, x: NodeId) -> Result<NodeId, GraphError> {
    let shift = graph.scalar(1.5)?;
    graph.add_values(x, shift)
}

/// Every case.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = elementwise();
    cases.extend(products());
    cases.extend(structure());
    cases.extend(special());
    cases
}

fn elementwise() -> Vec<Case> {
    let mut cases = Vec::new();
    for function in Unary::ALL {
        let needs_positive = matches!(function, Unary::Reciprocal | Unary::Sqrt | Unary::Log);
        cases.push(of_state(function.name(), &|graph, x| {
            let x = if needs_positive { positive(graph, x)? } else { x };
            graph.add(Op::Unary(*function), &[x])
        }));
    }
    for function in Binary::ALL {
        cases.push(of_state(function.name(), &|graph, x| {
            let row = constant(graph, 3, &[4])?;
            let (a, b) = (positive(graph, x)?, positive(graph, row)?);
            graph.add(Op::Binary(*function), &[a, b])
        }));
    }
    for comparison in Comparison::ALL {
        cases.push(of_state(comparison.name(), &|graph, x| {
            let zero = graph.scalar(0.0)?;
            let sign = graph.sign(x)?;
            let condition = graph.compare(*comparison, sign, zero)?;
            let other = graph.scale(x, -3.0)?;
            graph.select(condition, x, other)
        }));
    }
    cases
}

fn products() -> Vec<Case> {
    let mut cases = vec![
        of_state("dense", &|graph, x| {
            let (weight, bias) = (constant(graph, 1, &[5, 4])?, constant(graph, 2, &[5])?);
            let product = graph.matmul_transposed(x, weight)?;
            graph.add_values(bias, product)
        }),
        of_state("dense_and_adjoint_share_a_weight", &|graph, x| {
            let weight = constant(graph, 1, &[5, 4])?;
            let product = graph.matmul_transposed(x, weight)?;
            graph.matmul(product, weight)
        }),
        of_state("plain_product_with_bias", &|graph, x| {
            let (weight, bias) = (constant(graph, 1, &[4, 3])?, constant(graph, 2, &[3])?);
            let product = graph.matmul(x, weight)?;
            graph.add_values(product, bias)
        }),
        of_state("product_used_twice_keeps_its_bias_apart", &|graph, x| {
            let (weight, bias) = (constant(graph, 1, &[3, 4])?, constant(graph, 2, &[3])?);
            let product = graph.matmul_transposed(x, weight)?;
            let sum = graph.add_values(product, bias)?;
            graph.mul(sum, product)
        }),
        of_state("quadratic_form_per_row", &|graph, x| {
            let column = graph.reshape(x, Shape::batched(&[4, 1])?)?;
            graph.add(Op::MatMul { transpose_lhs: true, transpose_rhs: false }, &[column, column])
        }),
    ];
    for (transpose_lhs, transpose_rhs) in [(false, false), (false, true), (true, false), (true, true)] {
        let op = Op::MatMul { transpose_lhs, transpose_rhs };
        let name = format!("batched_product_{transpose_lhs}_{transpose_rhs}");
        cases.push(of_state(&name, &|graph, x| {
            let matrices = graph.reshape(x, Shape::batched(&[2, 2])?)?;
            let weight = constant(graph, 4, &[2, 2])?;
            let right = graph.add(op.clone(), &[matrices, weight])?;
            let left = graph.add(op.clone(), &[weight, right])?;
            graph.add(op.clone(), &[left, matrices])
        }));
    }
    cases
}

fn structure() -> Vec<Case> {
    vec![
        of_state("transpose", &|graph, x| {
            let matrices = graph.reshape(x, Shape::batched(&[2, 2])?)?;
            graph.transpose(matrices, &[0, 2, 1])
        }),
        of_state("concat_of_slices", &|graph, x| {
            let (q, p) = (graph.slice(x, 1, 0, 2)?, graph.slice(x, 1, 2, 2)?);
            let force = graph.neg(q)?;
            graph.concat(&[p, force], 1)
        }),
        of_state("pad", &|graph, x| graph.pad(x, 1, 2, 1)),
        of_state("sum", &|graph, x| graph.sum(x, &[1])),
        of_state("sum_keeps_its_axis", &|graph, x| graph.sum_keep(x, &[1])),
        of_state("sum_of_two_axes", &|graph, x| {
            let matrices = graph.reshape(x, Shape::batched(&[2, 2])?)?;
            graph.sum(matrices, &[1, 2])
        }),
        of_state("stretched_by_its_user", &|graph, x| {
            let sum = graph.sum_keep(x, &[1])?;
            let wide = graph.broadcast(sum, Shape::batched(&[4])?)?;
            graph.mul(wide, x)
        }),
        of_state("both_sides_stretched", &|graph, x| {
            let (sum, root) = (graph.sum_keep(x, &[1])?, graph.exp(x)?);
            let other = graph.sum_keep(root, &[1])?;
            let (a, b) = (graph.broadcast(sum, Shape::batched(&[4])?)?, graph.broadcast(other, Shape::batched(&[4])?)?);
            graph.sub(a, b)
        }),
        of_state("stretched_to_an_output", &|graph, x| {
            let sum = graph.sum_keep(x, &[1])?;
            graph.broadcast(sum, Shape::batched(&[4])?)
        }),
        of_state("constant_stretched_over_the_batch", &|graph, _| {
            let row = constant(graph, 5, &[4])?;
            graph.broadcast(row, Shape::batched(&[4])?)
        }),
        of_state("number_stretched_over_the_batch", &|graph, _| {
            let number = graph.scalar(0.25)?;
            graph.broadcast(number, Shape::batched(&[])?)
        }),
    ]
}

fn special() -> Vec<Case> {
    let mut aliases = Graph::new();
    let x = aliases.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    aliases.input("unused", Shape::batched(&[1]).unwrap()).unwrap();
    let dt = aliases.input("dt", Shape::fixed(&[]).unwrap()).unwrap();
    let number = aliases.constant(Tensor::new(vec![2], vec![0.5, -2.0]).unwrap()).unwrap();
    let scaled = aliases.mul(x, dt).unwrap();
    for (name, id) in [("same", x), ("known", number), ("once", scaled), ("twice", scaled)] {
        aliases.set_output(name, id);
    }
    vec![with_inputs("aliases_and_unused_inputs", aliases), with_inputs("mlp_gradient", mlp_gradient(8))]
}

/// J∇H of an MLP 2-n-n-1 with tanh, as one would derive it by hand, without the energy itself.
pub(crate) fn mlp_gradient(width: usize) -> Graph {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let gradient = hand_gradient(&mut graph, x, width).unwrap();
    graph.set_output("dH", gradient);
    graph
}

fn hand_gradient(graph: &mut Graph, x: NodeId, width: usize) -> Result<NodeId, GraphError> {
    let (w1, b1) = (constant(graph, 11, &[width, 2])?, constant(graph, 12, &[width])?);
    let (w2, b2) = (constant(graph, 13, &[width, width])?, constant(graph, 14, &[width])?);
    let w3 = constant(graph, 15, &[1, width])?;
    let ones = graph.scalar(1.0)?;
    let mut layers = Vec::new();
    let mut value = x;
    for (weight, bias) in [(w1, b1), (w2, b2)] {
        let product = graph.matmul_transposed(value, weight)?;
        let sum = graph.add_values(product, bias)?;
        value = graph.tanh(sum)?;
        layers.push((weight, value));
    }
    let mut adjoint = w3;
    for (weight, value) in layers.into_iter().rev() {
        let square = graph.mul(value, value)?;
        let slope = graph.sub(ones, square)?;
        let scaled = graph.mul(slope, adjoint)?;
        adjoint = graph.matmul(scaled, weight)?;
    }
    Ok(adjoint)
}
