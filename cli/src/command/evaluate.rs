//! `hnn evaluate`: a run against the true energy, or open loop against recordings.

mod disagreeing;
mod print;

use anyhow::{Context, bail};
use hnn_exporter::dynamics::{Model, Scheme, separability};
use hnn_exporter::pipeline::default_scheme;
use hnn_trainer::data::{Dataset, Second};
use hnn_trainer::evaluate::{
    CleanOptions, Evaluation, GraphPredictor, REPORT_VERSION, RecordingEvaluation, Region, StructureReport,
    SystemEvaluation, coverage, passivity, structure, system, windows,
};
use hnn_trainer::learned::{Learned, Motion};
use hnn_trainer::loss;
use hnn_trainer::run::{Config, DataSummary};
use hnn_trainer::tangent::with_momenta;

use super::export::learned_through;
use super::trained::{self, Trained};
use super::write_json;
use crate::arguments::EvaluateArguments;
use crate::source::{self, FileSource, Source, SystemSource};
use crate::{Verdict, console};

/// Lengths of open-loop windows where none is given.
const WINDOWS_S: [f64; 2] = [0.5, 1.0];

/// Evaluates a run.
pub(crate) fn evaluate(arguments: &EvaluateArguments) -> anyhow::Result<Verdict> {
    let trained = trained::open(&arguments.run, arguments.member)?;
    let evaluation = evaluate_trained(&trained, arguments)?;
    if let Some(file) = &arguments.json {
        write_json(file, &evaluation)?;
    }
    print::print(&evaluation);
    Ok(Verdict::Good)
}

fn evaluate_trained(trained: &Trained, arguments: &EvaluateArguments) -> anyhow::Result<Evaluation> {
    let Trained { run, learned, .. } = trained;
    // A baseline has no energy to examine; its motions are judged like any other.
    // Nor are equilibria and momenta on constraints those of H alone.
    let energy = learned.hamiltonian().ok().filter(|model| model.constraints() == 0);
    let (config, data) = (run.config()?, run.data()?);
    let scheme = stepping_scheme(&config.loss, learned)?;
    let mut evaluation = Evaluation {
        version: REPORT_VERSION,
        model: trained.name.clone(),
        system: None,
        recordings: Vec::new(),
        grey_box: None,
        coverage: Vec::new(),
        structure: None,
        passivity: Vec::new(),
        ensemble: None,
    };
    match source::of_run(&config.source, run.path())? {
        Source::System(source) if arguments.data.is_empty() && arguments.window.is_none() => {
            let (clean, truth) = (clean_motions(&source)?, source.system()?.model(&source.settings)?);
            let learned_dt = learned_through(run)?.map(|learned| learned.dt);
            evaluation.system = Some(against_system(&source, learned, scheme, &clean, learned_dt)?);
            let covered = |density| coverage(density, &clean, "clean held-out motions");
            evaluation.coverage = data.density.iter().map(covered).collect::<Result<_, _>>()?;
            evaluation.structure = energy.map(|model| examined(model, Some(&truth), &config, &data)).transpose()?;
            evaluation.ensemble = disagreeing::with_truth(trained, &data, &source, &clean, &truth)?;
        }
        Source::System(_) => bail!("this run was trained on a named system; leave out --data and --window"),
        Source::Files(source) => {
            let recordings = Recordings { source: &source, data: &data, scheme };
            recordings.evaluate(learned, arguments, &mut evaluation)?;
            evaluation.structure = energy.map(|model| examined(model, None, &config, &data)).transpose()?;
            evaluation.ensemble = disagreeing::without_truth(trained, &data)?;
        }
    }
    Ok(evaluation)
}

/// Equilibria and conserved quantities in the region of the training data.
fn examined(
    model: &Model,
    truth: Option<&Model>,
    config: &Config,
    data: &DataSummary,
) -> anyhow::Result<StructureReport> {
    let states = data.samples_x.concat();
    let region = Region { states: &states, angles: config.model.angles(), density: data.density.as_ref() };
    Ok(structure(model, truth, &region)?)
}

/// The scheme that steps an energy; a baseline steps itself, whatever the scheme.
fn stepping_scheme(loss: &loss::Settings, learned: &Learned) -> anyhow::Result<Scheme> {
    match learned {
        Learned::Hamiltonian(model) => deployed_scheme(loss, model),
        Learned::Baseline(_) => Ok(Scheme::ALL[0]),
    }
}

/// The scheme the run was trained through, else the one an export would choose.
pub(super) fn deployed_scheme(loss: &loss::Settings, model: &Model) -> anyhow::Result<Scheme> {
    Ok(match loss {
        loss::Settings::Rollout(rollout) => rollout.scheme,
        _ => default_scheme(model, &separability(model)?),
    })
}

/// Held-out motions without noise.
pub(super) fn clean_motions(source: &SystemSource) -> anyhow::Result<Dataset> {
    Source::System(source.clone()).load()?.clean.context("a named system has clean motions")
}

/// The clean protocol. A model that was learned through a scheme takes the steps it was learned with.
pub(super) fn against_system(
    source: &SystemSource,
    model: &dyn Motion,
    scheme: Scheme,
    clean: &Dataset,
    learned_dt: Option<f64>,
) -> anyhow::Result<SystemEvaluation> {
    let named = source.system()?;
    let mut options = CleanOptions {
        scheme: Some(scheme),
        horizon: named.judged_over,
        dt: learned_dt.unwrap_or(CleanOptions::default().dt),
        learned_through_scheme: learned_dt.is_some(),
        ..CleanOptions::default()
    };
    // Chains whose model was learned through no scheme are judged at the step of their rows, as in the publication.
    if model.is_map() || (learned_dt.is_none() && !named.constraints(&source.settings)?.is_empty()) {
        options = options.at_rows_of(&source.protocol());
    }
    Ok(system(model, (named, &source.settings), Some(clean), &options)?)
}

/// Recordings to predict, and how.
struct Recordings<'a> {
    source: &'a FileSource,
    /// What the training data were.
    data: &'a DataSummary,
    scheme: Scheme,
}

impl Recordings<'_> {
    /// Every file, in windows of every length.
    fn evaluate(
        &self,
        learned: &Learned,
        arguments: &EvaluateArguments,
        evaluation: &mut Evaluation,
    ) -> anyhow::Result<()> {
        let files = if arguments.data.is_empty() { &self.source.files } else { &arguments.data };
        if arguments.data.is_empty() {
            console::note("these recordings were trained on, but for their held-out part; name others with --data");
        }
        let lengths = arguments.window.map_or(WINDOWS_S.to_vec(), |seconds| vec![seconds]);
        for file in files {
            let (data, notices) = self.source.read_states(std::slice::from_ref(file))?;
            let data = match self.data.second {
                Second::Momentum => data.with_unit_mass(),
                Second::Velocity => with_momenta(learned, &data)?.into_owned(),
            };
            notices.iter().for_each(console::note);
            let (source, predictor) = (file.display().to_string(), "model".to_owned());
            for seconds in &lengths {
                let metrics = windows(&data, &mut GraphPredictor::new(learned, self.scheme)?, *seconds)
                    .with_context(|| source.clone())?;
                let (source, predictor) = (source.clone(), predictor.clone());
                evaluation.recordings.push(RecordingEvaluation { source, predictor, metrics });
            }
            let open = |model: &&Model| model.inputs() > 0 || model.dissipation().is_some();
            if let Some(model) = learned.hamiltonian().ok().filter(open) {
                evaluation.passivity.push(passivity(model, self.scheme, &data, lengths[0], &source)?);
            }
            if let Some(density) = &self.data.density {
                evaluation.coverage.push(coverage(density, &data, &source)?);
            }
        }
        Ok(())
    }
}
