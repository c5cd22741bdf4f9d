//! What is to be learned: an architecture by name, or the H of an ONNX file that is trained further.

use std::path::Path;

use anyhow::Context;
use hnn_exporter::dynamics::{Model, separability};
use hnn_exporter::import::{StateInputs, adopt};
use hnn_exporter::onnx::{self, MAX_FILE_BYTES, ReadOptions, Weights};
use hnn_trainer::architecture::{self, Architecture, Parameters, Scaling, Settings};
use hnn_trainer::data::{Dataset, Second};
use hnn_trainer::fit;
use hnn_trainer::learned::Learned;
use hnn_trainer::run::{Imported, Origin};
use hnn_trainer::tangent::with_momenta;

use crate::arguments::InitArguments;
use crate::{console, file, plan};

/// Learning rate from which an imported model is trained at most: presets are for networks that start from noise, and
/// their first steps would undo what the file brings along.
const FINE_TUNING_RATE: f64 = 1e-3;

/// A model to be.
pub(crate) enum Subject {
    /// An architecture.
    Named(Settings),
    /// Somebody else's graph.
    Imported(Box<Foreign>),
}

/// A graph from a file, its weights free, and what they are in the file.
pub(crate) struct Foreign {
    provenance: Imported,
    model: Model,
    weights: Parameters,
}

impl Subject {
    /// The file that was named, else the architecture.
    pub(crate) fn new(
        typed: &InitArguments,
        architecture: impl FnOnce() -> anyhow::Result<Settings>,
    ) -> anyhow::Result<Self> {
        match &typed.init {
            Some(file) => Ok(Self::Imported(Box::new(Foreign::read(file, typed)?))),
            None => Ok(Self::Named(architecture()?)),
        }
    }

    /// The settings of an architecture.
    pub(crate) fn settings(&self) -> Option<&Settings> {
        if let Self::Named(settings) = self { Some(settings) } else { None }
    }

    /// Whether it has no energy.
    pub(crate) fn is_baseline(&self) -> bool {
        matches!(self, Self::Named(settings) if settings.kind.is_baseline())
    }

    /// How a run remembers it.
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::Named(settings) => settings.clone().into(),
            Self::Imported(foreign) => Origin::Imported(foreign.provenance.clone()),
        }
    }

    /// Whether it mixes q and p: by name for an architecture, by its graph for a formula or an imported one.
    pub(crate) fn mixes(&self) -> anyhow::Result<bool> {
        Ok(match self {
            Self::Named(settings) => match &settings.prior {
                Some(formula) => plan::prior_mixes(settings, formula)?,
                None => plan::mixes(settings),
            },
            Self::Imported(foreign) => !separability(&foreign.model)?.is_separable(),
        })
    }

    /// The optimiser's settings, careful with weights that are good already.
    pub(crate) fn gently(&self, preset: fit::Settings) -> fit::Settings {
        match self {
            Self::Named(_) => preset,
            Self::Imported(_) => fit::Settings { rate: preset.rate.min(FINE_TUNING_RATE), ..preset },
        }
    }

    /// The units of these data that the model is built with.
    ///
    /// The momenta of measured velocities are those of the formula, where there is one, else of unit masses.
    pub(crate) fn measure(&self, data: &Dataset) -> anyhow::Result<Scaling> {
        let prior = self.settings().map(architecture::prior_at_start).transpose()?.flatten();
        Ok(match (self, prior) {
            (Self::Named(Settings { bodies: Some(bodies), .. }), _) => Scaling::measure_bodies(data, *bodies),
            (_, Some(prior)) if data.names.second == Second::Velocity => {
                Scaling::measure(&*with_momenta(&Learned::from(prior), data)?)
            }
            _ => Scaling::measure(data),
        })
    }

    /// The graph with its initial weights, and the units inside it; an imported graph has its own.
    pub(crate) fn build(&self, measured: Scaling, seed: u64) -> anyhow::Result<(Architecture, Scaling)> {
        Ok(match self {
            Self::Named(settings) => (architecture::build(settings, &measured, seed)?, measured),
            Self::Imported(foreign) => {
                let architecture = architecture::import(foreign.model.clone(), &foreign.weights, &measured)?;
                (architecture, Scaling::unit(measured.dof(), measured.inputs()))
            }
        })
    }
}

impl Foreign {
    fn read(path: &Path, typed: &InitArguments) -> anyhow::Result<Self> {
        let context = || format!("cannot start from {}", path.display());
        let bytes = file::read(path, MAX_FILE_BYTES as u64)?;
        let directory = path.parent().map(Path::to_owned);
        let options = ReadOptions { directory, weights: Weights::Parameters, ..ReadOptions::default() };
        let imported = onnx::read_with(&bytes, &options).with_context(context)?;
        for warning in onnx::warnings(&imported.notes) {
            console::note(format!("warning: {warning}"));
        }
        let state = StateInputs { q: typed.init_q.clone(), p: typed.init_p.clone() };
        let model = adopt(&imported.graph, &state).with_context(|| match &imported.not_batched {
            Some(reason) => format!("{}: its first dimension is not read as the batch ({reason})", context()),
            None if imported.graph.inputs().len() == 2 => {
                format!("{}; its inputs are named with --init-q and --init-p", context())
            }
            None => context(),
        })?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut provenance = Imported::new(name, &bytes);
        (provenance.q, provenance.p) = (state.q, state.p);
        Ok(Self { provenance, model, weights: imported.parameters.into_iter().collect() })
    }
}
