//! States that lose nothing, or little: forward and back to the bit, range checked before it is left, energy over many steps.

use super::*;
use crate::error::Error;
use crate::integrate::Compensated;
use crate::state::{FRACTION_BITS_MAX, Lattice};

/// The pendulum H = p²/2 + 1 − cos q in f32, driven by u.
struct Driven;

impl Model<f32> for Driven {
    fn dof(&self) -> usize {
        1
    }
    fn inputs(&self) -> usize {
        1
    }
    fn energy(&mut self, q: &[f32], p: &[f32]) -> f32 {
        p[0] * p[0] * 0.5 + 1.0 - crate::math::cos(q[0])
    }
    fn field(&mut self, q: &[f32], p: &[f32], u: &[f32], dq: &mut [f32], dp: &mut [f32]) {
        self.velocity(p, dq);
        self.force(q, u, dp);
    }
}

impl Separable<f32> for Driven {
    fn velocity(&mut self, p: &[f32], dq: &mut [f32]) {
        dq[0] = p[0];
    }
    fn force(&mut self, q: &[f32], u: &[f32], dp: &mut [f32]) {
        dp[0] = u[0] - crate::math::sin(q[0]);
    }
}

fn start() -> State<f32, 1> {
    State::new(&[1.1], &[0.4]).unwrap()
}

/// H in f64, whose rounding does not count.
fn energy(q: f64, p: f64) -> f64 {
    p * p / 2.0 + 1.0 - q.cos()
}

fn point(lattice: &Lattice<1>) -> (f64, f64) {
    let units: Vec<i64> = lattice.units().collect();
    (units[0] as f64 / 2f64.powi(32), units[1] as f64 / 2f64.powi(32))
}

#[test]
fn every_explicit_scheme_is_undone_to_the_bit_with_the_inputs_replayed() {
    let input = |step: usize| [0.3 * crate::math::sin(0.01 * step as f32)];
    for scheme in SPLITTINGS {
        let first = Lattice::new(&start()).unwrap();
        let mut lattice = first.clone();
        for step in 0..20_000 {
            lattice.step(scheme, &mut Driven, &input(step), 0.05).unwrap();
        }
        assert_ne!(lattice, first);
        for step in (0..20_000).rev() {
            lattice.undo(scheme, &mut Driven, &input(step), 0.05).unwrap();
        }
        assert_eq!(lattice, first, "{}", scheme.name);
    }
}

#[test]
fn plain_states_do_not_come_back_to_the_bit() {
    let mut state = start();
    for _ in 0..20_000 {
        LEAPFROG.step(&mut Driven, &mut state, &[0.0], 0.05).unwrap();
    }
    for _ in 0..20_000 {
        LEAPFROG.step(&mut Driven, &mut state, &[0.0], -0.05).unwrap();
    }
    assert_ne!(state, start(), "the negative control came back");
}

#[test]
fn another_input_on_the_way_back_does_not_lead_back() {
    let first = Lattice::new(&start()).unwrap();
    let mut lattice = first.clone();
    lattice.step(&LEAPFROG, &mut Driven, &[0.5], 0.05).unwrap();
    lattice.undo(&LEAPFROG, &mut Driven, &[0.4], 0.05).unwrap();
    assert_ne!(lattice, first);
}

#[test]
fn increments_are_rounded_to_nearest_with_ties_to_even() {
    struct Push(f32);
    impl Model<f32> for Push {
        fn dof(&self) -> usize {
            1
        }
        fn inputs(&self) -> usize {
            0
        }
        fn energy(&mut self, _q: &[f32], _p: &[f32]) -> f32 {
            0.0
        }
        fn field(&mut self, _q: &[f32], _p: &[f32], _u: &[f32], dq: &mut [f32], dp: &mut [f32]) {
            (dq[0], dp[0]) = (0.0, self.0);
        }
    }
    impl Separable<f32> for Push {
        fn velocity(&mut self, _p: &[f32], dq: &mut [f32]) {
            dq[0] = 0.0;
        }
        fn force(&mut self, _q: &[f32], _u: &[f32], dp: &mut [f32]) {
            dp[0] = self.0;
        }
    }
    // Units of ¼ in p.
    let origin = State::<f32, 1>::new(&[0.0], &[0.0]).unwrap();
    for (push, units) in [(0.125, 0), (0.375, 2), (-0.125, 0), (-0.375, -2), (0.13, 1), (0.625, 2), (5.0, 20)] {
        let mut lattice = Lattice::with_bits(&origin, &[2], &[2]).unwrap();
        lattice.step(&SYMPLECTIC_EULER, &mut Push(push), &[], 1.0).unwrap();
        assert_eq!(lattice.units().collect::<Vec<_>>(), [0, units], "{push}");
    }
    for push in [f32::NAN, f32::INFINITY, 3e38, -4.7e18] {
        let mut lattice = Lattice::with_bits(&origin, &[2], &[2]).unwrap();
        assert_eq!(lattice.step(&SYMPLECTIC_EULER, &mut Push(push), &[], 1.0), Err(Error::OutOfRange), "{push}");
        assert_eq!(lattice, Lattice::with_bits(&origin, &[2], &[2]).unwrap(), "a refused step moved the state");
    }
    // Just below the edge of i64 in steps of 2⁶¹: the fourth would leave it.
    let mut lattice = Lattice::with_bits(&origin, &[0], &[0]).unwrap();
    let push = 2f32.powi(61);
    (0..3).for_each(|_| lattice.step(&SYMPLECTIC_EULER, &mut Push(push), &[], 1.0).unwrap());
    let before = lattice.clone();
    assert_eq!(lattice.step(&SYMPLECTIC_EULER, &mut Push(push), &[], 1.0), Err(Error::OutOfRange));
    assert_eq!(lattice, before);
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let far = State::<f32, 1>::new(&[3e9], &[0.0]).unwrap();
    assert_eq!(Lattice::new(&far), Err(Error::OutOfRange));
    assert!(Lattice::with_bits(&far, &[20], &[62]).is_ok());
    assert_eq!(Lattice::with_bits(&start(), &[FRACTION_BITS_MAX + 1], &[0]), Err(Error::OutOfRange));
    assert_eq!(Lattice::with_bits(&start(), &[1, 2], &[0]), Err(Error::StateLength));
    let mut lattice = Lattice::new(&start()).unwrap();
    assert_eq!(lattice.step(&LEAPFROG, &mut Driven, &[], 0.1), Err(Error::InputLength));
}

#[test]
fn a_state_goes_to_the_lattice_and_back_unchanged() {
    // Any f32 from 2⁻⁹ to 2³¹ is a multiple of 2⁻³².
    let state = State::<f32, 2>::new(&[1.1, -0.003], &[123_456.79, -7e-3]).unwrap();
    assert_eq!(Lattice::new(&state).unwrap().state(), state);
}

/// Slope of the energy error per step over the parts of a run, and half its 99.9 % confidence interval: of a thousand such tests
/// of a slope of 0 one may fail.
fn slope(means: &[f64], steps_per_part: f64) -> (f64, f64) {
    let n = means.len() as f64;
    let (t_mean, mean) = ((n - 1.0) / 2.0, means.iter().sum::<f64>() / n);
    let spread: f64 = (0..means.len()).map(|t| (t as f64 - t_mean).powi(2)).sum();
    let slope = means.iter().enumerate().map(|(t, e)| (t as f64 - t_mean) * (e - mean)).sum::<f64>() / spread;
    let residual: f64 =
        means.iter().enumerate().map(|(t, e)| (e - mean - slope * (t as f64 - t_mean)).powi(2)).sum::<f64>();
    // Student's 99.95 % quantile for 18 degrees of freedom is 3.922.
    let error = 3.922 * (residual / (n - 2.0) / spread).sqrt();
    (slope / steps_per_part, error / steps_per_part)
}

#[test]
fn energy_on_the_lattice_stays_where_plain_f32_wanders() {
    const PARTS: usize = 20;
    const STEPS: usize = 50_000;
    let (mut lattice, mut plain) = (Lattice::new(&start()).unwrap(), start());
    let mut compensated = Compensated::new(start());
    let first = energy(1.1f32.into(), 0.4f32.into());
    let mut means = [const { Vec::new() }; 3];
    for _ in 0..PARTS {
        let mut sums = [0.0; 3];
        for _ in 0..STEPS {
            lattice.step(&LEAPFROG, &mut Driven, &[0.0], 0.05).unwrap();
            LEAPFROG.step(&mut Driven, &mut plain, &[0.0], 0.05).unwrap();
            compensated.step(&LEAPFROG, &mut Driven, &[0.0], 0.05).unwrap();
            let (q, p) = point(&lattice);
            let of = |state: &State<f32, 1>| energy(state.q()[0].into(), state.p()[0].into());
            let now = [energy(q, p), of(&plain), of(compensated.state())];
            sums.iter_mut().zip(now).for_each(|(sum, energy)| *sum += energy - first);
        }
        means.iter_mut().zip(sums).for_each(|(means, sum)| means.push(sum / STEPS as f64));
    }
    let spread = |means: &[f64]| {
        means.iter().copied().fold(f64::NEG_INFINITY, f64::max) - means.iter().copied().fold(f64::INFINITY, f64::min)
    };
    let [lattice, plain, compensated] = means;
    let (drift, interval) = slope(&lattice, STEPS as f64);
    std::println!(
        "lattice {drift:.1e} ± {interval:.1e} per step, spread {:.1e}; plain {:.1e}, compensated {:.1e}",
        spread(&lattice),
        spread(&plain),
        spread(&compensated)
    );
    assert!(drift.abs() < interval, "{drift:e} ± {interval:e}");
    assert!(10.0 * spread(&lattice) < spread(&plain), "{:e} {:e}", spread(&lattice), spread(&plain));
    assert!(2.0 * spread(&compensated) < spread(&plain), "{:e} {:e}", spread(&compensated), spread(&plain));
}
