//! Whether H = T(p) + V(q), read off the graph.
//!
//! Every element of every value carries a mark: does it depend on q, on p, does it contain a term that mixes the two, and
//! of which degrees are its terms in p. Linear operators join marks; any other operator that meets both q and p makes a mixed term.
//! The verdict is therefore a proof for "separable" (no mixed term reaches H) and names the first mixing node otherwise. It
//! may miss terms that cancel; it never claims a splitting that does not hold.

use crate::evaluate::evaluate;
use crate::graph::{Binary, Graph, Node, NodeId, Op, Tensor, Unary};
use crate::optimize::optimize;

use super::{DynamicsError, ENERGY, Model, STATE, parts};

/// Whether an energy splits, and how.
#[derive(Debug, Clone, PartialEq)]
pub enum Separability {
    /// H = T(p) + V(q).
    Separable {
        /// Whether T is a polynomial of degree 2 in p.
        kinetic_quadratic: bool,
        /// A `[n, n]` where T = ½ pᵀ A p and all weights are known.
        inverse_mass: Option<Tensor>,
    },
    /// A node mixes q and p.
    NotSeparable {
        /// The first node that does, in words.
        reason: String,
    },
}

impl Separability {
    /// Whether H = T(p) + V(q).
    #[must_use]
    pub fn is_separable(&self) -> bool {
        matches!(self, Self::Separable { .. })
    }
}

/// Most elements that are marked, over all nodes of a graph.
pub const MAX_MARKS: usize = 1 << 24;
/// Largest degree told apart; 3 means "higher, or no polynomial".
const HIGHER: u8 = 3;
/// Relative size below which the term of T that is linear in p counts as absent.
const LINEAR_TERM_MAX: f64 = 1e-12;

/// What one element of a value depends on; the default is that of a zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    q: bool,
    /// Whether it depends on p.
    pub(super) p: bool,
    mixed: bool,
    /// Degrees in p of its terms, bit k for degree k; no bit for a zero.
    degrees: u8,
}

impl Mark {
    /// A value that does not depend on the state, and may be other than zero.
    const CONSTANT: Self = Self { q: false, p: false, mixed: false, degrees: 1 };

    fn has_degree(self, degree: u8) -> bool {
        self.degrees & (1 << degree) != 0
    }

    /// Sum of two terms.
    fn join(self, other: Self) -> Self {
        Self {
            q: self.q || other.q,
            p: self.p || other.p,
            mixed: self.mixed || other.mixed,
            degrees: self.degrees | other.degrees,
        }
    }

    /// Product of two terms.
    fn product(self, other: Self) -> Self {
        let pairs = (0..=HIGHER).flat_map(|a| (0..=HIGHER).map(move |b| (a, b)));
        let present = pairs.filter(|(a, b)| self.has_degree(*a) && other.has_degree(*b));
        let degrees = present.fold(0, |degrees, (a, b)| degrees | 1 << (a + b).min(HIGHER));
        Self { degrees, ..self.join(other).entangled() }
    }

    /// Any other function.
    fn nonlinear(self) -> Self {
        Self { degrees: if self.p { 1 << HIGHER } else { 1 }, ..self.entangled() }
    }

    fn entangled(self) -> Self {
        Self { mixed: self.mixed || (self.q && self.p), ..self }
    }
}

/// Reads the separability of a model's energy off its graph.
///
/// # Errors
/// [`DynamicsError`] where the model's graph cannot be derived or evaluated, or exceeds [`MAX_MARKS`].
pub fn separability(model: &Model) -> Result<Separability, DynamicsError> {
    let graph = optimize(&super::hamiltonian(model)?)?;
    let marks = marks(&graph, model.dof())?;
    let energy = graph.output(ENERGY).map(NodeId::index);
    let energy_mark = energy.and_then(|index| marks[index].as_ref()).and_then(|row| row.first()).copied();
    let energy_mark = energy_mark.unwrap_or_default();
    if energy_mark.mixed {
        return Ok(Separability::NotSeparable { reason: mixing_reason(&graph, &marks) });
    }
    let quadratic = !energy_mark.has_degree(HIGHER);
    let is_known = graph.parameters().is_empty();
    let inverse_mass = if quadratic && is_known { inverse_mass(model)? } else { None };
    // A T with a linear term is no pure quadratic: ∂T/∂p is not A p. Known weights are tried, others are read off the marks.
    let kinetic_quadratic = if is_known { inverse_mass.is_some() } else { quadratic && !energy_mark.has_degree(1) };
    Ok(Separability::Separable { kinetic_quadratic, inverse_mass })
}

fn mixing_reason(graph: &Graph, marks: &[Option<Vec<Mark>>]) -> String {
    let mixes = |id: &NodeId| marks[id.index()].as_ref().is_some_and(|row| row.iter().any(|mark| mark.mixed));
    match graph.ids().find(mixes) {
        Some(id) => {
            let node = graph.node(id);
            let args: Vec<String> = node.args.iter().map(ToString::to_string).collect();
            format!("node {id} (`{}` of {}) mixes q and p", node.op.name(), args.join(", "))
        }
        None => "it mixes q and p".to_owned(),
    }
}

/// A = ∂²H/∂p² where ∂H/∂p = A p exactly; T is known to be of degree 2, so one state is enough.
fn inverse_mass(model: &Model) -> Result<Option<Tensor>, DynamicsError> {
    let dof = model.dof();
    let mut graph = parts(model)?;
    let (Some(velocity), Some(x)) = (graph.output("velocity"), graph.leaf(STATE)) else { return Ok(None) };
    let jacobian = crate::differentiate::jacobian(&mut graph, velocity, x)?;
    let mut probe = Graph::new();
    probe.add(graph.node(x).op.clone(), &[])?;
    let placed = probe.inline(&graph, &[velocity, jacobian], &|_, _| None)?;
    probe.set_output("velocity", placed[0]);
    probe.set_output("jacobian", placed[1]);
    let probe = optimize(&probe)?;
    // Distinct coordinates, none of them zero, keep potentials with poles out of the way.
    let state: Vec<f64> = (0..2 * dof).map(|index| 0.3 + 0.17 * index as f64).collect();
    let state = Tensor::new(vec![1, 2 * dof], state)?;
    let Ok(values) = evaluate(&probe, &[(STATE, &state)]) else { return Ok(None) };
    let momentum = &state.data()[dof..];
    let rows: Vec<&[f64]> = values[1].data().chunks(2 * dof).map(|row| &row[dof..]).collect();
    let is_pure = rows.iter().zip(values[0].data()).all(|(row, velocity)| {
        let product: f64 = row.iter().zip(momentum).map(|(a, p)| a * p).sum();
        let size: f64 = row.iter().zip(momentum).map(|(a, p)| (a * p).abs()).sum();
        (product - velocity).abs() <= LINEAR_TERM_MAX * (size + velocity.abs())
    });
    Ok(if is_pure { Some(Tensor::new(vec![dof, dof], rows.concat())?) } else { None })
}

/// Marks of every value that depends on the state, one per element of a row.
///
/// # Errors
/// [`DynamicsError::NotAModel`] beyond [`MAX_MARKS`].
pub(super) fn marks(graph: &Graph, dof: usize) -> Result<Vec<Option<Vec<Mark>>>, DynamicsError> {
    let mut marks: Vec<Option<Vec<Mark>>> = Vec::with_capacity(graph.nodes().len());
    let mut total = 0usize;
    for (index, node) in graph.nodes().iter().enumerate() {
        let is_state = matches!(&node.op, Op::Input(name, _) if &**name == STATE);
        let depends = node.args.iter().any(|arg| marks[arg.index()].is_some());
        if depends || is_state {
            total = total.saturating_add(node.ty.shape.row_len());
        }
        if total > MAX_MARKS {
            return Err(DynamicsError::NotAModel(format!(
                "up to node %{index} its values have {total} elements per row that depend on the state; the limit is {MAX_MARKS}"
            )));
        }
        let row = match &node.op {
            _ if is_state => Some(state_marks(dof)),
            _ if depends => Some(node_marks(graph, node, &marks)),
            _ => None,
        };
        marks.push(row);
    }
    Ok(marks)
}

fn state_marks(dof: usize) -> Vec<Mark> {
    let position = Mark { q: true, ..Mark::CONSTANT };
    let momentum = Mark { p: true, degrees: 1 << 1, ..Mark::CONSTANT };
    (0..2 * dof).map(|index| if index < dof { position } else { momentum }).collect()
}

fn node_marks(graph: &Graph, node: &Node, marks: &[Option<Vec<Mark>>]) -> Vec<Mark> {
    let len = node.ty.shape.row_len();
    let dims = node.ty.shape.row();
    let arg_marks = |position: usize| marks[node.args[position].index()].as_deref();
    let arg_dims = |position: usize| graph.shape(node.args[position]).row();
    let stretched = |position: usize, index: &[usize]| -> Mark {
        // Values that depend on the state are batched, so their rows align with the row of the result.
        arg_marks(position).map_or(Mark::CONSTANT, |row| row[broadcast_flat(&arg_dims(position), index)])
    };
    let at = |flat: usize| unflatten(flat, &dims);
    match &node.op {
        Op::Unary(Unary::Neg) | Op::Reshape(_) => arg_marks(0).unwrap_or_default().to_vec(),
        Op::Unary(_) => arg_marks(0).unwrap_or_default().iter().map(|mark| mark.nonlinear()).collect(),
        Op::Binary(op) => {
            let square =
                *op == Binary::Pow && graph.constant_value(node.args[1]).and_then(Tensor::uniform) == Some(2.0);
            let combine = |a: Mark, b: Mark| match op {
                Binary::Add | Binary::Sub => a.join(b),
                Binary::Mul => match (arg_marks(0), arg_marks(1)) {
                    (Some(_), Some(_)) => a.product(b),
                    (Some(_), None) => a,
                    _ => b,
                },
                Binary::Div if arg_marks(1).is_none() => a,
                Binary::Pow if square => a.product(a),
                _ => a.join(b).nonlinear(),
            };
            (0..len).map(at).map(|index| combine(stretched(0, &index), stretched(1, &index))).collect()
        }
        Op::Compare(_) | Op::Select => (0..len)
            .map(at)
            .map(|index| {
                let all = (0..node.args.len()).map(|position| stretched(position, &index));
                all.fold(Mark::default(), Mark::join).nonlinear()
            })
            .collect(),
        Op::Broadcast(_) => (0..len).map(at).map(|index| stretched(0, &index)).collect(),
        Op::MatMul { .. } => matmul_marks(graph, node, marks),
        _ => moved_marks(graph, node, marks),
    }
}

/// Marks of operators that only move elements, and of the sum.
fn moved_marks(graph: &Graph, node: &Node, marks: &[Option<Vec<Mark>>]) -> Vec<Mark> {
    let shape = &node.ty.shape;
    // Row axes are one less than the axes of the batched shape.
    let mut result = vec![Mark::default(); shape.row_len()];
    let mut offset = 0;
    for arg in &node.args {
        let dims = graph.shape(*arg).row();
        let constant = vec![Mark::CONSTANT; if marks[arg.index()].is_some() { 0 } else { dims.iter().product() }];
        for (flat, mark) in marks[arg.index()].as_ref().unwrap_or(&constant).iter().enumerate() {
            let mut index = unflatten(flat, &dims);
            let target = match &node.op {
                Op::Transpose(order) => Some(order[1..].iter().map(|axis| index[axis - 1]).collect()),
                Op::Concat { axis } => {
                    index[axis - 1] += offset;
                    Some(index)
                }
                Op::Slice { axis, start, len } => {
                    let inside = (*start..start + len).contains(&index[axis - 1]);
                    index[axis - 1] = index[axis - 1].wrapping_sub(*start);
                    inside.then_some(index)
                }
                Op::Pad { axis, before, .. } => {
                    index[axis - 1] += before;
                    Some(index)
                }
                Op::Sum(axes) => {
                    let kept = index.iter().enumerate().filter(|(axis, _)| !axes.contains(&(axis + 1)));
                    Some(kept.map(|(_, position)| *position).collect())
                }
                _ => None,
            };
            if let Some(target) = target {
                let position = flatten(&target, &shape.row());
                result[position] = result[position].join(*mark);
            }
        }
        if let Op::Concat { axis } = &node.op {
            offset += dims[axis - 1];
        }
    }
    result
}

/// Marks of a product: each element joins its factors along the inner dimension, zero weights left out.
fn matmul_marks(graph: &Graph, node: &Node, marks: &[Option<Vec<Mark>>]) -> Vec<Mark> {
    let Op::MatMul { transpose_lhs, transpose_rhs } = node.op else { return Vec::new() };
    let side = |position: usize, transposed: bool, row: usize, col: usize, lead: &[usize]| -> Option<Mark> {
        let shape = graph.shape(node.args[position]);
        // A batched matrix of rank 2 is one row of the batch.
        let mut dims = if shape.is_batched() { shape.row() } else { shape.resolve(1) };
        // An axis of length 1 that stretches over the batch is none of a row.
        if !shape.is_batched() && dims.len() > 2 && dims.len() == node.ty.shape.rank() {
            dims.remove(0);
        }
        if dims.len() == 1 {
            dims.insert(0, 1);
        }
        let (row, col) = if transposed { (col, row) } else { (row, col) };
        let mut index = lead[lead.len().saturating_sub(dims.len() - 2)..].to_vec();
        index.extend([row, col]);
        let flat = broadcast_flat(&dims, &index);
        match (&marks[node.args[position].index()], graph.constant_value(node.args[position])) {
            (Some(marks), _) => Some(marks[flat]),
            (None, Some(constant)) if constant.data()[flat] == 0.0 => None,
            _ => Some(Mark::CONSTANT),
        }
    };
    let lhs = graph.shape(node.args[0]);
    let inner_axis = if transpose_lhs { lhs.rank() - 2 } else { lhs.rank() - 1 };
    let inner = lhs.len(inner_axis).unwrap_or(0);
    let mut dims = node.ty.shape.row();
    if dims.len() == 1 {
        dims.insert(0, 1);
    }
    let [lhs_marked, rhs_marked] = [0, 1].map(|position: usize| marks[node.args[position].index()].is_some());
    let split = dims.len() - 2;
    (0..dims.iter().product())
        .map(|flat| {
            let index = unflatten(flat, &dims);
            (0..inner)
                .filter_map(|k| {
                    let left = side(0, transpose_lhs, index[split], k, &index[..split])?;
                    let right = side(1, transpose_rhs, k, index[split + 1], &index[..split])?;
                    Some(match (lhs_marked, rhs_marked) {
                        (true, true) => left.product(right),
                        (true, false) => left,
                        _ => right,
                    })
                })
                .fold(Mark::default(), Mark::join)
        })
        .collect()
}

fn unflatten(mut flat: usize, dims: &[usize]) -> Vec<usize> {
    let mut index = vec![0; dims.len()];
    for (position, len) in index.iter_mut().zip(dims).rev() {
        *position = flat % len;
        flat /= len;
    }
    index
}

fn flatten(index: &[usize], dims: &[usize]) -> usize {
    index.iter().zip(dims).fold(0, |flat, (position, len)| flat * len + position)
}

/// Flat position in `dims`, which stretches to the shape `index` belongs to.
fn broadcast_flat(dims: &[usize], index: &[usize]) -> usize {
    let skipped = index.len() - dims.len();
    dims.iter()
        .zip(&index[skipped..])
        .fold(0, |flat, (len, position)| flat * len + if *len == 1 { 0 } else { *position })
}
