//! Models evaluated against named systems.

use hnn_exporter::dynamics::Scheme;
use hnn_exporter::expression;

use super::*;

fn options() -> CleanOptions {
    CleanOptions {
        starts: 5,
        horizon: 5.0,
        dt: 0.05,
        seed: 1,
        scheme: Some(Scheme::Leapfrog),
        learned_through_scheme: false,
    }
}

#[test]
fn the_true_model_has_no_error_and_a_wrong_one_has() {
    let pendulum = systems::find("pendulum").unwrap();
    let protocol = systems::Protocol { trajectories: 4, held_out: 2, rows: 10, ..pendulum.reference };
    let data = systems::generate(pendulum, &Settings::new(), &protocol, 1).unwrap().held_out_clean;
    let truth = pendulum.model(&Settings::new()).unwrap();
    let report = system(&truth, (pendulum, &Settings::new()), Some(&data), &options()).unwrap();
    let field = report.field.unwrap();
    assert!(report.test_loss_clean.unwrap() < 1e-28);
    assert!(field.energy_mse.unwrap() < 1e-16 && field.coordinate_mse.unwrap() < 1e-14, "{field:?}");
    // Periods lie between 2.5 and 4 s, so 5 s hold one or two cycles; nothing is lost before their end.
    assert_eq!(field.survived_s_median, Some(5.0));
    assert!((1.0..=2.0).contains(&field.survived_cycles_median.unwrap()), "{field:?}");
    // The scheme has an error of its own, of second order in the step.
    let deployed = report.deployed.unwrap().metrics;
    assert!(deployed.energy_mse.unwrap() > 1e-12, "{deployed:?}");
    let wrong = expression::parse("p^2 + 1.5*q^2", &Settings::new()).unwrap();
    let report = system(&wrong, (pendulum, &Settings::new()), Some(&data), &options()).unwrap();
    assert!(report.test_loss_clean.unwrap() > 1e-2);
    assert!(report.field.unwrap().coordinate_mse.unwrap() > 1e-2);
}

#[test]
fn the_test_loss_of_a_shifted_spring_is_its_closed_form() {
    let spring = systems::find("spring").unwrap();
    let protocol = systems::Protocol { trajectories: 3, held_out: 1, rows: 8, ..spring.reference };
    let data = systems::generate(spring, &Settings::new(), &protocol, 2).unwrap().held_out_clean;
    // H + q/2 changes dp by −1/2 everywhere: half of the coordinates err by 1/4 squared.
    let shifted = expression::parse("p^2 + q^2 + q/2", &Settings::new()).unwrap();
    assert!((test_loss(&shifted, &data).unwrap() - 0.125).abs() < 1e-14);
}

#[test]
fn models_of_other_dimensions_are_refused() {
    let model = expression::parse("p1^2 + p2^2 + q1^2*q2^2", &Settings::new()).unwrap();
    let spring = systems::find("spring").unwrap();
    let error = system(&model, (spring, &Settings::new()), None, &options()).unwrap_err();
    assert_eq!(error.to_string(), "system `spring` has 1 degrees of freedom and no input, the model 2 and 0");
}

#[test]
fn the_leapfrog_graph_steps_rows_by_their_own_time() {
    let spring = systems::find("spring").unwrap().model(&Settings::new()).unwrap();
    let mut predictor = GraphPredictor::new(&spring, Scheme::Leapfrog).unwrap();
    let mut x = [1.0, 0.0, 1.0, 0.0];
    predictor.step(&mut x, &[], &[0.1, 0.2]).unwrap();
    for (state, dt) in x.chunks_exact(2).zip([0.1f64, 0.2]) {
        // Kick −dt, drift 2·dt·(−dt) … by hand: q = 1 − 2dt², p = −2dt + 2dt³.
        assert!((state[0] - (1.0 - 2.0 * dt * dt)).abs() < 1e-15);
        assert!((state[1] - (-2.0 * dt + 2.0 * dt.powi(3))).abs() < 1e-15);
    }
}
