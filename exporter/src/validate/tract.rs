//! The tract engine. A plan is made for the shapes of the first inputs and again when they change.

use std::collections::BTreeMap;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::{Factoid, ShapeFactoid};

use super::batches::{self, Declared};
use super::engine::{Engine, EngineError, EngineKind, input};
use super::once::Subject;
use crate::graph::Tensor as Values;

/// A model in tract.
pub struct Tract {
    model: InferenceModel,
    /// Inputs that are the same in every run, in their own type.
    known: BTreeMap<String, Arc<Tensor>>,
    inputs: Vec<(String, DatumType)>,
    declared: Vec<Declared>,
    outputs: Vec<String>,
    plan: Option<(Vec<Vec<usize>>, Arc<TypedRunnableModel>)>,
}

impl std::fmt::Debug for Tract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tract").field("inputs", &self.inputs).field("outputs", &self.outputs).finish_non_exhaustive()
    }
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::failed(EngineKind::Tract, error)
}

impl Tract {
    /// Reads an ONNX file.
    ///
    /// # Errors
    /// [`EngineError::Failed`] where tract does not accept it.
    pub fn read(file: &[u8]) -> Result<Self, EngineError> {
        Self::open(&Subject::new(file.to_vec()), BTreeMap::new())
    }

    /// Reads an ONNX file, and weights in files beside it where it lies on a disk; `known` holds the inputs that are the
    /// same in every run, on which shapes may depend.
    ///
    /// # Errors
    /// As [`Tract::read`].
    pub(super) fn open(subject: &Subject, known: BTreeMap<String, Values>) -> Result<Self, EngineError> {
        // Other tools write symbolic shapes of intermediate values that tract cannot unify; it infers its own.
        let loader = tract_onnx::onnx().with_ignore_value_info(true);
        let model = match &subject.path {
            Some(path) => loader.model_for_path(path),
            None => loader.model_for_read(&mut subject.bytes.as_slice()),
        };
        let model = model.map_err(failed)?;
        let (mut inputs, mut declared) = (Vec::new(), Vec::new());
        for outlet in model.input_outlets().map_err(failed)? {
            let fact = model.outlet_fact(*outlet).map_err(failed)?;
            let datum_type = fact.datum_type.concretize().unwrap_or(DatumType::F32);
            let name = model.node(outlet.node).name.clone();
            declared.push((name.clone(), known_shape(&fact.shape)));
            inputs.push((name, datum_type));
        }
        let mut outputs = Vec::new();
        for outlet in model.output_outlets().map_err(failed)? {
            let name = model.outlet_label(*outlet).map_or_else(|| model.node(outlet.node).name.clone(), str::to_owned);
            outputs.push(name);
        }
        let mut typed = BTreeMap::new();
        for (name, datum_type) in &inputs {
            if let Some(values) = known.get(name) {
                typed.insert(name.clone(), tensor(values, *datum_type)?.into_arc_tensor());
            }
        }
        Ok(Self { model, known: typed, inputs, declared, outputs, plan: None })
    }

    fn plan(&mut self, shapes: Vec<Vec<usize>>) -> Result<Arc<TypedRunnableModel>, EngineError> {
        if let Some((known, plan)) = &self.plan
            && *known == shapes
        {
            return Ok(plan.clone());
        }
        let mut model = self.model.clone();
        for (position, shape) in shapes.iter().enumerate() {
            let (name, datum_type) = &self.inputs[position];
            let fact = match self.known.get(name) {
                Some(known) => InferenceFact::from(known.as_ref().clone()),
                None => InferenceFact::dt_shape(*datum_type, shape.clone()),
            };
            model = model.with_input_fact(position, fact).map_err(failed)?;
        }
        let plan = model.into_optimized().and_then(IntoRunnable::into_runnable).map_err(failed)?;
        self.plan = Some((shapes, plan.clone()));
        Ok(plan)
    }
}

impl Engine for Tract {
    fn kind(&self) -> EngineKind {
        EngineKind::Tract
    }

    fn version(&self) -> String {
        "tract 0.23".to_owned()
    }

    fn run(&mut self, inputs: &[(&str, &Values)]) -> Result<Vec<(String, Values)>, EngineError> {
        let declared = self.declared.clone();
        batches::run(&declared, inputs, |inputs| self.evaluate(inputs))
    }
}

/// Values in the type that an input has.
fn tensor(values: &Values, datum_type: DatumType) -> Result<Tensor, EngineError> {
    let tensor = Tensor::from_shape(values.shape(), values.data()).map_err(failed)?;
    Ok(tensor.cast_to_dt(datum_type).map_err(failed)?.into_owned())
}

/// What is known of a shape; nothing where not even its rank is.
fn known_shape(shape: &ShapeFactoid) -> Option<Vec<Option<usize>>> {
    if shape.is_open() {
        return None;
    }
    Some(shape.dims().map(|dim| dim.concretize().and_then(|dim| dim.to_usize().ok())).collect())
}

impl Tract {
    /// Refuses what the file does not declare: a plan is made for the shapes given, and would replace it.
    fn check(&self, position: usize, found: &[usize]) -> Result<(), EngineError> {
        let (name, Some(shape)) = &self.declared[position] else { return Ok(()) };
        let fits = |(known, found): (&Option<usize>, &usize)| known.is_none_or(|known| known == *found);
        if shape.len() == found.len() && shape.iter().zip(found).all(fits) {
            return Ok(());
        }
        let spelled = |len: &Option<usize>| len.map_or_else(|| "_".to_owned(), |len| len.to_string());
        let wanted = shape.iter().map(spelled).collect::<Vec<_>>().join(", ");
        Err(failed(format!("input `{name}` should be [{wanted}], but is {found:?}")))
    }

    fn evaluate(&mut self, inputs: &[(&str, &Values)]) -> Result<Vec<(String, Values)>, EngineError> {
        let mut tensors = tvec![];
        let mut shapes = Vec::new();
        for (position, (name, datum_type)) in self.inputs.iter().enumerate() {
            if let Some(known) = self.known.get(name) {
                tensors.push(known.clone().into_tvalue());
                shapes.push(known.shape().to_vec());
                continue;
            }
            let values = input(EngineKind::Tract, inputs, name)?;
            self.check(position, values.shape())?;
            tensors.push(tensor(values, *datum_type)?.into_tvalue());
            shapes.push(values.shape().to_vec());
        }
        let results = self.plan(shapes)?.run(tensors).map_err(failed)?;
        let convert = |(name, tensor): (&String, TValue)| {
            let numbers = tensor.cast_to::<f64>().map_err(failed)?;
            let data = numbers.to_plain_array_view::<f64>().map_err(failed)?.iter().copied().collect();
            Ok((name.clone(), Values::new(tensor.shape().to_vec(), data)?))
        };
        self.outputs.iter().zip(results).map(convert).collect()
    }
}
