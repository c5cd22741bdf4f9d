//! How many cycles a learned model lasts: stepped on the runtime, in f32, as it would be deployed.
//!
//! A model trained through a scheme is stepped by that scheme at the time step of its data, a map by itself; an energy
//! learned from derivatives by Yoshida's order 4 where it splits, else by the midpoint rule; a field by Runge–Kutta steps. One
//! function of the runtime gives the next state, the memory, and the system's true energy there.
//!
//! In f32 there are finitely many states, and a motion comes back to one it has been in, to the bit, after some hundred
//! thousand steps: from there on it repeats, and what it does up to any number of cycles is known without stepping further.

use anyhow::{Context, Result, ensure};
use hnn_exporter::dynamics::{self, ENERGY, Model, NEXT_STATE, STATE, STEP_LENGTH, Scheme, StepLength, separability};
use hnn_exporter::emit::function_blob;
use hnn_exporter::graph::Graph;
use hnn_exporter::lower::lower_graph;
use hnn_exporter::optimize::optimize;
use hnn_runtime::{CompiledFunction, Function};
use hnn_trainer::baseline::{MEMORY, NEXT_MEMORY};
use hnn_trainer::learned::{Learned, Motion};
use hnn_trainer::loss;
use hnn_trainer::run::Run;

/// A motion has diverged when its energy error exceeds this part of |H(x(0))|.
pub const DIVERGENCE: f64 = 0.1;
/// Time over which the mean energy error is taken, s.
pub const ERROR_HORIZON_S: f64 = 20.0;
/// Step of what was learned from derivatives, s.
const STEP_S: f64 = 0.05;
/// Steps per cycle after which a motion that no longer turns is given up.
const STEPS_PER_CYCLE_MAX: u64 = 4096;

/// How a model is stepped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deployment {
    /// Scheme of an energy; what has none steps itself.
    pub scheme: Scheme,
    /// Step length, s.
    pub dt: f64,
}

/// What a motion did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Endured {
    /// Mean of |H − H₀| / |H₀| over the first [`ERROR_HORIZON_S`]; infinite where it diverged to no number.
    pub energy_error: f64,
    /// Upward passages of q₁ through 0 until divergence, or the limit.
    pub cycles: u64,
    /// Whether it reached the limit.
    pub survived: bool,
    /// Steps made until that was known.
    pub steps: u64,
}

/// How a run is to be stepped, by how it was trained.
///
/// # Errors
/// Where the run cannot be read.
pub fn deployment(run: &Run, learned: &Learned) -> Result<Deployment> {
    Ok(match (run.config()?.loss, learned) {
        (loss::Settings::Rollout(rollout), _) => {
            let dt = rollout.step_seconds.or(run.data()?.dt_median);
            let dt = dt.context("a run through a scheme knows its time step")?;
            Deployment { scheme: rollout.scheme, dt: dt / rollout.substeps as f64 }
        }
        (_, Learned::Hamiltonian(model)) if !separability(model)?.is_separable() => {
            Deployment { scheme: Scheme::MIDPOINT, dt: STEP_S }
        }
        _ => Deployment { scheme: Scheme::Yoshida4, dt: STEP_S },
    })
}

/// A model as a function of the runtime: [x, memory] to [x, memory, H].
#[derive(Debug)]
pub struct Course {
    words: Vec<u32>,
    dt: f64,
    width: usize,
}

impl Course {
    /// Compiles the steps of `learned`, its weights bound, judged by the energy of `truth`.
    ///
    /// # Errors
    /// Where the model cannot be stepped so, or has an operation without a kernel.
    pub fn new(learned: &dyn Motion, deployment: Deployment, truth: &Model) -> Result<Self> {
        let step = learned.step(deployment.scheme, StepLength::Scalar)?;
        let mut graph = Graph::new();
        for (name, id) in step.inputs().into_iter().filter(|(name, _)| *name != STEP_LENGTH) {
            graph.input(name, step.shape(id).clone())?;
        }
        let dt = graph.scalar(deployment.dt)?;
        let outputs: Vec<_> = [NEXT_STATE, NEXT_MEMORY].iter().filter_map(|name| step.output(name)).collect();
        let placed = graph.inline(&step, &outputs, &|id, _| (step.leaf(STEP_LENGTH) == Some(id)).then_some(dt))?;
        let energy = dynamics::hamiltonian(truth)?;
        let root = energy.output(ENERGY).context("an energy has the output H")?;
        let judged = graph.inline(&energy, &[root], &|id, _| (energy.leaf(STATE) == Some(id)).then_some(placed[0]))?;
        for (name, id) in [NEXT_STATE, NEXT_MEMORY].iter().zip(&placed) {
            graph.set_output(name, *id);
        }
        graph.set_output(ENERGY, judged[0]);
        let remembers = graph.leaf(MEMORY).is_some();
        ensure!(remembers == (placed.len() == 2), "a memory that comes in goes out");
        let words = function_blob(&lower_graph(&optimize(&graph)?)?);
        Ok(Self { words, dt: deployment.dt, width: 2 * learned.dof() })
    }

    /// Steps from `start` until the energy has diverged or `limit` cycles are done.
    ///
    /// # Errors
    /// Where the compiled function cannot be loaded.
    pub fn run(&self, start: &[f64], energy: f64, limit: u64) -> Result<Endured> {
        let function = Function::parse(&self.words).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut workspace = vec![0.0; function.workspace_len()];
        let mut function =
            CompiledFunction::bind(&function, &mut workspace[..]).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let mut arguments = vec![0.0f32; function.function().arguments_len()];
        let mut results = vec![0.0f32; function.function().results_len()];
        ensure!(start.len() == self.width && results.len() == arguments.len() + 1, "a start of {} numbers", self.width);
        #[expect(clippy::cast_possible_truncation, reason = "the device computes in f32")]
        arguments.iter_mut().zip(start).for_each(|(place, value)| *place = *value as f32);
        let mut tally = Tally { dt: self.dt, energy, limit, ..Tally::default() };
        let mut recurrence = Recurrence::new(&arguments);
        while !tally.is_done() {
            let before = arguments[0];
            function.call(&arguments, &mut results);
            let (next, judged) = results.split_at(arguments.len());
            arguments.copy_from_slice(next);
            tally.count(f64::from(judged[0]), before < 0.0 && arguments[0] >= 0.0);
            if let Some(cycles_before) = recurrence.visit(&arguments, tally.cycles) {
                tally.repeat(tally.cycles - cycles_before);
            }
        }
        let mean = tally.sum / f64::from(tally.summed);
        Ok(Endured {
            energy_error: if mean.is_finite() { mean } else { f64::INFINITY },
            cycles: tally.cycles,
            survived: tally.ended == Some(true),
            steps: tally.steps,
        })
    }
}

/// A motion so far.
#[derive(Debug, Default)]
struct Tally {
    dt: f64,
    energy: f64,
    limit: u64,
    steps: u64,
    cycles: u64,
    sum: f64,
    summed: u32,
    /// Whether it survived, once that is known; the mean energy error still covers its whole time.
    ended: Option<bool>,
}

impl Tally {
    fn is_summing(&self) -> bool {
        f64::from(self.summed) * self.dt < ERROR_HORIZON_S && self.sum.is_finite()
    }

    fn is_done(&self) -> bool {
        self.ended.is_some() && !self.is_summing()
    }

    /// The motion repeats with this many cycles in each period: it has stayed within the limit, and does for ever.
    fn repeat(&mut self, cycles: u64) {
        if self.ended.is_none() {
            self.ended = Some(cycles > 0);
            self.cycles = if cycles > 0 { self.limit } else { self.cycles };
        }
    }

    fn count(&mut self, energy: f64, turned: bool) {
        let error = (energy - self.energy).abs() / self.energy.abs();
        self.steps += 1;
        if self.is_summing() {
            self.sum += error;
            self.summed += 1;
        }
        if self.ended.is_some() {
            return;
        }
        // Written so that what is no number has diverged, too.
        let within = error <= DIVERGENCE;
        if !within {
            self.ended = Some(false);
            return;
        }
        self.cycles += u64::from(turned);
        if self.cycles >= self.limit {
            self.ended = Some(true);
        } else if self.steps > STEPS_PER_CYCLE_MAX * self.limit {
            self.ended = Some(false);
        }
    }
}

/// Finds that a deterministic sequence has come back to where it was: R. P. Brent, *BIT* 20 (1980), 176–184, section 2.
///
/// One earlier state is kept, and replaced by the present one after 1, 2, 4, … steps; a period is found at most a few times
/// its length after the sequence has entered it, and nothing but a period is.
#[derive(Debug)]
struct Recurrence {
    kept: Vec<u32>,
    cycles: u64,
    steps: u64,
    patience: u64,
}

impl Recurrence {
    fn new(start: &[f32]) -> Self {
        Self { kept: bits(start).collect(), cycles: 0, steps: 0, patience: 1 }
    }

    /// The number of cycles at the earlier visit, where this state has been visited.
    fn visit(&mut self, state: &[f32], cycles: u64) -> Option<u64> {
        // By its bits: 0 and −0 may go on differently, and what is no number goes on as itself.
        if self.kept.iter().copied().eq(bits(state)) {
            return Some(self.cycles);
        }
        self.steps += 1;
        if self.steps == self.patience {
            self.patience *= 2;
            self.steps = 0;
            self.cycles = cycles;
            self.kept.clear();
            self.kept.extend(bits(state));
        }
        None
    }
}

fn bits(values: &[f32]) -> impl Iterator<Item = u32> + '_ {
    values.iter().map(|value| value.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_that_repeats_is_found_out_and_one_that_does_not_is_not() {
        // x → x + 1 up to 1000, then round a circle of 37.
        let next = |x: u64| if x < 1036 { x + 1 } else { 1000 };
        let (mut x, mut recurrence, mut steps) = (0, Recurrence::new(&[0.0]), 0);
        let found = loop {
            x = next(x);
            steps += 1;
            if let Some(earlier) = recurrence.visit(&[x as f32], steps) {
                break steps - earlier;
            }
        };
        assert_eq!(found % 37, 0);
        assert!(found > 0 && steps < 3 * 1037, "{found} after {steps}");
        let mut recurrence = Recurrence::new(&[0.0]);
        assert!((1..100_000).all(|x| recurrence.visit(&[x as f32], x).is_none()));
        // Equal as numbers is not enough.
        assert_eq!(Recurrence::new(&[0.0]).visit(&[-0.0], 1), None);
        assert_eq!(Recurrence::new(&[f32::NAN]).visit(&[f32::NAN], 1), Some(0));
    }

    #[test]
    fn a_motion_that_repeats_without_turning_is_not_stable_and_one_that_diverged_stays_so() {
        let tally = |ended| Tally { limit: 1000, cycles: 7, ended, ..Tally::default() };
        for (cycles, before, after) in
            [(2, None, (Some(true), 1000)), (0, None, (Some(false), 7)), (2, Some(false), (Some(false), 7))]
        {
            let mut tally = tally(before);
            tally.repeat(cycles);
            assert_eq!((tally.ended, tally.cycles), after);
        }
    }
}
