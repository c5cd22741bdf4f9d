//! What a loss leads to: constants of closed-form motions, learned from noisy, irregular and damped data.

use std::sync::atomic::AtomicBool;

use hnn_exporter::dynamics::DISSIPATION;

use super::*;
use crate::architecture::{Architecture, Linear, Parameters};
use crate::data::as_f64;
use crate::fit::{self, Silent, Task};
use crate::random::Stream;

/// How motions are made: q = r cos(ωt + φ) e^(−ct/2) of H = (p² + 4q²)/2 with friction c, at jittered times.
struct Made {
    trajectories: usize,
    rows: usize,
    jitter: f64,
    noise: f64,
    friction: f64,
}

fn made(how: &Made) -> Dataset {
    let one = |index: usize| {
        let mut stream = Stream::new(11, "learned", index as u64);
        let (radius, phase) = (stream.uniform(0.1, 1.0), stream.uniform(0.0, 6.3));
        let frequency = (4.0 - how.friction * how.friction / 4.0).sqrt();
        let motion = |t: f64| {
            let size = radius * (-0.5 * how.friction * t).exp();
            let (sin, cos) = (frequency * t + phase).sin_cos();
            let p = -size * (frequency * sin + 0.5 * how.friction * cos);
            [size * cos, p, p, -4.0 * size * cos - how.friction * p]
        };
        let time: Vec<f64> =
            (0..how.rows).map(|row| 0.1 * (as_f64(row) + stream.uniform(-how.jitter, how.jitter))).collect();
        let mut noisy =
            |at: usize| -> Vec<f64> { time.iter().map(|t| motion(*t)[at] + stream.normal(0.0, how.noise)).collect() };
        Trajectory {
            source: Source { name: "made".to_owned(), first_row: index },
            q: noisy(0),
            p: noisy(1),
            u: Vec::new(),
            derivative: Some(time.iter().flat_map(|t| [motion(*t)[2], motion(*t)[3]]).collect()),
            time,
        }
    };
    Dataset::new(Names::canonical(1, 0), (0..how.trajectories).map(one).collect()).unwrap()
}

/// Parameters that make a loss small, all starting from the same value.
fn learn(model: Model, from: f64, loss: &Settings, data: &Dataset, steps: u64) -> Parameters {
    let names: Vec<String> = model.graph().parameters().iter().map(|(name, _)| (*name).to_owned()).collect();
    let initial = names.into_iter().map(|name| (name, Tensor::full(&[1], from).unwrap())).collect();
    let (architecture, interrupted) =
        (Architecture { model: model.into(), initial, linear: Linear::default() }, AtomicBool::new(false));
    let settings =
        fit::Settings { steps, rate: 0.1, start_rate: 0.05, precision: Precision::F64, ..fit::Settings::default() };
    let task = Task { architecture: &architecture, train: data, held_out: None, loss, settings: &settings };
    fit::fit(task, None, &mut Silent, &interrupted).unwrap().checkpoint.parameters
}

#[test]
fn learned_states_undo_what_noise_takes_from_the_field() {
    let data = made(&Made { trajectories: 40, rows: 31, jitter: 0.3, noise: 0.1, friction: 0.0 });
    let ratio = |loss: &Settings| learn(spring(), 3.0, loss, &data, 120)["k"].data()[0] / 4.0;
    // var q = E r²/2, so least squares shrinks k by σ²/(var q + σ²): about 5 % here.
    let q = &data.rows().x.iter().step_by(2).map(|q| q * q).collect::<Vec<f64>>();
    let shrunk = 1.0 - 0.01 / (q.iter().sum::<f64>() / as_f64(q.len()));
    let (naive, corrected) = (ratio(&Settings::Field), ratio(&Settings::ErrorsInVariables));
    println!("k over truth: naive {naive:.4} (expected {shrunk:.4}), corrected {corrected:.4}");
    assert!((naive - shrunk).abs() < 0.01 && naive < 0.97, "{naive} {shrunk}");
    assert!((corrected - 1.0).abs() < 0.01, "{corrected}");
    assert!((corrected - 1.0).abs() < 0.25 * (naive - 1.0).abs(), "{naive} {corrected}");
}

#[test]
fn irregular_times_are_stepped_as_they_are() {
    let data = made(&Made { trajectories: 4, rows: 31, jitter: 0.4, noise: 0.0, friction: 0.0 });
    let loss = rollout(|r| r.scheme = Scheme::Yoshida4);
    let k = learn(spring(), 1.0, &loss, &data, 200)["k"].data()[0];
    assert!((k - 4.0).abs() < 2e-3, "{k}");
    let mut regular = data;
    for one in &mut regular.trajectories {
        one.time = (0..31).map(|row| 0.1 * as_f64(row)).collect();
    }
    let k = learn(spring(), 1.0, &loss, &regular, 200)["k"].data()[0];
    assert!((k - 4.0).abs() > 2e-2, "times that are not those of the rows gave {k}, too");
}

/// [`spring`] with friction r.
fn damped() -> Model {
    let mut graph = spring().graph().clone();
    let friction = graph.parameter("r", &[1]).unwrap();
    graph.set_output(DISSIPATION, friction);
    Model::new(graph).unwrap()
}

#[test]
fn stiffness_and_friction_are_learned_through_the_splitting() {
    let data = made(&Made { trajectories: 4, rows: 31, jitter: 0.2, noise: 0.0, friction: 0.6 });
    for scheme in [Scheme::Yoshida4, Scheme::Midpoint { iterations: 6 }, Scheme::StormerVerlet { iterations: 2 }] {
        let found = learn(damped(), 1.0, &rollout(|r| r.scheme = scheme), &data, 250);
        let (k, r) = (found["k"].data()[0], found["r"].data()[0]);
        // Both schemes are of second order here; midpoint itself is off by (ωh)²/12 in the frequency.
        assert!((k - 4.0).abs() < 0.05 && (r - 0.6).abs() < 0.01, "{scheme}: k {k}, r {r}");
    }
}

#[test]
fn residuals_after_training_are_the_noise() {
    let data = made(&Made { trajectories: 20, rows: 31, jitter: 0.2, noise: 0.05, friction: 0.0 });
    for shooting_weight in [None, Some(20.0)] {
        let steps = if shooting_weight.is_some() { 10 } else { 30 };
        let loss = rollout(|r| {
            (r.steps, r.shift, r.learned_starts, r.shooting_weight) = (steps, steps, true, shooting_weight);
            r.scheme = Scheme::Yoshida4;
        });
        let model = spring();
        let initial: Parameters = [("k".to_owned(), Tensor::full(&[1], 3.5).unwrap())].into();
        let architecture = Architecture { model: model.into(), initial, linear: Linear::default() };
        let settings = fit::Settings { steps: 200, rate: 0.05, start_rate: 0.02, ..fit::Settings::default() };
        let task = Task { architecture: &architecture, train: &data, held_out: None, loss: &loss, settings: &settings };
        let fitted = fit::fit(task, None, &mut Silent, &AtomicBool::new(false)).unwrap();
        let noise = fit::residual_noise(task, &fitted.checkpoint).unwrap().unwrap();
        for level in &noise {
            assert!((level / 0.05 - 1.0).abs() < 0.08, "{shooting_weight:?}: {noise:?}");
        }
    }
}
