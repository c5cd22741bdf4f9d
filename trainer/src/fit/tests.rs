//! Training end to end on small problems.

use super::*;
use crate::architecture::{self, Scaling};
use crate::execute::Precision;
use crate::system;

fn data() -> system::Generated {
    let spring = system::find("spring").unwrap();
    let protocol = system::Protocol { trajectories: 8, held_out: 2, rows: 20, ..spring.reference };
    system::generate(spring, &system::Settings::new(), &protocol, 3).unwrap()
}

struct Problem {
    data: system::Generated,
    architecture: Architecture,
    loss: loss::Settings,
    settings: Settings,
}

impl Problem {
    fn new(loss: loss::Settings, steps: u64) -> Self {
        let data = data();
        let settings = architecture::Settings { hidden: vec![8], ..architecture::Settings::default() };
        let architecture = architecture::build(&settings, &Scaling::measure(&data.train), 1).unwrap();
        let settings = Settings { steps, rate: 1e-2, judge_every: 10, ..Settings::default() };
        Self { data, architecture, loss, settings }
    }

    fn task(&self) -> Task<'_> {
        Task {
            architecture: &self.architecture,
            train: &self.data.train,
            held_out: Some(&self.data.held_out),
            loss: &self.loss,
            settings: &self.settings,
        }
    }

    fn fit(&self, resume: Option<&Checkpoint>) -> Result<Fitted, FitError> {
        fit(self.task(), resume, &mut Silent, &AtomicBool::new(false))
    }
}

fn rollout() -> loss::Settings {
    loss::Settings::Rollout(loss::Rollout { steps: 5, shift: 5, learned_starts: true, ..loss::Rollout::default() })
}

/// Three stages over the steps; they may be joined by multiple shooting.
fn stages(shooting: bool) -> loss::Settings {
    let curriculum = vec![2, 4, 8];
    let shooting_weight = shooting.then_some(2.0);
    let settings = loss::Rollout { steps: 8, shift: 8, learned_starts: true, ..loss::Rollout::default() };
    loss::Settings::Rollout(loss::Rollout { curriculum, shooting_weight, ..settings })
}

/// Raises the flag at a step and keeps the last checkpoint.
struct StopAt<'a> {
    step: u64,
    flag: &'a AtomicBool,
    checkpoint: Option<Checkpoint>,
}

impl Observer for StopAt<'_> {
    fn stepped(&mut self, report: &Report) -> io::Result<()> {
        if report.step == self.step {
            self.flag.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn judged(&mut self, _: &Report, checkpoint: &Checkpoint) -> io::Result<()> {
        self.checkpoint = Some(checkpoint.clone());
        Ok(())
    }
}

#[test]
fn interrupted_and_resumed_training_equals_uninterrupted_training_bit_for_bit() {
    for loss in [loss::Settings::Field, rollout(), stages(false), stages(true)] {
        for (batch, precision) in [(None, Precision::F32), (Some(5), Precision::F32), (Some(5), Precision::F64)] {
            let mut problem = Problem::new(loss.clone(), 100);
            problem.settings.batch = batch;
            problem.settings.precision = precision;
            let whole = problem.fit(None).unwrap();
            let flag = AtomicBool::new(false);
            // With stages, at the boundary between two: the next step is the first of the second.
            let step = if loss.stages() > 1 { 34 } else { 50 };
            let mut stop = StopAt { step, flag: &flag, checkpoint: None };
            let part = fit(problem.task(), None, &mut stop, &flag).unwrap();
            assert_eq!((part.outcome, part.checkpoint.step), (Outcome::Interrupted, step));
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("checkpoint.safetensors");
            stop.checkpoint.unwrap().save(&path).unwrap();
            let rest = problem.fit(Some(&Checkpoint::load(&path).unwrap())).unwrap();
            assert_eq!(rest.outcome, Outcome::Finished);
            assert_eq!(rest.checkpoint, whole.checkpoint, "{loss:?} {batch:?} {precision:?}");
        }
    }
}

#[test]
fn training_makes_both_losses_smaller_and_another_seed_gives_other_weights() {
    for loss in [loss::Settings::Field, rollout()] {
        let mut problem = Problem::new(loss, 200);
        problem.settings.batch = Some(10);
        let fitted = problem.fit(None).unwrap();
        let start = Problem { settings: Settings { steps: 1, ..problem.settings.clone() }, ..problem };
        let first = start.fit(None).unwrap().report.unwrap().held_out.unwrap();
        let best = fitted.checkpoint.best_loss.unwrap();
        assert!(best < 0.3 * first, "{best} after {first}");
        let other = Problem { settings: Settings { seed: 9, steps: 200, ..start.settings.clone() }, ..start };
        assert_ne!(other.fit(None).unwrap().parameters, fitted.parameters);
    }
}

#[test]
fn a_rate_that_explodes_is_reported_and_keeps_the_last_good_checkpoint() {
    let mut problem = Problem::new(rollout(), 50);
    problem.settings = Settings { rate: 1e30, judge_every: 1, clip: None, ..problem.settings };
    let flag = AtomicBool::new(false);
    let mut observer = StopAt { step: u64::MAX, flag: &flag, checkpoint: None };
    let error = fit(problem.task(), None, &mut observer, &flag).unwrap_err();
    let FitError::NotFinite { step, .. } = error else { panic!("{error}") };
    assert!(error.to_string().contains("an earlier checkpoint stays as it was"));
    let finite = |parameters: &Parameters| parameters.values().all(|t| t.data().iter().all(|value| value.is_finite()));
    assert!(observer.checkpoint.is_none_or(|kept| kept.step <= step && finite(&kept.best)));
}

#[test]
fn quasi_newton_steps_resume_bit_for_bit_and_need_a_quarter_of_the_steps() {
    for loss in [loss::Settings::Field, rollout()] {
        let mut problem = Problem::new(loss.clone(), 400);
        let adam = problem.fit(None).unwrap();
        problem.settings = Settings { method: Method::Lbfgs, steps: 100, ..problem.settings };
        let whole = problem.fit(None).unwrap();
        let flag = AtomicBool::new(false);
        let mut stop = StopAt { step: 17, flag: &flag, checkpoint: None };
        let part = fit(problem.task(), None, &mut stop, &flag).unwrap();
        assert_eq!((part.outcome, part.checkpoint.step), (Outcome::Interrupted, 17));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        stop.checkpoint.unwrap().save(&path).unwrap();
        let rest = problem.fit(Some(&Checkpoint::load(&path).unwrap())).unwrap();
        assert_eq!(rest.checkpoint, whole.checkpoint, "{loss:?}");
        let (newton, adam) = (whole.report.unwrap().loss, adam.report.unwrap().loss);
        assert!(newton <= adam * 1.05, "{loss:?}: {newton} after 100 steps, {adam} after 400 of Adam");
    }
}

#[test]
fn training_stops_early_where_held_out_data_no_longer_improve() {
    let mut problem = Problem::new(loss::Settings::Field, 400);
    // At a vanishing rate nothing changes in f32 soon enough, so no judgement improves on the first.
    problem.settings = Settings { rate: 1e-30, judge_every: 1, patience: Some(3), ..problem.settings };
    let fitted = problem.fit(None).unwrap();
    // One judgement to improve on, then three that do not.
    assert_eq!((fitted.outcome, fitted.checkpoint.step), (Outcome::StoppedEarly, 4));
}

#[test]
fn foreign_checkpoints_and_impossible_settings_are_refused() {
    let problem = Problem::new(loss::Settings::Field, 3);
    let checkpoint = problem.fit(None).unwrap().checkpoint;
    let mut renamed = checkpoint.clone();
    renamed.parameters.pop_first();
    for (wrong, said) in [
        (Checkpoint { step: 4, ..checkpoint.clone() }, "more steps"),
        (renamed, "names or shapes"),
        (Checkpoint { starts: Starts::new(2, 2), ..checkpoint.clone() }, "other windows"),
        (Checkpoint { memory: Memory { moves: vec![vec![1.0]], changes: vec![vec![1.0]] }, ..checkpoint }, "L-BFGS"),
    ] {
        let message = problem.fit(Some(&wrong)).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
    for settings in [
        Settings { steps: 0, ..Settings::default() },
        Settings { batch: Some(0), ..Settings::default() },
        Settings { rate: f64::NAN, ..Settings::default() },
        Settings { final_rate: 2.0, ..Settings::default() },
        Settings { clip: Some(0.0), ..Settings::default() },
        Settings { judge_every: 0, ..Settings::default() },
        Settings { weight_decay: -1.0, ..Settings::default() },
        Settings { method: Method::Lbfgs, batch: Some(4), ..Settings::default() },
    ] {
        assert!(matches!(settings.check(), Err(FitError::Setting(_))), "{settings:?}");
    }
}

#[test]
fn time_left_follows_the_pace_of_this_run() {
    let report = Report {
        step: 30,
        steps: 90,
        loss: 1.0,
        held_out: None,
        best: None,
        rate: 1.0,
        gradient_norm: 1.0,
        seconds: 10.0,
    };
    assert_eq!(report.remaining(10), Some(Duration::from_secs(30)));
    assert_eq!(report.remaining(30), None);
}
