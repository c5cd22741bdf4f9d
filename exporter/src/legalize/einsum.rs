//! Products of any number of tensors, summed over the axes that the result does not name.
//!
//! Every axis of an operand has a label. Labels that one operand alone has are summed first; then the two operands whose
//! product is smallest are taken together, as a product of matrices where they share a summed label and element by
//! element where they do not, until one is left. The batch is a label like others, except that it must stay first.

mod contract;
mod equation;

use super::pick::pick;
use super::{Attribute, LegalizeError, Operator, Result, Row, Value, one};
use crate::graph::{Dim, Graph, NodeId, Shape};
use contract::contract;
use equation::{Equation, Label};

pub(super) const ROWS: &[Row] = &[Row("Einsum", 1, MAX_OPERANDS, &["equation"], einsum)];

/// Most operands of one product.
const MAX_OPERANDS: usize = 32;

/// A value and the label of each of its axes, no label twice.
#[derive(Debug, Clone)]
struct Term {
    node: NodeId,
    labels: Vec<Label>,
}

impl Term {
    fn dim(&self, graph: &Graph, label: Label) -> Option<Dim> {
        let axis = self.labels.iter().position(|own| *own == label)?;
        graph.shape(self.node).dims().get(axis).copied()
    }

    /// The value with its axes in the order of `labels`, those it does not have at length 1.
    fn aligned(&self, graph: &mut Graph, labels: &[Label]) -> Result<NodeId> {
        let own: Vec<Label> = labels.iter().copied().filter(|label| self.labels.contains(label)).collect();
        let ordered = self.transposed(graph, &own)?;
        let dims = labels.iter().map(|label| self.dim(graph, *label).unwrap_or(Dim::Fixed(1))).collect();
        Ok(graph.reshape(ordered, Shape::new(dims)?)?)
    }

    /// The value with exactly its own labels, in another order.
    fn transposed(&self, graph: &mut Graph, labels: &[Label]) -> Result<NodeId> {
        if self.labels == labels {
            return Ok(self.node);
        }
        let axis = |label: &Label| self.labels.iter().position(|own| own == label).unwrap_or(0);
        let order: Vec<usize> = labels.iter().map(axis).collect();
        if graph.shape(self.node).is_batched() && order.first() != Some(&0) {
            return Err(batch_moved());
        }
        Ok(graph.transpose(self.node, &order)?)
    }
}

fn batch_moved() -> LegalizeError {
    LegalizeError::refused("it moves or sums the batch; keep its label first in every operand and in the result")
}

/// The sum of products that the equation names.
fn einsum(graph: &mut Graph, operator: &Operator<'_>) -> Result<Vec<Value>> {
    let Some(Attribute::Text(text)) = operator.attributes.get("equation") else {
        return Err(LegalizeError::refused("attribute `equation` is missing"));
    };
    let nodes = (0..operator.inputs.len()).map(|position| operator.node(position)).collect::<Result<Vec<_>>>()?;
    let ranks: Vec<usize> = nodes.iter().map(|node| graph.shape(*node).rank()).collect();
    let equation = Equation::parse(text, &ranks)?;
    let mut terms = Vec::new();
    for (node, labels) in nodes.into_iter().zip(equation.operands) {
        terms.push(diagonal(graph, Term { node, labels })?);
    }
    for position in 0..terms.len() {
        terms[position] = unstretched(graph, &terms, position)?;
    }
    while terms.len() > 1 {
        let (left, right) = cheapest(graph, &terms, &equation.result);
        let rhs = terms.remove(right);
        let lhs = terms.remove(left);
        let wanted = wanted(&terms, &equation.result);
        let lhs = summed(graph, lhs, &wanted, Some(&rhs))?;
        let rhs = summed(graph, rhs, &wanted, Some(&lhs))?;
        terms.insert(left, contract(graph, lhs, rhs, &wanted)?);
    }
    let last = summed(graph, terms.remove(0), &equation.result, None)?;
    if let Some(label) = equation.result.iter().find(|label| !last.labels.contains(label)) {
        return Err(LegalizeError::refused(format!("no operand has the label {label} of the result")));
    }
    Ok(one(last.transposed(graph, &equation.result)?))
}

/// Labels that the result or a term left over has.
fn wanted(terms: &[Term], result: &[Label]) -> Vec<Label> {
    let mut labels = result.to_vec();
    labels.extend(terms.iter().flat_map(|term| term.labels.iter().copied()));
    labels
}

/// The diagonal of axes that have one label: every `len + 1`-th element of the two taken together.
fn diagonal(graph: &mut Graph, mut term: Term) -> Result<Term> {
    while let Some((first, second)) = repeated(&term.labels) {
        // The second axis goes behind the first, then both become one.
        let mut order: Vec<usize> = (0..term.labels.len()).filter(|axis| *axis != second).collect();
        order.insert(first + 1, second);
        let shape = graph.shape(term.node).clone();
        let (Some(len), Some(same)) = (shape.len(first), shape.len(second)) else { return Err(batch_moved()) };
        if len != same {
            return Err(LegalizeError::refused(format!("axes {first} and {second} of {shape} have one label")));
        }
        let neighbours = if second == first + 1 { term.node } else { graph.transpose(term.node, &order)? };
        term.labels.remove(second);
        let mut dims = shape.dims().to_vec();
        dims.remove(second);
        dims[first] = Dim::Fixed(len.saturating_mul(len));
        let merged = graph.reshape(neighbours, Shape::new(dims)?)?;
        let positions: Vec<usize> = (0..len).map(|at| at * (len + 1)).collect();
        term.node = pick(graph, merged, first, &positions)?;
    }
    Ok(term)
}

fn repeated(labels: &[Label]) -> Option<(usize, usize)> {
    labels.iter().enumerate().find_map(|(second, label)| {
        labels[..second].iter().position(|earlier| earlier == label).map(|first| (first, second))
    })
}

/// A term without the axes of length 1 that are longer elsewhere: they stretch, so they need no label.
fn unstretched(graph: &mut Graph, terms: &[Term], position: usize) -> Result<Term> {
    let term = &terms[position];
    let dims = graph.shape(term.node).dims();
    let mut kept = Vec::new();
    for (label, dim) in term.labels.iter().zip(dims) {
        let mut longer = terms.iter().filter_map(|other| other.dim(graph, *label)).filter(|dim| *dim != Dim::Fixed(1));
        if *dim == Dim::Fixed(1) {
            if longer.next().is_none() {
                kept.push((*label, *dim));
            }
        } else if longer.all(|other| other == *dim) {
            kept.push((*label, *dim));
        } else {
            return Err(LegalizeError::refused(format!("label {label} stands for axes of different lengths")));
        }
    }
    let shape = Shape::new(kept.iter().map(|(_, dim)| *dim).collect())?;
    let labels = kept.into_iter().map(|(label, _)| label).collect();
    Ok(Term { node: graph.reshape(term.node, shape)?, labels })
}

/// The term summed over labels that neither `wanted` nor `other` has.
fn summed(graph: &mut Graph, term: Term, wanted: &[Label], other: Option<&Term>) -> Result<Term> {
    let needed = |label: &Label| wanted.contains(label) || other.is_some_and(|other| other.labels.contains(label));
    let (kept, axes): (Vec<usize>, Vec<usize>) = (0..term.labels.len()).partition(|axis| needed(&term.labels[*axis]));
    if axes.iter().any(|axis| graph.shape(term.node).dims()[*axis] == Dim::Batch) {
        return Err(batch_moved());
    }
    let node = graph.sum(term.node, &axes)?;
    Ok(Term { node, labels: kept.into_iter().map(|axis| term.labels[axis]).collect() })
}

/// The two terms whose product has the fewest elements, then needs the fewest multiplications.
fn cheapest(graph: &Graph, terms: &[Term], result: &[Label]) -> (usize, usize) {
    let pairs = (0..terms.len()).flat_map(|left| (left + 1..terms.len()).map(move |right| (left, right)));
    let cost = |(left, right): &(usize, usize)| {
        let others = terms.iter().enumerate().filter(|(at, _)| at != left && at != right);
        let kept: Vec<Label> = others.flat_map(|(_, term)| term.labels.clone()).chain(result.to_vec()).collect();
        let (mut size, mut work) = (1usize, 1usize);
        let extra = terms[*right].labels.iter().filter(|label| !terms[*left].labels.contains(label));
        for label in terms[*left].labels.iter().chain(extra) {
            let dim = terms[*left].dim(graph, *label).or_else(|| terms[*right].dim(graph, *label));
            let Some(Dim::Fixed(len)) = dim else { continue };
            work = work.saturating_mul(len);
            size = size.saturating_mul(if kept.contains(label) { len } else { 1 });
        }
        (size, work)
    };
    pairs.min_by_key(cost).unwrap_or((0, 1))
}
