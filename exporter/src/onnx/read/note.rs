//! Remarks on operators that are not smooth in the state.

use std::collections::BTreeMap;

use super::options::Note;
use super::settle::Settler;
use crate::graph::{Graph, Kind};
use crate::legalize::{Operator, Smoothness, Value, smoothness};

/// Most notes that are kept; more say nothing new.
const MAX_NOTES: usize = 1 << 10;

/// One line for each operator that is not smooth: where it is, what that means for the field, and what to do.
#[must_use]
pub fn warnings(notes: &[Note]) -> Vec<String> {
    let mut kinds: BTreeMap<(&str, Smoothness), Vec<&str>> = BTreeMap::new();
    for note in notes {
        kinds.entry((&note.operator, note.smoothness)).or_default().push(&note.node);
    }
    let line = |((operator, smoothness), nodes): ((&str, Smoothness), Vec<&str>)| {
        let consequence = smoothness.consequence()?;
        let more = if nodes.len() > 1 { format!(" and {} more", nodes.len() - 1) } else { String::new() };
        let remedy = "train with smooth functions, such as tanh or softplus, where that matters";
        Some(format!("{operator} (node `{}`{more}): {consequence}; {remedy}", nodes[0]))
    };
    kinds.into_iter().filter_map(line).collect()
}

/// The notes so far.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) found: Vec<Note>,
}

impl Notes {
    /// Notes an operator if what it does to an input of the graph is not smooth.
    pub(super) fn add(
        &mut self,
        label: impl FnOnce() -> String,
        operator: &Operator<'_>,
        graph: &Graph,
        settler: &Settler,
    ) {
        let varies = |value: &Option<Value>| matches!(value, Some(Value::Node(id)) if settler.varies(*id));
        let jumps = match operator.kind {
            // A choice that is always the same is smooth.
            "Where" if !operator.inputs.first().is_some_and(varies) => Smoothness::Smooth,
            "Cast" | "CastLike" => match operator.inputs.first() {
                Some(Some(Value::Node(id))) if graph.node(*id).ty.kind == Kind::Truth => Smoothness::Jump,
                _ => Smoothness::Smooth,
            },
            _ => smoothness(operator),
        };
        if jumps != Smoothness::Smooth && self.found.len() < MAX_NOTES && operator.inputs.iter().any(varies) {
            self.found.push(Note { node: label(), operator: operator.kind.to_owned(), smoothness: jumps });
        }
    }
}
