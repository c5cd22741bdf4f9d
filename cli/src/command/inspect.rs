//! `hnn inspect`: what is in a run, an export, an ONNX file or a device program.

use hnn_exporter::inspect;

use crate::arguments::InspectArguments;
use crate::{Verdict, console};

/// Prints an inspection.
pub(crate) fn inspect(arguments: &InspectArguments) -> anyhow::Result<Verdict> {
    let subject = &arguments.subject;
    let inspection = if hnn_trainer::run::is_run(subject) {
        let run = hnn_trainer::run::open(subject)?;
        inspect::model(&subject.display().to_string(), &run.model()?)?
    } else {
        inspect::path(subject)?
    };
    if arguments.json {
        console::say(serde_json::to_string_pretty(&inspection)?);
    } else {
        for line in inspection.to_string().lines() {
            console::say(line);
        }
    }
    Ok(Verdict::Good)
}
