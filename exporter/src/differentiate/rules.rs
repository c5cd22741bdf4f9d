//! One vector–Jacobian rule per operator.
//!
//! In the equations y is the node, x (or a, b) its arguments, ȳ the adjoint of y, x̄ the contribution to the adjoint of x.
//! ȳ broadcasts to y; every rule returns an x̄ that broadcasts to x. A rule that returns `None` has derivative zero almost
//! everywhere.

use std::f64::consts::PI;

use crate::graph::{Binary, Comparison, Dim, Graph, GraphError, Node, NodeId, Op, Shape, Unary};

type Pulled = Result<Option<NodeId>, GraphError>;

/// x̄ of argument `position` of node `y`, given ȳ.
pub(super) fn pullback(g: &mut Graph, y: NodeId, node: &Node, position: usize, dy: NodeId) -> Pulled {
    let x = node.args[position];
    let (of, to) = (node.ty.shape.clone(), g.shape(x).clone());
    let pulled = match &node.op {
        Op::Input(..) | Op::Parameter(..) | Op::Constant(..) | Op::Compare(..) => return Ok(None),
        Op::Unary(op) => return unary(g, *op, x, y, dy),
        Op::Binary(op) => match binary(g, *op, node, position, y, dy)? {
            Some(full) => reduce(g, full, &of, &to)?,
            None => return Ok(None),
        },
        Op::Select => match select(g, node, position, dy)? {
            Some(full) => reduce(g, full, &of, &to)?,
            None => return Ok(None),
        },
        Op::MatMul { transpose_lhs, transpose_rhs } => matmul(g, node, position, dy, *transpose_lhs, *transpose_rhs)?,
        // x̄ = ȳ with the inverse permutation.
        Op::Transpose(order) => {
            let aligned = align(g, dy, of.rank())?;
            let inverse: Vec<usize> =
                (0..order.len()).map(|axis| order.iter().position(|from| *from == axis).unwrap_or(axis)).collect();
            g.transpose(aligned, &inverse)?
        }
        Op::Reshape(_) => reshape(g, dy, &of, &to)?,
        // x̄ = Σ ȳ over the stretched axes.
        Op::Broadcast(_) => reduce(g, dy, &of, &to)?,
        // x̄ᵢ = the part of ȳ that came from xᵢ.
        Op::Concat { axis } => {
            let before: usize = node.args[..position].iter().filter_map(|arg| g.shape(*arg).len(*axis)).sum();
            cut(g, dy, &of, *axis, before, to.len(*axis).unwrap_or(0))?
        }
        // x̄ = ȳ between zeros.
        Op::Slice { axis, start, len } => {
            let stretched = stretch(g, dy, &of, *axis)?;
            let have = to.len(*axis).unwrap_or(0);
            g.pad(stretched, *axis, *start, have - start - len)?
        }
        // x̄ = ȳ without its ends.
        Op::Pad { axis, before, .. } => cut(g, dy, &of, *axis, *before, to.len(*axis).unwrap_or(0))?,
        // x̄ = ȳ, repeated along the summed axes.
        Op::Sum(axes) => {
            let aligned = align(g, dy, of.rank())?;
            let mut dims = g.shape(aligned).dims().to_vec();
            for axis in axes {
                dims.insert(*axis, Dim::Fixed(1));
            }
            g.reshape(aligned, Shape::new(dims)?)?
        }
    };
    Ok(Some(pulled))
}

/// x̄ = ȳ f′(x), written with y = f(x) wherever that saves evaluating f′ anew.
fn unary(g: &mut Graph, op: Unary, x: NodeId, y: NodeId, dy: NodeId) -> Pulled {
    let slope = match op {
        // (−x)′ = −1
        Unary::Neg => return g.neg(dy).map(Some),
        // (1/x)′ = −y²
        Unary::Reciprocal => {
            let square = g.mul(y, y)?;
            g.neg(square)?
        }
        // (√x)′ = ½ / y
        Unary::Sqrt => {
            let half = g.scalar(0.5)?;
            g.div(half, y)?
        }
        // (eˣ)′ = y
        Unary::Exp => y,
        // (ln x)′ = 1/x
        Unary::Log => return g.div(dy, x).map(Some),
        // (sin x)′ = cos x
        Unary::Sin => g.cos(x)?,
        // (cos x)′ = −sin x
        Unary::Cos => {
            let sine = g.sin(x)?;
            g.neg(sine)?
        }
        // (tanh x)′ = 1 − y²
        Unary::Tanh => {
            let square = g.mul(y, y)?;
            one_minus(g, square)?
        }
        // σ′ = y (1 − y)
        Unary::Sigmoid => {
            let rest = one_minus(g, y)?;
            g.mul(y, rest)?
        }
        // ln(1 + eˣ)′ = σ(x)
        Unary::Softplus => g.sigmoid(x)?,
        // |x|′ = sign x
        Unary::Abs => g.sign(x)?,
        // Constant but for their jumps.
        Unary::Sign | Unary::Floor | Unary::Round => return Ok(None),
        // erf′ = 2/√π e^(−x²)
        Unary::Erf => {
            let square = g.mul(x, x)?;
            let exponent = g.neg(square)?;
            let bell = g.exp(exponent)?;
            g.scale(bell, 2.0 / PI.sqrt())?
        }
        // arctan′ = 1/(1 + x²)
        Unary::Atan => {
            let square = g.mul(x, x)?;
            let one = g.scalar(1.0)?;
            let sum = g.add_values(square, one)?;
            g.reciprocal(sum)?
        }
    };
    g.mul(dy, slope).map(Some)
}

fn one_minus(g: &mut Graph, x: NodeId) -> Result<NodeId, GraphError> {
    let one = g.scalar(1.0)?;
    g.sub(one, x)
}

/// Element by element, before the sum over stretched axes.
fn binary(g: &mut Graph, op: Binary, node: &Node, position: usize, y: NodeId, dy: NodeId) -> Pulled {
    let (a, b) = (node.args[0], node.args[1]);
    let pulled = match (op, position) {
        // ā = ȳ, b̄ = ȳ (for −: b̄ = −ȳ)
        (Binary::Add, _) | (Binary::Sub, 0) => dy,
        (Binary::Sub, _) => g.neg(dy)?,
        // ā = ȳ b, b̄ = ȳ a
        (Binary::Mul, 0) => g.mul(dy, b)?,
        (Binary::Mul, _) => g.mul(dy, a)?,
        // ā = ȳ / b, b̄ = −ȳ y / b
        (Binary::Div, 0) => g.div(dy, b)?,
        (Binary::Div, _) => {
            let product = g.mul(dy, y)?;
            let quotient = g.div(product, b)?;
            g.neg(quotient)?
        }
        // ā = ȳ b a^(b−1), b̄ = ȳ y ln a
        (Binary::Pow, 0) => {
            let one = g.scalar(1.0)?;
            let exponent = g.sub(b, one)?;
            let power = g.pow(a, exponent)?;
            let slope = g.mul(b, power)?;
            g.mul(dy, slope)?
        }
        (Binary::Pow, _) => {
            let log = g.log(a)?;
            let slope = g.mul(y, log)?;
            g.mul(dy, slope)?
        }
        // Max takes a where a > b and b otherwise; Min takes a where b > a. The adjoint goes the same way.
        (Binary::Max | Binary::Min, _) => {
            let (left, right) = if op == Binary::Max { (a, b) } else { (b, a) };
            let takes_a = g.compare(Comparison::Greater, left, right)?;
            let zero = g.scalar(0.0)?;
            let (yes, no) = if position == 0 { (dy, zero) } else { (zero, dy) };
            g.select(takes_a, yes, no)?
        }
    };
    Ok(Some(pulled))
}

/// ā = c ? ȳ : 0, b̄ = c ? 0 : ȳ
fn select(g: &mut Graph, node: &Node, position: usize, dy: NodeId) -> Pulled {
    let zero = g.scalar(0.0)?;
    match position {
        0 => Ok(None),
        1 => g.select(node.args[0], dy, zero).map(Some),
        _ => g.select(node.args[0], zero, dy).map(Some),
    }
}

/// With A′ = A or Aᵀ and B′ = B or Bᵀ as flagged, Y = A′B′: Ā′ = Ȳ B′ᵀ, B̄′ = A′ᵀ Ȳ, and Ā = Ā′ or Ā′ᵀ.
fn matmul(
    g: &mut Graph,
    node: &Node,
    position: usize,
    dy: NodeId,
    transpose_lhs: bool,
    transpose_rhs: bool,
) -> Result<NodeId, GraphError> {
    let (a, b) = (node.args[0], node.args[1]);
    let dy = full_matrix(g, dy, &node.ty.shape)?;
    let (left, right, flip_left, flip_right) = match (position, transpose_lhs, transpose_rhs) {
        (0, false, _) => (dy, b, false, !transpose_rhs),
        (0, true, _) => (b, dy, transpose_rhs, true),
        (_, _, false) => (a, dy, !transpose_lhs, false),
        (_, _, true) => (dy, a, true, transpose_lhs),
    };
    let product = g.add(Op::MatMul { transpose_lhs: flip_left, transpose_rhs: flip_right }, &[left, right])?;
    let to = g.shape(node.args[position]).clone();
    // Leading dimensions of the result may have been stretched; the last two are the argument's own.
    let mut of = node.ty.shape.dims()[..node.ty.shape.rank() - 2].to_vec();
    of.extend_from_slice(&to.dims()[to.rank() - 2..]);
    reduce(g, product, &Shape::new(of)?, &to)
}

/// ȳ with its last two dimensions at full length; a row of the batch may stay a single row.
fn full_matrix(g: &mut Graph, dy: NodeId, of: &Shape) -> Result<NodeId, GraphError> {
    let last = &of.dims()[of.rank() - 2..];
    let rows = if last[0] == Dim::Batch { Dim::Fixed(1) } else { last[0] };
    let full = g.shape(dy).broadcast(&Shape::new(vec![rows, last[1]])?)?;
    g.broadcast(dy, full)
}

/// x̄ of a reshape: ȳ at full length, in the shape of x. A ȳ without batch stays without.
fn reshape(g: &mut Graph, dy: NodeId, of: &Shape, to: &Shape) -> Result<NodeId, GraphError> {
    if g.shape(dy).row_len() == 1 && !g.shape(dy).is_batched() {
        return g.reshape(dy, Shape::fixed(&[])?);
    }
    if g.shape(dy).is_batched() {
        let full = g.broadcast(dy, of.clone())?;
        return g.reshape(full, to.clone());
    }
    let row = Shape::fixed(&of.row())?;
    let flat = align(g, dy, of.rank())?;
    let unbatched = if of.is_batched() { g.shape(flat).dims()[1..].to_vec() } else { g.shape(flat).dims().to_vec() };
    let flat = g.reshape(flat, Shape::new(unbatched)?)?;
    let full = g.broadcast(flat, row)?;
    g.reshape(full, Shape::fixed(&to.row())?)
}

/// ȳ with leading dimensions of length 1 added up to `rank`.
fn align(g: &mut Graph, dy: NodeId, rank: usize) -> Result<NodeId, GraphError> {
    let mut dims = vec![Dim::Fixed(1); rank.saturating_sub(g.shape(dy).rank())];
    dims.extend_from_slice(g.shape(dy).dims());
    g.reshape(dy, Shape::new(dims)?)
}

/// ȳ at full length along one axis of y.
fn stretch(g: &mut Graph, dy: NodeId, of: &Shape, axis: usize) -> Result<NodeId, GraphError> {
    let aligned = align(g, dy, of.rank())?;
    let mut dims = g.shape(aligned).dims().to_vec();
    dims[axis] = of.dims()[axis];
    g.broadcast(aligned, Shape::new(dims)?)
}

/// Part of ȳ along one axis of y; where ȳ is constant along it, ȳ itself.
fn cut(g: &mut Graph, dy: NodeId, of: &Shape, axis: usize, start: usize, len: usize) -> Result<NodeId, GraphError> {
    let aligned = align(g, dy, of.rank())?;
    if g.shape(aligned).len(axis) == Some(1) && of.len(axis) != Some(1) {
        return Ok(aligned);
    }
    g.slice(aligned, axis, start, len)
}

/// Sums `full`, which broadcasts to `of`, over the axes along which `to` was stretched to `of`.
///
/// Where `full` is itself constant along such an axis the sum is a multiplication by its length.
fn reduce(g: &mut Graph, full: NodeId, of: &Shape, to: &Shape) -> Result<NodeId, GraphError> {
    if of == to {
        return Ok(full);
    }
    if of.is_batched() && !to.is_batched() {
        return Err(GraphError::shape(format!("a derivative with respect to {to} would sum over the batch of {of}")));
    }
    let missing = of.rank() - to.rank();
    let stretched: Vec<usize> = (0..of.rank())
        .filter(|axis| of.len(*axis) != Some(1) && (*axis < missing || to.len(axis - missing) == Some(1)))
        .collect();
    let aligned = align(g, full, of.rank())?;
    let (summed, repeated): (Vec<usize>, Vec<usize>) =
        stretched.iter().partition(|axis| g.shape(aligned).len(**axis) != Some(1));
    let total = g.sum_keep(aligned, &summed)?;
    let factor: usize = repeated.iter().filter_map(|axis| of.len(*axis)).product();
    let scaled = if factor == 1 { total } else { g.scale(total, factor as f64)? };
    let dims = g.shape(scaled).dims()[missing..].to_vec();
    g.reshape(scaled, Shape::new(dims)?)
}
