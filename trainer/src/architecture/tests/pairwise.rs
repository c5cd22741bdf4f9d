//! What `pairwise` guarantees, and what Fourier features are.

use super::*;

const BODIES: usize = 3;

fn pairwise(bodies: usize, external: bool) -> Settings {
    Settings { bodies: Some(bodies), external, ..settings(Kind::Pairwise) }
}

/// Units of three bodies in the plane that are alike, and of as many others.
fn alike(bodies: usize) -> Scaling {
    let pairs = Some(PairRange { softening: 0.05, centre: 0.2, width: 0.7 });
    Scaling { pairs, ..scaling(2 * BODIES, 0) }.for_bodies(BODIES, bodies)
}

fn energy(model: &Model, x: &[f64]) -> f64 {
    let graph = hnn_exporter::dynamics::hamiltonian(model).unwrap();
    evaluate(&graph, &[("x", &Tensor::new(vec![1, x.len()], x.to_vec()).unwrap())]).unwrap()[0].data()[0]
}

/// The state with its bodies in another order, turned by `angle` and moved by `by`.
fn moved(x: &[f64], order: [usize; BODIES], angle: f64, by: [f64; 2]) -> Vec<f64> {
    let (sin, cos) = angle.sin_cos();
    let turned = |at: usize| [cos * x[at] - sin * x[at + 1], sin * x[at] + cos * x[at + 1]];
    let q = order.iter().flat_map(|body| {
        let [x, y] = turned(2 * body);
        [x + by[0], y + by[1]]
    });
    let p = order.iter().flat_map(|body| turned(2 * BODIES + 2 * body));
    q.chain(p).collect()
}

#[test]
fn bodies_may_be_exchanged_moved_and_turned_together() {
    let x = states(1, 4 * BODIES, 1.5);
    let (same, away) = ([0, 1, 2], [0.0, 0.0]);
    let here = |external| energy(&bound(&pairwise(BODIES, external), &alike(BODIES), 3), x.data());
    let there = |external, order, angle, by| {
        energy(&bound(&pairwise(BODIES, external), &alike(BODIES), 3), &moved(x.data(), order, angle, by))
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * (1.0 + a.abs());
    assert!(near(here(false), there(false, [2, 0, 1], 0.0, away)), "permutation");
    assert!(near(here(false), there(false, same, 0.0, [3.0, -7.0])), "translation");
    assert!(near(here(false), there(false, same, 0.8, away)), "rotation");
    // A potential of the place is shared by the bodies, but not by all places.
    assert!(near(here(true), there(true, [1, 2, 0], 0.0, away)), "permutation with a place potential");
    assert!(!near(here(true), there(true, same, 0.0, [3.0, -7.0])), "a potential of the place must see a translation");
}

#[test]
fn weights_of_two_bodies_give_three_the_sum_of_their_pairs() {
    let (two, three) = (bound(&pairwise(2, false), &alike(2), 5), bound(&pairwise(3, false), &alike(3), 5));
    let x = states(1, 12, 1.5);
    let (q, p) = x.data().split_at(6);
    let still = vec![0.0; 6];
    let potential: f64 = [[0, 1], [0, 2], [1, 2]]
        .iter()
        .map(|pair| energy(&two, &[&q[2 * pair[0]..][..2], &q[2 * pair[1]..][..2], &still[..4]].concat()))
        .sum();
    assert!((energy(&three, &[q, &still].concat()) - potential).abs() < 1e-12 * (1.0 + potential.abs()));
    // Kinetic energies of bodies add up as well: those of two bodies and of one, the other at rest.
    let kinetic = |model: &Model, q: &[f64], p: &[f64]| {
        energy(model, &[q, p].concat()) - energy(model, &[q, &vec![0.0; q.len()]].concat())
    };
    let parts = kinetic(&two, &q[..4], &p[..4]) + kinetic(&two, &q[2..], &[&[0.0; 2], &p[4..]].concat());
    assert!((kinetic(&three, q, p) - parts).abs() < 1e-12 * (1.0 + parts.abs()));
}

#[test]
fn the_pair_forces_are_the_slope_of_the_energy() {
    let model = bound(&pairwise(BODIES, true), &alike(BODIES), 7);
    let x = states(1, 12, 1.5);
    let dx = evaluate(&field(&model).unwrap(), &[("x", &x)]).unwrap()[0].data().to_vec();
    for at in 0..12 {
        let at_offset = |by: f64| {
            let mut moved = x.data().to_vec();
            moved[at] += by;
            energy(&model, &moved)
        };
        let slope = (at_offset(1e-5) - at_offset(-1e-5)) / 2e-5;
        let expected = if at < 6 { -slope } else { slope };
        let found = dx[(at + 6) % 12];
        assert!((found - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{at}: {found}, {expected}");
    }
}

#[test]
fn twenty_bodies_take_a_graph_as_small_as_their_number() {
    let verdict = separability(&bound(&pairwise(20, false), &alike(20), 1)).unwrap();
    assert!(matches!(verdict, Separability::Separable { kinetic_quadratic: true, inverse_mass: Some(_) }));
    let nodes = |bodies| build(&pairwise(bodies, false), &alike(bodies), 1).unwrap().model.graph().nodes().len();
    // Two slices and a difference for each further body, whatever the number of pairs.
    assert_eq!(nodes(20) - nodes(19), 3);
    let weights = |bodies| build(&pairwise(bodies, false), &alike(bodies), 1).unwrap().initial;
    assert_eq!(weights(2), weights(20));
}

#[test]
fn bodies_that_do_not_fit_are_refused_in_words() {
    let refusal = |settings: Settings, dof| build(&settings, &scaling(dof, 0), 0).unwrap_err().to_string();
    assert!(refusal(Settings { bodies: None, ..pairwise(2, false) }, 4).contains("needs the number of bodies"));
    assert!(refusal(pairwise(3, false), 4).contains("3 bodies with 4 positions"));
    assert!(refusal(pairwise(1, false), 4).contains("at least 2"));
    assert!(refusal(Settings { angles: vec![0], ..pairwise(2, false) }, 4).contains("none may be an angle"));
    assert!(
        refusal(Settings { fourier: 1, fourier_scale: 0.0, ..settings(Kind::Mlp) }, 1).contains("positive deviation")
    );
}

#[test]
fn distances_are_measured_over_all_pairs_and_softened_below_the_smallest() {
    let trajectory = crate::data::Trajectory {
        source: crate::data::Source { name: "made".to_owned(), first_row: 0 },
        time: vec![0.0, 1.0],
        q: vec![0.0, 0.0, 3.0, 4.0, 0.0, 0.0, 0.0, 2.0],
        p: vec![0.0; 8],
        u: Vec::new(),
        derivative: None,
    };
    let data = crate::data::Dataset::new(crate::data::Names::canonical(4, 0), vec![trajectory]).unwrap();
    let range = Scaling::measure_bodies(&data, 2).pair_range();
    let logarithms = [5.0f64, 2.0].map(|r| 0.5 * (r * r + 0.04).ln());
    assert!((range.softening - 0.2).abs() < 1e-15);
    assert!((range.centre - f64::midpoint(logarithms[0], logarithms[1])).abs() < 1e-12);
    assert!((range.width - (logarithms[0] - logarithms[1]) / 2.0).abs() < 1e-12);
    assert_eq!(Scaling::measure_bodies(&data, 3).pairs, None);
}

/// Rahimi and Recht (2007), theorem 1: the mean product of the features is the Gaussian kernel exp(−σ²|x − y|²/2).
#[test]
fn fourier_features_have_the_gaussian_kernel() {
    let settings = Settings { fourier: 4000, fourier_scale: 1.5, ..settings(Kind::Mlp) };
    let scaling = Scaling::unit(2, 0);
    let mut builder = Builder::new(&settings, &scaling, 9).unwrap();
    let lifted = builder.lifted("energy", builder.q).unwrap();
    assert!(builder.graph.parameters().is_empty(), "frequencies are not learned");
    builder.graph.set_output("features", lifted);
    let x = Tensor::new(vec![2, 4], vec![0.3, -0.2, 0.0, 0.0, 0.7, 0.1, 0.0, 0.0]).unwrap();
    let features = evaluate(&builder.graph, &[("x", &x)]).unwrap();
    let (one, other) = features[0].data().split_at(2 + 8000);
    assert_eq!(one[..2], [0.3, -0.2]);
    let product: f64 = one[2..].iter().zip(&other[2..]).map(|(a, b)| a * b).sum();
    let expected = (-1.5f64.powi(2) * (0.16 + 0.09) / 2.0).exp();
    assert!((product / 4000.0 - expected).abs() < 0.03, "{} for {expected}", product / 4000.0);
}
