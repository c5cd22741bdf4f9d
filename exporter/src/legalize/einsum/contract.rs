//! Two operands taken together.

use super::super::Result;
use super::{Label, Term, batch_moved};
use crate::graph::{Dim, Graph, NodeId, Op, Shape};

/// Labels of two terms by what becomes of them.
struct Roles {
    /// In both, and in the result.
    shared: Vec<Label>,
    /// In both, and summed.
    inner: Vec<Label>,
    /// In the left term alone.
    rows: Vec<Label>,
    /// In the right term alone.
    columns: Vec<Label>,
}

/// The product of two terms, summed over the labels that both have and `wanted` does not.
pub(super) fn contract(graph: &mut Graph, lhs: Term, rhs: Term, wanted: &[Label]) -> Result<Term> {
    // The batch, where only one side has it, makes rows, which are the left side's.
    let (lhs, rhs) =
        if graph.shape(rhs.node).is_batched() && !graph.shape(lhs.node).is_batched() { (rhs, lhs) } else { (lhs, rhs) };
    let (common, rows): (Vec<Label>, Vec<Label>) = lhs.labels.iter().partition(|label| rhs.labels.contains(label));
    let (shared, inner): (Vec<Label>, Vec<Label>) = common.into_iter().partition(|label| wanted.contains(label));
    let columns = rhs.labels.iter().copied().filter(|label| !lhs.labels.contains(label)).collect();
    let roles = Roles { shared, inner, rows, columns };
    let batched = [&lhs, &rhs].map(|term| graph.shape(term.node).is_batched());
    let summed = roles.inner.iter().any(|label| lhs.dim(graph, *label) == Some(Dim::Batch));
    if summed || (batched == [true, true] && lhs.labels.first() != rhs.labels.first()) {
        return Err(batch_moved());
    }
    if roles.inner.is_empty() || (roles.rows.is_empty() && roles.columns.is_empty()) {
        elementwise(graph, &lhs, &rhs, &roles, wanted)
    } else {
        product(graph, &lhs, &rhs, &roles)
    }
}

/// Multiplied with axes aligned, then summed.
fn elementwise(graph: &mut Graph, lhs: &Term, rhs: &Term, roles: &Roles, wanted: &[Label]) -> Result<Term> {
    // In the order of the result, so that it needs no transposition, unless the batch stands elsewhere.
    let mut labels: Vec<Label> = Vec::new();
    let first = lhs.labels.first().filter(|_| graph.shape(lhs.node).is_batched());
    for label in first.into_iter().chain(wanted).chain(&lhs.labels).chain(&rhs.labels) {
        if !labels.contains(label) && (lhs.labels.contains(label) || rhs.labels.contains(label)) {
            labels.push(*label);
        }
    }
    let (left, right) = (lhs.aligned(graph, &labels)?, rhs.aligned(graph, &labels)?);
    let product = graph.mul(left, right)?;
    let (axes, kept): (Vec<usize>, Vec<usize>) =
        (0..labels.len()).partition(|axis| roles.inner.contains(&labels[*axis]));
    let node = graph.sum(product, &axes)?;
    Ok(Term { node, labels: kept.into_iter().map(|axis| labels[axis]).collect() })
}

/// A product of matrices: shared labels lead, rows and columns and the summed labels are merged into one axis each.
fn product(graph: &mut Graph, lhs: &Term, rhs: &Term, roles: &Roles) -> Result<Term> {
    let (left, transpose_lhs) = matrix(graph, lhs, roles, &roles.rows, false)?;
    let (right, transpose_rhs) = matrix(graph, rhs, roles, &roles.columns, true)?;
    let node = graph.add(Op::MatMul { transpose_lhs, transpose_rhs }, &[left, right])?;
    let labels: Vec<Label> = batch_label(graph, lhs, &roles.rows)
        .into_iter()
        .chain(roles.shared.iter().copied())
        .chain(roles.rows.iter().copied().filter(|label| lhs.dim(graph, *label) != Some(Dim::Batch)))
        .chain(roles.columns.iter().copied())
        .collect();
    let dim = |label: &Label| lhs.dim(graph, *label).or_else(|| rhs.dim(graph, *label)).unwrap_or(Dim::Fixed(1));
    let shape = Shape::new(labels.iter().map(dim).collect())?;
    Ok(Term { node: graph.reshape(node, shape)?, labels })
}

/// The label of the batch where it is among `labels`.
fn batch_label(graph: &Graph, term: &Term, labels: &[Label]) -> Option<Label> {
    labels.iter().copied().find(|label| term.dim(graph, *label) == Some(Dim::Batch))
}

/// A term as `[batch?, shared?, own, inner]`, or with the last two exchanged, and whether the product must turn it over.
///
/// `columns` says that it is the right side, which a product reads as `[inner, own]`. A batch that is one of the own labels
/// leads the others; where it is the only one, and nothing is shared, it is the rows themselves.
fn matrix(graph: &mut Graph, term: &Term, roles: &Roles, own: &[Label], columns: bool) -> Result<(NodeId, bool)> {
    let batch = batch_label(graph, term, own);
    let rest: Vec<Label> = own.iter().copied().filter(|label| Some(*label) != batch).collect();
    let lead: Vec<Label> = batch.into_iter().chain(roles.shared.iter().copied()).collect();
    // The order in which the term has its axes already needs no transposition.
    let inner_first = term.labels == [lead.as_slice(), &roles.inner, &rest].concat();
    let (before, after) = if inner_first { (&roles.inner, &rest) } else { (&rest, &roles.inner) };
    let ordered = term.transposed(graph, &[lead.as_slice(), before, after].concat())?;
    let len = |labels: &[Label]| -> usize {
        labels.iter().filter_map(|label| term.dim(graph, *label)).filter_map(fixed).product()
    };
    let mut dims: Vec<Dim> = graph.shape(term.node).dims().iter().copied().filter(|dim| *dim == Dim::Batch).collect();
    let shared = len(&roles.shared);
    if shared != 1 {
        dims.push(Dim::Fixed(shared));
    }
    let rows_are_batch = batch.is_some() && rest.is_empty() && shared == 1;
    if rows_are_batch {
        dims.push(Dim::Fixed(len(&roles.inner)));
    } else {
        dims.extend([Dim::Fixed(len(before)), Dim::Fixed(len(after))]);
    }
    let node = graph.reshape(ordered, Shape::new(dims)?)?;
    Ok((node, inner_first != columns && !rows_are_batch))
}

fn fixed(dim: Dim) -> Option<usize> {
    if let Dim::Fixed(len) = dim { Some(len) } else { None }
}
