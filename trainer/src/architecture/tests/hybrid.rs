//! Priors against the formula they are, and grey boxes against their equation of motion.

use super::*;

/// A pendulum of unknown inertia and weight; angles as measured.
fn pendulum(kind: Kind) -> Settings {
    Settings {
        kind,
        energy: Energy::Hybrid,
        hidden: vec![6],
        angles: vec![0],
        prior: Some("p^2/(2*I) + w*(1 - cos(q)) - f*q".to_owned()),
        prior_start: [("I", 0.2), ("w", 3.0), ("f", 0.0)].map(|(name, start)| (name.to_owned(), start)).into(),
        ..Settings::default()
    }
}

fn derivative(model: &Model, x: &Tensor) -> Vec<f64> {
    evaluate(&field(model).unwrap(), &[("x", x)]).unwrap()[0].data().to_vec()
}

#[test]
fn training_starts_with_the_formula_alone() {
    for prior_only in [false, true] {
        let settings = Settings { prior_only, ..pendulum(Kind::Hybrid) };
        let model = bound(&settings, &scaling(1, 0), 3);
        let x = states(9, 2, 2.0);
        for (state, dx) in x.data().chunks(2).zip(derivative(&model, &x).chunks(2)) {
            assert!((dx[0] - state[1] / 0.2).abs() < 1e-12 && (dx[1] + 3.0 * state[0].sin()).abs() < 1e-12, "{dx:?}");
        }
        let networks = build(&settings, &scaling(1, 0), 3).unwrap().initial.keys().any(|name| name.ends_with("weight"));
        assert_eq!(networks, !prior_only);
    }
}

#[test]
fn an_unknown_keeps_the_sign_it_starts_with_and_one_that_starts_at_zero_takes_any() {
    let settings = pendulum(Kind::Hybrid);
    let mut weights = build(&settings, &scaling(1, 0), 3).unwrap().initial;
    for (name, value) in [("prior.I", -4.0), ("prior.w", 2.0), ("prior.f", -0.7)] {
        weights.get_mut(name).unwrap().data_mut().fill(value);
    }
    let found = unknowns(&settings, &weights);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["I", "f", "w"]);
    assert!((found["I"] - 0.2 * f64::exp(-4.0)).abs() < 1e-15 && (found["w"] - 3.0 * f64::exp(2.0)).abs() < 1e-12);
    assert_eq!(found["f"], -0.7);
    let built = build(&settings, &scaling(1, 0), 3).unwrap();
    let model = hamiltonian(&built, &|name| weights.get(name).cloned());
    let x = states(1, 2, 2.0);
    let dx = derivative(&model, &x);
    assert!((dx[0] - x.data()[1] / found["I"]).abs() < 1e-9);
}

#[test]
fn friction_of_a_hybrid_sees_the_velocity_of_the_formula() {
    let model = bound(&pendulum(Kind::Port), &scaling(1, 1), 3);
    assert!(separability(&model).unwrap().is_separable());
    let graph = parts(&model).unwrap();
    // The friction level depends on q by sin and cos and on the velocity: the same for p and q one turn on, not for 2p.
    let turn = std::f64::consts::TAU;
    let x = Tensor::new(vec![3, 2], vec![0.4, 0.1, 0.4 + turn, 0.1, 0.4, 0.2]).unwrap();
    let u = Tensor::new(vec![3, 1], vec![0.0; 3]).unwrap();
    let outputs = evaluate(&graph, &[("x", &x), ("u", &u)]).unwrap();
    let at = graph.outputs().iter().position(|(name, _)| name == "damping").unwrap();
    let damping = outputs[at].data();
    assert!((damping[0] - damping[1]).abs() < 1e-9 && damping[0] > damping[2] && damping[2] > 0.0, "{damping:?}");
}

#[test]
fn a_prior_that_does_not_fit_is_refused_in_words() {
    let refusal = |settings: Settings, dof: usize| build(&settings, &scaling(dof, 0), 0).unwrap_err().to_string();
    let without = Settings { prior: None, ..pendulum(Kind::Hybrid) };
    assert!(refusal(without, 1).contains("--prior"));
    assert_eq!(refusal(pendulum(Kind::Hybrid), 2), "the prior has 1 degrees of freedom, the data 2");
    let unused = Settings { prior: Some("p^2".to_owned()), ..pendulum(Kind::Hybrid) };
    assert!(refusal(unused, 1).contains("not used by the formula"));
}
