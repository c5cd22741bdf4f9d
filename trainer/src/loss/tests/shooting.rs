//! Multiple shooting against the one long rollout it replaces.

use super::*;
use crate::loss::rollout::RolloutLoss;

const ROWS: u32 = 31;
const K: f64 = 3.5;

/// Leapfrog from the first measured state, by hand: states at all rows, `[rows × 2]`.
fn leapfrog(data: &Dataset) -> Vec<f64> {
    let one = &data.trajectories[0];
    let (mut q, mut p) = (one.q[0], one.p[0]);
    let mut states = vec![q, p];
    for h in one.intervals() {
        p -= 0.5 * h * K * q;
        q += h * p;
        p -= 0.5 * h * K * q;
        states.extend([q, p]);
    }
    states
}

struct Pair {
    long: RolloutLoss,
    short: RolloutLoss,
    arithmetic: Arithmetic,
}

impl Pair {
    /// One window of all rows, and windows of 7 steps of which the last has 2; both in the units of the former.
    fn new(weight: f64) -> Self {
        let arithmetic = Arithmetic::differentiable(Precision::F64);
        let steps = ROWS as usize - 1;
        let long = Rollout { steps, shift: steps, learned_starts: true, ..Rollout::default() };
        let short = Rollout { steps: 7, shift: 7, shooting_weight: Some(weight), ..long.clone() };
        let data = motion(ROWS);
        let build = |one: &Rollout| RolloutLoss::new(one, &long, &spring(), &data, &data, &arithmetic).unwrap();
        Self { long: build(&long), short: build(&short), arithmetic }
    }

    fn loss(&self, of: &RolloutLoss, starts: &[f64]) -> f64 {
        let batch = of.gather(&[0], &self.arithmetic);
        let starts = self.arithmetic.upload(&[1, starts.len()], starts);
        let k = self.arithmetic.upload(&[1], &[K]);
        download_scalar(&of.loss(&batch, Some(starts), &|_| Some(k.clone())).unwrap()).unwrap()
    }
}

#[test]
fn without_gaps_it_is_the_loss_of_the_whole_trajectory() {
    let pair = Pair::new(1e6);
    let (states, data) = (leapfrog(&motion(ROWS)), motion(ROWS));
    let (measured, unit) = (data.trajectories[0].states(1), download(&pair.long.unit()).unwrap());
    let starts: Vec<f64> = [0, 7, 14, 21, 28]
        .iter()
        .flat_map(|row| [2 * row, 2 * row + 1])
        .map(|at| (states[at] - measured[at]) / unit[at % 2])
        .collect();
    assert_eq!((pair.short.items(), pair.short.start_width()), (1, 10));
    let (long, short) = (pair.loss(&pair.long, &[0.0, 0.0]), pair.loss(&pair.short, &starts));
    assert!(long > 1e-3 && (long - short).abs() < 1e-9 * long, "{long} {short}");
    // Starts at their measurements leave gaps, and gaps cost their weight.
    let free = Pair::new(1.0);
    let gap = |pair: &Pair| pair.loss(&pair.short, &[0.0; 10]);
    let (light, heavy) = (gap(&free), gap(&Pair::new(3.0)));
    assert!(heavy > light * 1.01 && light < long, "{light} {heavy} {long}");
}

#[test]
fn its_gradients_agree_with_central_differences() {
    let arithmetic = Arithmetic::differentiable(Precision::F64);
    let data = motion(ROWS);
    let settings = rollout(|r| {
        r.learned_starts = true;
        r.shooting_weight = Some(2.0);
    });
    let case = Case { objective: Objective::new(&settings, &spring(), &data, &data, &arithmetic).unwrap(), arithmetic };
    let mut starts: Vec<f64> = (0..10).map(|at| 0.02 * (f64::from(at) - 4.0)).collect();
    let (_, by_k, by_starts) = case.loss(3.0, Some(&starts));
    let h = 1e-5;
    let numeric = (case.loss(3.0 + h, Some(&starts)).0 - case.loss(3.0 - h, Some(&starts)).0) / (2.0 * h);
    assert!((by_k - numeric).abs() < 1e-8 * (1.0 + numeric.abs()), "{by_k} {numeric}");
    for at in 0..10 {
        let mut shifted = |change: f64| {
            starts[at] += change;
            let loss = case.loss(3.0, Some(&starts)).0;
            starts[at] -= change;
            loss
        };
        let numeric = (shifted(h) - shifted(-h)) / (2.0 * h);
        assert!((by_starts[at] - numeric).abs() < 1e-8, "{at}: {} {numeric}", by_starts[at]);
    }
}

#[test]
fn settings_that_contradict_it_are_refused() {
    let arithmetic = Arithmetic::plain(Precision::F64);
    let refusal = |change: &dyn Fn(&mut Rollout)| {
        let settings = rollout(|r| {
            (r.learned_starts, r.shooting_weight) = (true, Some(1.0));
            change(r);
        });
        Objective::new(&settings, &spring(), &motion(20), &motion(20), &arithmetic).map(drop).map_err(|e| e.to_string())
    };
    assert_eq!(refusal(&|_| ()), Ok(()));
    assert!(refusal(&|r| r.learned_starts = false).unwrap_err().contains("first state"));
    assert!(refusal(&|r| r.shift = 3).unwrap_err().contains("where the one before ends"));
    assert!(refusal(&|r| r.shooting_weight = Some(0.0)).unwrap_err().contains("positive weight"));
}
