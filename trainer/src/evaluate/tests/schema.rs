//! The report against its published schema.

use hnn_exporter::dynamics::Scheme;

use super::*;
use crate::ensemble::{EnsembleReport, MemberReport, Probe, disagreement};

const SCHEMA: &str = include_str!("../../../../docs/schema/evaluate.schema.json");

fn metrics(rmse: Option<f64>) -> WindowMetrics {
    let (median_at_end, quantile_90_at_end) = (Some(0.1), rmse);
    WindowMetrics { window_s: 0.5, windows: 4, samples: 400, rmse, median_at_end, quantile_90_at_end, diverged: 0 }
}

/// Equilibria of every kind, with and without a density, and momenta with and without a truth.
fn examined() -> StructureReport {
    let parse = |text: &str| hnn_exporter::expression::parse(text, &Settings::new()).unwrap();
    let states: Vec<f64> = (0..32).flat_map(|at| [0.1 * f64::from(at) - 1.6, 1.0, 0.3, -0.2]).collect();
    let region = Region { states: &states, angles: &[], density: None };
    let wells = parse("p1^2/2 + p2^2/2 + (q1^2-1)^2/4");
    let mut report = structure(&wells, Some(&wells), &region).unwrap();
    report.equilibria[0].score = Some(1.5);
    report
}

/// An ensemble that has a truth at one set of states and none at the other.
fn disagreeing() -> EnsembleReport {
    let parse = |text: &str| hnn_exporter::expression::parse(text, &Settings::new()).unwrap();
    let members = [parse("p^2/2 + q^2/2"), parse("p^2/2 + q^2")];
    let probe = Probe { name: "made", x: &[1.0, 0.5], u: &[] };
    let member = |seed, held_out_loss| MemberReport { seed, held_out_loss };
    EnsembleReport {
        members: vec![member(0, Some(0.5)), member(1, None)],
        best: 0,
        disagreement: vec![
            disagreement(&members, Some(&members[0]), &probe).unwrap(),
            disagreement(&members, None, &probe).unwrap(),
        ],
    }
}

fn report() -> Evaluation {
    let spring = systems::find("spring").unwrap();
    let scheme = Some(Scheme::Leapfrog);
    let options = CleanOptions { starts: 2, horizon: 1.0, dt: 0.1, seed: 1, scheme, learned_through_scheme: true };
    let model = spring.model(&Settings::new()).unwrap();
    let recording = |predictor: &str, rmse| RecordingEvaluation {
        source: "a.csv".to_owned(),
        predictor: predictor.to_owned(),
        metrics: metrics(rmse),
    };
    let grey_box = GreyBox { inertia: 0.1, gravity: 3.0, viscous: 0.0, coulomb: 0.2, offset: -0.01 };
    Evaluation {
        version: REPORT_VERSION,
        model: "run".to_owned(),
        system: Some(system(&model, (spring, &Settings::new()), None, &options).unwrap()),
        recordings: vec![recording("model", Some(0.2)), recording("grey box", None)],
        grey_box: Some(GreyBoxFit { grey_box, objective: 1.0, evaluations: 3 }.into()),
        coverage: vec![CoverageReport {
            source: "a.csv".to_owned(),
            rows: 10,
            outside_fraction: 0.1,
            score_median: Some(0.4),
            score_max: None,
        }],
        structure: Some(examined()),
        passivity: vec![PassivityReport {
            source: "a.csv".to_owned(),
            window_s: 0.5,
            steps: 100,
            excess_step_max: Some(-1e-3),
            excess_window_max: None,
            work_rms: Some(0.1),
            dissipation_min: Some(0.0),
        }],
        ensemble: Some(disagreeing()),
    }
}

#[test]
fn reports_fit_their_schema_and_survive_a_round_trip() {
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let full = report();
    let empty = Evaluation {
        structure: None,
        ensemble: None,
        passivity: Vec::new(),
        system: None,
        recordings: Vec::new(),
        coverage: Vec::new(),
        grey_box: None,
        ..full.clone()
    };
    for report in [full, empty] {
        let json = serde_json::to_value(&report).unwrap();
        let faults: Vec<String> = schema.iter_errors(&json).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(serde_json::from_value::<Evaluation>(json).unwrap(), report);
    }
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let good = serde_json::to_value(report()).unwrap();
    for (pointer, value) in [
        ("/version", serde_json::json!(1)),
        ("/recordings/0/metrics/rmse", serde_json::json!(-1.0)),
        ("/recordings/0/metrics/windows", serde_json::json!(1.5)),
        ("/system/deployed/metrics/energy_mse", serde_json::json!("small")),
        ("/grey_box/inertia", serde_json::json!(0.0)),
        ("/coverage/0/outside_fraction", serde_json::json!(1.5)),
        ("/structure/equilibria/0/kind", serde_json::json!("summit")),
        ("/structure/conserved/0/conserved", serde_json::json!(0)),
        ("/ensemble/members/0/seed", serde_json::json!(-1)),
        ("/passivity/0/steps", serde_json::json!(-1)),
        ("/system/truth", serde_json::json!({})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.is_valid(&bad), "{pointer}");
    }
}
