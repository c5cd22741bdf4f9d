//! The rollout loss: windows through the deployment scheme. Chen et al., *Symplectic Recurrent Neural Networks* (2020).
//!
//! An item is a window, or, in multiple shooting, all windows of a trajectory ([`Chains`]).

use hnn_exporter::dynamics::{INPUT, STATE, STEP_LENGTH, StepLength};
use hnn_exporter::optimize::optimize;

use super::chains::{Chains, Link};
use super::unroll::unroll;
use super::windows::{Windows, cut};
use super::{Batch, LossError, MAX_WINDOW_STEPS, Rollout, gather_rows, inverse_deviations, mean_error, sum_all};
use crate::data::{Dataset, as_f64};
use crate::execute::{Arithmetic, Executor, RANK, Real, download};
use crate::learned::Motion;

#[derive(Debug)]
pub(super) struct RolloutLoss {
    pub(super) executor: Executor,
    settings: Rollout,
    windows: Windows,
    chains: Chains,
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
    /// 1 for each coordinate of a first state that was measured, `[1, 2n]`.
    measured: Real,
}

impl RolloutLoss {
    /// One stage; errors are measured in the units of the whole.
    pub(super) fn new(
        settings: &Rollout,
        whole: &Rollout,
        model: &dyn Motion,
        data: &Dataset,
        reference: &Dataset,
        arithmetic: &Arithmetic,
    ) -> Result<Self, LossError> {
        let width = 2 * data.dof;
        check(settings)?;
        let windows = cut(settings, data)?;
        let chains =
            if settings.shooting_weight.is_some() { Chains::joined(&windows) } else { Chains::loose(&windows) };
        let step = optimize(&model.step(settings.scheme, StepLength::PerRow)?)?;
        if step.leaf(STEP_LENGTH).is_none() {
            windows.check_one_step()?;
            if settings.substeps > 1 {
                return Err(LossError::Setting("a map from state to next state has no substeps".to_owned()));
            }
        }
        let derivative_scale = derivative_scale(settings, &windows, reference, arithmetic)?;
        let field = if derivative_scale.is_some() { Some(model.field()?) } else { None };
        let graph = optimize(&unroll(&step, field.as_ref(), (settings.steps, settings.substeps))?)?;
        let outputs: &[&str] = if field.is_some() { &["states", "derivatives"] } else { &["states"] };
        let executor = Executor::new(&graph, outputs, arithmetic)?;
        let unit = cut(whole, reference)?.changes(width, whole.steps);
        let inverse: Vec<f64> = unit.iter().map(|unit| 1.0 / unit).collect();
        let second_weight = if data.names.second_is_measured { 1.0 } else { 0.0 };
        let coordinate_weight =
            (0..width).map(|at| if at < data.dof { settings.position_weight } else { second_weight }).collect();
        let measured: Vec<f64> = (0..width).map(|at| if at < data.dof { 1.0 } else { second_weight }).collect();
        Ok(Self {
            executor,
            windows,
            chains,
            width,
            inputs: data.inputs,
            scale: arithmetic.upload(&[1, settings.steps * width], &inverse.repeat(settings.steps)),
            unit: arithmetic.upload(&[1, width], &unit),
            derivative_scale,
            coordinate_weight,
            measured: arithmetic.upload(&[1, width], &measured),
            settings: settings.clone(),
        })
    }

    pub(super) fn items(&self) -> usize {
        self.chains.count()
    }

    pub(super) fn start_width(&self) -> usize {
        if self.settings.learned_starts { self.chains.len() * self.width } else { 0 }
    }

    /// The unit of offsets and errors of a state.
    #[cfg(test)]
    pub(super) fn unit(&self) -> Real {
        self.unit.clone()
    }

    /// Trajectory and row of every learned start, in their order; none where an item has fewer windows than others.
    pub(super) fn slots(&self) -> Vec<Option<(usize, usize)>> {
        let items: Vec<usize> = (0..self.items()).collect();
        let origin = |link: &Link| link.counts.then(|| self.windows.origins[link.window]);
        self.chains.links(&items).iter().map(origin).collect()
    }

    pub(super) fn gather(&self, items: &[usize], arithmetic: &Arithmetic) -> Batch {
        let steps = self.settings.steps;
        let links = self.chains.links(items);
        let pick =
            |values: &[f64], width: usize| gather_rows(arithmetic, values, width, links.iter().map(|link| link.window));
        let mut inputs =
            vec![(STATE, pick(&self.windows.first, self.width)), (STEP_LENGTH, pick(&self.windows.dt, steps))];
        if self.inputs > 0 {
            inputs.push((INPUT, pick(&self.windows.u, steps * self.inputs)));
        }
        let weight: Vec<f64> = links
            .iter()
            .flat_map(|link| (0..steps).map(move |step| (link, step)))
            .map(|(link, step)| if self.compares(link, step) { 1.0 } else { 0.0 })
            .flat_map(|measured: f64| self.coordinate_weight.iter().map(move |weight| measured * weight))
            .collect();
        let measured: usize =
            links.iter().filter(|link| link.counts).map(|link| self.windows.lengths[link.window]).sum();
        let joints: Vec<f64> = links.iter().map(|link| if link.continues { 1.0 } else { 0.0 }).collect();
        let joined = joints.iter().any(|joint| *joint > 0.0);
        Batch {
            inputs,
            target: pick(&self.windows.states, steps * self.width),
            weight: arithmetic.upload(&[links.len(), steps * self.width], &weight),
            weight_sum: as_f64(measured) * self.coordinate_weight.iter().sum::<f64>(),
            starts: self.settings.learned_starts,
            derivatives: self.derivative_scale.as_ref().map(|_| pick(&self.windows.derivatives, steps * self.width)),
            joints: joined.then(|| arithmetic.upload(&[joints.len() - 1, 1], &joints[..joints.len() - 1])),
        }
    }

    /// Whether the state after a step is compared there. The row two windows share is compared once, as a start.
    fn compares(&self, link: &Link, step: usize) -> bool {
        let len = self.windows.lengths[link.window];
        link.counts && step < len && !(link.continues && step + 1 == len)
    }

    pub(super) fn loss(
        &self,
        batch: &Batch,
        starts: Option<Real>,
        parameter: &dyn Fn(&str) -> Option<Real>,
    ) -> Result<Real, LossError> {
        let missing = || LossError::Setting("an unrolled graph gives states".to_owned());
        let measured = batch.input(STATE).ok_or_else(missing)?;
        let offsets = starts.filter(|_| batch.starts).map(|starts| starts.reshape(measured.dims()));
        let first = match &offsets {
            Some(offsets) => measured + offsets.clone() * self.unit.clone(),
            None => measured,
        };
        let value = |name: &str| match name {
            STATE => Some(first.clone()),
            _ => batch.input(name).or_else(|| parameter(name)),
        };
        let mut results = self.executor.run(&value)?.into_iter();
        let states = results.next().ok_or_else(missing)?;
        let error = (states.clone() - batch.target.clone()) * self.scale.clone();
        let robust = self.settings.robust_from.map(|from| (self.settings.robust, from));
        let mut error = mean_error(error, batch, robust);
        if let (Some(found), Some(given), Some(scale)) = (results.next(), &batch.derivatives, &self.derivative_scale) {
            let slope_error = mean_error((found - given.clone()) * scale.clone(), batch, None);
            error = error + slope_error * self.settings.derivative_weight;
        }
        if let (Some(joints), Some(weight)) = (&batch.joints, self.settings.shooting_weight) {
            let gaps = self.gaps(&states, &first) * joints.clone();
            error = error + sum_all(gaps.clone() * gaps) * (weight / batch.weight_sum);
        }
        Ok(match &offsets {
            Some(offset) => {
                let square = sum_all(offset.clone() * offset.clone() * self.measured.clone());
                error + square * (self.settings.start_weight / batch.weight_sum)
            }
            None => error,
        })
    }

    /// End of each window minus start of the next, in typical changes, `[rows − 1, 2n]`.
    fn gaps(&self, states: &Real, first: &Real) -> Real {
        let (row, column) = (RANK - 2, RANK - 1);
        let rows = first.dims()[row] - 1;
        let ends = states.clone().narrow(column, (self.settings.steps - 1) * self.width, self.width);
        (ends.narrow(row, 0, rows) - first.clone().narrow(row, 1, rows)) / self.unit.clone()
    }

    /// Deviation of each coordinate from the motion that was fitted, physical units: of all compared states, and of learned first
    /// states from their measurement. One state per independent start is not counted: it was chosen to fit.
    pub(super) fn residuals(
        &self,
        offsets: &[f64],
        parameter: &dyn Fn(&str) -> Option<Real>,
        arithmetic: &Arithmetic,
    ) -> Result<Vec<f64>, LossError> {
        let items: Vec<usize> = (0..self.items()).collect();
        let (links, batch) = (self.chains.links(&items), self.gather(&items, arithmetic));
        let unit = download(&self.unit)?;
        let learned = batch.starts && offsets.len() == links.len() * self.width;
        let offset = |at: usize| if learned { offsets[at] * unit[at % self.width] } else { 0.0 };
        let mut first = self.gathered_first(&links);
        first.iter_mut().enumerate().for_each(|(at, value)| *value += offset(at));
        let state = arithmetic.upload(&[links.len(), self.width], &first);
        let value = |name: &str| {
            if name == STATE { Some(state.clone()) } else { batch.input(name).or_else(|| parameter(name)) }
        };
        let states = self.executor.run(&value)?;
        let error = states.first().map(|states| download(&(states.clone() - batch.target.clone()))).transpose()?;
        let error = error.unwrap_or_default();
        let (mut squares, mut count) = (vec![0.0; self.width], 0_usize);
        for (row, link) in links.iter().enumerate() {
            let base = row * self.settings.steps * self.width;
            for step in (0..self.settings.steps).filter(|step| self.compares(link, *step)) {
                let at = base + step * self.width;
                squares.iter_mut().zip(&error[at..]).for_each(|(square, error)| *square += error * error);
                count += 1;
            }
            if learned && link.counts {
                squares
                    .iter_mut()
                    .enumerate()
                    .for_each(|(at, square)| *square += offset(row * self.width + at).powi(2));
                count += 1;
            }
        }
        let free = if learned { self.chains.count() } else { 0 };
        let degrees = as_f64(count.saturating_sub(free).max(1));
        Ok(squares.iter().map(|square| (square / degrees).sqrt()).collect())
    }

    fn gathered_first(&self, links: &[Link]) -> Vec<f64> {
        let row = |link: &Link| self.windows.first[link.window * self.width..(link.window + 1) * self.width].iter();
        links.iter().flat_map(row).copied().collect()
    }
}

/// Refuses settings out of range or against each other.
fn check(settings: &Rollout) -> Result<(), LossError> {
    let refuse = |message: &str| Err(LossError::Setting(message.to_owned()));
    let positive = |value: f64| value.is_finite() && value > 0.0;
    if settings.substeps == 0 || settings.steps.saturating_mul(settings.substeps) > MAX_WINDOW_STEPS {
        return Err(LossError::Setting(format!(
            "{} substeps in each of {} steps: at least 1, and at most {MAX_WINDOW_STEPS} in a window",
            settings.substeps, settings.steps
        )));
    }
    if !positive(settings.position_weight) || !settings.start_weight.is_finite() || settings.start_weight < 0.0 {
        return refuse("weights of the rollout loss are finite and not negative");
    }
    if settings.robust_from.is_some_and(|delta| !positive(delta)) {
        return refuse("errors count less than squared from a positive error on");
    }
    if settings.robust.redescends() && settings.robust_from.is_none() {
        return refuse("a redescending loss needs the error from which it flattens");
    }
    match settings.shooting_weight {
        Some(weight) if !positive(weight) => refuse("gaps between windows have a positive weight"),
        Some(_) if !settings.learned_starts => refuse("multiple shooting learns the first state of every window"),
        Some(_) if settings.shift != settings.steps => {
            refuse("multiple shooting joins windows end to start: each begins where the one before ends")
        }
        _ => Ok(()),
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
