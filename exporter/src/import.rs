//! From a graph somebody else named to a [`Model`]: any input names, one input or two, any scalar output per row.
//!
//! Renames, reshapes, and where the graph computes a single state puts the batch in; nothing else. What the operators mean
//! was settled when the file was read.

mod vectorize;

use crate::dynamics::{DynamicsError, ENERGY, Model, STATE};
use crate::graph::{Dim, Graph, NodeId, Shape};
use vectorize::{squeezed, vectorize};

/// Which inputs of a graph are the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateInputs {
    /// Input with the positions, `[batch, n]` or `[n]`, where the state comes in two.
    pub q: Option<String>,
    /// Input with the momenta, `[batch, n]` or `[n]`, where the state comes in two.
    pub p: Option<String>,
}

/// Takes a graph with one state input `[batch, 2n]`, or two of `[batch, n]`, and one output with a scalar per row.
///
/// Without a batch the state is `[2n]` or `[1, 2n]`, or twice `[n]`, `[1, n]` or, for one degree of freedom, a single
/// number; the output is one number of any shape.
///
/// # Errors
/// [`DynamicsError::NotAModel`] naming the inputs and outputs found.
pub fn adopt(graph: &Graph, state: &StateInputs) -> Result<Model, DynamicsError> {
    let parts = parts(graph, state)?;
    let [(name, energy)] = graph.outputs() else {
        let names: Vec<&str> = graph.outputs().iter().map(|(name, _)| name.as_str()).collect();
        return Err(wrong(format!("an energy is one output, this graph has {}: {}", names.len(), names.join(", "))));
    };
    let widths: Vec<usize> = parts.iter().filter_map(|id| width(graph.shape(*id))).collect();
    let batched = parts.iter().filter(|id| graph.shape(**id).is_batched()).count();
    let total = widths.iter().try_fold(0usize, |sum, len| sum.checked_add(*len)).unwrap_or(0);
    let even = total > 0 && total.is_multiple_of(2) && widths.iter().all(|len| *len == widths[0]);
    if widths.len() != parts.len() || !even || (batched != 0 && batched != parts.len()) {
        let list = listed(graph);
        return Err(wrong(format!(
            "the state must be [batch, 2n], or [batch, n] twice, or the same without a batch; the graph has {list}"
        )));
    }
    let shape = graph.shape(*energy);
    if shape.is_batched() != (batched > 0) || shape.row_len() != 1 {
        return Err(wrong(format!("output `{name}` has shape {shape}, expected one scalar per row")));
    }
    let mut model = Graph::new();
    let x = model.input(STATE, Shape::batched(&[total])?)?;
    let mut pieces = Vec::with_capacity(parts.len());
    for (index, (part, len)) in parts.iter().zip(&widths).enumerate() {
        let piece = model.slice(x, 1, index * len, *len)?;
        let wanted = graph.shape(*part);
        let wanted = if wanted.is_batched() { wanted.clone() } else { squeezed(&wanted.row())? };
        pieces.push((*part, model.reshape(piece, wanted)?));
    }
    let placed = if batched > 0 {
        let bind = |id: NodeId| pieces.iter().find(|(part, _)| *part == id).map(|(_, piece)| *piece);
        model.inline(graph, &[*energy], &|id, _| bind(id))?[0]
    } else {
        vectorize(&mut model, graph, &pieces, &[*energy])?[0]
    };
    let column = model.reshape(placed, Shape::batched(&[1])?)?;
    model.set_output(ENERGY, column);
    Model::new(model)
}

fn wrong(message: String) -> DynamicsError {
    DynamicsError::NotAModel(message)
}

fn listed(graph: &Graph) -> String {
    let list = graph.inputs().into_iter().map(|(name, id)| format!("`{name}` {}", graph.shape(id)));
    list.collect::<Vec<_>>().join(", ")
}

/// The inputs that make up the state, positions first.
fn parts(graph: &Graph, state: &StateInputs) -> Result<Vec<NodeId>, DynamicsError> {
    let inputs = graph.inputs();
    let find = |wanted: &str| {
        let known = inputs.iter().find(|(name, _)| *name == wanted).map(|(_, id)| *id);
        known.ok_or_else(|| wrong(format!("there is no input `{wanted}`; the graph has {}", listed(graph))))
    };
    match (&state.q, &state.p, inputs.as_slice()) {
        (Some(q), Some(p), [_, _]) if q == p => Err(wrong(format!("--q and --p both name `{q}`"))),
        (Some(q), Some(p), [_, _]) => Ok(vec![find(q)?, find(p)?]),
        (None, None, [(_, only)]) => Ok(vec![*only]),
        (None, None, [_, _]) => {
            Err(wrong(format!("it has two inputs, {}; say which is which with --q NAME --p NAME", listed(graph))))
        }
        _ => Err(wrong(format!("it needs one input, or two named by --q and --p; it has {}", listed(graph)))),
    }
}

/// Numbers in one row of a `[batch, k]`, `[batch]`, `[1, k]`, `[k]` or `[]` input.
fn width(shape: &Shape) -> Option<usize> {
    match shape.dims() {
        [Dim::Batch | Dim::Fixed(1), Dim::Fixed(len)] | [Dim::Fixed(len)] => Some(*len),
        [Dim::Batch] | [] => Some(1),
        _ => None,
    }
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

    /// ½|p|² + cos q of one state, as a tracer without a batch writes it.
    fn traced(shape: &[usize]) -> Graph {
        let mut g = Graph::new();
        let x = g.input("arg0", Shape::fixed(shape).unwrap()).unwrap();
        let axis = shape.len() - 1;
        let (q, p) = (g.slice(x, axis, 0, 1).unwrap(), g.slice(x, axis, 1, 1).unwrap());
        let (potential, square) = (g.cos(q).unwrap(), g.mul(p, p).unwrap());
        let kinetic = g.scale(square, 0.5).unwrap();
        let both = g.add_values(kinetic, potential).unwrap();
        let energy = g.sum(both, &(0..shape.len()).collect::<Vec<_>>()).unwrap();
        g.set_output("energy", energy);
        g
    }

    #[test]
    fn a_graph_of_a_single_state_becomes_one_of_many() {
        for shape in [vec![2], vec![1, 2]] {
            let model = adopt(&traced(&shape), &StateInputs::default()).unwrap();
            let x = Tensor::new(vec![2, 2], vec![0.0, 2.0, 1.0, 3.0]).unwrap();
            let energy = evaluate(model.graph(), &[(STATE, &x)]).unwrap().remove(0);
            assert_eq!((energy.shape(), energy.data()), (&[2, 1][..], &[3.0, 4.5 + 1f64.cos()][..]));
        }
        let frozen = adopt(&traced(&[3, 2]), &StateInputs::default()).unwrap_err().to_string();
        assert!(frozen.contains("`arg0` [3,2]"), "{frozen}");
    }

    #[test]
    fn two_single_numbers_are_one_degree_of_freedom() {
        let mut g = Graph::new();
        let (q, p) =
            (g.input("q", Shape::fixed(&[]).unwrap()).unwrap(), g.input("p", Shape::fixed(&[]).unwrap()).unwrap());
        let product = g.mul(q, p).unwrap();
        g.set_output("h", product);
        let names = StateInputs { q: Some("q".into()), p: Some("p".into()) };
        let x = Tensor::new(vec![2, 2], vec![2.0, 3.0, 5.0, 7.0]).unwrap();
        let model = adopt(&g, &names).unwrap();
        assert_eq!(evaluate(model.graph(), &[(STATE, &x)]).unwrap()[0].data(), &[6.0, 35.0]);
        let same = StateInputs { q: Some("q".into()), p: Some("q".into()) };
        assert!(adopt(&g, &same).unwrap_err().to_string().contains("both name"));
    }
}
