//! The energy that a scheme really conserves.
//!
//! A symplectic scheme with step h is, up to terms that no power of h shows, the exact flow of a modified Hamiltonian
//! `H̃ = H + h² H₃ + O(h⁴)` (Hairer, Lubich and Wanner, *Geometric Numerical Integration*, 2006, chapter IX). So a model that
//! was learned through the scheme from the states of a true system is the H whose H̃ is the true energy, and H̃ is what to
//! compare with the truth, or to step with another scheme or another h. Both formulas are two or three lines of the
//! Baker–Campbell–Hausdorff series; dissipation and inputs have no Hamiltonian and are refused.

use crate::differentiate;

use super::{DynamicsError, ENERGY, Model, Scheme, Separability, declare_state, separability};

/// `H̃ = H + h² H₃`, the modified energy of `scheme` with step `dt` up to O(h⁴).
///
/// With a = ∂H/∂q and b = ∂H/∂p:
/// - leapfrog (kick–drift–kick, H = T(p) + V(q)): `H₃ = bᵀ V″ b / 12 − aᵀ T″ a / 24` (section III.5, equation 5.4, and
///   chapter IX);
/// - midpoint, solved exactly: `H₃ = −dᵀ H″ d / 24` with `d = J ∇H = (b, −a)` (the truncated series of chapter IX).
///
/// # Errors
/// [`DynamicsError::NotAModel`] where the model has dissipation, an input or constraints, [`DynamicsError::NotSeparable`] for an
/// explicit scheme of an H that does not split, [`DynamicsError::Scheme`] for a scheme whose terms are
/// not known here and for a step that is not positive.
pub fn modified(model: &Model, scheme: Scheme, dt: f64) -> Result<Model, DynamicsError> {
    if model.dissipation().is_some() || model.inputs() > 0 {
        let reason = "a model with dissipation or an input has no modified Hamiltonian; only conservative ones have";
        return Err(DynamicsError::NotAModel(reason.to_owned()));
    }
    if model.constraints() > 0 {
        let reason = "the modified energy of a model with constraints is not known here";
        return Err(DynamicsError::NotAModel(reason.to_owned()));
    }
    if let (Some(_), Separability::NotSeparable { reason }) = (scheme.splitting(), separability(model)?) {
        return Err(DynamicsError::NotSeparable { scheme: scheme.to_string(), reason });
    }
    if !(dt.is_finite() && dt > 0.0) {
        return Err(DynamicsError::Scheme(format!("a step of {dt} s: steps are positive")));
    }
    let dof = model.dof();
    let (mut graph, x) = declare_state(model)?;
    let energy = model
        .place(&mut graph, ENERGY, x)?
        .ok_or_else(|| DynamicsError::NotAModel(format!("it needs an output `{ENERGY}`")))?;
    let gradient = model.place_gradient(&mut graph, x)?;
    let force = graph.slice(gradient, 1, 0, dof)?;
    let velocity = graph.slice(gradient, 1, dof, dof)?;
    // H″ d with d held, and the weights of both halves of dᵀ H″ d. Where H splits, H″ has no block that mixes them.
    let (direction, weights) = match scheme {
        Scheme::Leapfrog => (graph.concat(&[velocity, force], 1)?, [1.0 / 12.0, -1.0 / 24.0]),
        Scheme::Midpoint { .. } => {
            let back = graph.neg(force)?;
            (graph.concat(&[velocity, back], 1)?, [-1.0 / 24.0, -1.0 / 24.0])
        }
        other => {
            let message =
                format!("the modified energy of scheme `{other}` is not known here; that of leapfrog and midpoint is");
            return Err(DynamicsError::Scheme(message));
        }
    };
    let product = differentiate::vjp(&mut graph, &[(gradient, direction)], &[x])?[0];
    let terms = graph.mul(product, direction)?;
    let mut sum = energy;
    for (half, weight) in weights.into_iter().enumerate() {
        let part = graph.slice(terms, 1, half * dof, dof)?;
        let part = graph.sum_keep(part, &[1])?;
        let part = graph.scale(part, weight * dt * dt)?;
        sum = graph.add_values(sum, part)?;
    }
    graph.set_output(ENERGY, sum);
    Model::new(graph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamics::{STATE, STEP_LENGTH, StepLength, hamiltonian, step};
    use crate::evaluate::Evaluator;
    use crate::expression;
    use crate::graph::Tensor;

    fn parse(formula: &str) -> Model {
        expression::parse(formula, &std::collections::BTreeMap::new()).unwrap()
    }

    fn energy(model: &Model, x: &[f64]) -> f64 {
        let evaluator = Evaluator::new(&hamiltonian(model).unwrap()).unwrap();
        let x = Tensor::new(vec![1, x.len()], x.to_vec()).unwrap();
        evaluator.run(&[(STATE, &x)]).unwrap()[0].data()[0]
    }

    /// Largest |E(x(t)) − E(x(0))| along steps of the scheme over 2 units of time.
    fn wandering(steps: &Model, scheme: Scheme, dt: f64, of: &Model, start: [f64; 2]) -> f64 {
        let graph = step(steps, scheme, StepLength::Scalar).unwrap();
        let evaluator = Evaluator::new(&graph).unwrap();
        let (mut x, first) = (start.to_vec(), energy(of, &start));
        let mut largest = 0.0_f64;
        for _ in 0..(2.0 / dt) as usize {
            let state = Tensor::new(vec![1, 2], x).unwrap();
            let results = evaluator.run(&[(STATE, &state), (STEP_LENGTH, &Tensor::scalar(dt))]).unwrap();
            x = results[0].data().to_vec();
            largest = largest.max((energy(of, &x) - first).abs());
        }
        largest
    }

    /// Exact for H = (p² + w²q²)/2 and kick–drift–kick: cos(w̃h) = 1 − w²h²/2, and p²/(1 − w²h²/4) + w²q² is conserved.
    #[test]
    fn the_modified_energy_of_the_spring_is_the_closed_form_up_to_fourth_order() {
        let w = 2.0_f64;
        let model = parse("(p^2 + 4*q^2)/2");
        let error = |h: f64| {
            let modified = modified(&model, Scheme::Leapfrog, h).unwrap();
            let (kinetic, potential) = (2.0 * energy(&modified, &[0.0, 1.0]), 2.0 * energy(&modified, &[1.0, 0.0]));
            let frequency = (1.0 - w * w * h * h / 2.0).acos() / h;
            let ratio = 1.0 / (1.0 - w * w * h * h / 4.0) / (w * w);
            (((kinetic * potential).sqrt() - frequency).abs(), (kinetic / potential - ratio).abs())
        };
        let (coarse, fine) = (error(0.2), error(0.1));
        assert!(coarse.0 < 0.02 && coarse.1 < 0.02, "{coarse:?}");
        for (coarse, fine) in [(coarse.0, fine.0), (coarse.1, fine.1)] {
            assert!((14.0..18.0).contains(&(coarse / fine)), "order {}", (coarse / fine).log2());
        }
        // The uncorrected energy has the frequency w, off by w³h²/24: only second order.
        let plain = |h: f64| ((1.0 - w * w * h * h / 2.0).acos() / h - w).abs();
        assert!((3.8..4.2).contains(&(plain(0.2) / plain(0.1))));
    }

    #[test]
    fn steps_conserve_the_modified_energy_two_orders_better_than_the_energy() {
        let pendulum = parse("p^2/2 + 3*(1-cos(q))");
        let mixed = parse("p^2/(2*(2+cos(q))) + 3*(1-cos(q))");
        let midpoint = Scheme::Midpoint { iterations: 10 };
        for (model, scheme) in [(&pendulum, Scheme::Leapfrog), (&pendulum, midpoint), (&mixed, midpoint)] {
            let start = [1.2, 0.7];
            let at = |dt: f64| {
                let corrected = modified(model, scheme, dt).unwrap();
                let plain = wandering(model, scheme, dt, model, start);
                (plain, wandering(model, scheme, dt, &corrected, start))
            };
            let (coarse, fine) = (at(0.1), at(0.05));
            assert!((1.7..2.3).contains(&(coarse.0 / fine.0).log2()), "{scheme}: {coarse:?} {fine:?}");
            assert!((3.6..4.4).contains(&(coarse.1 / fine.1).log2()), "{scheme}: {coarse:?} {fine:?}");
            assert!(fine.1 < fine.0 / 20.0, "{scheme}: {fine:?}");
        }
    }

    #[test]
    fn what_has_no_modified_energy_is_refused() {
        let spring = parse("(p^2 + q^2)/2");
        let error = modified(&spring, Scheme::Yoshida4, 0.1).unwrap_err().to_string();
        assert!(error.contains("yoshida4") && error.contains("leapfrog"), "{error}");
        assert!(modified(&spring, Scheme::Leapfrog, 0.0).is_err());
        let mixed = parse("p^2/(2*(2+cos(q)))");
        assert!(matches!(modified(&mixed, Scheme::Leapfrog, 0.1), Err(DynamicsError::NotSeparable { .. })));
        let mut damped = spring.graph().clone();
        let friction = damped.constant(Tensor::full(&[1], 0.1).unwrap()).unwrap();
        damped.set_output(crate::dynamics::DISSIPATION, friction);
        assert!(
            modified(&Model::new(damped).unwrap(), Scheme::Leapfrog, 0.1)
                .unwrap_err()
                .to_string()
                .contains("dissipation")
        );
    }
}
