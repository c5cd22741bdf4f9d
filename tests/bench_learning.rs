//! The parts of the learning benchmark: long motions that must last or must end, reports that fit their schema.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use hnn_conformance::learning::endurance::{Course, Deployment};
use hnn_conformance::learning::report::{Compared, Endurance, REPORT_FORMAT, Report, RunReport, TaskReport, median};
use hnn_conformance::learning::{table, task};
use hnn_conformance::misfits;
use hnn_exporter::dynamics::{Model, Scheme};
use hnn_exporter::expression;
use hnn_exporter::graph::{Graph, Shape, Tensor};
use hnn_trainer::baseline::Baseline;

fn spring() -> Model {
    expression::parse("p^2 + q^2", &std::collections::BTreeMap::new()).unwrap()
}

/// ẋ = (2p, −2q − c·p): the spring with friction.
fn damped(friction: f64) -> Baseline {
    let mut graph = Graph::new();
    let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
    let a = graph.constant(Tensor::new(vec![2, 2], vec![0.0, 2.0, -2.0, -friction]).unwrap()).unwrap();
    let dx = graph.matmul_transposed(x, a).unwrap();
    graph.set_output("dx", dx);
    Baseline::new(graph).unwrap()
}

#[test]
fn the_true_energy_lasts_and_friction_ends_when_a_tenth_is_lost() {
    let truth = spring();
    let deployed = Deployment { scheme: Scheme::Yoshida4, dt: 0.05 };
    let lasting = Course::new(&truth, deployed, &truth).unwrap().run(&[0.6, 0.0], 0.36, 500).unwrap();
    assert!(lasting.survived && lasting.cycles == 500 && lasting.energy_error < 1e-4, "{lasting:?}");
    // A million cycles are 6.3·10⁷ steps; that the motion repeats to the bit is found long before.
    let longest = Course::new(&truth, deployed, &truth).unwrap().run(&[0.6, 0.0], 0.36, 1_000_000).unwrap();
    assert!(longest.survived && longest.cycles == 1_000_000 && longest.steps < 10_000_000, "{longest:?}");
    // H falls as e^(−ct) on average: a tenth is lost at t = 0.105/c = 10.5 s, after 3.35 cycles of π s.
    let ending = Course::new(&damped(0.01), deployed, &truth).unwrap().run(&[0.6, 0.0], 0.36, 500).unwrap();
    assert!(!ending.survived && (3..=4).contains(&ending.cycles), "{ending:?}");
    // The mean of 1 − e^(−ct) over 20 s.
    let expected = 1.0 - (1.0 - (-0.2f64).exp()) / 0.2;
    assert!((ending.energy_error - expected).abs() < 0.01, "{ending:?} {expected}");
    let exploding = Course::new(&damped(-50.0), deployed, &truth).unwrap().run(&[0.6, 0.0], 0.36, 500).unwrap();
    assert!(!exploding.survived && exploding.cycles == 0 && exploding.energy_error > 1e3, "{exploding:?}");
}

fn report() -> Report {
    let run = |seed: u64, cpu_s: f64| RunReport {
        seed,
        cpu_s,
        model: "separable".to_owned(),
        parameters: 65,
        energy_mse: Some(1e-5 * cpu_s),
        coordinate_mse: None,
        deployed_energy_mse: Some(2e-5),
        deployed_coordinate_mse: None,
        endurance: Some(Endurance {
            starts: 3,
            stepper: "leapfrog".to_owned(),
            dt_s: 0.1,
            energy_error: None,
            cycles: 7,
            limit: 1_000_000,
        }),
        reference: None,
    };
    let task = |compared: Option<Compared>| TaskReport {
        task: "spring".to_owned(),
        system: "spring".to_owned(),
        arguments: vec!["--noise".to_owned(), "0".to_owned()],
        compared,
        hnn_version: "0.0.0".to_owned(),
        processor: "any".to_owned(),
        runs: vec![run(0, 1.0), run(1, 3.0), run(2, 2.0)],
    };
    let compared = Compared { points: 100, who: "LSTM".to_owned() };
    Report { format: REPORT_FORMAT, tasks: vec![task(None), task(Some(compared))] }
}

#[test]
fn a_report_fits_its_schema_and_its_tables_show_medians() {
    let mut report = report();
    let complaints = misfits("bench-learning", &serde_json::to_string(&report).unwrap()).unwrap();
    assert!(complaints.is_empty(), "{complaints:?}");
    let mut wrong = serde_json::to_value(&report).unwrap();
    wrong["tasks"][0]["runs"] = serde_json::json!([]);
    assert!(!misfits("bench-learning", &wrong.to_string()).unwrap().is_empty());
    let document = "a\n<!-- learning: begin -->\nold\n<!-- learning: end -->\nz\n";
    let written = table::replaced(document, &report).unwrap();
    assert!(written.contains("| spring | separable | 3 | 2.0e-5 | diverged | 2.0 | not run | not run |"), "{written}");
    assert!(written.contains("| spring | 100 | LSTM | 3 | diverged | 7 | 65 | 2.0 |"), "{written}");
    assert!(!written.contains("old") && written.starts_with("a\n") && written.ends_with("end -->\nz\n"));
    assert!(table::replaced("none", &report).is_err());
    let again = report.tasks[1].clone();
    report.enter(TaskReport { hnn_version: "1".to_owned(), ..again });
    assert_eq!((report.tasks.len(), report.tasks[1].hnn_version.as_str()), (2, "1"));
    assert_eq!(median([Some(1.0), None, Some(2.0)]), 2.0);
}

#[test]
fn every_size_of_the_comparison_has_everybody_in_it() {
    let tasks = task::all();
    for system in ["spring", "pendulum"] {
        for points in [100, 10_000] {
            let name = format!("{system}-{points}");
            let who: Vec<&str> =
                tasks.iter().filter(|task| task.name == name).filter_map(|task| Some(task.compared?.1)).collect();
            assert_eq!(who, task::COMPARED.map(|(who, _)| who));
        }
    }
}
