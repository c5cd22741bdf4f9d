//! Arguments of `hnn train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Shown under `hnn train --help`.
pub(super) const EXAMPLES: &str = "Examples:
  hnn train --system pendulum --protocol reference --out runs/pendulum
  hnn train --data swing.csv --q position --v velocity --u torque --time time --angle position \\
            --model port --loss rollout --out runs/robot
  hnn train --init pretrained.onnx --data swing.csv --q position --p momentum --time time --out runs/tuned
  hnn train --resume --out runs/robot";

/// What to learn from, what to learn, and how.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    pub(crate) source: SourceArguments,
    #[command(flatten)]
    pub(crate) data: DataArguments,
    /// A recipe to start from; without it, the one that suits the data. `hnn models` lists them
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
    #[command(flatten)]
    pub(crate) init: InitArguments,
    #[command(flatten)]
    pub(crate) fit: FitArguments,
    /// Train this many members side by side, from as many seeds on the same data: what they disagree about is uncertain
    #[arg(long, value_name = "K", conflicts_with = "init")]
    pub(crate) ensemble: Option<usize>,
    /// Folder to write to
    #[arg(long, value_name = "RUN")]
    pub(crate) out: PathBuf,
    /// Replace what is in the folder
    #[arg(long, conflicts_with = "resume")]
    pub(crate) force: bool,
    /// Continue an interrupted run in its folder, bit for bit; takes everything else from the run
    #[arg(long, conflicts_with_all = [
        "system", "protocol", "trajectories", "horizon", "rate", "noise", "set", "data", "q", "p", "v", "u", "input_lag", "time",
        "trajectory", "dq", "dp", "split_at_nan", "held_out", "preset", "model", "hidden", "activation", "angle", "residual", "kinetic",
        "energy", "prior", "fit_parameters", "friction", "constant_force", "bodies", "external", "fourier", "fourier_scale", "constraint", "body_dimension", "init", "init_q", "init_p", "loss", "scheme", "iterations", "steps", "batch", "learning_rate", "window", "step_seconds", "substeps",
        "learned_starts", "robust_from", "robust", "shooting_weight", "curriculum", "clip", "patience", "seed", "data_seed", "ensemble", "precision",
        "device", "fit",
    ])]
    pub(crate) resume: bool,
}

impl TrainArguments {
    /// Seed of what is drawn or held out.
    pub(crate) fn data_seed(&self) -> u64 {
        self.fit.data_seed.unwrap_or(self.fit.seed)
    }
}

/// A named system as source of data, and how to draw from it.
#[derive(Debug, Args)]
pub(crate) struct SourceArguments {
    /// A named system; `hnn systems` lists them
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub(crate) system: Option<String>,
    /// Counts, horizon, noise and split of the published reference of that system
    #[arg(long, value_name = "NAME", value_enum, requires = "system")]
    pub(crate) protocol: Option<ProtocolName>,
    /// Trajectories to draw
    #[arg(long, value_name = "N", requires = "system")]
    pub(crate) trajectories: Option<usize>,
    /// Length of a trajectory in seconds
    #[arg(long, value_name = "SECONDS", requires = "system", allow_negative_numbers = true)]
    pub(crate) horizon: Option<f64>,
    /// Points per second
    #[arg(long, value_name = "HERTZ", requires = "system", allow_negative_numbers = true)]
    pub(crate) rate: Option<f64>,
    /// Standard deviation of Gaussian noise on the state
    #[arg(long, value_name = "SIGMA", requires = "system", allow_negative_numbers = true)]
    pub(crate) noise: Option<f64>,
    /// Value of a constant of the system, or of a known number of `--prior`; repeat for each
    #[arg(long = "set", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub(crate) set: Vec<String>,
}

/// Published protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolName {
    /// That of the system's publication
    Reference,
}

/// Measured data and the meaning of its columns.
#[derive(Debug, Args)]
pub(crate) struct DataArguments {
    /// CSV files with a header
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "q")]
    pub(crate) data: Vec<PathBuf>,
    /// Columns of positions
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires = "data")]
    pub(crate) q: Vec<String>,
    /// Columns of momenta
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires = "data", conflicts_with = "v")]
    pub(crate) p: Vec<String>,
    /// Columns of velocities, where momenta were not measured: the mass matrix that is learned gives them. Without --p and --v,
    /// velocities are differences of positions that only start the learning
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires = "data")]
    pub(crate) v: Vec<String>,
    /// Columns of external inputs
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires = "data")]
    pub(crate) u: Vec<String>,
    /// Time in seconds by which inputs act after they were recorded, as an actuator's do; negative where their sensor is late.
    /// The model is one of inputs as they act
    #[arg(long, value_name = "SECONDS", requires = "u", allow_negative_numbers = true)]
    pub(crate) input_lag: Option<f64>,
    /// Column of times in seconds
    #[arg(long, value_name = "COL", requires = "data")]
    pub(crate) time: Option<String>,
    /// Column that tells trajectories apart
    #[arg(long, value_name = "COL", requires = "data")]
    pub(crate) trajectory: Option<String>,
    /// Columns of the time derivatives of the positions; without it, --v
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires_all = ["data", "dp"])]
    pub(crate) dq: Vec<String>,
    /// Columns of the time derivatives of the momenta, or of the velocities
    #[arg(long, value_name = "COL,…", value_delimiter = ',', requires = "data")]
    pub(crate) dp: Vec<String>,
    /// Where a value is missing or not a number, end the trajectory instead of refusing the file
    #[arg(long, requires = "data")]
    pub(crate) split_at_nan: bool,
    /// Part of the recordings to judge by instead of learning from; without it, 0.2. With 0 everything is learned from, once
    /// the settings are chosen
    #[arg(long, value_name = "FRACTION", requires = "data", allow_negative_numbers = true)]
    pub(crate) held_out: Option<f64>,
}

/// The model to learn.
#[derive(Debug, Args)]
pub(crate) struct ModelArguments {
    /// A model; `hnn models` lists them
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Units of each hidden layer
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub(crate) hidden: Vec<usize>,
    /// tanh, softplus, sin or silu
    #[arg(long, value_name = "NAME")]
    pub(crate) activation: Option<String>,
    /// Positions that are angles, by column or as q1, q2, …: the model sees their sine and cosine
    #[arg(long, value_name = "COL,…", value_delimiter = ',')]
    pub(crate) angle: Vec<String>,
    /// Adds each hidden layer's input to its output
    #[arg(long)]
    pub(crate) residual: bool,
    /// Form of T(p): quadratic or network
    #[arg(long, value_name = "FORM")]
    pub(crate) kinetic: Option<KineticName>,
    /// Energy of a `port` model: separable, mlp, mechanical or hybrid
    #[arg(long, value_name = "MODEL")]
    pub(crate) energy: Option<EnergyName>,
    /// A formula of H with unknown numbers, and known ones by `--set`, for `hybrid` or `port`: a network learns the potential it leaves out, none with
    /// `--hidden 0`. It is in the units of the data
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true)]
    pub(crate) prior: Option<String>,
    /// Unknowns of `--prior` and where each starts; it keeps that sign, unless it starts at 0
    #[arg(long, value_name = "NAME=VALUE,…", value_delimiter = ',', allow_hyphen_values = true, requires = "prior")]
    pub(crate) fit_parameters: Vec<String>,
    /// Friction of a `port` model: by a network, or by constants (viscous, Coulomb and Stribeck), where data are few
    #[arg(long, value_name = "FORM")]
    pub(crate) friction: Option<FrictionName>,
    /// Adds a learned constant force to a `port` model: a tilt, a sensor's offset
    #[arg(long)]
    pub(crate) constant_force: bool,
    /// Identical bodies that share the positions, equally many each, body after body, for a `pairwise` model; a named system
    /// knows its own
    #[arg(long, value_name = "N")]
    pub(crate) bodies: Option<usize>,
    /// Adds a potential of each body's own position to a `pairwise` model
    #[arg(long)]
    pub(crate) external: bool,
    /// Puts N random Fourier features before each network of the energy: for fine structure
    #[arg(long, value_name = "N")]
    pub(crate) fourier: Option<usize>,
    /// Deviation of their frequencies, in radians per unit of the network's normalised argument; without it, 1
    #[arg(long, value_name = "SCALE", requires = "fourier", allow_negative_numbers = true)]
    pub(crate) fourier_scale: Option<f64>,
    /// What the motion of a `constrained` model keeps at 0, a formula in q1 … qn; repeat for each
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true)]
    pub(crate) constraint: Vec<String>,
    /// Coordinates that the mass of each body of a `constrained` model belongs to
    #[arg(long, value_name = "N")]
    pub(crate) body_dimension: Option<usize>,
}

/// A model that somebody else made, to train further.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// An ONNX file that gives H, to fine-tune instead of a new model: its weights are trained, its graph stays. It takes
    /// physical units; the learning rate starts at 0.001 at most unless --learning-rate says otherwise
    #[arg(long, value_name = "FILE.onnx", conflicts_with_all = [
        "model", "hidden", "activation", "angle", "residual", "kinetic", "energy", "prior", "fit_parameters", "friction", "constant_force",
        "bodies", "external", "fourier", "fourier_scale", "constraint", "body_dimension",
    ])]
    pub(crate) init: Option<PathBuf>,
    /// Its input that takes the positions, where the state comes in two
    #[arg(long, value_name = "NAME", requires_all = ["init", "init_p"])]
    pub(crate) init_q: Option<String>,
    /// Its input that takes the momenta, where the state comes in two
    #[arg(long, value_name = "NAME", requires_all = ["init", "init_q"])]
    pub(crate) init_p: Option<String>,
}

/// Forms of the kinetic energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KineticName {
    /// ½ pᵀ A p
    Quadratic,
    /// A network
    Network,
}

/// Energies of a `port` model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EnergyName {
    /// T(p) + V(q)
    Separable,
    /// One network
    Mlp,
    /// ½ pᵀ M⁻¹(q) p + V(q)
    Mechanical,
    /// The formula of `--prior` and a network
    Hybrid,
}

/// Forms of friction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrictionName {
    /// Viscous, and a level that depends on position and velocity
    Network,
    /// Viscous, Coulomb and Stribeck
    Constants,
}

/// How to learn it.
#[derive(Debug, Args)]
pub(crate) struct FitArguments {
    /// What to minimise
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) loss: Option<LossName>,
    /// How to minimise it; without it, the way that suits the data and whatever else is asked for
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) fit: Option<FitName>,
    /// Scheme that `--loss rollout` steps through
    #[arg(long, value_name = "NAME")]
    pub(crate) scheme: Option<String>,
    /// Iterations of an implicit --scheme: fewer train faster, and are what is deployed
    #[arg(long, value_name = "N")]
    pub(crate) iterations: Option<u32>,
    /// Optimiser steps
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// Rows, or windows of `--loss rollout`, per optimiser step; without it, chosen from the data
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,
    /// Learning rate at the start
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub(crate) learning_rate: Option<f64>,
    /// Steps per window of `--loss rollout`
    #[arg(long, value_name = "N")]
    pub(crate) window: Option<usize>,
    /// Length of these steps, where it is not that of the rows
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) step_seconds: Option<f64>,
    /// Equal steps of the scheme in each of these: for data sampled more coarsely than the scheme is accurate
    #[arg(long, value_name = "N")]
    pub(crate) substeps: Option<usize>,
    /// Learn the first state of every window: for noisy states
    #[arg(long, value_name = "BOOL")]
    pub(crate) learned_starts: Option<bool>,
    /// Error, in typical changes of a coordinate within a window, from which `--loss rollout` counts less: for outliers
    #[arg(long, value_name = "ERROR", allow_negative_numbers = true)]
    pub(crate) robust_from: Option<f64>,
    /// How errors beyond --robust-from count; without it, linearly
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) robust: Option<RobustName>,
    /// Multiple shooting: windows follow each other with learned first states, and gaps between them cost this weight. Whole
    /// trajectories are learned through short windows
    #[arg(long, value_name = "WEIGHT", allow_negative_numbers = true)]
    pub(crate) shooting_weight: Option<f64>,
    /// Steps per window in stages of equal length, such as 5,10,20: the last is the window
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub(crate) curriculum: Vec<usize>,
    /// Largest norm of a gradient; longer ones are shortened
    #[arg(long, value_name = "NORM", allow_negative_numbers = true)]
    pub(crate) clip: Option<f64>,
    /// Judgements on held-out data without improvement after which to stop
    #[arg(long, value_name = "N")]
    pub(crate) patience: Option<u64>,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Seed of the data alone: what a named system does, what of recordings is held out; without it, --seed. A member of an
    /// ensemble is the run of its own --seed on the --data-seed of the ensemble
    #[arg(long, value_name = "N")]
    pub(crate) data_seed: Option<u64>,
    /// Precision of training; without it, f32, or that of the preset
    #[arg(long, value_name = "NAME", value_enum)]
    pub(crate) precision: Option<Precision>,
    /// Where to compute; all but `flex` are features of the build
    #[arg(long, value_name = "NAME", value_enum, default_value_t = DeviceName::Flex)]
    pub(crate) device: DeviceName,
}

/// Losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LossName {
    /// Squared error of the derivatives, given or by finite differences
    Field,
    /// The same at the most plausible states, tied to the measured ones by the noise found in the data: noise does not shrink the field
    ErrorsInVariables,
    /// Squared error of trajectories stepped with the deployed scheme at the data's own times
    Rollout,
}

/// What becomes of large errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RobustName {
    /// Linearly
    PseudoHuber,
    /// At most as much as there, however large: for pushes that were not recorded. The scale is eight times as large at first
    #[value(name = "geman-mcclure")]
    GemanMcclure,
}

/// Fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FitName {
    /// Adam with cosine decay
    Adam,
    /// L-BFGS with a line search, on all data at once
    Lbfgs,
    /// Hidden layers drawn from the data, the rest solved for in closed form
    Sampled,
    /// The closed form, then Adam from there
    #[value(name = "sampled+adam")]
    SampledAdam,
    /// The closed form, then L-BFGS from there
    #[value(name = "sampled+lbfgs")]
    SampledLbfgs,
}

/// Precisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Precision {
    /// 32-bit floating point
    F32,
    /// 64-bit floating point
    F64,
}

/// Devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceName {
    /// The processor, through burn's own kernels
    Flex,
    /// The processor, through LibTorch 2.9.0: feature `tch`, `cargo xtask setup --libtorch`
    Tch,
    /// An NVIDIA device, through a LibTorch 2.9.0 with CUDA: feature `tch`
    TchCuda,
    /// An NVIDIA device, through CubeCL: feature `cuda`
    Cuda,
    /// Vulkan, Metal or DirectX, in f32 only: feature `wgpu`
    Wgpu,
}
