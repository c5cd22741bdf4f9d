//! A common factor of two terms, multiplied once.
//!
//! The derivative of x f(x) comes as two terms, each with the adjoint and with a part of the value as a factor.

use super::Rewrite;
use super::site::Site;
use crate::graph::{Binary, GraphError, NodeId, Op};

type Rewritten = Result<Option<NodeId>, GraphError>;

/// Most factors of a product that are looked at.
const MAX_FACTORS: usize = 8;

pub(super) const REWRITES: &[Rewrite] = &[Rewrite { label: "common factor of two terms", rule: common_factor }];

/// a b ± a c → a (b ± c), where nothing else uses a b and a c
fn common_factor(site: &mut Site<'_>) -> Rewritten {
    let (op, a, b) = match (site.binary(Binary::Add), site.binary(Binary::Sub)) {
        (Some((a, b)), _) => (Binary::Add, a, b),
        (_, Some((a, b))) => (Binary::Sub, a, b),
        _ => return Ok(None),
    };
    let (left, right) = (factors(site, a), factors(site, b));
    let Some(factor) = left.iter().copied().find(|factor| right.contains(factor)) else { return Ok(None) };
    // A number is the business of the rewrites that collect numbers.
    if left.len() < 2 || right.len() < 2 || site.uniform(factor).is_some() {
        return Ok(None);
    }
    let (left, right) = (without(site, &left, factor)?, without(site, &right, factor)?);
    let sum = site.graph.add(Op::Binary(op), &[left, right])?;
    let product = site.graph.mul(sum, factor)?;
    site.shaped(product)
}

/// The factors of a product that only this node uses, each product within it used once; else the value itself.
fn factors(site: &Site<'_>, id: NodeId) -> Vec<NodeId> {
    let (mut found, mut pending) = (Vec::new(), vec![id]);
    while let Some(id) = pending.pop() {
        match site.binary_at(id, Binary::Mul).filter(|_| site.single_use(id)) {
            Some((a, b)) if found.len() + pending.len() + 2 <= MAX_FACTORS => pending.extend([b, a]),
            _ => found.push(id),
        }
    }
    found
}

/// The product of all but one.
fn without(site: &mut Site<'_>, factors: &[NodeId], factor: NodeId) -> Result<NodeId, GraphError> {
    let skipped = factors.iter().position(|id| *id == factor);
    let mut rest = factors.iter().enumerate().filter(|(index, _)| Some(*index) != skipped).map(|(_, id)| *id);
    let Some(first) = rest.next() else { return site.graph.scalar(1.0) };
    rest.try_fold(first, |product, id| site.graph.mul(product, id))
}
