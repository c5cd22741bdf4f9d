//! `hnn inspect`: what is in a run, an export, an ONNX file or a device program.

use anyhow::{Context, ensure};
use hnn_exporter::inspect;
use hnn_trainer::{ensemble, run};

use super::export::learned_through;
use super::trained;
use crate::arguments::InspectArguments;
use crate::{Verdict, console};

/// Prints an inspection.
pub(crate) fn inspect(arguments: &InspectArguments) -> anyhow::Result<Verdict> {
    let subject = &arguments.subject;
    let inspection = if run::is_run(subject) {
        let run = run::open(subject)?;
        let inspection = inspect::model(&subject.display().to_string(), &run.model()?)?;
        inspect::Inspection { learned_through: learned_through(&run)?, unknowns: run.unknowns()?, ..inspection }
    } else if ensemble::is_ensemble(subject) {
        let trained = trained::open(subject, None)?;
        let inspection = inspect::model(&trained.name, trained.model()?)?;
        inspect::Inspection { learned_through: learned_through(&trained.run)?, ..inspection }
    } else {
        inspect::path_with(subject, &arguments.state.inputs())
            .with_context(|| format!("cannot inspect {}", subject.display()))?
    };
    let named = arguments.state.q.is_some();
    ensure!(
        !named || inspection.kind == "onnx",
        "--q and --p name inputs of an ONNX file; {} is none",
        subject.display()
    );
    if arguments.json {
        console::say(serde_json::to_string_pretty(&inspection)?);
    } else {
        for line in inspection.to_string().lines() {
            console::say(line);
        }
    }
    if arguments.text {
        for graph in &inspection.graphs {
            console::say(format!("nodes of `{}`:", graph.name));
            graph.listing().lines().for_each(console::say);
        }
    }
    Ok(Verdict::Good)
}
