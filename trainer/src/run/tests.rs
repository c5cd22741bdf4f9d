//! A run directory written, read, continued and protected.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::architecture::{self, Scaling};
use crate::fit::{Silent, Task, fit};
use crate::system;

struct Made {
    data: system::Generated,
    config: Config,
    architecture: Architecture,
    summary: DataSummary,
}

fn made() -> Made {
    let spring = system::find("spring").unwrap();
    let protocol = system::Protocol { trajectories: 4, held_out: 1, rows: 8, ..spring.reference };
    let data = system::generate(spring, &system::Settings::new(), &protocol, 3).unwrap();
    let scaling = Scaling::measure(&data.train);
    let settings = architecture::Settings { hidden: vec![4], ..architecture::Settings::default() };
    let config = Config {
        version: VERSION,
        model: settings.clone().into(),
        loss: loss::Settings::Field,
        fit: fit::Settings { steps: 20, judge_every: 5, ..fit::Settings::default() },
        source: serde_json::json!({ "system": "spring" }),
    };
    let architecture = architecture::build(&settings, &scaling, 1).unwrap();
    let summary = DataSummary::new(&data.train, &data.train, &scaling);
    Made { data, config, architecture, summary }
}

impl Made {
    fn train(&self, run: &Run, steps: u64) -> fit::Fitted {
        let settings = fit::Settings { steps, ..self.config.fit.clone() };
        let task = Task {
            architecture: &self.architecture,
            train: &self.data.train,
            held_out: Some(&self.data.held_out),
            loss: &self.config.loss,
            settings: &settings,
        };
        let resumed = run.checkpoint().unwrap();
        let mut silent = Silent;
        let mut recorder = run.recorder(resumed.as_ref(), &mut silent).unwrap();
        fit(task, resumed.as_ref(), &mut recorder, &AtomicBool::new(false)).unwrap()
    }
}

#[test]
fn what_was_trained_is_read_back_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let made = made();
    let run = create(&folder.path().join("run"), &made.config, &made.summary, &made.architecture, false).unwrap();
    let fitted = made.train(&run, 20);
    let run = open(run.path()).unwrap();
    assert_eq!(run.config().unwrap(), made.config);
    assert_eq!(run.architecture().unwrap().initial, fitted.parameters);
    let summary = run.data().unwrap();
    assert_eq!(summary, made.summary);
    assert_eq!(run.checkpoint().unwrap(), Some(fitted.checkpoint));
    let bound = made.architecture.model.bind(&|name| fitted.parameters.get(name).cloned()).unwrap();
    assert_eq!(run.model().unwrap().graph().to_string(), bound.graph().to_string());
    let steps: Vec<u64> = run.metrics().unwrap().iter().map(|report| report.step).collect();
    assert_eq!(steps, [5, 10, 15, 20]);
}

#[test]
fn continuing_drops_metrics_of_steps_that_are_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let made = made();
    let run = create(folder.path(), &made.config, &made.summary, &made.architecture, false).unwrap();
    made.train(&run, 10);
    let early = run.checkpoint().unwrap().unwrap();
    made.train(&run, 20);
    early.save(&run.path().join(CHECKPOINT)).unwrap();
    made.train(&run, 20);
    let steps: Vec<u64> = run.metrics().unwrap().iter().map(|report| report.step).collect();
    assert_eq!(steps, [5, 10, 15, 20]);
}

#[test]
fn a_directory_that_holds_anything_is_not_touched_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let made = made();
    let make = |force| create(folder.path(), &made.config, &made.summary, &made.architecture, force);
    make(false).unwrap();
    assert!(matches!(make(false), Err(RunError::Exists(_))));
    make(true).unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
    assert!(matches!(make(true), Err(RunError::Foreign { file, .. }) if file == "thesis.tex"));
    assert!(is_run(folder.path()) && folder.path().join("thesis.tex").is_file());
}

#[test]
fn damaged_runs_are_refused_with_the_file_at_fault() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(open(folder.path()), Err(RunError::NotARun(_))));
    let made = made();
    let run = create(folder.path(), &made.config, &made.summary, &made.architecture, false).unwrap();
    std::fs::write(folder.path().join(GRAPH), "not a graph").unwrap();
    assert!(run.model().unwrap_err().to_string().contains(GRAPH));
    let config = std::fs::read_to_string(folder.path().join(CONFIG)).unwrap();
    std::fs::write(folder.path().join(CONFIG), config.replacen("\"version\": 1", "\"version\": 9", 1)).unwrap();
    let message = run.config().unwrap_err().to_string();
    assert!(message.contains(CONFIG) && message.contains('9'), "{message}");
    std::fs::write(folder.path().join(METRICS), "{}\n").unwrap();
    assert!(run.metrics().unwrap_err().to_string().contains("line 1"));
}

#[test]
fn a_fingerprint_changes_with_any_number() {
    let made = made();
    let mut other = made.data.train.clone();
    assert_eq!(fingerprint(&other), made.summary.fingerprint);
    other.trajectories[0].q[0] += 1e-15;
    assert_ne!(fingerprint(&other), made.summary.fingerprint);
}
