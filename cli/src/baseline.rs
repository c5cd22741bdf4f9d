//! What of a request suits a model without an energy.

use anyhow::{bail, ensure};
use hnn_trainer::architecture::Kind;
use hnn_trainer::loss;

use crate::arguments::FitArguments;
use crate::subject::Subject;

/// Refuses a baseline whose loss is not its own, and options that would have no effect on it.
pub(crate) fn check(subject: &Subject, typed: &FitArguments, loss: &loss::Settings) -> anyhow::Result<()> {
    let kind = match subject {
        Subject::Named(settings) if settings.kind.is_baseline() => settings.kind,
        _ => return Ok(()),
    };
    ensure!(
        typed.scheme.is_none(),
        "--scheme has no effect on model `{kind}`: a field without an energy is stepped by Runge–Kutta, a map by itself"
    );
    match (kind, loss) {
        (Kind::BaselineMlp, loss::Settings::Rollout(_)) => {
            bail!("model `{kind}` is trained with `--loss field`; the same network through rollouts is `baseline-node`")
        }
        (Kind::BaselineNode | Kind::BaselineLstm, loss::Settings::Field) => {
            bail!("model `{kind}` is trained with `--loss rollout`, or without --preset and --loss")
        }
        _ => Ok(()),
    }
}
