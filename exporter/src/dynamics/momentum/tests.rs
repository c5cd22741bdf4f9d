//! Momenta against matrices inverted by hand, and against the velocity they came from.

use std::collections::BTreeMap;

use super::*;
use crate::dynamics::ENERGY;
use crate::evaluate::evaluate;
use crate::expression;
use crate::graph::Dim;

fn formula(text: &str) -> Model {
    expression::parse(text, &BTreeMap::new()).unwrap()
}

fn rows(rows: usize, values: &[f64]) -> Tensor {
    Tensor::new(vec![rows, values.len() / rows], values.to_vec()).unwrap()
}

fn momenta(model: &Model, q: &Tensor, v: &Tensor) -> Vec<f64> {
    evaluate(&momentum(model).unwrap(), &[(POSITION, q), (VELOCITY, v)]).unwrap()[0].data().to_vec()
}

fn assert_close(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= tolerance * wanted.abs().max(1.0), "found {found}, wanted {wanted}");
    }
}

/// H = ½ pᵀ(B(q) B(q)ᵀ + ½ I) p, with B[i][j] = sin(q_i + i + 2j + 1): a full matrix that differs from state to state.
fn dense(dof: usize) -> Model {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2 * dof]).unwrap()).unwrap();
    let (q, p) = (g.slice(x, 1, 0, dof).unwrap(), g.slice(x, 1, dof, dof).unwrap());
    let phase = (0..dof * dof).map(|at| (at / dof + 2 * (at % dof) + 1) as f64).collect();
    let phase = g.constant(Tensor::new(vec![dof, dof], phase).unwrap()).unwrap();
    let column = g.reshape(q, Shape::batched(&[dof, 1]).unwrap()).unwrap();
    let angle = g.add_values(column, phase).unwrap();
    let factor = g.sin(angle).unwrap();
    let row = g.reshape(p, Shape::batched(&[1, dof]).unwrap()).unwrap();
    let image = g.matmul(row, factor).unwrap();
    let image = g.reshape(image, Shape::batched(&[dof]).unwrap()).unwrap();
    let (square, own) = (g.mul(image, image).unwrap(), g.mul(p, p).unwrap());
    let own = g.scale(own, 0.5).unwrap();
    let sum = g.add_values(square, own).unwrap();
    let sum = g.sum_keep(sum, &[1]).unwrap();
    let energy = g.scale(sum, 0.5).unwrap();
    g.set_output(ENERGY, energy);
    Model::new(g).unwrap()
}

#[test]
fn a_particle_has_the_momentum_mass_times_velocity() {
    let model = formula("p1^2/(2*3) + p2^2/(2*0.5) + q1*q2");
    assert_close(
        &momenta(&model, &rows(2, &[0.1, 0.2, 0.3, 0.4]), &rows(2, &[1.0, -2.0, 0.0, 4.0])),
        &[3.0, -1.0, 0.0, 2.0],
        1e-15,
    );
}

#[test]
fn two_coupled_bodies_have_the_momentum_of_the_inverse_two_by_two_matrix() {
    // M⁻¹ = [[2 + cos q₂, ½], [½, 1]], whose inverse is [[1, −½], [−½, 2 + cos q₂]] / (7/4 + cos q₂).
    let model = formula("((2 + cos(q2))*p1^2 + p1*p2 + p2^2)/2 - 4*cos(q1)");
    let (q2, v) = (0.7f64, [1.5, -0.4]);
    let determinant = 1.75 + q2.cos();
    let wanted = [(v[0] - 0.5 * v[1]) / determinant, (-0.5 * v[0] + (2.0 + q2.cos()) * v[1]) / determinant];
    assert_close(&momenta(&model, &rows(1, &[0.3, q2]), &rows(1, &v)), &wanted, 1e-14);
}

#[test]
fn a_term_linear_in_p_is_subtracted_from_the_velocity() {
    // A charge in a magnetic field: H = ½ (p − A(q))², v = p − A(q).
    let model = formula("(p1 + q2)^2/2 + (p2 - sin(q1))^2/2");
    let (q, v) = ([0.4f64, -1.1], [0.25, 2.0]);
    assert_close(&momenta(&model, &rows(1, &q), &rows(1, &v)), &[v[0] - q[1], v[1] + q[0].sin()], 1e-14);
}

#[test]
fn the_velocity_of_the_momentum_is_the_velocity_that_was_given() {
    for dof in 1..=MAX_SOLVED_DOF {
        let model = dense(dof);
        let angle = |at: usize| (1.3 * at as f64 + 0.2).sin();
        let q = rows(3, &(0..3 * dof).map(|at| 2.0 * angle(at)).collect::<Vec<_>>());
        let v = rows(3, &(0..3 * dof).map(|at| angle(at + 50)).collect::<Vec<_>>());
        let p = momenta(&model, &q, &v);
        let state =
            (0..3).flat_map(|row| [&q.data()[row * dof..(row + 1) * dof], &p[row * dof..(row + 1) * dof]].concat());
        let state = rows(3, &state.collect::<Vec<_>>());
        let back = evaluate(&velocity(&model).unwrap(), &[(STATE, &state)]).unwrap();
        assert_close(back[0].data(), v.data(), 1e-12);
    }
}

#[test]
fn a_kinetic_energy_that_is_not_quadratic_is_refused_and_one_that_only_looks_so_is_not() {
    for text in ["p^4 + q^2", "sqrt(1 + p^2)", "tanh(p + q)", "p^2*(1 + p*q)"] {
        let error = momentum(&formula(text)).unwrap_err().to_string();
        assert!(error.contains("quadratic in p"), "{text}: {error}");
    }
    for text in ["p^2/(2*(2 + cos(q)))", "(p - q)*(p + q)", "exp(q)*p^2 + q^4"] {
        momentum(&formula(text)).unwrap();
    }
}

#[test]
fn more_bodies_than_an_unrolled_solve_allows_are_refused() {
    let error = momentum(&dense(MAX_SOLVED_DOF + 1)).unwrap_err().to_string();
    assert!(error.contains("at most 8") && error.contains('9'), "{error}");
    assert_eq!(
        velocity(&dense(9)).unwrap().shape(velocity(&dense(9)).unwrap().output(VELOCITY).unwrap()).dims()[1],
        Dim::Fixed(9)
    );
}
