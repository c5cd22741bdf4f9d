//! Trajectories of the device program, from samples, with the input held at 0.

use hnn_runtime::format::MAX_DOF;
use hnn_runtime::{AnyState, AnyStepper, Compiled, DampingKind, Error, State};

use super::engine::EngineError;
use super::runtime::with_model;
use super::samples::Samples;
use crate::graph::Tensor;

type DeviceState = AnyState<MAX_DOF>;

/// States along several trajectories.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) scheme: String,
    pub(super) dt: f64,
    pub(super) steps: usize,
    /// `[steps + 1, 2n]` each.
    pub(super) trajectories: Vec<Tensor>,
}

/// Whether the blob's model has dissipation.
pub(super) fn is_damped(words: &[u32]) -> Result<bool, EngineError> {
    with_model(words, |model| Ok(model.program().damping_kind() != DampingKind::None))
}

/// Steps from up to `starts` samples, taken evenly.
pub(super) fn run(words: &[u32], samples: &Samples, starts: usize, steps: usize) -> Result<Run, EngineError> {
    let starts = states(samples, starts);
    let (scheme, dt, paths) = with_model(words, |model| {
        let (scheme, dt) = (model.program().scheme().name().to_owned(), model.program().dt());
        let paths: Result<Vec<Vec<f64>>, _> = starts.iter().map(|start| path(model, start, dt, steps)).collect();
        Ok((scheme, f64::from(dt), paths?))
    })?;
    let width = 2 * samples.dof();
    let trajectories =
        paths.into_iter().map(|path| Tensor::new(vec![steps + 1, width], path)).collect::<Result<_, _>>()?;
    Ok(Run { scheme, dt, steps, trajectories })
}

/// Largest distance between a state and what one step and one step back make of it, over every state of trajectories of
/// `steps` steps; relative to the spread of a coordinate plus its own size.
///
/// One step at a time, because going back many steps measures how fast neighbouring motions part, not the scheme.
pub(super) fn reversal_distance(
    words: &[u32],
    samples: &Samples,
    starts: usize,
    steps: usize,
) -> Result<f64, EngineError> {
    let spread = samples.spread();
    let starts = states(samples, starts);
    with_model(words, |model| {
        let dt = model.program().dt();
        let mut worst = 0.0f64;
        for start in &starts {
            let mut here = state(model, start)?;
            for _ in 0..steps {
                let mut ahead = here.clone();
                advance(model, &mut ahead, dt, 1, |_| {})?;
                let mut back = ahead.clone();
                advance(model, &mut back, -dt, 1, |_| {})?;
                for ((back, here), spread) in back.coordinates().zip(here.coordinates()).zip(spread.iter().cycle()) {
                    worst = worst.max(f64::from((back - here).abs()) / (spread + f64::from(here.abs())));
                }
                here = ahead;
            }
        }
        Ok(worst)
    })
}

fn states(samples: &Samples, starts: usize) -> Vec<Vec<f32>> {
    let count = starts.clamp(1, samples.count());
    let width = 2 * samples.dof();
    let row = |index: usize| index * samples.count() / count * width;
    let state = |start: usize| samples.x.data()[start..start + width].iter().map(|value| *value as f32).collect();
    (0..count).map(|index| state(row(index))).collect()
}

/// A start as the program's scheme keeps it.
fn state(model: &Compiled<'_>, values: &[f32]) -> Result<DeviceState, Error> {
    let (q, p) = values.split_at(values.len() / 2);
    Ok(AnyStepper::for_program(model.program())?.begin(State::new(q, p)?))
}

fn path(model: &mut Compiled<'_>, start: &[f32], dt: f32, steps: usize) -> Result<Vec<f64>, Error> {
    let mut values: Vec<f64> = start.iter().map(|value| f64::from(*value)).collect();
    values.reserve(steps * start.len());
    let mut state = state(model, start)?;
    advance(model, &mut state, dt, steps, |state| {
        values.extend(state.state().coordinates().map(f64::from));
    })?;
    Ok(values)
}

fn advance(
    model: &mut Compiled<'_>,
    state: &mut DeviceState,
    dt: f32,
    steps: usize,
    mut keep: impl FnMut(&DeviceState),
) -> Result<(), Error> {
    let stepper = AnyStepper::for_program(model.program())?;
    let still = vec![0.0; model.program().inputs()];
    for _ in 0..steps {
        stepper.step_any(model, state, &still, dt)?;
        keep(state);
    }
    Ok(())
}
