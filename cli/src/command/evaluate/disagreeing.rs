//! What the members of an ensemble disagree about, at the data and at the starts of the clean protocol.

use hnn_exporter::dynamics::Model;
use hnn_trainer::data::Dataset;
use hnn_trainer::ensemble::{EnsembleReport, MemberReport, Probe, disagreement};
use hnn_trainer::evaluate::CleanOptions;
use hnn_trainer::run::DataSummary;
use hnn_trainer::system::fresh_starts;

use crate::command::trained::Trained;
use crate::source::SystemSource;

/// The report of an ensemble whose truth is known; of a single run there is none.
pub(super) fn with_truth(
    trained: &Trained,
    data: &DataSummary,
    source: &SystemSource,
    clean: &Dataset,
    truth: &Model,
) -> anyhow::Result<Option<EnsembleReport>> {
    let CleanOptions { starts, seed, .. } = CleanOptions::default();
    let starts = fresh_starts(source.system()?, &source.settings, starts, seed)?;
    let states = [("clean held-out motions", clean.rows().x), ("evaluation starts", starts)];
    let mut report = report(trained, data, Some(truth))?;
    if let (Some(report), Some((_, models))) = (&mut report, &trained.ensemble) {
        for (name, x) in &states {
            report.disagreement.push(disagreement(models, Some(truth), &Probe { name, x, u: &[] })?);
        }
    }
    Ok(report)
}

/// The report of an ensemble that was trained on recordings.
pub(super) fn without_truth(trained: &Trained, data: &DataSummary) -> anyhow::Result<Option<EnsembleReport>> {
    report(trained, data, None)
}

fn report(trained: &Trained, data: &DataSummary, truth: Option<&Model>) -> anyhow::Result<Option<EnsembleReport>> {
    let Some((ensemble, models)) = &trained.ensemble else { return Ok(None) };
    let mut members = Vec::new();
    for (run, held_out_loss) in ensemble.members().iter().zip(ensemble.losses()?) {
        members.push(MemberReport { seed: run.config()?.fit.seed, held_out_loss });
    }
    let (x, u) = (data.samples_x.concat(), data.samples_u.concat());
    let sampled = Probe { name: "samples of the training data", x: &x, u: &u };
    Ok(Some(EnsembleReport {
        members,
        best: ensemble.best()?,
        disagreement: vec![disagreement(models, truth, &sampled)?],
    }))
}
