//! Momenta that a learned energy conserves beside itself: what it knows of the symmetries of space.
//!
//! A quantity F is conserved where its Poisson bracket {F, H} = ∂F/∂q·∂H/∂p − ∂F/∂p·∂H/∂q vanishes. Candidates are each
//! momentum by itself, and the total linear and angular momentum of bodies in one, two or three dimensions, positions
//! ordered body by body. A network that was not built with a symmetry has it only as far as the data taught it; how far is
//! the number given. It knows no training and no time step.

use faer::Mat;
use hnn_exporter::dynamics::{self, Model};
use hnn_exporter::evaluate::Evaluator;
use hnn_exporter::graph::Tensor;
use serde::{Deserialize, Serialize};

use super::EvaluationError;
use super::metrics::{finite, mean, quantile};
use crate::data::Moments;

/// A quantity counts as conserved while it changes by less than this part of its size per characteristic time.
pub const CONSERVED_BELOW: f64 = 0.01;
/// Most dimensions of the space bodies move in.
const DIMENSIONS_MAX: usize = 3;

/// A momentum, and how well it is conserved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConservedQuantity {
    /// What it is, in words.
    pub name: String,
    /// Its formula in q1…qn, p1…pn.
    pub formula: String,
    /// Root mean square of {F, H} over the data, over the size of F and the typical rate of the motion; absent where F is 0
    /// throughout the data.
    pub relative_rate: Option<f64>,
    /// The same of the true energy, where it is known.
    pub true_relative_rate: Option<f64>,
    /// Whether the rate is below 1 %, and the quantity no sum of such before it in the list.
    pub conserved: bool,
}

/// Judges every candidate on states `[rows × 2n]`.
///
/// relative rate = rms {F, H} / (rms Σ|terms of F| · ω) with ω the median over coordinates of rms ẋᵢ / deviation of xᵢ, ẋ = J∇H:
/// the part of its size by which F changes in the time 1/ω. A median, so that one stiff coordinate hides no other's change. Systems of one degree of freedom have no candidate.
///
/// # Errors
/// [`EvaluationError`] where the model cannot be evaluated, or the states are no states of it.
pub fn conserved(
    model: &Model,
    truth: Option<&Model>,
    states: &[f64],
) -> Result<Vec<ConservedQuantity>, EvaluationError> {
    let candidates = candidates(model.dof());
    let rates = rates(model, &candidates, states)?;
    let true_rates = truth.map(|truth| self::rates(truth, &candidates, states)).transpose()?;
    let mut known: Vec<&Momentum> = Vec::new();
    let mut quantities = Vec::new();
    for (at, candidate) in candidates.iter().enumerate() {
        let holds = rates[at].is_some_and(|rate| rate < CONSERVED_BELOW) && !candidate.is_spanned(&known);
        if holds {
            known.push(candidate);
        }
        quantities.push(ConservedQuantity {
            name: candidate.name.clone(),
            formula: candidate.formula(),
            relative_rate: rates[at],
            true_relative_rate: true_rates.as_ref().and_then(|rates| rates[at]),
            conserved: holds,
        });
    }
    Ok(quantities)
}

/// Relative rate of each candidate; `None` for one that is 0 throughout.
fn rates(model: &Model, candidates: &[Momentum], states: &[f64]) -> Result<Vec<Option<f64>>, EvaluationError> {
    let (dof, width) = (model.dof(), 2 * model.dof());
    if states.is_empty() || !states.len().is_multiple_of(width) {
        let message = format!("{} numbers are no states of {width} coordinates", states.len());
        return Err(EvaluationError::Mismatch(message));
    }
    let x = Tensor::new(vec![states.len() / width, width], states.to_vec());
    let x = x.map_err(hnn_exporter::evaluate::EvaluateError::from)?;
    let result = Evaluator::new(&dynamics::gradient(model)?)?.run(&[(dynamics::STATE, &x)])?;
    let gradient = result.first().map(Tensor::data).unwrap_or_default();
    let moving: Vec<f64> = gradient
        .chunks_exact(width)
        .flat_map(|slope| slope[dof..].iter().copied().chain(slope[..dof].iter().map(|value| -value)))
        .collect();
    let typical = typical_rate(states, &moving, width);
    let judge = |candidate: &Momentum| {
        let rows = || states.chunks_exact(width);
        let size = mean(rows().map(|x| candidate.size(x, dof).powi(2))).sqrt();
        let rate =
            mean(rows().zip(moving.chunks_exact(width)).map(|(x, dx)| candidate.rate(x, dx, dof).powi(2))).sqrt();
        if size > 0.0 { finite(rate / (size * typical)) } else { None }
    };
    Ok(candidates.iter().map(judge).collect())
}

/// Median over coordinates of rms ẋᵢ / deviation of xᵢ; coordinates that never vary are left out.
fn typical_rate(states: &[f64], moving: &[f64], width: usize) -> f64 {
    let deviation = Moments::of(states, width).deviation;
    let square = |at: usize| mean(moving.iter().skip(at).step_by(width).map(|value| value * value));
    let varying = (0..width).filter(|at| deviation[*at] > 0.0);
    quantile(&varying.map(|at| square(at).sqrt() / deviation[at]).collect::<Vec<f64>>(), 0.5)
}

/// A sum of momenta, or of terms ± qᵢ pⱼ.
struct Momentum {
    name: String,
    terms: Vec<Term>,
}

/// `sign · p[momentum]`, times `q[position]` where there is one.
#[derive(Clone, Copy)]
struct Term {
    sign: f64,
    position: Option<usize>,
    momentum: usize,
}

impl Term {
    fn value(&self, x: &[f64], dof: usize) -> f64 {
        self.sign * self.position.map_or(1.0, |at| x[at]) * x[dof + self.momentum]
    }

    /// d/dt along ẋ, by the product rule.
    fn rate(&self, x: &[f64], dx: &[f64], dof: usize) -> f64 {
        let (p, dp) = (x[dof + self.momentum], dx[dof + self.momentum]);
        self.sign * self.position.map_or(dp, |at| dx[at] * p + x[at] * dp)
    }
}

impl Momentum {
    /// {F, H}: the rate of F along the motion of H.
    fn rate(&self, x: &[f64], dx: &[f64], dof: usize) -> f64 {
        self.terms.iter().map(|term| term.rate(x, dx, dof)).sum()
    }

    fn size(&self, x: &[f64], dof: usize) -> f64 {
        self.terms.iter().map(|term| term.value(x, dof).abs()).sum()
    }

    fn formula(&self) -> String {
        let mut text = String::new();
        for (at, term) in self.terms.iter().enumerate() {
            text += match (at, term.sign < 0.0) {
                (0, false) => "",
                (0, true) => "-",
                (_, false) => " + ",
                (_, true) => " - ",
            };
            if let Some(position) = term.position {
                text += &format!("q{}*", position + 1);
            }
            text += &format!("p{}", term.momentum + 1);
        }
        text
    }

    /// Whether a linear momentum is a combination of linear ones that are known.
    fn is_spanned(&self, known: &[&Self]) -> bool {
        let linear = |one: &Self| one.terms.iter().all(|term| term.position.is_none());
        let all: Vec<&Self> = known.iter().copied().filter(|one| linear(one)).chain(std::iter::once(self)).collect();
        if !linear(self) || all.len() < 2 {
            return false;
        }
        let len = all.iter().flat_map(|one| &one.terms).map(|term| term.momentum + 1).max().unwrap_or(0);
        let with = |one: &Self, row: usize| one.terms.iter().any(|term| term.momentum == row);
        let matrix = Mat::from_fn(len, all.len(), |row, at| f64::from(u8::from(with(all[at], row))));
        // Its rank does not grow by the last column: the smallest singular value is 0.
        let smallest = |values: Vec<f64>| values.into_iter().fold(f64::INFINITY, f64::min);
        all.len() > len || matrix.singular_values().is_ok_and(|values| smallest(values) < 1e-9)
    }
}

/// What is tried for `dof` degrees of freedom.
fn candidates(dof: usize) -> Vec<Momentum> {
    let mut all = Vec::new();
    if dof < 2 {
        return all;
    }
    let linear = |momentum: usize| Term { sign: 1.0, position: None, momentum };
    all.extend((0..dof).map(|at| Momentum { name: format!("momentum p{}", at + 1), terms: vec![linear(at)] }));
    for dimensions in (1..=DIMENSIONS_MAX).rev().filter(|dimensions| dof.is_multiple_of(*dimensions)) {
        let bodies = dof / dimensions;
        let of = |body: usize, axis: usize| body * dimensions + axis;
        let place = format!("{bodies} bodies in {dimensions} dimension{}", if dimensions == 1 { "" } else { "s" });
        for axis in (0..dimensions).filter(|_| bodies > 1) {
            let terms = (0..bodies).map(|body| linear(of(body, axis))).collect();
            all.push(Momentum { name: format!("linear momentum along axis {} of {place}", axis + 1), terms });
        }
        for (first, second) in [(0, 1), (1, 2), (2, 0)].into_iter().take([0, 0, 1, 3][dimensions]) {
            let pair = |body: usize| {
                let (a, b) = (of(body, first), of(body, second));
                [
                    Term { sign: 1.0, position: Some(a), momentum: b },
                    Term { sign: -1.0, position: Some(b), momentum: a },
                ]
            };
            let name = format!("angular momentum in the plane {}-{} of {place}", first + 1, second + 1);
            all.push(Momentum { name, terms: (0..bodies).flat_map(pair).collect() });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use hnn_exporter::expression;

    use super::*;
    use crate::system::{self, Settings};

    const TWO_BODY: &str = "(p1^2+p2^2+p3^2+p4^2)/2 - 1/sqrt((q1-q3)^2+(q2-q4)^2)";

    fn model(formula: &str) -> Model {
        expression::parse(formula, &Settings::new()).unwrap()
    }

    fn orbits() -> Vec<f64> {
        let two_body = system::find("two_body").unwrap();
        system::fresh_starts(two_body, &Settings::new(), 40, 3).unwrap()
    }

    fn names(quantities: &[ConservedQuantity]) -> Vec<&str> {
        quantities.iter().filter(|one| one.conserved).map(|one| one.formula.as_str()).collect()
    }

    #[test]
    fn two_bodies_conserve_both_momenta_and_the_angular_one() {
        let found = conserved(&model(TWO_BODY), None, &orbits()).unwrap();
        assert_eq!(names(&found), ["p1 + p3", "p2 + p4", "q1*p2 - q2*p1 + q3*p4 - q4*p3"], "{found:?}");
        let rates = found.iter().filter(|one| one.conserved).filter_map(|one| one.relative_rate);
        assert!(rates.clone().count() == 3 && rates.into_iter().all(|rate| rate < 1e-14));
        let alone = found.iter().find(|one| one.formula == "p1").unwrap();
        assert!(alone.relative_rate.unwrap() > 10.0 * CONSERVED_BELOW, "one body's momentum changes: {alone:?}");
    }

    #[test]
    fn a_force_on_one_body_breaks_its_direction_and_a_wall_the_rotation() {
        // Bodies stand opposite each other: a force on both alike would have no torque.
        let falling = conserved(&model(&format!("{TWO_BODY} + 0.1*q2")), None, &orbits()).unwrap();
        assert_eq!(names(&falling), ["p1 + p3"]);
        let walled = model(&format!("{TWO_BODY} + 0.1*(q1-q3)^4"));
        let walled = conserved(&walled, Some(&model(TWO_BODY)), &orbits()).unwrap();
        assert_eq!(names(&walled), ["p1 + p3", "p2 + p4"]);
        let turning = walled.iter().find(|one| one.formula.starts_with("q1*p2")).unwrap();
        assert!(turning.relative_rate.unwrap() > 0.01 && turning.true_relative_rate.unwrap() < 1e-14);
    }

    #[test]
    fn the_rate_of_a_broken_momentum_is_its_closed_form() {
        // ẋ = (p₁, p₂, −q₁, 0) at states with unit deviations: three of the four rates are 1, hence their median.
        let states = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0];
        let found = conserved(&model("p1^2/2 + q1^2/2 + p2^2/2 + 0*q2"), None, &states).unwrap();
        let rate = |formula: &str| found.iter().find(|one| one.formula == formula).unwrap().relative_rate.unwrap();
        assert!((rate("p1") - 1.0).abs() < 1e-14);
        assert!(rate("p2") < 1e-15 && names(&found).contains(&"p2"));
    }

    #[test]
    fn one_degree_of_freedom_has_no_momentum_to_conserve() {
        assert!(conserved(&model("p^2/2 + q^2/2"), None, &[1.0, 0.0]).unwrap().is_empty());
        assert!(conserved(&model(TWO_BODY), None, &[1.0; 7]).is_err());
    }
}
