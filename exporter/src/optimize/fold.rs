//! Constants: what has only constant arguments is computed now, by the oracle.

use super::Rewrite;
use super::site::Site;
use crate::evaluate::evaluate;
use crate::graph::{Binary, Graph, GraphError, Kind, NodeId, Op};

/// Results up to this length are folded even where their arguments stay in use; longer ones would store weights twice.
pub const SMALL_LEN: usize = 16;

pub(super) const REWRITES: &[Rewrite] = &[
    Rewrite { label: "constant arguments: compute", rule: compute },
    Rewrite { label: "uniform constant: a number", rule: number },
];

/// f(c₁, …) → c, unless that would duplicate a large constant or undo a transposition that a product absorbs.
fn compute(site: &mut Site<'_>) -> Result<Option<NodeId>, GraphError> {
    let node = site.graph.node(site.node).clone();
    let constants: Vec<_> = node.args.iter().filter_map(|arg| site.graph.constant_value(*arg)).collect();
    let absorbed = matches!(node.op, Op::Transpose(..)) && site.feeds_matmul;
    if node.args.is_empty() || constants.len() < node.args.len() || node.ty.shape.is_batched() || absorbed {
        return Ok(None);
    }
    let len = node.ty.shape.row_len();
    let released: usize =
        node.args.iter().filter(|arg| site.exclusive(**arg)).map(|arg| site.graph.shape(*arg).row_len()).sum();
    // The only function whose result is no number is a comparison, which has no constant form.
    if node.ty.kind == Kind::Truth || len > released.max(SMALL_LEN) {
        return Ok(None);
    }
    let mut alone = Graph::new();
    let args = constants.iter().map(|tensor| alone.constant((*tensor).clone())).collect::<Result<Vec<_>, _>>()?;
    let root = alone.add(node.op, &args)?;
    alone.set_output("value", root);
    match evaluate(&alone, &[]).map(|mut values| values.pop()) {
        Ok(Some(value)) => site.graph.constant(value).map(Some),
        _ => Ok(None),
    }
}

/// x ∘ [c, c, …] → x ∘ c, where x has the shape of the result; a bias stays the vector that Gemm adds.
fn number(site: &mut Site<'_>) -> Result<Option<NodeId>, GraphError> {
    let Op::Binary(op) = *site.op() else { return Ok(None) };
    let args = site.graph.node(site.node).args.clone();
    for (position, arg) in args.iter().enumerate() {
        let other = args[1 - position];
        let already = site.graph.shape(*arg).rank() == 0;
        let Some(value) = site.uniform(*arg) else { continue };
        if already || *site.graph.shape(other) != site.shape() || site.uniform(other).is_some() {
            continue;
        }
        let is_product = matches!(site.graph.node(other).op, Op::MatMul { .. });
        if op == Binary::Add && is_product && site.graph.shape(*arg).rank() == 1 {
            continue;
        }
        let scalar = site.graph.scalar(value)?;
        let args = if position == 0 { [scalar, other] } else { [other, scalar] };
        return site.graph.add(Op::Binary(op), &args).map(Some);
    }
    Ok(None)
}
