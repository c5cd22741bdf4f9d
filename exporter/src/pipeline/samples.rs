//! The states that travel with an export, checked, cut to a limit, and made up where there are none.

use crate::dynamics::{self, Model};
use crate::manifest::{MAX_SAMPLES, Samples};

use super::ExportError;

/// Samples that fit the model; evenly spread points of \[−1, 1\] per coordinate where none are given.
pub(super) fn complete(given: &Samples, model: &Model) -> Result<Samples, ExportError> {
    let (states, inputs) = (2 * model.dof(), model.inputs());
    if given.x.is_empty() {
        return on_constraints(made_up(states, inputs), model);
    }
    let fits = |rows: &[Vec<f64>], len: usize| {
        rows.iter().position(|row| row.len() != len || row.iter().any(|value| !value.is_finite()))
    };
    for (what, rows, len) in [("state", &given.x, states), ("input", &given.u, inputs)] {
        if let Some(row) = fits(rows, len) {
            return Err(ExportError::Request(format!("sample {row} is no {what} of {len} finite numbers")));
        }
    }
    if inputs > 0 && !given.u.is_empty() && given.u.len() != given.x.len() {
        let (x, u) = (given.x.len(), given.u.len());
        return Err(ExportError::Request(format!("{x} sampled states come with {u} inputs; one each is expected")));
    }
    let mut samples = given.clone();
    if samples.u.is_empty() && inputs > 0 {
        samples.u = vec![vec![0.0; inputs]; samples.x.len()];
    }
    // The box is that of all samples given, also of those that are not kept.
    if samples.x_min.len() != states || samples.x_max.len() != states {
        (samples.x_min, samples.x_max) = bounds(&given.x, states);
    }
    samples.x.truncate(MAX_SAMPLES);
    samples.u.truncate(MAX_SAMPLES);
    Ok(samples)
}

/// Moves points to the nearest states that the constraints allow; those from which none is found are left out.
fn on_constraints(mut samples: Samples, model: &Model) -> Result<Samples, ExportError> {
    if model.constraints() == 0 {
        return Ok(samples);
    }
    let moved = dynamics::projected(model, &samples.x)?;
    let inputs = std::mem::take(&mut samples.u).into_iter().map(Some).chain(std::iter::repeat(None));
    let (mut x, mut u) = (Vec::new(), Vec::new());
    for (state, input) in moved.into_iter().zip(inputs) {
        if let Some(state) = state {
            x.push(state);
            u.extend(input);
        }
    }
    if x.is_empty() {
        let message =
            "no state near [-1, 1] in every coordinate obeys the constraints; give some as samples or by --x0";
        return Err(ExportError::Request(message.to_owned()));
    }
    (samples.x_min, samples.x_max) = bounds(&x, 2 * model.dof());
    (samples.x, samples.u) = (x, u);
    samples.source.push_str("; moved onto the constraints");
    Ok(samples)
}

fn bounds(rows: &[Vec<f64>], states: usize) -> (Vec<f64>, Vec<f64>) {
    let column = |axis: usize| rows.iter().map(move |row| row[axis]);
    let smallest = (0..states).map(|axis| column(axis).fold(f64::INFINITY, f64::min)).collect();
    let largest = (0..states).map(|axis| column(axis).fold(f64::NEG_INFINITY, f64::max)).collect();
    (smallest, largest)
}

/// baseᵉ by repeated squaring; the one of the standard library may round otherwise on another machine.
fn power(base: f64, mut exponent: usize) -> f64 {
    let (mut result, mut square) = (1.0, base);
    while exponent > 0 {
        if exponent % 2 == 1 {
            result *= square;
        }
        square *= square;
        exponent /= 2;
    }
    result
}

/// An additive recurrence with the generalised golden ratio: even in every projection, the same on every machine.
///
/// M. Roberts, *The Unreasonable Effectiveness of Quasirandom Sequences* (2018): x_k = frac(½ + k/φᵈ⁺¹…), φ the root of
/// φ^(d+1) = φ + 1.
fn made_up(states: usize, inputs: usize) -> Samples {
    let dims = states + inputs;
    let mut ratio = 2.0f64;
    for _ in 0..64 {
        ratio = libm::pow(1.0 + ratio, 1.0 / (dims as f64 + 1.0));
    }
    let point = |index: usize| -> Vec<f64> {
        let coordinate =
            |axis: usize| 2.0 * (0.5 + (index as f64 + 1.0) * (1.0 / power(ratio, axis + 1))).fract() - 1.0;
        (0..dims).map(coordinate).collect()
    };
    let points: Vec<Vec<f64>> = (0..MAX_SAMPLES).map(point).collect();
    Samples {
        source: "evenly spread over [-1, 1] in every coordinate; no training distribution is known".to_owned(),
        x: points.iter().map(|point| point[..states].to_vec()).collect(),
        u: if inputs == 0 { Vec::new() } else { points.iter().map(|point| point[states..].to_vec()).collect() },
        x_min: vec![-1.0; states],
        x_max: vec![1.0; states],
    }
}
