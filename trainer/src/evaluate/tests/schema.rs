//! The report against its published schema.

use hnn_exporter::dynamics::Scheme;

use super::*;

const SCHEMA: &str = include_str!("../../../../docs/schema/evaluate.schema.json");

fn metrics(rmse: Option<f64>) -> WindowMetrics {
    let (median_at_end, quantile_90_at_end) = (Some(0.1), rmse);
    WindowMetrics { window_s: 0.5, windows: 4, samples: 400, rmse, median_at_end, quantile_90_at_end, diverged: 0 }
}

fn report() -> Evaluation {
    let spring = systems::find("spring").unwrap();
    let options = CleanOptions { starts: 2, horizon: 1.0, dt: 0.1, seed: 1, scheme: Some(Scheme::Yoshida4) };
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
    }
}

#[test]
fn reports_fit_their_schema_and_survive_a_round_trip() {
    let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let full = report();
    let empty = Evaluation { system: None, recordings: Vec::new(), grey_box: None, ..full.clone() };
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
        ("/version", serde_json::json!(2)),
        ("/recordings/0/metrics/rmse", serde_json::json!(-1.0)),
        ("/recordings/0/metrics/windows", serde_json::json!(1.5)),
        ("/system/deployed/metrics/energy_mse", serde_json::json!("small")),
        ("/grey_box/inertia", serde_json::json!(0.0)),
        ("/system/truth", serde_json::json!({})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.is_valid(&bad), "{pointer}");
    }
}
