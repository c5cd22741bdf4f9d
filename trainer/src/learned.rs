//! What training and evaluation ask of whatever is learned: a vector field, and steps.
//!
//! [`Learned`] is an energy, whose field and steps are derived from it, or a [`Baseline`], which gives them without one.
//! Only an energy can be exported, so everything but training, its losses and the clean protocol takes a [`Model`].

use hnn_exporter::dynamics::{self, DynamicsError, ENERGY, Model, Scheme, StepLength};
use hnn_exporter::graph::{Graph, Tensor};

use crate::baseline::Baseline;

/// Something that moves a state `x` `[batch, 2n]` under inputs `u` `[batch, m]`.
pub trait Motion {
    /// Degrees of freedom n.
    fn dof(&self) -> usize;

    /// External inputs m.
    fn inputs(&self) -> usize;

    /// The vector field: `x`, `u` → `dx` `[batch, 2n]`.
    ///
    /// # Errors
    /// [`DynamicsError::NotAModel`] for a map from state to next state, which has none.
    fn field(&self) -> Result<Graph, DynamicsError>;

    /// One step: `x`, `dt`, `u` → `x_next` `[batch, 2n]`. A map with a memory also takes [`MEMORY`] and gives
    /// [`NEXT_MEMORY`]; what has no energy is stepped in its own way, whatever `scheme` is.
    ///
    /// [`MEMORY`]: crate::baseline::MEMORY
    /// [`NEXT_MEMORY`]: crate::baseline::NEXT_MEMORY
    ///
    /// # Errors
    /// [`DynamicsError`] where the scheme does not suit the model.
    fn step(&self, scheme: Scheme, length: StepLength) -> Result<Graph, DynamicsError>;

    /// Whether it is a map from state to next state at the time step of its data, and has no field.
    fn is_map(&self) -> bool {
        false
    }

    /// The energy it follows, if it has one.
    fn energy(&self) -> Option<&Model> {
        None
    }

    /// What makes the steps, as tables print it: the scheme's name for an energy.
    fn stepper(&self, scheme: Scheme) -> String;
}

impl Motion for Model {
    fn dof(&self) -> usize {
        self.dof()
    }

    fn inputs(&self) -> usize {
        self.inputs()
    }

    fn field(&self) -> Result<Graph, DynamicsError> {
        dynamics::field(self)
    }

    fn step(&self, scheme: Scheme, length: StepLength) -> Result<Graph, DynamicsError> {
        dynamics::step(self, scheme.check_single()?, length)
    }

    fn energy(&self) -> Option<&Model> {
        Some(self)
    }

    fn stepper(&self, scheme: Scheme) -> String {
        scheme.to_string()
    }
}

/// An energy, or something to compare it with.
#[derive(Debug, Clone)]
pub enum Learned {
    /// A Hamiltonian, with or without dissipation and input.
    Hamiltonian(Model),
    /// A field or a map without an energy.
    Baseline(Baseline),
}

impl Learned {
    /// An energy where the graph has the output `H`, else a baseline.
    ///
    /// # Errors
    /// [`DynamicsError::NotAModel`] naming the input or output at fault.
    pub fn new(graph: Graph) -> Result<Self, DynamicsError> {
        match graph.output(ENERGY) {
            Some(_) => Ok(Self::Hamiltonian(Model::new(graph)?)),
            None => Ok(Self::Baseline(Baseline::new(graph)?)),
        }
    }

    /// The graph that defines it.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        match self {
            Self::Hamiltonian(model) => model.graph(),
            Self::Baseline(baseline) => baseline.graph(),
        }
    }

    /// The same with learned parameters replaced by their values.
    ///
    /// # Errors
    /// [`DynamicsError::Graph`] where a value does not have its parameter's shape.
    pub fn bind(&self, value: &dyn Fn(&str) -> Option<Tensor>) -> Result<Self, DynamicsError> {
        Ok(match self {
            Self::Hamiltonian(model) => Self::Hamiltonian(model.bind(value)?),
            Self::Baseline(baseline) => Self::Baseline(baseline.bind(value)?),
        })
    }

    /// The energy, for whatever needs one.
    ///
    /// # Errors
    /// [`DynamicsError::NotAModel`] for a baseline.
    pub fn hamiltonian(&self) -> Result<&Model, DynamicsError> {
        match self {
            Self::Hamiltonian(model) => Ok(model),
            Self::Baseline(_) => Err(DynamicsError::NotAModel(
                "a baseline has no energy `H`, so there is nothing to differentiate, to step symplectically or to deploy. It is \
                 there to be compared with, by `hnn evaluate`; train `separable`, `mlp` or another energy to export one"
                    .to_owned(),
            )),
        }
    }

    fn motion(&self) -> &dyn Motion {
        match self {
            Self::Hamiltonian(model) => model,
            Self::Baseline(baseline) => baseline,
        }
    }
}

impl Motion for Learned {
    fn dof(&self) -> usize {
        self.motion().dof()
    }

    fn inputs(&self) -> usize {
        self.motion().inputs()
    }

    fn field(&self) -> Result<Graph, DynamicsError> {
        self.motion().field()
    }

    fn step(&self, scheme: Scheme, length: StepLength) -> Result<Graph, DynamicsError> {
        self.motion().step(scheme, length)
    }

    fn is_map(&self) -> bool {
        self.motion().is_map()
    }

    fn energy(&self) -> Option<&Model> {
        self.motion().energy()
    }

    fn stepper(&self, scheme: Scheme) -> String {
        self.motion().stepper(scheme)
    }
}

impl From<Model> for Learned {
    fn from(model: Model) -> Self {
        Self::Hamiltonian(model)
    }
}
