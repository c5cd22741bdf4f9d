//! Ten million steps: no slope of the energy for what is symplectic, a slope for what is not, and the way back on the lattice.
//!
//! Slopes are those of `validate::trend`, of block means. Their errors are widened by their autocorrelation, and at least those of the
//! random walk that rounding makes; that this hides nothing is shown by the bound on the change over the whole run.

use hnn_exporter::validate::trend::{BLOCKS, Slope, slope};
use hnn_runtime::integrate::{
    BLANES_MOAN_4, ExplicitEuler, ImplicitMidpoint, LEAPFROG, RungeKutta4, StormerVerlet, Tao, YOSHIDA_4,
};
use hnn_runtime::model::{Model, Separable};
use hnn_runtime::{Doubled, Lattice, Scalar, State, Stepper, math};

/// Steps of every run but the ones that would take long.
const STEPS: usize = 10_000_000;
/// Steps that are averaged before a line is fitted: a few cycles.
const BLOCK: usize = 1_000;
/// Standard errors within which a slope counts as none: one in a thousand is beyond it by chance.
const WIDTH: f64 = 3.3;
/// Swings of the energy by which the slope may change it over a whole run.
const DRIFT_MAX: f64 = 1e-2;
/// Step length, s.
const DT: f64 = 0.05;

/// H = ½p² + 1 − cos q.
struct Pendulum;

/// H = ½(1 + q²)(1 + p²): M. Tao (2016), which does not split. What it claims to be velocity and force is what an explicit scheme
/// would compute of it.
#[derive(Default)]
struct Product {
    q: f64,
    p: f64,
}

trait Sine: Scalar {
    fn sine(self) -> Self;
}
impl Sine for f64 {
    fn sine(self) -> Self {
        self.sin()
    }
}
impl Sine for f32 {
    fn sine(self) -> Self {
        math::sin(self)
    }
}

impl<S: Sine> Model<S> for Pendulum {
    fn dof(&self) -> usize {
        1
    }
    fn inputs(&self) -> usize {
        0
    }
    fn energy(&mut self, q: &[S], p: &[S]) -> S {
        S::from_f64(pendulum(q[0].to_f64(), p[0].to_f64()))
    }
    fn field(&mut self, q: &[S], p: &[S], _u: &[S], dq: &mut [S], dp: &mut [S]) {
        (dq[0], dp[0]) = (p[0], -q[0].sine());
    }
}

impl<S: Sine> Separable<S> for Pendulum {
    fn velocity(&mut self, p: &[S], dq: &mut [S]) {
        dq[0] = p[0];
    }
    fn force(&mut self, q: &[S], _u: &[S], dp: &mut [S]) {
        dp[0] = -q[0].sine();
    }
}

impl Model<f64> for Product {
    fn dof(&self) -> usize {
        1
    }
    fn inputs(&self) -> usize {
        0
    }
    fn energy(&mut self, q: &[f64], p: &[f64]) -> f64 {
        0.5 * (1.0 + q[0] * q[0]) * (1.0 + p[0] * p[0])
    }
    fn field(&mut self, q: &[f64], p: &[f64], _u: &[f64], dq: &mut [f64], dp: &mut [f64]) {
        (dq[0], dp[0]) = ((1.0 + q[0] * q[0]) * p[0], -q[0] * (1.0 + p[0] * p[0]));
    }
}

impl Separable<f64> for Product {
    fn velocity(&mut self, p: &[f64], dq: &mut [f64]) {
        self.p = p[0];
        dq[0] = (1.0 + self.q * self.q) * p[0];
    }
    fn force(&mut self, q: &[f64], _u: &[f64], dp: &mut [f64]) {
        self.q = q[0];
        dp[0] = -q[0] * (1.0 + self.p * self.p);
    }
}

fn pendulum(q: f64, p: f64) -> f64 {
    0.5 * p * p + 1.0 - q.cos()
}

/// What the energies of a run show.
struct Trend {
    /// Slope per step.
    slope: Slope,
    /// Change over the whole run that the slope makes, in largest deviations within the first block.
    drift: f64,
}

impl Trend {
    /// Of the energies that `next` gives, in blocks.
    fn new(steps: usize, mut next: impl FnMut() -> f64) -> Self {
        let first: Vec<f64> = (0..BLOCK).map(|_| next()).collect();
        let swing = first.iter().map(|energy| (energy - first[0]).abs()).fold(0.0, f64::max);
        let mut mean = || (0..BLOCK).map(|_| next()).sum::<f64>() / BLOCK as f64;
        let means: Vec<f64> = (0..steps / BLOCK - 1).map(|_| mean()).collect();
        let mut slope = slope(&means, BLOCK as f64).unwrap();
        slope.standard_error = slope.standard_error.max(wandering(&means));
        Self { slope, drift: slope.value.abs() * steps as f64 / swing }
    }

    fn is_flat(&self) -> bool {
        !self.slope.is_significant(WIDTH) && self.drift < DRIFT_MAX
    }
}

/// Standard error per step of the slope of a random walk, as rounding makes the energy one: √(6σ²/5N) for N parts whose
/// differences vary by σ² (J. Durlauf and P. Phillips, Econometrica 56 (1988) 1333).
fn wandering(means: &[f64]) -> f64 {
    let len = means.len() / BLOCKS;
    let parts: Vec<f64> = means.chunks_exact(len).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect();
    let steps: Vec<f64> = parts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    let variance = steps.iter().map(|step| (step - mean).powi(2)).sum::<f64>() / (steps.len() - 1) as f64;
    (1.2 * variance / parts.len() as f64).sqrt() / (len * BLOCK) as f64
}

fn stepped<M: Model<f64>>(stepper: &dyn Stepper<M, f64, 1>, model: &mut M, start: [f64; 2], steps: usize) -> Trend {
    let mut state = State::<f64, 1>::new(&start[..1], &start[1..]).unwrap();
    Trend::new(steps, || {
        stepper.step(model, &mut state, &[], DT).unwrap();
        model.energy(state.q(), state.p())
    })
}

fn say(what: &str, trend: &Trend) {
    let Trend { slope, drift } = trend;
    println!("{what}: {:.2e} ± {:.2e} per step, in all {drift:.1e} swings", slope.value, slope.standard_error);
}

fn assert_flat(what: &str, trend: Trend) {
    say(what, &trend);
    assert!(trend.is_flat(), "{what}");
}

fn assert_steep(what: &str, trend: Trend) {
    say(what, &trend);
    assert!(!trend.is_flat() && trend.drift > 10.0 * DRIFT_MAX, "{what}");
}

const SWING: [f64; 2] = [1.1, 0.4];

#[test]
fn energy_has_no_slope_over_ten_million_steps_in_f64() {
    assert_flat("leapfrog", stepped(&LEAPFROG, &mut Pendulum, SWING, STEPS));
    assert_flat("yoshida4", stepped(&YOSHIDA_4, &mut Pendulum, SWING, STEPS / 10));
    assert_flat("blanes-moan4", stepped(&BLANES_MOAN_4, &mut Pendulum, SWING, STEPS / 10));
    let start = [0.5, 0.0];
    let midpoint = ImplicitMidpoint::new(14).unwrap();
    assert_flat("midpoint", stepped(&midpoint, &mut Product::default(), start, STEPS / 10));
    let verlet = StormerVerlet::new(14).unwrap();
    assert_flat("stormer-verlet", stepped(&verlet, &mut Product::default(), start, STEPS / 10));
    let (tao, mut doubled) = (Tao::second(10.0).unwrap(), Doubled::new(State::<f64, 1>::new(&[0.5], &[0.0]).unwrap()));
    let trend = Trend::new(STEPS, || {
        doubled.step(&tao, &mut Product::default(), &[], DT).unwrap();
        Product::default().energy(doubled.first().q(), doubled.first().p())
    });
    assert_flat("tao2", trend);
}

#[test]
fn energy_of_what_is_not_symplectic_has_a_slope() {
    assert_steep("rk4", stepped(&RungeKutta4, &mut Pendulum, SWING, STEPS / 10));
    // It leaves the well at once; what matters is that it is caught.
    assert_steep("euler", stepped(&ExplicitEuler, &mut Pendulum, [0.01, 0.0], 100_000));
    assert_steep("leapfrog, not separable", stepped(&LEAPFROG, &mut Product { q: 0.9, p: 0.3 }, [0.9, 0.3], 100_000));
}

#[test]
fn on_the_lattice_energy_has_no_slope_over_ten_million_steps_and_these_lead_back() {
    let first = Lattice::<1>::new(&State::new(&[1.1], &[0.4]).unwrap()).unwrap();
    let mut lattice = first.clone();
    let trend = Trend::new(STEPS, || {
        lattice.step(&LEAPFROG, &mut Pendulum, &[], DT as f32).unwrap();
        let mut units = lattice.units().map(|units| units as f64 / 2f64.powi(32));
        let (q, p) = (units.next().unwrap(), units.next().unwrap());
        pendulum(q, p)
    });
    assert_flat("lattice", trend);
    assert_ne!(lattice, first);
    for _ in 0..STEPS {
        lattice.undo(&LEAPFROG, &mut Pendulum, &[], DT as f32).unwrap();
    }
    assert_eq!(lattice, first);
}
