//! What each architecture guarantees, read off its graph or measured with the oracle.

mod hybrid;
mod pairwise;

use hnn_exporter::dynamics::{Model, Separability, field, hessian, momentum, parts, separability, velocity};
use hnn_exporter::evaluate::evaluate;

use super::*;
use crate::random::Stream;

fn scaling(dof: usize, inputs: usize) -> Scaling {
    let odd = |start: f64, count: usize| (0..count).map(|at| start + 0.3 * at as f64).collect::<Vec<_>>();
    Scaling {
        q_mean: odd(0.2, dof),
        q: odd(1.7, dof),
        p: odd(0.4, dof),
        q_rate: odd(2.0, dof),
        p_rate: odd(5.0, dof),
        u: odd(0.8, inputs),
        pairs: None,
    }
}

fn settings(kind: Kind) -> Settings {
    let constraints = if kind == Kind::Constrained { vec!["q1^2 + q2^2/4 - 1".to_owned()] } else { Vec::new() };
    let bodies = (kind == Kind::Pairwise).then_some(2);
    Settings { kind, hidden: vec![8, 8], bodies, constraints, ..Settings::default() }
}

fn bound(settings: &Settings, scaling: &Scaling, seed: u64) -> Model {
    let built = build(settings, scaling, seed).unwrap();
    hamiltonian(&built, &|name| built.initial.get(name).cloned())
}

/// The energy with these weights.
fn hamiltonian(built: &Architecture, value: &dyn Fn(&str) -> Option<Tensor>) -> Model {
    built.model.hamiltonian().unwrap().bind(value).unwrap()
}

/// Every kind with an energy that needs no formula.
fn energies() -> impl Iterator<Item = Kind> {
    Kind::all().filter(|kind| !kind.is_baseline() && *kind != Kind::Hybrid)
}

fn states(rows: usize, width: usize, size: f64) -> Tensor {
    let mut stream = Stream::new(3, "states", 0);
    Tensor::new(vec![rows, width], (0..rows * width).map(|_| stream.uniform(-size, size)).collect()).unwrap()
}

#[test]
fn every_kind_has_one_row_whose_name_is_read_back() {
    for kind in [
        Kind::Mlp,
        Kind::Separable,
        Kind::Mechanical,
        Kind::Hybrid,
        Kind::Port,
        Kind::Pairwise,
        Kind::Constrained,
        Kind::BaselineMlp,
        Kind::BaselineNode,
        Kind::BaselineLstm,
    ] {
        assert_eq!(CATALOGUE.iter().filter(|entry| entry.kind == kind).count(), 1);
        assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.to_string());
    }
}

#[test]
fn every_combination_of_settings_is_a_model() {
    for kind in energies() {
        for activation in [Activation::Tanh, Activation::Softplus, Activation::Sin, Activation::Silu] {
            for (residual, kinetic, energy, angles) in [
                (false, Kinetic::Quadratic, Energy::Separable, vec![]),
                (true, Kinetic::Network, Energy::Separable, vec![1]),
                (true, Kinetic::Quadratic, Energy::Mlp, vec![0, 1]),
                (false, Kinetic::Quadratic, Energy::Mechanical, vec![1]),
            ] {
                let inputs = usize::from(kind == Kind::Port);
                let angles = if kind == Kind::Pairwise { vec![] } else { angles };
                let settings = Settings {
                    activation,
                    residual,
                    kinetic,
                    energy,
                    angles,
                    gain_varies: residual,
                    constant_force: residual,
                    external: residual,
                    fourier: if residual { 3 } else { 0 },
                    ..settings(kind)
                };
                let model = bound(&settings, &scaling(2, inputs), 1);
                assert_eq!((model.dof(), model.inputs()), (2, inputs));
                let (x, u) = (states(3, 4, 2.0), states(3, 1, 1.0));
                let mut given = vec![("x", &x)];
                if inputs > 0 {
                    given.push(("u", &u));
                }
                let dx = evaluate(&field(&model).unwrap(), &given).unwrap();
                assert!(dx[0].data().iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn only_what_splits_is_separable() {
    let verdict = |settings: &Settings, inputs| separability(&bound(settings, &scaling(2, inputs), 1)).unwrap();
    let quadratic = verdict(&settings(Kind::Separable), 0);
    let Separability::Separable { kinetic_quadratic: true, inverse_mass: Some(mass) } = quadratic else {
        panic!("{quadratic:?}");
    };
    // The initial factor is diagonal: √(rate of q / p) squared.
    assert!((mass.data()[0] - 2.0 / 0.4).abs() < 1e-12 && mass.data()[1].abs() < 1e-12, "{mass:?}");
    let network = verdict(&Settings { kinetic: Kinetic::Network, ..settings(Kind::Separable) }, 0);
    assert!(matches!(network, Separability::Separable { kinetic_quadratic: false, .. }));
    assert!(verdict(&settings(Kind::Port), 1).is_separable());
    assert!(!verdict(&settings(Kind::Mlp), 0).is_separable());
    assert!(!verdict(&Settings { energy: Energy::Mlp, ..settings(Kind::Port) }, 1).is_separable());
    assert!(!verdict(&settings(Kind::Mechanical), 0).is_separable());
    assert!(!verdict(&Settings { energy: Energy::Mechanical, ..settings(Kind::Port) }, 1).is_separable());
}

#[test]
fn declared_angles_make_the_field_periodic_and_others_do_not() {
    // Distances of angles have no meaning, so `pairwise` refuses them; Cartesian coordinates are no angles.
    for kind in energies().filter(|kind| ![Kind::Pairwise, Kind::Constrained].contains(kind)) {
        let settings = Settings { angles: vec![0], ..settings(kind) };
        let model = bound(&settings, &scaling(2, 0), 5);
        let graph = field(&model).unwrap();
        let dx = |state: [f64; 4]| {
            evaluate(&graph, &[("x", &Tensor::new(vec![1, 4], state.to_vec()).unwrap())]).unwrap()[0].data().to_vec()
        };
        let turn = std::f64::consts::TAU;
        let (here, turned, moved) =
            (dx([0.3, 0.2, 0.5, -0.4]), dx([0.3 + turn, 0.2, 0.5, -0.4]), dx([0.3, 0.2 + turn, 0.5, -0.4]));
        assert!(here.iter().zip(&turned).all(|(a, b)| (a - b).abs() < 1e-9), "{kind}");
        assert!(here.iter().zip(&moved).any(|(a, b)| (a - b).abs() > 1e-3), "{kind}");
    }
}

/// d²g/dt² along the motion, by second differences of g, vanishes for extreme weights as well, and masses are per body.
#[test]
fn a_constrained_model_keeps_its_constraint_whatever_the_weights() {
    for scale in [0.0, 1.0, 3.0] {
        let built = build(&settings(Kind::Constrained), &Scaling::unit(2, 0), 2).unwrap();
        let mut stream = Stream::new(9, "weights", 0);
        let mut random = |name: &str| {
            let mut tensor = built.initial.get(name)?.clone();
            tensor.data_mut().iter_mut().for_each(|value| *value = scale * stream.uniform(-1.0, 1.0));
            Some(tensor)
        };
        let names: Vec<String> = built.initial.keys().cloned().collect();
        let weights: Parameters = names.iter().filter_map(|name| Some((name.clone(), random(name)?))).collect();
        let model = hamiltonian(&built, &|name| weights.get(name).cloned());
        let Separability::Separable { inverse_mass: Some(mass), .. } = separability(&model).unwrap() else {
            panic!("T is quadratic")
        };
        assert!(mass.data()[0] > 0.0 && (mass.data()[0] - mass.data()[3]).abs() < 1e-15 && mass.data()[1] == 0.0);
        // On the ellipse, moving along it.
        let (q, v) = ([0.6, 1.6], [0.8 * 0.5, -0.6]);
        let x: Vec<f64> = q.into_iter().chain(v.map(|v| v / mass.data()[0])).collect();
        let x = Tensor::new(vec![1, 4], x).unwrap();
        let dx = evaluate(&field(&model).unwrap(), &[("x", &x)]).unwrap()[0].data().to_vec();
        let g = |t: f64| {
            let at = |i: usize| q[i] + t * dx[i] + 0.5 * t * t * mass.data()[0] * dx[2 + i];
            at(0).powi(2) + at(1).powi(2) / 4.0 - 1.0
        };
        let second = (g(1e-3) + g(-1e-3)) / 1e-6;
        assert!(second.abs() < 1e-3, "{scale}: {second}");
    }
}

/// vᵀ R v ≥ 0 and finite, at rest, far away, and for extreme weights.
#[test]
fn friction_never_adds_energy_whatever_the_weights() {
    let laws = [
        (Energy::Separable, Friction::Network),
        (Energy::Separable, Friction::Constants),
        (Energy::Mlp, Friction::Network),
        (Energy::Mechanical, Friction::Network),
    ];
    for (energy, friction) in laws {
        let settings = Settings { energy, friction, angles: vec![0], ..settings(Kind::Port) };
        for scale in [1.0, 30.0, -30.0] {
            let built = build(&settings, &scaling(2, 1), 2).unwrap();
            let extreme = |name: &str| {
                let mut tensor = built.initial.get(name)?.clone();
                tensor.data_mut().iter_mut().for_each(|value| *value *= scale);
                Some(tensor)
            };
            let model = hamiltonian(&built, &extreme);
            let graph = parts(&model).unwrap();
            let mut x = states(40, 4, 50.0);
            x.data_mut()[..4].fill(0.0);
            let u = states(40, 1, 1.0);
            let outputs = evaluate(&graph, &[("x", &x), ("u", &u)]).unwrap();
            let at = graph.outputs().iter().position(|(name, _)| name == "damping").unwrap();
            assert!(outputs[at].data().iter().all(|r| r.is_finite() && *r >= 0.0), "{energy:?} {scale}");
        }
    }
}

/// The lower right block of the Hessian is M⁻¹(q): symmetric and positive definite by Sylvester's criterion.
#[test]
fn a_mechanical_mass_is_positive_and_varies_with_the_position_whatever_the_weights() {
    let settings = Settings { angles: vec![0], ..settings(Kind::Mechanical) };
    for scale in [1.0, 5.0, -5.0] {
        let built = build(&settings, &scaling(2, 0), 6).unwrap();
        let extreme = |name: &str| {
            let mut tensor = built.initial.get(name)?.clone();
            tensor.data_mut().iter_mut().for_each(|value| *value *= scale);
            Some(tensor)
        };
        let model = hamiltonian(&built, &extreme);
        let found = evaluate(&hessian(&model).unwrap(), &[("x", &states(40, 4, 9.0))]).unwrap();
        let blocks: Vec<[f64; 3]> = found[0].data().chunks(16).map(|h| [h[10], h[11], h[15]]).collect();
        for [a, b, d] in &blocks {
            assert!(*a > 0.0 && a * d - b * b > 0.0, "{scale}: [[{a}, {b}], [{b}, {d}]]");
        }
        assert!(blocks.iter().any(|block| (block[0] - blocks[0][0]).abs() > 1e-3 * blocks[0][0]), "{scale}");
    }
}

#[test]
fn the_momentum_of_a_mechanical_model_gives_back_the_velocity() {
    let model = bound(&settings(Kind::Mechanical), &scaling(3, 0), 8);
    let (q, v) = (states(5, 3, 2.0), states(5, 3, 4.0));
    let p = evaluate(&momentum(&model).unwrap(), &[("q", &q), ("v", &v)]).unwrap();
    let rows = q.data().chunks(3).zip(p[0].data().chunks(3));
    let x = Tensor::new(vec![5, 6], rows.flat_map(|(q, p)| [q, p].concat()).collect()).unwrap();
    let back = evaluate(&velocity(&model).unwrap(), &[("x", &x)]).unwrap();
    for (found, given) in back[0].data().iter().zip(v.data()) {
        assert!((found - given).abs() < 1e-10, "{found} instead of {given}");
    }
}

/// Coulomb friction c·sign(v) is within reach: with the network off, −R v tends to a constant of the velocity's sign.
#[test]
fn friction_can_be_a_constant_force_against_motion() {
    let built = build(&settings(Kind::Port), &Scaling::unit(1, 0), 2).unwrap();
    let coulomb = |name: &str| {
        let mut tensor = built.initial.get(name)?.clone();
        let value = match name {
            "friction.viscous" => Some(-60.0),
            "friction.1.weight" => Some(0.0),
            // softplus(0) = ln 2
            "friction.1.bias" => Some(0.0),
            _ => None,
        };
        if let Some(value) = value {
            tensor.data_mut().fill(value);
        }
        Some(tensor)
    };
    let model = hamiltonian(&built, &coulomb);
    let graph = parts(&model).unwrap();
    let x = Tensor::new(vec![3, 2], vec![0.0, 0.5, 0.0, -2.0, 0.0, 8.0]).unwrap();
    let outputs = evaluate(&graph, &[("x", &x)]).unwrap();
    let named = |name: &str| {
        let at = graph.outputs().iter().position(|(known, _)| known == name).unwrap();
        outputs[at].data().to_vec()
    };
    for (row, (r, v)) in named("damping").iter().zip(named("velocity")).enumerate() {
        let sign = [1.0, -1.0, 1.0][row];
        assert!((r * v - sign * std::f64::consts::LN_2).abs() < 1e-3, "row {row}: {}", r * v);
    }
}

/// Against the law itself: b v + (c + s exp(−(v/v_s)²)) v/√(v² + ε²), with every constant set by hand.
#[test]
fn friction_by_constants_is_viscous_coulomb_and_stribeck() {
    let inverse = |value: f64| (value.exp() - 1.0).ln();
    let (viscous, coulomb, transition) = (0.3, 0.4, 0.01);
    // Half way between their bounds where the parameters are 0.
    let (rise, fading) = (1.0, 0.055);
    let settings = Settings { friction: Friction::Constants, ..settings(Kind::Port) };
    let built = build(&settings, &Scaling::unit(1, 0), 2).unwrap();
    let constants = |name: &str| {
        let value = match name {
            "friction.viscous" => inverse(viscous),
            "friction.coulomb" => inverse(coulomb),
            "friction.stiction" | "friction.fading" => 0.0,
            "friction.transition" => inverse(transition - 1e-3),
            _ => return built.initial.get(name).cloned(),
        };
        Some(Tensor::full(&[1], value).unwrap())
    };
    let graph = parts(&hamiltonian(&built, &constants)).unwrap();
    for v in [-3.0, -0.1, 0.0, 0.005, 0.05, 0.5, 4.0] {
        // The mass is learned: the law holds in the velocity the model itself gives.
        let x = Tensor::new(vec![1, 2], vec![0.3, v]).unwrap();
        let outputs = evaluate(&graph, &[("x", &x)]).unwrap();
        let named = |name: &str| {
            let at = graph.outputs().iter().position(|(known, _)| known == name).unwrap();
            outputs[at].data()[0]
        };
        let v = named("velocity");
        let level: f64 = coulomb * (1.0 + rise * (-(v / fading).powi(2)).exp());
        let expected = viscous * v + level * v / v.hypot(transition);
        assert!((named("damping") * v - expected).abs() < 1e-12, "{v}: {} {expected}", named("damping") * v);
    }
}

#[test]
fn the_initial_field_is_of_the_size_of_the_data() {
    for kind in [Kind::Mlp, Kind::Separable] {
        let scaling = scaling(1, 0);
        let model = bound(&Settings { hidden: vec![64], ..settings(kind) }, &scaling, 4);
        let mut x = states(200, 2, 1.0);
        for row in x.data_mut().chunks_exact_mut(2) {
            row[0] = scaling.q_mean[0] + row[0] * scaling.q[0];
            row[1] *= scaling.p[0];
        }
        let dx = evaluate(&field(&model).unwrap(), &[("x", &x)]).unwrap();
        let rms = |column: usize| {
            let squares = dx[0].data().iter().skip(column).step_by(2).map(|value| value * value).sum::<f64>();
            (squares / 200.0).sqrt()
        };
        for (column, unit) in [(0, scaling.q_rate[0]), (1, scaling.p_rate[0])] {
            let ratio = rms(column) / unit;
            assert!((0.05..20.0).contains(&ratio), "{kind}: coordinate {column} is {ratio} of the data's rate");
        }
    }
}

#[test]
fn a_seed_decides_the_weights_and_a_new_parameter_changes_no_other() {
    let build = |settings: &Settings, seed| super::build(settings, &scaling(1, 1), seed).unwrap().initial;
    let plain = settings(Kind::Port);
    assert_eq!(build(&plain, 7), build(&plain, 7));
    assert_ne!(build(&plain, 7), build(&plain, 8));
    let wider = build(&Settings { gain_varies: true, ..plain.clone() }, 7);
    assert!(build(&plain, 7).iter().all(|(name, tensor)| wider.get(name) == Some(tensor)));
}

#[test]
fn impossible_settings_are_refused_in_words() {
    let refusal = |settings: &Settings, inputs| build(settings, &scaling(1, inputs), 0).unwrap_err().to_string();
    assert_eq!(refusal(&settings(Kind::Mlp), 1), "model `mlp` has no input, but the data have; use `port`");
    assert!(refusal(&Settings { angles: vec![1], ..settings(Kind::Mlp) }, 0).contains("angle 2 of a system with 1"));
    assert!(refusal(&Settings { hidden: vec![], ..settings(Kind::Mlp) }, 0).contains("0 hidden layers"));
    assert!(refusal(&Settings { hidden: vec![0], ..settings(Kind::Mlp) }, 0).contains("0 units"));
    let free = Settings { constraints: Vec::new(), ..settings(Kind::Constrained) };
    assert!(build(&free, &scaling(2, 0), 0).unwrap_err().to_string().contains("--constraint"));
    let bodies = Settings { body_dimension: 3, ..settings(Kind::Constrained) };
    assert!(build(&bodies, &scaling(2, 0), 0).unwrap_err().to_string().contains("no whole number of bodies"));
    let broken = Scaling { p: vec![0.0], ..scaling(1, 0) };
    assert!(build(&settings(Kind::Mlp), &broken, 0).unwrap_err().to_string().contains("a scale of 0"));
    assert_eq!(
        "perceptron".parse::<Kind>().unwrap_err().to_string(),
        "unknown model `perceptron`; known are mlp, separable, mechanical, hybrid, port, pairwise, constrained, \
         baseline-mlp, baseline-node, baseline-lstm"
    );
}

/// H(x; θ) − H(x; 0) = Σ θ·φ(x) for weights that are not the initial ones, by the oracle.
#[test]
fn what_is_declared_linear_is_linear_with_these_features() {
    let kinds = [
        (settings(Kind::Mlp), 1),
        (settings(Kind::Separable), 2),
        (Settings { kinetic: Kinetic::Network, ..settings(Kind::Separable) }, 2),
        (Settings { energy: Energy::Mlp, ..settings(Kind::Port) }, 1),
        (Settings { external: true, ..settings(Kind::Pairwise) }, 4),
    ];
    for (settings, terms) in kinds {
        let built = build(&settings, &scaling(2, 0), 3).unwrap();
        assert_eq!(built.linear.terms().len(), terms, "{settings:?}");
        let x = states(7, 4, 2.0);
        let energy = hnn_exporter::dynamics::hamiltonian(built.model.hamiltonian().unwrap()).unwrap();
        let with = |factor: f64| {
            let value = |name: &str| {
                let mut tensor = built.initial.get(name)?.clone();
                if built.linear.terms().iter().any(|term| term.parameter == name) {
                    tensor
                        .data_mut()
                        .iter_mut()
                        .enumerate()
                        .for_each(|(at, value)| *value = factor * (1.0 + at as f64));
                }
                Some(tensor)
            };
            let bound = energy.bind(&value).unwrap();
            evaluate(&bound, &[("x", &x)]).unwrap()[0].clone()
        };
        let (zero, one) = (with(0.0), with(0.3));
        let features = built.linear.graph().bind(&|name| built.initial.get(name).cloned()).unwrap();
        let values = evaluate(&features, &[("x", &x)]).unwrap();
        for row in 0..7 {
            let mut sum = 0.0;
            for term in built.linear.terms() {
                let at = features.outputs().iter().position(|(name, _)| *name == term.features).unwrap();
                let weights: Vec<f64> = match term.form {
                    Form::Direct => (0..term.len).map(|at| 0.3 * (1.0 + at as f64)).collect(),
                    // L = 0.3 [[1, ·], [3, 4]], hence S = 0.09 [[1, 3], [3, 25]].
                    Form::Factor => vec![0.09, 0.27, 2.25],
                };
                let row = &values[at].data()[row * term.len..(row + 1) * term.len];
                sum += row.iter().zip(&weights).map(|(feature, weight)| feature * weight).sum::<f64>();
            }
            let expected = one.data()[row] - zero.data()[row];
            assert!(
                (sum - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{settings:?}: {sum} instead of {expected}"
            );
        }
    }
}
