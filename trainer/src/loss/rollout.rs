//! The rollout loss: windows through the deployment scheme. Chen et al., *Symplectic Recurrent Neural Networks* (2020).
//!
//! The step graph that is exported is placed `steps` times behind itself. Hash-consing then shares what successive steps
//! have in common: the force at the end of a leapfrog step is the force at the start of the next.

use hnn_exporter::dynamics::{INPUT, STATE, STEP_LENGTH, StepLength};
use hnn_exporter::graph::{Graph, GraphError, NodeId, Shape};
use hnn_exporter::optimize::optimize;

use super::windows::{Windows, cut};
use super::{Batch, LossError, Rollout, inverse_deviations, mean_error, sum_all};
use crate::baseline::{MEMORY, NEXT_MEMORY};
use crate::data::{Dataset, as_f64};
use crate::execute::{Arithmetic, Executor, Real};
use crate::learned::Motion;

#[derive(Debug)]
pub(super) struct RolloutLoss {
    pub(super) executor: Executor,
    settings: Rollout,
    windows: Windows,
    width: usize,
    inputs: usize,
    /// 1/unit of each state of a window, `[1, steps·2n]`.
    scale: Real,
    /// Root mean square change of the state within a window, `[1, 2n]`: the unit of errors.
    unit: Real,
    /// 1/deviation of each derivative of a window, where derivatives are compared.
    derivative_scale: Option<Real>,
    /// Weight of each coordinate, 2n.
    coordinate_weight: Vec<f64>,
}

impl RolloutLoss {
    pub(super) fn new(
        settings: &Rollout,
        model: &dyn Motion,
        data: &Dataset,
        reference: &Dataset,
        arithmetic: &Arithmetic,
    ) -> Result<Self, LossError> {
        let width = 2 * data.dof;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !positive(settings.position_weight) || !settings.start_weight.is_finite() || settings.start_weight < 0.0 {
            return Err(LossError::Setting("weights of the rollout loss are finite and not negative".to_owned()));
        }
        if settings.robust_from.is_some_and(|delta| !positive(delta)) {
            return Err(LossError::Setting("the rollout loss becomes linear from a positive error on".to_owned()));
        }
        let windows = cut(settings, data)?;
        let step = optimize(&model.step(settings.scheme, StepLength::PerRow)?)?;
        if step.leaf(STEP_LENGTH).is_none() {
            windows.check_one_step()?;
        }
        let derivative_scale = derivative_scale(settings, &windows, reference, arithmetic)?;
        let field = if derivative_scale.is_some() { Some(model.field()?) } else { None };
        let graph = optimize(&unroll(&step, field.as_ref(), settings.steps)?)?;
        let outputs: &[&str] = if field.is_some() { &["states", "derivatives"] } else { &["states"] };
        let executor = Executor::new(&graph, outputs, arithmetic)?;
        let unit = cut(settings, reference)?.changes(width, settings.steps);
        let inverse: Vec<f64> = unit.iter().map(|unit| 1.0 / unit).collect();
        let coordinate_weight =
            (0..width).map(|at| if at < data.dof { settings.position_weight } else { 1.0 }).collect();
        Ok(Self {
            executor,
            windows,
            width,
            inputs: data.inputs,
            scale: arithmetic.upload(&[1, settings.steps * width], &inverse.repeat(settings.steps)),
            unit: arithmetic.upload(&[1, width], &unit),
            derivative_scale,
            coordinate_weight,
            settings: settings.clone(),
        })
    }

    pub(super) fn items(&self) -> usize {
        self.windows.count
    }

    pub(super) fn start_width(&self) -> usize {
        if self.settings.learned_starts { self.width } else { 0 }
    }

    pub(super) fn gather(&self, items: &[usize], arithmetic: &Arithmetic) -> Batch {
        let steps = self.settings.steps;
        let pick = |values: &[f64], width: usize| {
            let picked: Vec<f64> =
                items.iter().flat_map(|item| values[item * width..(item + 1) * width].iter().copied()).collect();
            arithmetic.upload(&[items.len(), width], &picked)
        };
        let mut inputs =
            vec![(STATE, pick(&self.windows.first, self.width)), (STEP_LENGTH, pick(&self.windows.dt, steps))];
        if self.inputs > 0 {
            inputs.push((INPUT, pick(&self.windows.u, steps * self.inputs)));
        }
        let weight: Vec<f64> = items
            .iter()
            .flat_map(|item| (0..steps).map(|step| if step < self.windows.lengths[*item] { 1.0 } else { 0.0 }))
            .flat_map(|measured: f64| self.coordinate_weight.iter().map(move |weight| measured * weight))
            .collect();
        let measured: usize = items.iter().map(|item| self.windows.lengths[*item]).sum();
        Batch {
            inputs,
            target: pick(&self.windows.states, steps * self.width),
            weight: arithmetic.upload(&[items.len(), steps * self.width], &weight),
            weight_sum: as_f64(measured) * self.coordinate_weight.iter().sum::<f64>(),
            starts: self.settings.learned_starts,
            derivatives: self.derivative_scale.as_ref().map(|_| pick(&self.windows.derivatives, steps * self.width)),
        }
    }

    pub(super) fn loss(
        &self,
        batch: &Batch,
        starts: Option<Real>,
        parameter: &dyn Fn(&str) -> Option<Real>,
    ) -> Result<Real, LossError> {
        let input =
            |name: &str| batch.inputs.iter().find(|(known, _)| *known == name).map(|(_, tensor)| tensor.clone());
        let starts = starts.filter(|_| batch.starts);
        let value = |name: &str| match (name, &starts) {
            (STATE, Some(offset)) => Some(input(STATE)? + offset.clone() * self.unit.clone()),
            _ => input(name).or_else(|| parameter(name)),
        };
        let mut results = self.executor.run(&value)?.into_iter();
        let missing = || LossError::Setting("an unrolled graph gives states".to_owned());
        let states = results.next().ok_or_else(missing)?;
        let error = (states - batch.target.clone()) * self.scale.clone();
        let mut error = mean_error(error, batch, self.settings.robust_from);
        if let (Some(found), Some(given), Some(scale)) = (results.next(), &batch.derivatives, &self.derivative_scale) {
            let slope_error = mean_error((found - given.clone()) * scale.clone(), batch, None);
            error = error + slope_error * self.settings.derivative_weight;
        }
        Ok(match &starts {
            Some(offset) => {
                let square = sum_all(offset.clone() * offset.clone());
                error + square * (self.settings.start_weight / batch.weight_sum)
            }
            None => error,
        })
    }
}

/// 1/deviation of the derivatives, repeated for each step, where the settings want derivatives compared.
fn derivative_scale(
    settings: &Rollout,
    windows: &Windows,
    reference: &Dataset,
    arithmetic: &Arithmetic,
) -> Result<Option<Real>, LossError> {
    let weight = settings.derivative_weight;
    if weight == 0.0 {
        return Ok(None);
    }
    let refuse = |message: &str| Err(LossError::Setting(message.to_owned()));
    if !(weight.is_finite() && weight > 0.0) {
        return refuse("the weight of derivatives is finite and not negative");
    }
    let width = 2 * reference.dof;
    match reference.rows().dx {
        _ if reference.inputs > 0 => refuse("derivatives along a rollout are compared for systems without inputs only"),
        Some(dx) if windows.derivatives.len() == windows.states.len() => {
            let scale = inverse_deviations(&dx, width).repeat(settings.steps);
            Ok(Some(arithmetic.upload(&[1, settings.steps * width], &scale)))
        }
        _ => refuse("derivatives are to be compared, but the data have none"),
    }
}

/// `steps` steps behind each other: `x`, `dt` `[batch, steps]`, `u` `[batch, steps·m]` → `states` `[batch, steps·2n]`, and
/// `derivatives` `[batch, steps·2n]` of a field without input at these states. A memory starts from zeros.
pub(super) fn unroll(step: &Graph, field: Option<&Graph>, steps: usize) -> Result<Graph, GraphError> {
    let leaf_len = |name: &str| step.leaf(name).and_then(|id| step.shape(id).len(1));
    let (width, inputs) = (leaf_len(STATE).unwrap_or(0), leaf_len(INPUT).unwrap_or(0));
    let next = step.output("x_next").ok_or_else(|| GraphError::Name("a step has the output `x_next`".to_owned()))?;
    let mut graph = Graph::new();
    let mut x = graph.input(STATE, Shape::batched(&[width])?)?;
    let dt = graph.input(STEP_LENGTH, Shape::batched(&[steps])?)?;
    let u = if inputs > 0 { Some(graph.input(INPUT, Shape::batched(&[steps * inputs])?)?) } else { None };
    let mut memory = first_memory(&mut graph, step)?;
    let mut states = Vec::with_capacity(steps);
    let mut derivatives = Vec::new();
    for index in 0..steps {
        let mut bound: Vec<(Option<NodeId>, NodeId)> = vec![(step.leaf(STATE), x)];
        bound.push((step.leaf(STEP_LENGTH), graph.slice(dt, 1, index, 1)?));
        if let Some(u) = u {
            bound.push((step.leaf(INPUT), graph.slice(u, 1, index * inputs, inputs)?));
        }
        if let Some(memory) = memory {
            bound.push((step.leaf(MEMORY), memory));
        }
        let bind = |id: NodeId| bound.iter().find(|(leaf, _)| *leaf == Some(id)).map(|(_, node)| *node);
        let roots: Vec<NodeId> = std::iter::once(next).chain(step.output(NEXT_MEMORY)).collect();
        let placed = graph.inline(step, &roots, &|id, _| bind(id))?;
        x = *placed.first().ok_or_else(|| GraphError::Name("a step has a result".to_owned()))?;
        memory = placed.get(1).copied();
        states.push(x);
        if let Some((field, dx)) = field.and_then(|field| Some((field, field.output("dx")?))) {
            derivatives.extend(graph.inline(field, &[dx], &|id, _| (field.leaf(STATE) == Some(id)).then_some(x))?);
        }
    }
    let states = graph.concat(&states, 1)?;
    graph.set_output("states", states);
    if !derivatives.is_empty() {
        let derivatives = graph.concat(&derivatives, 1)?;
        graph.set_output("derivatives", derivatives);
    }
    Ok(graph)
}

/// Zeros for what a map remembers, `[batch, k]`.
fn first_memory(graph: &mut Graph, step: &Graph) -> Result<Option<NodeId>, GraphError> {
    let Some(shape) = step.leaf(MEMORY).map(|id| step.shape(id).clone()) else { return Ok(None) };
    let zero = graph.scalar(0.0)?;
    Ok(Some(graph.broadcast(zero, shape)?))
}
