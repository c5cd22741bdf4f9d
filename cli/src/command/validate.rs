//! `hnn validate`: every engine against the reference, and the physics; exit 1 where something does not hold.

use anyhow::Context;
use hnn_exporter::validate::{Artifact, EngineKind, Report, Settings, validate as compare};

use super::write_json;
use crate::arguments::ValidateArguments;
use crate::{Verdict, console};

/// Validates an export.
pub(crate) fn validate(arguments: &ValidateArguments) -> anyhow::Result<Verdict> {
    anyhow::ensure!(arguments.samples > 0, "--samples 0 compares nothing; ask for at least one state");
    let engines = match arguments.engines.as_slice() {
        [] => None,
        names => Some(names.iter().map(|name| name.parse()).collect::<Result<Vec<EngineKind>, _>>()?),
    };
    let artifact = Artifact::load(&arguments.dir)?;
    let settings = Settings { engines, samples: Some(arguments.samples), ..Settings::default() };
    let report =
        compare(&artifact, &settings).with_context(|| format!("cannot validate {}", arguments.dir.display()))?;
    if let Some(file) = &arguments.json {
        write_json(file, &report)?;
    }
    print(&report);
    Ok(verdict(&report))
}

/// Prints a report.
pub(super) fn print(report: &Report) {
    for line in report.to_string().lines() {
        console::say(line);
    }
}

/// What a report means for the exit code.
pub(super) fn verdict(report: &Report) -> Verdict {
    if report.passes { Verdict::Good } else { Verdict::Failed }
}
