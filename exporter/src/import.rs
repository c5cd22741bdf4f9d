//! From a graph somebody else named to a [`Model`]: any input names, one input or two, any scalar output per row.
//!
//! Renames and reshapes, nothing else; what the operators mean was settled when the file was read.

use crate::dynamics::{DynamicsError, ENERGY, Model, STATE};
use crate::graph::{Graph, NodeId, Shape};

/// Which inputs of a graph are the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateInputs {
    /// Input with the positions, `[batch, n]`, where the state comes in two.
    pub q: Option<String>,
    /// Input with the momenta, `[batch, n]`, where the state comes in two.
    pub p: Option<String>,
}

/// Takes a graph with one state input `[batch, 2n]`, or two of `[batch, n]`, and one output with a scalar per row.
///
/// # Errors
/// [`DynamicsError::NotAModel`] naming the inputs and outputs found.
pub fn adopt(graph: &Graph, state: &StateInputs) -> Result<Model, DynamicsError> {
    let wrong = |message: String| DynamicsError::NotAModel(message);
    let inputs = graph.inputs();
    let list = inputs.iter().map(|(name, id)| format!("`{name}` {}", graph.shape(*id))).collect::<Vec<_>>().join(", ");
    let find = |wanted: &str| {
        let known = inputs.iter().find(|(name, _)| *name == wanted).map(|(_, id)| *id);
        known.ok_or_else(|| wrong(format!("there is no input `{wanted}`; the graph has {list}")))
    };
    let parts: Vec<NodeId> = match (&state.q, &state.p, inputs.as_slice()) {
        (Some(q), Some(p), [_, _]) => vec![find(q)?, find(p)?],
        (None, None, [(_, only)]) => vec![*only],
        (None, None, [_, _]) => {
            return Err(wrong(format!("it has two inputs, {list}; say which is which with --q NAME --p NAME")));
        }
        _ => return Err(wrong(format!("it needs one input, or two named by --q and --p; it has {list}"))),
    };
    let [(name, energy)] = graph.outputs() else {
        let names: Vec<&str> = graph.outputs().iter().map(|(name, _)| name.as_str()).collect();
        return Err(wrong(format!("an energy is one output, this graph has {}: {}", names.len(), names.join(", "))));
    };
    if !graph.shape(*energy).is_batched() || graph.shape(*energy).row_len() != 1 {
        return Err(wrong(format!("output `{name}` has shape {}, expected one scalar per row", graph.shape(*energy))));
    }
    let widths: Vec<usize> = parts.iter().filter_map(|id| width(graph.shape(*id))).collect();
    let total: usize = widths.iter().sum();
    if widths.len() != parts.len()
        || total == 0
        || !total.is_multiple_of(2)
        || widths.iter().any(|len| *len != widths[0])
    {
        return Err(wrong(format!("the state must be [batch, 2n], or [batch, n] twice; the graph has {list}")));
    }
    let mut model = Graph::new();
    let x = model.input(STATE, Shape::batched(&[total])?)?;
    let mut pieces = Vec::with_capacity(parts.len());
    for (index, len) in widths.iter().enumerate() {
        pieces.push(model.slice(x, 1, index * len, *len)?);
    }
    let bind = |id: NodeId| parts.iter().position(|part| *part == id).map(|index| pieces[index]);
    let placed = model.inline(graph, &[*energy], &|id, _| bind(id))?[0];
    let column = model.reshape(placed, Shape::batched(&[1])?)?;
    model.set_output(ENERGY, column);
    Model::new(model)
}

/// Columns of a `[batch, k]` input.
fn width(shape: &Shape) -> Option<usize> {
    if shape.is_batched() && shape.rank() == 2 { shape.len(1) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::evaluate;
    use crate::graph::Tensor;

    fn split_energy() -> Graph {
        let mut g = Graph::new();
        let pos = g.input("pos", Shape::batched(&[2]).unwrap()).unwrap();
        let mom = g.input("mom", Shape::batched(&[2]).unwrap()).unwrap();
        let cubes = g.powi(pos, 3).unwrap();
        let squares = g.mul(mom, mom).unwrap();
        let both = g.add_values(cubes, squares).unwrap();
        let energy = g.sum(both, &[1]).unwrap();
        g.set_output("energy", energy);
        g
    }

    #[test]
    fn two_inputs_become_one_state_in_the_order_named() {
        let names = StateInputs { q: Some("pos".into()), p: Some("mom".into()) };
        let model = adopt(&split_energy(), &names).unwrap();
        assert_eq!((model.dof(), model.inputs()), (2, 0));
        let x = Tensor::new(vec![1, 4], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(evaluate(model.graph(), &[(STATE, &x)]).unwrap()[0].data(), &[1.0 + 8.0 + 9.0 + 16.0]);
    }

    #[test]
    fn two_unnamed_inputs_and_wrong_names_are_refused_with_what_there_is() {
        let graph = split_energy();
        let unnamed = adopt(&graph, &StateInputs::default()).unwrap_err().to_string();
        assert!(unnamed.contains("--q") && unnamed.contains("`pos` [batch,2]"), "{unnamed}");
        let names = StateInputs { q: Some("position".into()), p: Some("mom".into()) };
        let wrong = adopt(&graph, &names).unwrap_err().to_string();
        assert!(wrong.contains("no input `position`"), "{wrong}");
    }

    #[test]
    fn an_output_that_is_no_scalar_per_row_is_refused() {
        let mut g = Graph::new();
        let x = g.input("state", Shape::batched(&[2]).unwrap()).unwrap();
        g.set_output("y", x);
        assert!(adopt(&g, &StateInputs::default()).unwrap_err().to_string().contains("one scalar per row"));
    }
}
