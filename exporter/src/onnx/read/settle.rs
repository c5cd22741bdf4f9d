//! Values that depend on no input: where integers or truth values are needed of them, the oracle computes them at once.
//!
//! A number becomes an integer as a cast does it: what is after the point is cut off.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluate::evaluate;
use crate::graph::{Graph, GraphError, Kind, NodeId, Op};
use crate::legalize::{
    Attribute, Integers, LegalizeError, Length, MAX_INTEGERS, Operator, Value, fits, is_integer_type,
};

/// Most multiplications, or elements computed otherwise, of all values that are settled while one file is read.
pub const MAX_SETTLED_WORK: usize = 1 << 26;

/// Which nodes are settled, and what settling has cost.
#[derive(Default)]
pub(super) struct Settler {
    /// Whether a node depends on an input.
    varying: Vec<bool>,
    /// Whether a node depends on an input or a parameter.
    open: Vec<bool>,
    work: usize,
}

impl Settler {
    /// Takes note of the nodes that came since the last time.
    pub(super) fn update(&mut self, graph: &Graph) {
        for node in &graph.nodes()[self.varying.len()..] {
            let any = |mask: &[bool]| node.args.iter().any(|arg| mask[arg.index()]);
            let varying = matches!(node.op, Op::Input(..)) || any(&self.varying);
            let open = varying || matches!(node.op, Op::Parameter(..)) || any(&self.open);
            self.varying.push(varying);
            self.open.push(open);
        }
    }

    /// Whether a node depends on an input.
    pub(super) fn varies(&self, id: NodeId) -> bool {
        self.varying.get(id.index()).copied().unwrap_or(true)
    }

    /// Replaces inputs that `operator` needs as integers by what they are, where they are settled.
    pub(super) fn inputs(&mut self, graph: &Graph, operator: &mut Operator<'_>) -> Result<(), LegalizeError> {
        self.update(graph);
        let Some(Some(Value::Node(id))) = operator.inputs.first() else { return Ok(()) };
        let id = *id;
        if self.open[id.index()] || graph.node(id).ty.kind != Kind::Real {
            return Ok(());
        }
        let settled = match (operator.kind, operator.attributes.get("to")) {
            ("Cast", Some(Attribute::Integer(to))) if is_integer_type(*to) => {
                let integers = self.integers(graph, id)?;
                fits(&integers, *to)?;
                integers
            }
            ("CastLike", _) if matches!(operator.inputs.get(1), Some(Some(Value::Integers(like))) if !like.is_truth()) => {
                self.integers(graph, id)?
            }
            ("NonZero", _) => {
                let (shape, values) = self.values(graph, id)?;
                Integers::truths(shape, &values.iter().map(|value| *value != 0.0).collect::<Vec<_>>())?
            }
            _ => return Ok(()),
        };
        operator.inputs[0] = Some(Value::Integers(settled));
        Ok(())
    }

    /// A truth value that is settled, as known ones; anything else as it is.
    pub(super) fn truth(&mut self, graph: &Graph, value: Value) -> Result<Value, LegalizeError> {
        let Value::Node(id) = value else { return Ok(value) };
        let node = graph.node(id);
        let small = !node.ty.shape.is_batched() && node.ty.shape.row_len() <= MAX_INTEGERS;
        if node.ty.kind != Kind::Truth || self.open[id.index()] || !small {
            return Ok(value);
        }
        let (shape, values) = self.values(graph, id)?;
        let truths: Vec<bool> = values.iter().map(|value| *value != 0.0).collect();
        Ok(Value::Integers(Integers::truths(shape, &truths)?))
    }

    fn integers(&mut self, graph: &Graph, id: NodeId) -> Result<Integers, LegalizeError> {
        let (shape, values) = self.values(graph, id)?;
        let whole = |value: &f64| {
            let cut = value.trunc();
            // Both bounds are exact in f64; the upper one is just beyond.
            if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&cut) {
                #[expect(clippy::cast_possible_truncation, reason = "the range was just checked")]
                return Ok(Length::Known(cut as i64));
            }
            Err(LegalizeError::Refused(format!("{value} is cast to an integer, which cannot hold it")))
        };
        let values = values.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
        Integers::new(shape, values)
    }

    /// The value of a settled node; truth values are 1 and 0.
    fn values(&mut self, graph: &Graph, id: NodeId) -> Result<(Vec<usize>, Vec<f64>), LegalizeError> {
        let (part, work) = part(graph, id)?;
        self.work = self.work.saturating_add(work);
        if self.work > MAX_SETTLED_WORK || graph.shape(id).row_len() > MAX_INTEGERS {
            return Err(LegalizeError::Refused(
                "its value would have to be known while the file is read, but takes too much to compute".to_owned(),
            ));
        }
        let mut values = evaluate(&part, &[]).map_err(|error| LegalizeError::Refused(error.to_string()))?;
        let value = values.pop().ok_or_else(|| LegalizeError::Refused("it has no value".to_owned()))?;
        Ok((value.shape().to_vec(), value.data().to_vec()))
    }
}

/// What evaluating some nodes takes: elements computed, or multiplications and additions where those are more.
pub(super) fn work(graph: &Graph, roots: impl IntoIterator<Item = NodeId>) -> usize {
    needed(graph, roots).1
}

/// The nodes that `roots` need, and the work of evaluating them; not all of them where that is beyond the limit.
fn needed(graph: &Graph, roots: impl IntoIterator<Item = NodeId>) -> (BTreeSet<NodeId>, usize) {
    let mut waiting: Vec<NodeId> = roots.into_iter().collect();
    let mut needed: BTreeSet<NodeId> = waiting.iter().copied().collect();
    let mut work = 0usize;
    while let Some(id) = waiting.pop() {
        let node = graph.node(id);
        let inner = match (&node.op, node.args.first()) {
            (Op::MatMul { .. }, Some(arg)) => graph.shape(*arg).row_len(),
            _ => 1,
        };
        let read: usize = node.args.iter().map(|arg| graph.shape(*arg).row_len()).fold(1, usize::saturating_add);
        work = work.saturating_add(node.ty.shape.row_len().saturating_mul(inner).max(read));
        if work > MAX_SETTLED_WORK {
            // Too much whatever else there is; the caller refuses.
            break;
        }
        waiting.extend(node.args.iter().copied().filter(|arg| needed.insert(*arg)));
    }
    (needed, work)
}

/// The graph of what one node needs, and the work of evaluating it.
fn part(graph: &Graph, root: NodeId) -> Result<(Graph, usize), GraphError> {
    let (needed, work) = needed(graph, [root]);
    let mut part = Graph::new();
    if work > MAX_SETTLED_WORK {
        return Ok((part, work));
    }
    let mut places = BTreeMap::new();
    for id in needed {
        let node = graph.node(id);
        let args: Vec<NodeId> = node.args.iter().filter_map(|arg| places.get(arg).copied()).collect();
        places.insert(id, part.add(node.op.clone(), &args)?);
    }
    if let Some(mut value) = places.get(&root).copied() {
        if part.node(value).ty.kind == Kind::Truth {
            let (yes, no) = (part.scalar(1.0)?, part.scalar(0.0)?);
            value = part.select(value, yes, no)?;
        }
        part.set_output("value", value);
    }
    Ok((part, work))
}
