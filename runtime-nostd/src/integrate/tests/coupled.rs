//! Störmer–Verlet where q and p mix: order, reversibility and symplecticity up to a residual that iterations remove.

use super::*;
use crate::testing::Coupled;

fn verlet(iterations: u32) -> StormerVerlet {
    StormerVerlet::new(iterations).unwrap()
}

#[test]
fn stormer_verlet_has_order_two_where_q_and_p_mix() {
    let start = state(&[0.4, -0.3], &[0.2, 0.5]);
    let exact = run(&RungeKutta4, &mut Coupled, &start, 1.0 / 2048.0, 4096);
    let error = |per_second: usize| {
        distance(&run(&verlet(40), &mut Coupled, &start, 1.0 / per_second as f64, 2 * per_second), &exact)
    };
    let observed = (error(32) / error(64)).log2();
    assert!((observed - 2.0).abs() < 0.1, "{observed}");
}

#[test]
fn iterations_make_stormer_verlet_symplectic_and_reversible_where_q_and_p_mix() {
    let start = state(&[0.4, -0.3], &[0.2, 0.5]);
    let missed = |stepper: &dyn Stepper<Coupled, f64, 2>| {
        let mut end = run(stepper, &mut Coupled, &start, 0.1, 60);
        end.reverse();
        let mut back = run(stepper, &mut Coupled, &end, 0.1, 60);
        back.reverse();
        distance(&back, &start)
    };
    let defect = |iterations| symplectic_defect(&verlet(iterations), &mut Coupled);
    // One iteration is no solution of the implicit equations: the negative control.
    assert!(defect(1) > 1e-4 && missed(&verlet(1)) > 1e-5, "{:e} {:e}", defect(1), missed(&verlet(1)));
    assert!(defect(5) < 0.05 * defect(2) && missed(&verlet(5)) < 0.05 * missed(&verlet(2)));
    assert!(defect(40) < 1e-8 && missed(&verlet(40)) < 1e-11, "{:e} {:e}", defect(40), missed(&verlet(40)));
    assert!(symplectic_defect(&RungeKutta4, &mut Coupled) > 1e-6);
}

#[test]
fn the_residual_of_stormer_verlet_shrinks_with_every_iteration() {
    let residual = |iterations| {
        let mut state = state(&[0.4, -0.3], &[0.2, 0.5]);
        verlet(iterations).step(&mut Coupled, &mut state, &[], 0.1).unwrap()
    };
    for iterations in 1..8 {
        assert!(residual(iterations + 1) < 0.2 * residual(iterations), "{iterations}");
    }
    assert!(residual(30) < 1e-15);
    assert_eq!(StormerVerlet::new(0), Err(crate::Error::Iterations));
    assert_eq!(StormerVerlet::new(65), Err(crate::Error::Iterations));
}

#[test]
fn where_energy_is_separable_stormer_verlet_is_leapfrog_and_has_nothing_to_iterate() {
    let start = state(&[0.4, -0.3], &[0.2, 0.5]);
    let mut ours = start.clone();
    let residual = verlet(2).step(&mut HenonHeiles, &mut ours, &[], 0.1).unwrap();
    let leapfrog = run(&LEAPFROG, &mut HenonHeiles, &start, 0.1, 1);
    assert_eq!(residual, 0.0);
    assert!(distance(&ours, &leapfrog) < 1e-16);
}
