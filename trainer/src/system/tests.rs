//! Named systems against their closed forms and their published protocols.

mod mechanics;

use super::*;
use crate::data::Dataset;
use crate::random::Stream;

fn energies(system: &System, x: &[f64]) -> Vec<f64> {
    Energy::new(&system.model(&Settings::new()).unwrap()).unwrap().evaluate(x).unwrap()
}

fn first_rows(data: &Dataset) -> Vec<Vec<f64>> {
    data.trajectories.iter().map(|one| one.states(data.dof)[..2 * data.dof].to_vec()).collect()
}

#[test]
fn formulas_are_the_reference_conventions() {
    let energy = |name: &str, x: &[f64]| energies(find(name).unwrap(), x)[0];
    assert!((energy("spring", &[0.3, -0.7]) - (0.09 + 0.49)).abs() < 1e-15);
    assert!((energy("pendulum", &[0.3, -0.7]) - (3.0 * (1.0 - 0.3f64.cos()) + 0.49)).abs() < 1e-15);
    let x = [1.0, 0.0, -1.0, 0.0, 0.0, 0.5, 0.0, -0.5];
    assert!((energy("two_body", &x) - (0.25 - 0.5)).abs() < 1e-15);
}

#[test]
fn circular_orbits_stay_circles() {
    let system = find("two_body").unwrap();
    let mut field = ModelField::new(&system.model(&Settings::new()).unwrap()).unwrap();
    // Radius r, speed 1/(2√r), angular speed 1/(2 r^{3/2}).
    let r = 0.8f64;
    let speed = 0.5 / r.sqrt();
    let times: Vec<f64> = (0..=50).map(|at| 0.4 * f64::from(at)).collect();
    let start = [r, 0.0, -r, 0.0, 0.0, speed, 0.0, -speed];
    let truth = integrate(&mut field, &start, &times, 1e-10).unwrap();
    for (t, x) in times.iter().zip(truth.states.chunks_exact(8)) {
        let (sin, cos) = (speed / r * t).sin_cos();
        let expected = [r * cos, r * sin, -r * cos, -r * sin, -speed * sin, speed * cos, speed * sin, -speed * cos];
        let error = x.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < 1e-10, "t = {t}: {error:e}");
    }
}

#[test]
fn reference_protocols_have_the_published_sizes_and_noise() {
    for (name, train, rows, deviation) in
        [("spring", 25, 30, 0.1), ("pendulum", 25, 45, 0.1), ("two_body", 800, 50, 0.0)]
    {
        let system = find(name).unwrap();
        let made = generate(system, &Settings::new(), &system.reference, 1).unwrap();
        assert_eq!(made.train.trajectories.len(), train, "{name}");
        assert_eq!(made.train.row_count(), train * rows, "{name}");
        assert!(made.attained.state <= TRUTH_TOLERANCE && made.attained.energy <= 1e-9, "{name}: {}", made.attained);
        println!("{name}: {}", made.attained);
        let (noisy, clean) = (made.held_out.rows(), made.held_out_clean.rows());
        assert_eq!(noisy.dx, clean.dx, "{name}: derivatives are those of the clean field");
        let square: f64 = noisy.x.iter().zip(&clean.x).map(|(a, b)| (a - b).powi(2)).sum();
        let measured = (square / f64::from(u32::try_from(noisy.x.len()).unwrap())).sqrt();
        assert!((measured - deviation).abs() <= 0.05 * deviation, "{name}: noise {measured}");
    }
}

#[test]
fn initial_states_lie_where_the_reference_puts_them() {
    for (name, low, high) in [("spring", 0.1, 1.0), ("pendulum", 1.3, 2.3)] {
        let system = find(name).unwrap();
        let protocol = Protocol { trajectories: 60, held_out: 1, rows: 2, horizon: 0.1, noise: 0.0, derivatives: true };
        let made = generate(system, &Settings::new(), &protocol, 3).unwrap();
        let radii: Vec<f64> = first_rows(&made.train).iter().map(|x| x[0].hypot(x[1])).collect();
        assert!(radii.iter().all(|radius| (low..high).contains(radius)), "{name}: {radii:?}");
        let spread = radii.iter().fold(0.0f64, |a, b| a.max(*b)) - radii.iter().fold(9.0f64, |a, b| a.min(*b));
        assert!(spread > 0.7 * (high - low), "{name}: {spread}");
    }
    let system = find("two_body").unwrap();
    let mut stream = Stream::new(5, "start", 0);
    for _ in 0..50 {
        let x = system.start(&Settings::new(), &mut stream).unwrap();
        assert!((0.5..1.5).contains(&x[0]) && (0.5..1.5).contains(&x[1]));
        assert_eq!((x[2], x[3], x[6], x[7]), (-x[0], -x[1], -x[4], -x[5]));
        // Across the radius, within five deviations of 5 % of the circular speed, turning counter-clockwise.
        let (radius, speed) = (x[0].hypot(x[1]), x[4].hypot(x[5]));
        assert!((x[0] * x[4] + x[1] * x[5]).abs() < 1e-14 && x[0] * x[5] > x[1] * x[4]);
        assert!((speed * 2.0 * radius.sqrt() - 1.0).abs() < 0.25);
    }
}

#[test]
fn the_seed_decides_everything_and_more_trajectories_change_nothing() {
    let system = find("pendulum").unwrap();
    let protocol = Protocol { trajectories: 6, held_out: 2, rows: 5, horizon: 1.0, noise: 0.1, derivatives: true };
    let made = |protocol: &Protocol, seed| generate(system, &Settings::new(), protocol, seed).unwrap();
    assert_eq!(made(&protocol, 1), made(&protocol, 1));
    assert_ne!(made(&protocol, 1).train, made(&protocol, 2).train);
    let more = made(&Protocol { trajectories: 9, ..protocol }, 1);
    assert_eq!(first_rows(&made(&protocol, 1).train), first_rows(&more.train)[..4]);
}

#[test]
fn settings_change_the_formula_and_unknown_names_are_listed() {
    let system = find("pendulum").unwrap();
    let settings = Settings::from([("l".to_owned(), 0.5)]);
    let energy = Energy::new(&system.model(&settings).unwrap()).unwrap().evaluate(&[0.0, 1.0]).unwrap();
    assert!((energy[0] - 4.0).abs() < 1e-14);
    let error = system.model(&Settings::from([("length".to_owned(), 1.0)])).unwrap_err();
    assert_eq!(error.to_string(), "system `pendulum` has no setting `length`; it has `m`, `l`, `g`");
    assert_eq!(
        find("string").unwrap_err().to_string(),
        "no system `string`; there are `spring`, `pendulum`, `two_body`, `three_body`, `double_pendulum`, `cart_pole`, \
         `henon_heiles`, `coupled_springs`, `pendulum_chain`"
    );
}

/// Two links against the double pendulum in angles, H from Landau and Lifshitz, *Mechanics* (1976), § 5, problem 1.
#[test]
fn a_chain_of_two_is_the_double_pendulum() {
    let chain = find("pendulum_chain").unwrap();
    let model = chain.model(&Settings::new()).unwrap();
    assert_eq!((model.dof(), model.constraints()), (4, 2));
    let angles = "(p1^2 + 2*p2^2 - 2*p1*p2*cos(q1-q2))/(2*(1 + sin(q1-q2)^2)) + 9.81*(2 - 2*cos(q1) + 1 - cos(q2))";
    let angles = hnn_exporter::expression::parse(angles, &Settings::new()).unwrap();
    let (start, times) = ([0.8, -1.1, 1.5, 0.7], spaced(1.5, 16));
    let mut field = ModelField::new(&angles).unwrap();
    let expected = integrate(&mut field, &start, &times, 1e-10).unwrap();
    let cartesian = |x: &[f64], dx: &[f64]| {
        let ((s1, c1), (s2, c2)) = (x[0].sin_cos(), x[1].sin_cos());
        let (vx, vy) = (c1 * dx[0], s1 * dx[0]);
        vec![s1, -c1, s1 + s2, -c1 - c2, vx, vy, vx + c2 * dx[1], vy + s2 * dx[1]]
    };
    let mut rates = vec![0.0; expected.states.len()];
    field.evaluate(&expected.states, &mut rates).unwrap();
    let wanted: Vec<Vec<f64>> =
        expected.states.chunks(4).zip(rates.chunks(4)).map(|(x, dx)| cartesian(x, dx)).collect();
    let found = integrate(&mut ModelField::new(&model).unwrap(), &wanted[0], &times, 1e-10).unwrap();
    for (found, wanted) in found.states.chunks(8).zip(&wanted) {
        let error = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(error < 1e-8, "{error:e}");
    }
}

#[test]
fn a_chain_starts_on_its_rods_with_as_many_links_as_are_set() {
    let chain = find("pendulum_chain").unwrap();
    let settings = Settings::from([("links".to_owned(), 3.0), ("l".to_owned(), 0.5), ("m".to_owned(), 2.0)]);
    let mut streams: Vec<Stream> = (0..5).map(|index| Stream::new(2, "chain", index)).collect();
    let starts = chain.starts(&settings, &mut streams).unwrap();
    for x in &starts {
        let mut before = [0.0; 4];
        for link in 0..3 {
            let now = [x[2 * link], x[2 * link + 1], x[6 + 2 * link] / 2.0, x[7 + 2 * link] / 2.0];
            let rod: Vec<f64> = now.iter().zip(before).map(|(a, b)| a - b).collect();
            assert!((rod[0].hypot(rod[1]) - 0.5).abs() < 1e-9 && (rod[0] * rod[2] + rod[1] * rod[3]).abs() < 1e-8);
            before = now;
        }
    }
    assert_ne!(starts[0], starts[1]);
    for links in [0.0, 2.5, 9.0] {
        let error = chain.model(&Settings::from([("links".to_owned(), links)])).unwrap_err();
        assert!(error.to_string().contains("whole number"), "{error}");
    }
}

#[test]
fn impossible_protocols_are_refused() {
    let good = Protocol { trajectories: 6, held_out: 2, rows: 5, horizon: 1.0, noise: 0.1, derivatives: true };
    assert_eq!(good.with_rate(100.0).rows, 101);
    for bad in [
        Protocol { held_out: 6, ..good },
        Protocol { held_out: 0, ..good },
        Protocol { rows: 1, ..good },
        Protocol { rows: MAX_ROWS, ..good },
        Protocol { horizon: f64::NAN, ..good },
        Protocol { horizon: -1.0, ..good },
        Protocol { noise: f64::INFINITY, ..good },
    ] {
        let made = generate(find("spring").unwrap(), &Settings::new(), &bad, 1);
        assert!(matches!(made, Err(SystemError::Protocol(_))), "{bad:?}");
    }
}
