//! Masses found from velocities alone, against equations of motion written out by hand.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use hnn_exporter::expression;

use super::*;
use crate::architecture::{self, Architecture, Scaling};
use crate::data::Source;
use crate::execute::Precision;
use crate::fit::{self, Method, Silent, Task};
use crate::loss;
use crate::random::Stream;
use crate::system::{Field, ModelField};

/// Two unit point masses on massless rods of length 1 under g = 9.81, in angles from hanging: M(q) and v̇(q, v) by Lagrange.
fn two_links(x: &[f64]) -> ([[f64; 2]; 2], [f64; 2]) {
    let (difference, v) = (x[0] - x[1], [x[2], x[3]]);
    let mass = [[2.0, difference.cos()], [difference.cos(), 1.0]];
    let force =
        [-difference.sin() * v[1] * v[1] - 2.0 * 9.81 * x[0].sin(), difference.sin() * v[0] * v[0] - 9.81 * x[1].sin()];
    let determinant = mass[0][0] * mass[1][1] - mass[0][1] * mass[1][0];
    let acceleration = [
        (mass[1][1] * force[0] - mass[0][1] * force[1]) / determinant,
        (mass[0][0] * force[1] - mass[1][0] * force[0]) / determinant,
    ];
    (mass, acceleration)
}

/// Single rows: angles within ±1 rad, velocities within ±2 rad/s, and the accelerations there.
fn velocities(rows: usize, seed: u64) -> Dataset {
    let mut stream = Stream::new(seed, "velocities", 0);
    let trajectory = |_| {
        let mut draw = |range: f64| stream.uniform(-range, range);
        let x = [draw(1.0), draw(1.0), draw(2.0), draw(2.0)];
        let (_, acceleration) = two_links(&x);
        Trajectory {
            source: Source { name: "made".to_owned(), first_row: 0 },
            time: Vec::new(),
            q: x[..2].to_vec(),
            p: x[2..].to_vec(),
            u: Vec::new(),
            derivative: Some([&x[2..], &acceleration[..]].concat()),
        }
    };
    let names = Names { second: Second::Velocity, ..Names::canonical(2, 0) };
    Dataset::new(names, (0..rows).map(trajectory).collect()).unwrap()
}

fn trained(kind: Kind, data: &Dataset) -> Learned {
    let settings = Settings { kind, hidden: vec![16], angles: vec![0, 1], ..Settings::default() };
    let architecture = architecture::build(&settings, &Scaling::measure(data), 0).unwrap();
    let Architecture { model, .. } = &architecture;
    let optimiser =
        fit::Settings { method: Method::Lbfgs, steps: 300, precision: Precision::F64, ..fit::Settings::default() };
    let task = Task {
        architecture: &architecture,
        train: data,
        held_out: None,
        loss: &loss::Settings::Field,
        settings: &optimiser,
    };
    let fitted = fit::fit(task, None, &mut Silent, &AtomicBool::new(false)).unwrap();
    model.bind(&|name| fitted.parameters.get(name).cloned()).unwrap()
}

/// Root mean square of the acceleration's error over that of the acceleration.
fn error(motion: &dyn Motion, data: &Dataset) -> f64 {
    let rows = data.rows();
    let mut found = vec![0.0; rows.x.len()];
    ModelField::new(motion).unwrap().evaluate(&rows.x, &mut found).unwrap();
    let (mut wrong, mut size) = (0.0, 0.0);
    for (found, wanted) in found.chunks_exact(4).zip(rows.dx.unwrap().chunks_exact(4)) {
        for at in 2..4 {
            wrong += (found[at] - wanted[at]).powi(2);
            size += wanted[at].powi(2);
        }
    }
    (wrong / size).sqrt()
}

#[test]
fn the_mass_matrix_of_a_linkage_is_learned_from_velocities_but_for_a_factor() {
    let (train, test) = (velocities(600, 1), velocities(200, 2));
    let learned = trained(Kind::Mechanical, &train);
    let model = learned.hamiltonian().unwrap();
    let found = error(&Tangent(model), &test);
    // Momenta of unit masses cannot describe this motion whatever the potential: the negative control.
    let unit = trained(Kind::Separable, &train.clone().with_unit_mass());
    let control = error(&unit, &test);
    println!("relative error of the acceleration: {found:.2e}, with unit masses {control:.2e}");
    assert!(found < 0.02 && control > 0.1, "{found:e}, {control:e}");

    let momenta = with_momenta(&learned, &test).unwrap();
    assert_eq!((momenta.names.second, &momenta.names.p[..]), (Second::Momentum, &["p_q1".into(), "p_q2".into()][..]));
    let all = |data: &Dataset| -> Vec<f64> { data.trajectories.iter().flat_map(|one| one.p.clone()).collect() };
    let true_momenta: Vec<f64> = test
        .trajectories
        .iter()
        .flat_map(|one| {
            let (mass, _) = two_links(&[&one.q[..], &one.p].concat());
            mass.map(|row| row[0] * one.p[0] + row[1] * one.p[1])
        })
        .collect();
    let found = all(&momenta);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let factor = dot(&found, &true_momenta) / dot(&true_momenta, &true_momenta);
    let off: Vec<f64> = found.iter().zip(&true_momenta).map(|(found, wanted)| found - factor * wanted).collect();
    let spread = (dot(&off, &off) / dot(&found, &found)).sqrt();
    println!("momenta are {factor:.3} times the true ones, relative error {spread:.1e}");
    assert!(factor > 0.0 && spread < 0.05, "{factor}, {spread:e}");
}

#[test]
fn a_closed_form_refuses_velocities_whose_momenta_it_would_have_to_find() {
    let data = velocities(20, 1);
    let settings = Settings { hidden: vec![4], ..Settings::default() };
    let architecture = architecture::build(&settings, &Scaling::measure(&data), 0).unwrap();
    let optimiser = fit::Settings { method: Method::Sampled, ..fit::Settings::default() };
    let loss = loss::Settings::Field;
    let task = Task { architecture: &architecture, train: &data, held_out: None, loss: &loss, settings: &optimiser };
    let message = fit::check_task(task).unwrap_err().to_string();
    assert!(message.contains("velocities"), "{message}");
}

#[test]
fn masses_are_learned_where_motion_shows_them() {
    let formula = |text: &str| Learned::from(expression::parse(text, &BTreeMap::new()).unwrap());
    let of = |kind: Kind| Settings { kind, ..Settings::default() };
    let (one, two) = (formula("p^2/2 + q^2"), formula("p1^2/2 + p2^2/6 + q1*q2"));
    assert!(!determines_masses(Some(&of(Kind::Separable)), &one), "one constant mass is the common factor");
    assert!(!determines_masses(Some(&of(Kind::Port)), &one));
    assert!(determines_masses(Some(&of(Kind::Mechanical)), &one));
    assert!(determines_masses(Some(&of(Kind::Separable)), &two));
    assert!(!determines_masses(Some(&of(Kind::Pairwise)), &two), "identical bodies share theirs");
    assert!(determines_masses(None, &two), "an imported energy has its own");
    assert!(!determines_masses(None, &formula("p^4 + q^2")), "not quadratic in p");
}

#[test]
fn momenta_of_measured_velocities_are_those_of_the_mass_matrix() {
    let learned = Learned::from(expression::parse("p^2/(2*(1+q^2)) + q^4", &BTreeMap::new()).unwrap());
    let trajectory = Trajectory {
        source: Source { name: "made".to_owned(), first_row: 0 },
        time: vec![0.0, 1.0],
        q: vec![0.5, -2.0],
        p: vec![3.0, -1.0],
        u: Vec::new(),
        derivative: None,
    };
    let names = Names { second: Second::Velocity, ..Names::canonical(1, 0) };
    let data = Dataset::new(names, vec![trajectory]).unwrap();
    let lifted = with_momenta(&learned, &data).unwrap();
    assert_eq!(lifted.trajectories[0].p, [1.25 * 3.0, -5.0]);
    let measured = data.with_unit_mass();
    assert_eq!(with_momenta(&learned, &measured).unwrap().trajectories[0].p, [3.0, -1.0], "momenta stay as they are");
}
