//! `baseline-mlp`, `baseline-node`, `baseline-lstm`: networks without an energy, to compare with.
//!
//! They see what every model here sees, features of order one, and give physical units, so that what differs is the
//! absence of an energy and nothing else.

use hnn_exporter::dynamics::{INPUT, NEXT_STATE};
use hnn_exporter::graph::{NodeId, Shape, Tensor};

use super::layers::Size;
use super::{ArchitectureError, Builder, Built};
use crate::baseline::{FIELD, MEMORY, NEXT_MEMORY};

/// Part of a deviation by which an untrained map moves its state in one step: data take many steps through a period.
const STEP_FRACTION: f64 = 0.1;
/// Initial bias of a forget gate, so that memory lasts before anything is learned. Jozefowicz et al. (2015), section 2.2.
const FORGET_BIAS: f64 = 1.0;

/// dx = rates ⊙ N(φ(q), p/σ_p, u/σ_u): the baseline of Greydanus et al. (2019); trained through Runge–Kutta steps it is a
/// neural ordinary differential equation, Chen et al. (2018).
pub(super) fn field(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let features = features(builder)?;
    let inputs = builder.graph.shape(features).row_len();
    let size = Size { inputs, hidden: &builder.settings.hidden, outputs: 2 * builder.dof() };
    let network = builder.network("field", size, Some(0.0))?;
    let value = builder.apply(&network, features)?;
    let rates = builder.row([builder.scaling.q_rate.clone(), builder.scaling.p_rate.clone()].concat())?;
    let dx = builder.graph.mul(value, rates)?;
    builder.graph.set_output(FIELD, dx);
    Ok(())
}

/// x⁺ = x + W h⁺, h⁺ and c⁺ from stacked cells of Hochreiter and Schmidhuber (1997) with forget gates (Gers et al., 2000).
pub(super) fn map(builder: &mut Builder<'_>) -> Result<(), ArchitectureError> {
    let dof = builder.dof();
    let hidden = builder.settings.hidden.clone();
    let remembered = hidden.iter().map(|units| 2 * units).sum();
    let memory = builder.graph.input(MEMORY, Shape::batched(&[remembered])?)?;
    let (mut value, mut start, mut kept) = (features(builder)?, 0, Vec::new());
    for (index, units) in hidden.into_iter().enumerate() {
        let before = Memory {
            hidden: builder.graph.slice(memory, 1, start, units)?,
            cell: builder.graph.slice(memory, 1, start + units, units)?,
        };
        let after = cell(builder, &format!("cell.{index}"), value, before)?;
        (value, start) = (after.hidden, start + 2 * units);
        kept.extend([after.hidden, after.cell]);
    }
    let units = builder.graph.shape(value).row_len();
    let network = builder.network("change", Size { inputs: units, hidden: &[], outputs: 2 * dof }, Some(0.0))?;
    let change = builder.apply(&network, value)?;
    let deviations = [builder.scaling.q.clone(), builder.scaling.p.clone()].concat();
    let unit = builder.row(deviations.into_iter().map(|deviation| STEP_FRACTION * deviation).collect())?;
    let change = builder.graph.mul(change, unit)?;
    let x = builder.graph.concat(&[builder.q, builder.p], 1)?;
    let next = builder.graph.add_values(x, change)?;
    let memory = builder.graph.concat(&kept, 1)?;
    builder.graph.set_output(NEXT_STATE, next);
    builder.graph.set_output(NEXT_MEMORY, memory);
    Ok(())
}

/// What a cell keeps, each `[batch, units]`.
struct Memory {
    hidden: NodeId,
    cell: NodeId,
}

/// (i, f, o) = σ(W z + b), g = tanh(W_g z + b_g) of z = (x, h); c⁺ = f c + i g, h⁺ = o tanh c⁺.
fn cell(builder: &mut Builder<'_>, name: &str, x: NodeId, before: Memory) -> Result<Memory, ArchitectureError> {
    let units = builder.graph.shape(before.hidden).row_len();
    let argument = builder.graph.concat(&[x, before.hidden], 1)?;
    let inputs = builder.graph.shape(argument).row_len();
    let mut gate = |gate: &str, bias: f64| -> Built {
        let size = Size { inputs, hidden: &[], outputs: units };
        let network = builder.network(&format!("{name}.{gate}"), size, Some(bias))?;
        builder.apply(&network, argument)
    };
    let (enter, forget, leave) = (gate("enter", 0.0)?, gate("forget", FORGET_BIAS)?, gate("leave", 0.0)?);
    let candidate = gate("candidate", 0.0)?;
    let graph = &mut builder.graph;
    let (enter, forget, leave) = (graph.sigmoid(enter)?, graph.sigmoid(forget)?, graph.sigmoid(leave)?);
    let candidate = graph.tanh(candidate)?;
    let (kept, entered) = (graph.mul(forget, before.cell)?, graph.mul(enter, candidate)?);
    let cell = graph.add_values(kept, entered)?;
    let shown = graph.tanh(cell)?;
    Ok(Memory { hidden: graph.mul(leave, shown)?, cell })
}

/// Features of the state, and of the input where there is one.
fn features(builder: &mut Builder<'_>) -> Built {
    let mut parts = vec![builder.position_features()?, builder.momentum_features()?];
    if let Some(u) = builder.graph.leaf(INPUT) {
        let scale = Tensor::new(vec![builder.scaling.inputs()], builder.scaling.u.iter().map(|u| 1.0 / u).collect())?;
        let scale = builder.graph.constant(scale)?;
        parts.push(builder.graph.mul(u, scale)?);
    }
    Ok(builder.graph.concat(&parts, 1)?)
}
