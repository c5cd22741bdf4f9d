//! A trained model by its path: a run, or an ensemble of them with the member that is meant.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use hnn_exporter::dynamics::{DynamicsError, Model};
use hnn_trainer::ensemble::{self, Ensemble, Member};
use hnn_trainer::learned::Learned;
use hnn_trainer::run::{self, Run};

use crate::console;

/// A model with its weights bound, and the run that says how it was learned.
pub(super) struct Trained {
    /// The run; of a mean the first one, as members differ by their seeds only.
    pub(super) run: Run,
    /// What it learned, or the mean of all members.
    pub(super) learned: Learned,
    /// Where it is: the run, or the ensemble.
    pub(super) place: PathBuf,
    /// What it is called: the path, and the member where there are several.
    pub(super) name: String,
    /// The ensemble it belongs to, with the models of all members.
    pub(super) ensemble: Option<(Ensemble, Vec<Model>)>,
    /// Which of them it is.
    pub(super) member: Option<Member>,
}

impl Trained {
    /// The energy, for whatever needs one.
    ///
    /// # Errors
    /// Where a baseline was learned.
    pub(super) fn model(&self) -> Result<&Model, DynamicsError> {
        self.learned.hamiltonian()
    }
}

/// Opens a run or an ensemble; one that stopped early is announced.
pub(super) fn open(path: &Path, member: Option<Member>) -> anyhow::Result<Trained> {
    let place = path.display();
    if !ensemble::is_ensemble(path) {
        if let Some(member) = member {
            bail!("{place} is no ensemble: it has no {member}. Leave out --member, or train with --ensemble");
        }
        let run = run::open(path)?;
        announce(&run, path)?;
        let learned = run.learned()?;
        return Ok(Trained {
            run,
            learned,
            place: path.to_owned(),
            name: place.to_string(),
            ensemble: None,
            member: None,
        });
    }
    let ensemble = ensemble::open(path)?;
    for run in ensemble.members() {
        announce(run, path)?;
    }
    let models = ensemble.members().iter().map(Run::model).collect::<Result<Vec<_>, _>>()?;
    let member = member.unwrap_or(Member::Mean);
    let (index, model) = match member {
        Member::Mean => (0, ensemble::mean(&models)?),
        Member::Best => {
            let best = ensemble.best()?;
            (best, models[best].clone())
        }
        Member::Index(index) => {
            let last = models.len() - 1;
            let model = models.get(index).with_context(|| format!("{place} has members 0 to {last}, not {index}"))?;
            (index, model.clone())
        }
    };
    let name = match member {
        Member::Mean => format!("{place}, mean of {} members", models.len()),
        Member::Best => format!("{place}, best of {} members: {index}", models.len()),
        Member::Index(_) => format!("{place}, {member} of {}", models.len()),
    };
    let run = ensemble.members()[index].clone();
    Ok(Trained {
        run,
        learned: model.into(),
        place: path.to_owned(),
        name,
        ensemble: Some((ensemble, models)),
        member: Some(member),
    })
}

/// Refuses a run without weights worth looking at, and says where one stopped early; `path` is what continues it.
fn announce(run: &Run, path: &Path) -> anyhow::Result<()> {
    let (place, whole) = (run.path().display(), path.display());
    let Some(checkpoint) = run.checkpoint()? else {
        bail!("{place} has not been trained yet; `hnn train --resume --out {whole}` does");
    };
    let steps = run.config()?.fit.steps_in_all();
    if checkpoint.step < steps {
        console::note(format!("{place}: trained {} of {steps} steps", checkpoint.step));
    }
    Ok(())
}
