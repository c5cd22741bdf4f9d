//! `hnn train --ensemble K`: K seeds side by side, each a run of its own.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, anyhow, ensure};
use hnn_trainer::data::Second;
use hnn_trainer::ensemble::{self, MAX_MEMBERS};
use hnn_trainer::fit::{Fitted, Outcome};
use hnn_trainer::run::Run;

use super::{Material, Prepared, data_again, plan_from, read_again, report};
use crate::arguments::TrainArguments;
use crate::interrupt::Interrupt;
use crate::progress::Together;
use crate::{Verdict, console};

/// Trains a new ensemble, or goes on with the one at `--out`.
pub(super) fn train(arguments: &TrainArguments) -> anyhow::Result<Verdict> {
    let out = &arguments.out;
    let prepared = match arguments.ensemble {
        Some(count) => begin(arguments, count)?,
        None => resume(out)?,
    };
    let interrupt = Interrupt::listen()?;
    let began = Instant::now();
    let results = fit_all(&prepared, interrupt.flag());
    let seconds = began.elapsed().as_secs_f64();
    // Whichever failed, the others are saved and are reported first.
    let (mut failure, mut interrupted) = (None, false);
    for (member, result) in prepared.iter().zip(results) {
        match result {
            Ok(fitted) => {
                report(&member.run, &fitted, seconds);
                interrupted |= fitted.outcome == Outcome::Interrupted;
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    conclude(out, interrupted, seconds)
}

/// Reads all members; their data are the same and are read once.
fn resume(out: &Path) -> anyhow::Result<Vec<Prepared>> {
    let ensemble = ensemble::open(out)?;
    let first = ensemble.members().first().context("an ensemble has a member")?;
    let (train, held_out) = data_again(first)?;
    let again = |run: &Run| read_again(run.clone(), (Arc::clone(&train), Arc::clone(&held_out)));
    ensemble.members().iter().map(again).collect()
}

/// Makes the directories of all members, then the file that says they belong together.
fn begin(arguments: &TrainArguments, count: usize) -> anyhow::Result<Vec<Prepared>> {
    ensure!((2..=MAX_MEMBERS).contains(&count), "--ensemble {count}: between 2 and {MAX_MEMBERS} members are possible");
    let out = &arguments.out;
    let (loaded, planned) = plan_from(arguments)?;
    ensure!(!planned.subject.is_baseline(), "--ensemble averages energies, and a baseline has none");
    let first = planned.fit.seed;
    let material = Material::new(loaded, planned)?;
    ensure!(
        material.train.names.second == Second::Momentum,
        "--ensemble averages energies of the same momenta, and each member finds its own from these velocities; give momenta with --p"
    );
    // Whatever cannot be trained is refused before an earlier ensemble is replaced.
    material.build(first)?;
    ensemble::clear(out, arguments.force)?;
    let member = |index: usize| {
        let seed = first.wrapping_add(index as u64);
        material.prepare(&ensemble::member_path(out, index), false, seed)
    };
    let prepared = (0..count).map(member).collect::<anyhow::Result<Vec<_>>>()?;
    ensemble::create(out, count, first)?;
    Ok(prepared)
}

/// Trains all members, as many at a time as there are processors. Each is a function of its own seed and of the data alone, so
/// their order changes nothing.
fn fit_all(prepared: &[Prepared], interrupted: &AtomicBool) -> Vec<anyhow::Result<Fitted>> {
    let bar = Together::new(prepared.iter().map(|one| (one.config.fit.steps_in_all(), one.first_step())));
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<anyhow::Result<Fitted>>>> = prepared.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while let Some((member, place)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            prepared.get(index).zip(results.get(index))
        } {
            let fitted = member.fit(Some(&bar), interrupted);
            if let Ok(mut place) = place.lock() {
                *place = Some(fitted);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(prepared.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let lost = || Err(anyhow!("a training ended without a result"));
    results.into_iter().map(|place| place.into_inner().ok().flatten().unwrap_or_else(lost)).collect()
}

fn conclude(out: &Path, interrupted: bool, seconds: f64) -> anyhow::Result<Verdict> {
    let place = out.display();
    if interrupted {
        console::say(format!("{place}: interrupted; continue with `hnn train --resume --out {place}`"));
        return Ok(Verdict::Failed);
    }
    let ensemble = ensemble::open(out).context("the ensemble was trained, but cannot be read")?;
    let (count, best) = (ensemble.members().len(), ensemble.best()?);
    console::say(format!("{place}: {count} members in {seconds:.1} s; best on held-out data: member {best}"));
    console::say(format!("next: hnn evaluate {place}; hnn export {place} --member best --out DIR"));
    Ok(Verdict::Good)
}
