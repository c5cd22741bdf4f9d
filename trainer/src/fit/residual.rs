//! Noise as the trained motion sees it.

use super::{FitError, Task};
use crate::checkpoint::Checkpoint;
use crate::execute::Arithmetic;
use crate::loss::Objective;

/// Deviation of the training data from the motions that the checkpoint's weights and learned first states make, `[q…, p…]`, physical
/// units: the noise, where model and scheme are right, and more where they are not. `None` for losses without motions.
///
/// # Errors
/// [`FitError`] where the checkpoint does not belong to the task.
pub fn residual_noise(task: Task<'_>, checkpoint: &Checkpoint) -> Result<Option<Vec<f64>>, FitError> {
    let arithmetic = Arithmetic::on(task.settings.device, task.settings.precision)?;
    let mut objective = Objective::new(task.loss, &task.architecture.model, task.train, task.train, &arithmetic)?;
    objective.enter(checkpoint.step.saturating_sub(1), task.settings.steps);
    let value = |name: &str| checkpoint.parameters.get(name).map(|tensor| arithmetic.upload_tensor(tensor));
    Ok(objective.residuals(&checkpoint.starts.offsets, &value)?)
}
