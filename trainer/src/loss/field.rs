//! The field loss: the model's derivatives against given ones. Greydanus et al. (2019), equation 3.

use hnn_exporter::dynamics::{INPUT, STATE};
use hnn_exporter::optimize::optimize;

use super::{Batch, LossError, gather_rows, inverse_deviations, mean_error};
use crate::data::{Dataset, Rows};
use crate::execute::{Arithmetic, Executor, Real};
use crate::learned::Motion;

#[derive(Debug)]
pub(super) struct FieldLoss {
    pub(super) executor: Executor,
    rows: Rows,
    dx: Vec<f64>,
    width: usize,
    inputs: usize,
    scale: Real,
    weight_row: Vec<f64>,
}

impl FieldLoss {
    pub(super) fn new(
        model: &dyn Motion,
        data: &Dataset,
        reference: &Dataset,
        arithmetic: &Arithmetic,
    ) -> Result<Self, LossError> {
        let missing =
            || LossError::Setting("the field loss needs derivatives; give them, or use the rollout loss".into());
        let mut rows = data.rows();
        let dx = rows.dx.take().ok_or_else(missing)?;
        let reference = reference.rows().dx.ok_or_else(missing)?;
        let width = 2 * data.dof;
        let graph = optimize(&model.field()?)?;
        let executor = Executor::new(&graph, &["dx"], arithmetic)?;
        let scale = arithmetic.upload(&[1, width], &inverse_deviations(&reference, width));
        Ok(Self { executor, rows, dx, width, inputs: data.inputs, scale, weight_row: vec![1.0; width] })
    }

    pub(super) fn items(&self) -> usize {
        self.rows.count
    }

    pub(super) fn gather(&self, items: &[usize], arithmetic: &Arithmetic) -> Batch {
        let pick = |values: &[f64], width: usize| gather_rows(arithmetic, values, width, items.iter().copied());
        let mut inputs = vec![(STATE, pick(&self.rows.x, self.width))];
        if self.inputs > 0 {
            inputs.push((INPUT, pick(&self.rows.u, self.inputs)));
        }
        let weight = arithmetic.upload(&[1, self.width], &self.weight_row);
        let weight_sum = crate::data::as_f64(items.len() * self.width);
        let target = pick(&self.dx, self.width);
        Batch { inputs, target, weight, weight_sum, starts: false, derivatives: None, joints: None }
    }

    pub(super) fn loss(&self, batch: &Batch, parameter: &dyn Fn(&str) -> Option<Real>) -> Result<Real, LossError> {
        let value = |name: &str| batch.input(name).or_else(|| parameter(name));
        let dx = self.executor.run(&value)?.remove(0);
        let error = (dx - batch.target.clone()) * self.scale.clone();
        Ok(mean_error(error, batch, None))
    }
}
