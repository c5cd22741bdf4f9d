//! The arm of two links: it keeps its energy where nothing takes any, and is recovered from its own motion.

use super::*;

const ARM: TwoLink = TwoLink {
    inertia: [0.14, 0.03, 0.02, 0.05],
    gravity: [3.0, 0.8],
    viscous: [0.02, 0.01],
    coulomb: [0.1, 0.05],
    offset: [0.02, -0.01],
};

#[test]
fn an_arm_without_friction_keeps_its_energy() {
    let mut arm = TwoLink { viscous: [0.0; 2], coulomb: [0.0; 2], offset: [0.0; 2], ..ARM };
    let friction_free = arm;
    let energy = |x: &[f64]| {
        let ([a, b, c, d], [g1, g2]) = (friction_free.inertia, friction_free.gravity);
        let cos = x[1].cos();
        let kinetic = 0.5 * (a + 2.0 * c * cos) * x[2] * x[2] + (b + c * cos) * x[2] * x[3] + 0.5 * d * x[3] * x[3];
        kinetic - g1 * x[0].cos() - g2 * (x[0] + x[1]).cos()
    };
    let mut x = [1.5, -2.0, 0.5, 3.0];
    let before = energy(&x);
    let (mut largest, mut least) = (before, before);
    for _ in 0..1000 {
        arm.step(&mut x, &[0.0, 0.0], &[0.001]).unwrap();
        (largest, least) = (energy(&x).max(largest), energy(&x).min(least));
    }
    assert!(largest - least < 1e-8 * before.abs(), "{least} to {largest}");
    assert!(x[1].abs() > 0.5 && x[0] < 1.0, "it moves: {x:?}");
}

#[test]
fn an_arm_is_recovered_from_its_own_motion() {
    let (mut q, mut p, mut u, mut time) = (vec![0.3, -0.2], vec![0.0, 0.0], Vec::new(), vec![0.0]);
    for row in 0..1500u32 {
        let t = 0.004 * f64::from(row);
        u.extend([1.5 * (2.1 * t).sin() + 0.8 * (5.3 * t).cos(), 0.8 * (3.7 * t).sin() - 0.3 * (0.9 * t).cos()]);
        let mut x = [&q[q.len() - 2..], &p[p.len() - 2..]].concat();
        ARM.clone().step(&mut x, &u[u.len() - 2..], &[0.004]).unwrap();
        q.extend(&x[..2]);
        p.extend(&x[2..]);
        time.push(t + 0.004);
    }
    u.extend([0.0; 2]);
    let source = Source { name: "made".to_owned(), first_row: 0 };
    let data =
        Dataset::new(Names::canonical(2, 2), vec![Trajectory { source, time, q, p, u, derivative: None }]).unwrap();
    let fit = TwoLink::fit(&data).unwrap();
    let numbers = |arm: &TwoLink| [&arm.inertia[..], &arm.gravity, &arm.viscous, &arm.coulomb, &arm.offset].concat();
    for (found, wanted) in numbers(&fit.grey_box).iter().zip(numbers(&ARM)) {
        assert!((found - wanted).abs() < 1e-4, "{found} for {wanted} in {:?}", fit.grey_box);
    }
    assert!(windows(&data, &mut fit.grey_box.clone(), 0.25).unwrap().rmse.unwrap() < 1e-6);
}
