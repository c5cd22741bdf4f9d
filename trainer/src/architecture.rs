//! Names of learnable models, and the graph each one is.
//!
//! An [`Architecture`] is a [`Learned`] graph with parameters, with seeded initial values for them. The graph takes and
//! gives physical units: [`Scaling`], measured on the training data, is made of constants inside it. What a name guarantees
//! (separable, passive) follows from its formula and can be read off the graph again; nothing here is asserted later.
//! It knows no tensors of burn, no loss and no data beyond their scales.

mod baseline;
mod constrained;
mod fourier;
mod hybrid;
mod imported;
mod layers;
mod linear;
mod mechanical;
mod mlp;
mod pairwise;
mod port;
mod scaling;
mod separable;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use hnn_exporter::dynamics::{DynamicsError, ENERGY, INPUT, STATE};
use hnn_exporter::graph::{Graph, GraphError, NodeId, Shape, Tensor};
use serde::{Deserialize, Serialize};

pub use hybrid::{prior_at_start, unknowns};
pub use imported::import;
pub use layers::Activation;
pub use linear::{Form, Layer, Linear, Term};
pub use scaling::{PairRange, Scaling};

use crate::learned::Learned;

/// Values of parameters by name.
pub type Parameters = BTreeMap<String, Tensor>;

/// Most hidden layers of a network.
pub const MAX_DEPTH: usize = 16;
/// Most units of a hidden layer.
pub const MAX_WIDTH: usize = 4096;
/// Most bodies of a `pairwise` model.
pub const MAX_BODIES: usize = 64;
/// Most random Fourier features of a network.
pub const MAX_FOURIER: usize = 4096;

/// Why an architecture cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchitectureError {
    /// A setting is out of its range or does not fit the data.
    #[error("{0}")]
    Setting(String),
    /// The graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The graph is no model.
    #[error(transparent)]
    Dynamics(#[from] DynamicsError),
}

/// A learnable model by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One network for H(q, p). Greydanus et al. (2019).
    Mlp,
    /// H = T(p) + V(q). Chen et al., *Symplectic Recurrent Neural Networks* (2020).
    Separable,
    /// H = ½ pᵀ M⁻¹(q) p + V(q). Lutter, Ritter and Peters, *Deep Lagrangian Networks* (2019).
    Mechanical,
    /// H = f(q, p; θ) + V(q), f a formula with unknowns θ.
    Hybrid,
    /// H with dissipation and input. van der Schaft and Jeltsema (2014), section 2.
    Port,
    /// Identical bodies under central pair forces. Battaglia et al., *Interaction Networks* (2016), with H in place of forces.
    Pairwise,
    /// H in Cartesian coordinates with holonomic constraints. Finzi, Wang and Wilson (2020).
    Constrained,
    /// A vector field without an energy, to compare with. Greydanus et al. (2019), section 3.
    BaselineMlp,
    /// The same field trained through Runge–Kutta steps. Chen et al., *Neural Ordinary Differential Equations* (2018).
    BaselineNode,
    /// A map with a memory, to compare with. Hochreiter and Schmidhuber (1997).
    BaselineLstm,
}

/// What there is to say about a kind, and how it is built.
struct Entry {
    kind: Kind,
    name: &'static str,
    /// What it assumes of the system.
    assumes: &'static str,
    /// What holds of every trained instance, whatever its weights.
    guarantees: &'static str,
    build: fn(&mut Builder<'_>) -> Result<(), ArchitectureError>,
}

/// Every kind, in the order of the listing.
static CATALOGUE: &[Entry] = &[
    Entry {
        kind: Kind::Mlp,
        name: "mlp",
        assumes: "energy is conserved, momenta are canonical",
        guarantees: "a Hamiltonian field; implicit schemes only, as q and p mix",
        build: mlp::build,
    },
    Entry {
        kind: Kind::Separable,
        name: "separable",
        assumes: "energy is conserved and splits into T(p) + V(q), T quadratic unless asked otherwise",
        guarantees: "a Hamiltonian field; explicit symplectic schemes; T ≥ 0 where it is quadratic",
        build: separable::build,
    },
    Entry {
        kind: Kind::Mechanical,
        name: "mechanical",
        assumes: "energy is conserved; T is quadratic in p with a mass matrix that depends on q, as of every linkage",
        guarantees: "a Hamiltonian field; M⁻¹(q) ≻ 0, so that p = M v exists; implicit schemes only, as q and p mix",
        build: mechanical::build,
    },
    Entry {
        kind: Kind::Hybrid,
        name: "hybrid",
        assumes: "energy is conserved; a formula (`--prior`) gives H but for unknown numbers and a potential",
        guarantees: "a Hamiltonian field; unknowns keep the sign they start with; separable where the formula is",
        build: hybrid::build,
    },
    Entry {
        kind: Kind::Port,
        name: "port",
        assumes: "friction opposes motion per coordinate; inputs act as forces with a learned gain",
        guarantees: "R ⪰ 0 and smooth: energy grows by the input's work at most; separable with `--energy separable`",
        build: port::build,
    },
    Entry {
        kind: Kind::Pairwise,
        name: "pairwise",
        assumes: "identical bodies, H = a/2 Σ|pᵢ|² + Σ V(|qᵢ − qⱼ|), one V for all pairs, a power of the distance times a network",
        guarantees: "the same under permutation, translation and rotation, hence linear and angular momentum conserved (not with \
                     `--external`); separable; runs with any number of bodies",
        build: pairwise::build,
    },
    Entry {
        kind: Kind::Constrained,
        name: "constrained",
        assumes: "Cartesian coordinates of point masses, constraints g(q) = 0 that are known, energy conserved",
        guarantees: "g(q) = 0 whatever the weights; masses positive; symplectic on the constraint with rattle and rattle4",
        build: constrained::build,
    },
    Entry {
        kind: Kind::BaselineMlp,
        name: "baseline-mlp",
        assumes: "nothing but a first-order equation; compared with, not exported",
        guarantees: "nothing: a plain vector field, trained on derivatives",
        build: baseline::field,
    },
    Entry {
        kind: Kind::BaselineNode,
        name: "baseline-node",
        assumes: "as baseline-mlp",
        guarantees: "nothing: a plain vector field, trained through Runge–Kutta steps",
        build: baseline::field,
    },
    Entry {
        kind: Kind::BaselineLstm,
        name: "baseline-lstm",
        assumes: "data at one time step; compared with, not exported",
        guarantees: "nothing: predicts the next state and carries a memory",
        build: baseline::map,
    },
];

impl Kind {
    /// Every kind, in the order of the listing.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(|entry| entry.kind)
    }

    /// What it assumes of the system.
    #[must_use]
    pub fn assumes(self) -> &'static str {
        self.entry().assumes
    }

    /// What holds of every trained instance, whatever its weights.
    #[must_use]
    pub fn guarantees(self) -> &'static str {
        self.entry().guarantees
    }

    /// Whether it has no energy and is there to be compared with.
    #[must_use]
    pub fn is_baseline(self) -> bool {
        matches!(self, Self::BaselineMlp | Self::BaselineNode | Self::BaselineLstm)
    }

    fn entry(self) -> &'static Entry {
        // Every kind has a row, which a test checks; the first one stands in for a row that is missing.
        CATALOGUE.iter().find(|entry| entry.kind == self).unwrap_or(&CATALOGUE[0])
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().name)
    }
}

impl FromStr for Kind {
    type Err = ArchitectureError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        CATALOGUE.iter().find(|entry| entry.name == name).map(|entry| entry.kind).ok_or_else(|| {
            let known = CATALOGUE.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
            ArchitectureError::Setting(format!("unknown model `{name}`; known are {known}"))
        })
    }
}

/// The form of T(p) in a separable energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kinetic {
    /// T = ½ pᵀ L Lᵀ p with L learned: the form of every mechanical system with a constant mass matrix.
    #[default]
    Quadratic,
    /// A network, made even by construction: T(p) = N(p) + N(−p).
    Network,
}

/// The energy of a `port` model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Energy {
    /// As in `separable`.
    #[default]
    Separable,
    /// As in `mlp`.
    Mlp,
    /// As in `mechanical`.
    Mechanical,
    /// As in `hybrid`.
    Hybrid,
}

/// The level of friction that does not grow with speed, of a `port` model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Friction {
    /// A network of position and velocity.
    #[default]
    Network,
    /// Coulomb and Stribeck friction, the same everywhere and in both directions: for few data.
    Constants,
}

/// What a model is made of; serialised into the run's configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The architecture.
    pub kind: Kind,
    /// Units of each hidden layer of the energy's networks.
    pub hidden: Vec<usize>,
    /// Nonlinearity between layers.
    pub activation: Activation,
    /// Adds the input of a hidden layer to its output where their widths agree.
    pub residual: bool,
    /// Indices of positions that are angles: the model sees sin q and cos q, hence is 2π-periodic in them.
    pub angles: Vec<usize>,
    /// Form of T, for `separable` and a separable `port`.
    pub kinetic: Kinetic,
    /// Form of H, for `port`.
    pub energy: Energy,
    /// What friction depends on, for `port`.
    pub friction: Friction,
    /// Units of the hidden layer of the friction network, for `port`.
    pub friction_hidden: usize,
    /// Whether the input gain depends on q, for `port`.
    pub gain_varies: bool,
    /// Adds a learned constant generalised force (a sensor's offset, a tilt), for `port`. H is then linear in q, hence
    /// not bounded below.
    pub constant_force: bool,
    /// Bodies that share the positions, equally many each, body after body, for `pairwise`.
    pub bodies: Option<usize>,
    /// Adds a potential of each body's own position, for `pairwise`. H then depends on where the bodies are as a whole.
    pub external: bool,
    /// Random Fourier features put before each network of the energy; none where 0.
    pub fourier: usize,
    /// Deviation of their frequencies, radians per unit of the network's normalised argument.
    pub fourier_scale: f64,
    /// Formulas in q1 … qn that the motion keeps at 0, for `constrained`.
    pub constraints: Vec<String>,
    /// Coordinates of each body, whose mass they share, for `constrained`.
    pub body_dimension: usize,
    /// The formula of a hybrid energy.
    pub prior: Option<String>,
    /// Its unknowns, by name, and where each starts.
    pub prior_start: BTreeMap<String, f64>,
    /// Its known numbers, by name.
    pub prior_values: BTreeMap<String, f64>,
    /// Whether the formula stands alone: a grey box.
    pub prior_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: Kind::Separable,
            hidden: vec![32, 32],
            activation: Activation::Tanh,
            residual: false,
            angles: Vec::new(),
            kinetic: Kinetic::Quadratic,
            energy: Energy::Separable,
            friction: Friction::Network,
            friction_hidden: 8,
            gain_varies: false,
            constant_force: false,
            bodies: None,
            external: false,
            fourier: 0,
            fourier_scale: 1.0,
            constraints: Vec::new(),
            body_dimension: 2,
            prior: None,
            prior_start: BTreeMap::new(),
            prior_values: BTreeMap::new(),
            prior_only: false,
        }
    }
}

/// A model to be learned, and where learning starts.
#[derive(Debug, Clone)]
pub struct Architecture {
    /// The graph with parameters.
    pub model: Learned,
    /// Initial value of every parameter.
    pub initial: Parameters,
    /// Which parameters enter H linearly; nothing where the architecture does not say, as in an imported graph.
    pub linear: Linear,
}

/// Builds the model that `settings` name for data of these scales.
///
/// Initial weights are Glorot-uniform draws from the stream (`seed`, parameter name): adding a parameter changes no other.
///
/// # Errors
/// [`ArchitectureError::Setting`] naming the setting that is out of range or does not fit the data.
pub fn build(settings: &Settings, scaling: &Scaling, seed: u64) -> Result<Architecture, ArchitectureError> {
    check(settings, scaling)?;
    let mut builder = Builder::new(settings, scaling, seed)?;
    (settings.kind.entry().build)(&mut builder)?;
    let linear = builder.linear.finish(&builder.graph)?;
    Ok(Architecture { model: Learned::new(builder.graph)?, initial: builder.initial, linear })
}

fn check(settings: &Settings, scaling: &Scaling) -> Result<(), ArchitectureError> {
    let refuse = |message: String| Err(ArchitectureError::Setting(message));
    if settings.hidden.is_empty() || settings.hidden.len() > MAX_DEPTH {
        return refuse(format!("{} hidden layers; between 1 and {MAX_DEPTH} are possible", settings.hidden.len()));
    }
    let widths = settings.hidden.iter().chain(std::iter::once(&settings.friction_hidden));
    if let Some(width) = widths.into_iter().find(|width| **width == 0 || **width > MAX_WIDTH) {
        return refuse(format!("a hidden layer of {width} units; between 1 and {MAX_WIDTH} are possible"));
    }
    if let Some(angle) = settings.angles.iter().find(|angle| **angle >= scaling.dof()) {
        return refuse(format!("angle {} of a system with {} positions", angle + 1, scaling.dof()));
    }
    let frequencies = settings.fourier_scale.is_finite() && settings.fourier_scale > 0.0;
    if settings.fourier > MAX_FOURIER || !frequencies {
        return refuse(format!(
            "{} Fourier features of deviation {}; at most {MAX_FOURIER} of a positive deviation are possible",
            settings.fourier, settings.fourier_scale
        ));
    }
    if scaling.inputs() > 0 && settings.kind != Kind::Port && !settings.kind.is_baseline() {
        return refuse(format!("model `{}` has no input, but the data have; use `port`", settings.kind));
    }
    scaling.check().map_err(ArchitectureError::Setting)
}

/// The graph under construction, with what every architecture needs.
struct Builder<'a> {
    graph: Graph,
    initial: Parameters,
    linear: linear::Declared,
    settings: &'a Settings,
    scaling: &'a Scaling,
    seed: u64,
    q: NodeId,
    p: NodeId,
}

type Built = Result<NodeId, ArchitectureError>;

impl<'a> Builder<'a> {
    fn new(settings: &'a Settings, scaling: &'a Scaling, seed: u64) -> Result<Self, ArchitectureError> {
        let mut graph = Graph::new();
        let dof = scaling.dof();
        let x = graph.input(STATE, Shape::batched(&[2 * dof])?)?;
        if scaling.inputs() > 0 {
            graph.input(INPUT, Shape::batched(&[scaling.inputs()])?)?;
        }
        let q = graph.slice(x, 1, 0, dof)?;
        let p = graph.slice(x, 1, dof, dof)?;
        let linear = linear::Declared::default();
        Ok(Self { graph, initial: Parameters::new(), linear, settings, scaling, seed, q, p })
    }

    fn dof(&self) -> usize {
        self.scaling.dof()
    }

    /// A constant row vector.
    fn row(&mut self, values: Vec<f64>) -> Built {
        let tensor = Tensor::new(vec![values.len()], values)?;
        Ok(self.graph.constant(tensor)?)
    }

    /// A parameter with its initial value.
    fn parameter(&mut self, name: &str, initial: Tensor) -> Built {
        let id = self.graph.parameter(name, initial.shape())?;
        self.initial.insert(name.to_owned(), initial);
        Ok(id)
    }

    /// What networks see of q: (q − mean)/deviation, or sin q and cos q of an angle.
    fn position_features(&mut self) -> Built {
        let mut parts = Vec::new();
        for index in 0..self.dof() {
            let one = self.graph.slice(self.q, 1, index, 1)?;
            if self.settings.angles.contains(&index) {
                parts.push(self.graph.sin(one)?);
                parts.push(self.graph.cos(one)?);
            } else {
                let mean = self.graph.scalar(self.scaling.q_mean[index])?;
                let centred = self.graph.sub(one, mean)?;
                parts.push(self.graph.scale(centred, 1.0 / self.scaling.q[index])?);
            }
        }
        Ok(self.graph.concat(&parts, 1)?)
    }

    /// p / deviation; momenta are not centred, so that rest stays at 0.
    fn momentum_features(&mut self) -> Built {
        let scale = self.row(self.scaling.p.iter().map(|scale| 1.0 / scale).collect())?;
        Ok(self.graph.mul(self.p, scale)?)
    }

    /// Names the energy.
    fn set_energy(&mut self, energy: NodeId) {
        self.graph.set_output(ENERGY, energy);
    }
}
