//! Motion in positions and velocities against equations of motion written out by hand, and against the momenta's own steps.

use std::collections::BTreeMap;

use super::*;
use crate::evaluate::evaluate;
use crate::expression;
use crate::graph::Tensor;

fn formula(text: &str) -> Model {
    expression::parse(text, &BTreeMap::new()).unwrap()
}

fn rows(rows: usize, values: &[f64]) -> Tensor {
    Tensor::new(vec![rows, values.len() / rows], values.to_vec()).unwrap()
}

fn assert_close(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= tolerance * wanted.abs().max(1.0), "found {found}, wanted {wanted}");
    }
}

#[test]
fn a_mass_that_depends_on_position_accelerates_as_lagrange_says() {
    // L = ½(1 + q²) v² − q⁴/4: (1 + q²) v̇ + q v² + q³ = 0.
    let model = formula("p^2/(2*(1+q^2)) + q^4/4");
    let states = [0.3, -1.2, -0.8, 2.0, 0.0, 1.0];
    let found = evaluate(&tangent_field(&model).unwrap(), &[(STATE, &rows(3, &states))]).unwrap();
    let wanted: Vec<f64> =
        states.chunks(2).flat_map(|x| [x[1], -(x[0] * x[1] * x[1] + x[0].powi(3)) / (1.0 + x[0] * x[0])]).collect();
    assert_close(found[0].data(), &wanted, 1e-14);
}

#[test]
fn the_common_factor_of_energy_and_momentum_is_not_seen() {
    let (one, other) = (formula("p^2/(2*(1+q^2)) + q^4/4"), formula("p^2/(14*(1+q^2)) + 7*q^4/4"));
    let (x, dt) = (rows(1, &[0.4, -0.9]), rows(1, &[0.05]));
    let run = |model: &Model| {
        let graph = tangent_step(model, Scheme::MIDPOINT, StepLength::PerRow).unwrap();
        evaluate(&graph, &[(STATE, &x), (STEP_LENGTH, &dt)]).unwrap()[0].data().to_vec()
    };
    assert_close(&run(&one), &run(&other), 1e-14);
    assert!((run(&one)[1] + 0.9).abs() > 1e-3, "it moves");
}

#[test]
fn a_step_of_velocities_is_the_step_of_their_momenta() {
    // Masses 2 and 1/3: p = (2 v₁, v₂/3).
    let model = formula("p1^2/4 + 3*p2^2/2 + q1^2*q2 - cos(q2)");
    let (x, dt) = (rows(1, &[0.3, -0.2, 0.7, 1.1]), rows(1, &[0.1]));
    let found = evaluate(
        &tangent_step(&model, Scheme::Leapfrog, StepLength::PerRow).unwrap(),
        &[(STATE, &x), (STEP_LENGTH, &dt)],
    )
    .unwrap();
    let force = |q: [f64; 2]| [-2.0 * q[0] * q[1], -q[0] * q[0] - q[1].sin()];
    let (mut q, mut p, h) = ([0.3, -0.2], [1.4, 1.1 / 3.0], 0.1);
    let first = force(q);
    (0..2).for_each(|at| p[at] += 0.5 * h * first[at]);
    q = [q[0] + h * p[0] / 2.0, q[1] + h * p[1] * 3.0];
    let last = force(q);
    (0..2).for_each(|at| p[at] += 0.5 * h * last[at]);
    assert_close(found[0].data(), &[q[0], q[1], p[0] / 2.0, p[1] * 3.0], 1e-14);
}

#[test]
fn an_energy_that_is_not_quadratic_in_p_is_refused() {
    let model = formula("p^4 + q^2");
    assert!(matches!(tangent_field(&model), Err(DynamicsError::NotAModel(_))));
    assert!(matches!(tangent_step(&model, Scheme::Leapfrog, StepLength::PerRow), Err(DynamicsError::NotAModel(_))));
}
