//! The grey box: recovered from its own motion, and on recordings of a real robot where they are present.

use super::*;

/// Errors over 0.5 s that an independent fit to all three recordings reached: RMSE, median and 90 % quantile at the end.
const INDEPENDENT: [(&str, [f64; 3]); 3] = [
    ("energy_shaping", [0.409, 0.102, 0.654]),
    ("pd_swingup_failure", [0.099, 0.0029, 0.124]),
    ("ddp", [0.053, 0.061, 0.140]),
];

fn recordings() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/dfki-pendulum");
    folder.is_dir().then_some(folder)
}

fn read(folder: &std::path::Path, names: &[&str]) -> Dataset {
    let selection = Selection {
        q: vec!["position".to_owned()],
        momentum: Momentum::Velocity(vec!["velocity".to_owned()]),
        u: vec!["torque".to_owned()],
        time: Some("time".to_owned()),
        trajectory: None,
        derivative: None,
        missing: MissingPolicy::Refuse,
    };
    let files: Vec<PathBuf> = names.iter().map(|name| folder.join(format!("{name}.csv"))).collect();
    data::read(&files, &selection).unwrap().data
}

#[test]
fn a_grey_box_is_recovered_from_its_own_motion() {
    let truth = GreyBox { inertia: 0.15, gravity: 3.0, viscous: 0.05, coulomb: 0.2, offset: 0.02 };
    let (mut q, mut p, mut u, mut time) = (vec![1.0], vec![0.0], Vec::new(), vec![0.0]);
    for row in 0..2000u32 {
        let t = 0.005 * f64::from(row);
        u.push(2.0 * (1.3 * t).sin() + (0.4 * t).cos());
        let mut x = [q[q.len() - 1], p[p.len() - 1]];
        truth.clone().step(&mut x, &u[u.len() - 1..], &[0.005]).unwrap();
        q.push(x[0]);
        p.push(x[1]);
        time.push(t + 0.005);
    }
    u.push(0.0);
    let source = Source { name: "made".to_owned(), first_row: 0 };
    let motion = Trajectory { source, time, q, p, u, derivative: None };
    let data = Dataset::new(Names::canonical(1, 1), vec![motion]).unwrap();
    let fit = GreyBox::fit(&data).unwrap();
    let found = fit.grey_box;
    for (found, expected) in [
        (found.inertia, truth.inertia),
        (found.gravity, truth.gravity),
        (found.viscous, truth.viscous),
        (found.coulomb, truth.coulomb),
        (found.offset, truth.offset),
    ] {
        assert!((found - expected).abs() < 1e-5, "{fit:?}");
    }
    assert!(windows(&data, &mut fit.grey_box.clone(), 1.0).unwrap().rmse.unwrap() < 1e-5);
}

#[test]
fn the_grey_box_agrees_with_an_independent_fit_to_a_real_pendulum() {
    let Some(folder) = recordings() else {
        println!("skipped: the recordings are not beside this workspace");
        return;
    };
    let fit = GreyBox::fit(&read(&folder, &INDEPENDENT.map(|(name, _)| name))).unwrap();
    println!("{fit:?}");
    let found = fit.grey_box;
    // The independent fit: 0.174 kg·m², 0.347 kg·m · g, friction 0.0027 and 0.404.
    for (found, independent) in [(found.inertia, 0.174), (found.gravity, 0.347 * 9.81), (found.coulomb, 0.404)] {
        assert!((found / independent - 1.0).abs() < 0.05, "{found} against {independent}");
    }
    assert!(found.viscous < 0.01 && found.offset.abs() < 0.05);
    for (name, independent) in INDEPENDENT {
        let data = read(&folder, &[name]);
        let half = windows(&data, &mut fit.grey_box.clone(), 0.5).unwrap();
        let ours = [half.rmse.unwrap(), half.median_at_end.unwrap(), half.quantile_90_at_end.unwrap()];
        println!("{name}: {ours:.4?}, independent {independent:?}, {} windows", half.windows);
        // Where the windows begin is not part of that record; shifting them by a row moves these numbers by as much.
        assert!((ours[0] / independent[0] - 1.0).abs() < 0.2, "{name}: RMSE {}", ours[0]);
        assert!((ours[2] / independent[2] - 1.0).abs() < 0.25, "{name}: 90 % {}", ours[2]);
    }
}
