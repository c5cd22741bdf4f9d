//! Arguments of `hnn export`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use hnn_exporter::import::StateInputs;
use hnn_exporter::onnx::{Precision, Profile};
use hnn_exporter::pipeline::GraphKind;
use hnn_exporter::weights::Weights;
use hnn_trainer::ensemble::Member;

/// Shown under `hnn export --help`.
pub(super) const EXAMPLES: &str = "Examples:
  hnn export runs/pendulum --out artifacts/pendulum
  hnn export --hamiltonian 'p^2/(2*m*l^2) + m*g*l*(1-cos(q))' --set m=1 --set l=0.5 --set g=9.81 --out artifacts/exact
  hnn export --hamiltonian '(p1^2+p2^2)/(2*m) + m*g*q2' --constraint 'q1^2 + q2^2 - 1' --set m=1 --set g=9.81 --out artifacts/rod
  hnn export energy.onnx --scheme midpoint --dt 0.005 --out artifacts/imported
  hnn export runs/pendulum --graphs field,step --profile st --out artifacts/cube";

/// Where the energy comes from, where it goes to, and how.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// A run of `hnn train`, or an ONNX file that gives H
    #[arg(value_name = "RUN | FILE.onnx", required_unless_present = "hamiltonian", conflicts_with = "hamiltonian")]
    pub(crate) source: Option<PathBuf>,
    /// Of an ensemble: the mean of its members as one graph, the best of them, or one by its number; the mean unless another
    /// is named. A mean costs what all members cost together
    #[arg(long, value_name = "mean|best|N", conflicts_with = "hamiltonian")]
    pub(crate) member: Option<Member>,
    /// A formula in q and p (q1,q2,…,p1,p2,… for several degrees of freedom)
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) hamiltonian: Option<String>,
    /// A formula in q1 … qn that the motion keeps at 0; repeat for each. It is stepped by RATTLE
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) constraint: Vec<String>,
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
    #[command(flatten)]
    pub(crate) state: StateArguments,
    /// Bodies the device will step, for a run of a `pairwise` model: its weights hold for any number
    #[arg(long, value_name = "N")]
    pub(crate) bodies: Option<usize>,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace what is in the folder
    #[arg(long)]
    pub(crate) force: bool,
    /// Kinds of file to write
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_enum, default_values_t = [Emit::Onnx, Emit::Blob])]
    pub(crate) emit: Vec<Emit>,
    /// What the names in model.h begin with, for programs with several models [default: hnn_model]
    #[arg(long, value_name = "NAME")]
    pub(crate) prefix: Option<String>,
    /// Graphs to write as ONNX; velocity and momentum are compiled for the device as well, as functions of their own
    #[arg(
        long, value_name = "NAME,…", value_delimiter = ',', default_values = GraphKind::DEFAULT.map(GraphKind::name),
        value_parser = named(&GraphKind::ALL, |kind| PossibleValue::new(kind.name()).help(kind.signature()))
    )]
    pub(crate) graphs: Vec<GraphKind>,
    /// ONNX operator set
    #[arg(long, value_name = "N", default_value_t = 17)]
    pub(crate) opset: i64,
    /// Numbers of the ONNX graphs; the device program is f32 whatever is chosen here
    #[arg(
        long, value_name = "FORMAT", default_value = Precision::F32.name(),
        value_parser = named(&Precision::ALL, |precision| PossibleValue::new(precision.name()))
    )]
    pub(crate) precision: Precision,
    /// Who will read the ONNX graphs: any engine that follows the standard, or ST Edge AI Core (X-CUBE-AI) with its fixed
    /// shapes, its operators and f32
    #[arg(
        long, value_name = "NAME", default_value = Profile::Standard.name(),
        value_parser = named(&Profile::ALL, |profile| PossibleValue::new(profile.name()))
    )]
    pub(crate) profile: Profile,
    /// Rows of the ONNX graphs: `dynamic` or a number; without it dynamic, and 1 with `--profile st`
    #[arg(long, value_name = "dynamic|N")]
    pub(crate) batch: Option<String>,
    /// How the device stores weights; what is written is the model with its weights rounded to that
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = WeightFormat::F32)]
    pub(crate) weights: WeightFormat,
    /// Scheme to deploy; without it, leapfrog where H splits and implicit midpoint where it does not, and RATTLE where there are
    /// constraints
    #[arg(long, value_name = "NAME")]
    pub(crate) scheme: Option<String>,
    /// Print every rewrite of the optimizer, and the operators before and after
    #[arg(long)]
    pub(crate) explain: bool,
    /// Apply at most N rewrites of the optimizer to each ONNX graph, to find one that is to blame; the device program, and
    /// the force and velocity that a step is made of, are optimized whole
    #[arg(long, value_name = "N")]
    pub(crate) stop_after: Option<usize>,
    /// Iterations of an implicit scheme
    #[arg(long, value_name = "N")]
    pub(crate) iterations: Option<u32>,
    /// Binding of the two copies that tao2 and tao4 step, 1/s; without it, 10
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) omega: Option<f32>,
    /// Step length in seconds; without it, the one the run was trained at, else 0.01
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) dt: Option<f64>,
}

/// One of `values`, by its name.
fn named<T: Copy + Send + Sync>(
    values: &'static [T],
    spelled: fn(T) -> PossibleValue,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(values.iter().map(|value| spelled(*value))).try_map(move |name| {
        let value = values.iter().copied().find(|value| spelled(*value).get_name() == name);
        value.ok_or_else(|| format!("`{name}` is unknown"))
    })
}

/// Inputs of an ONNX file that are the state.
#[derive(Debug, Args)]
pub(crate) struct StateArguments {
    /// Input of the ONNX file that holds the positions, where the state comes in two
    #[arg(long, value_name = "NAME", requires = "p")]
    pub(crate) q: Option<String>,
    /// Input of the ONNX file that holds the momenta, where the state comes in two
    #[arg(long, value_name = "NAME", requires = "q")]
    pub(crate) p: Option<String>,
}

impl StateArguments {
    /// The same for the importer.
    pub(crate) fn inputs(&self) -> StateInputs {
        StateInputs { q: self.q.clone(), p: self.p.clone() }
    }
}

/// Values of a formula's constants.
#[derive(Debug, Args)]
pub(crate) struct SettingArguments {
    /// Value of a constant in the formulas; repeat for each
    #[arg(long = "set", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub(crate) set: Vec<String>,
}

/// Kinds of file `hnn export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// ONNX graphs
    Onnx,
    /// The device program `model.hnn`, and the device functions that `--graphs` names
    Blob,
    /// The device program as one Rust file, `model.rs`: no_std, no parser, the bits of the blob
    Rust,
    /// The device program as C99, `model.h` and `model.c`: no library, the bits of the blob
    C,
}

impl From<WeightFormat> for Weights {
    fn from(format: WeightFormat) -> Self {
        match format {
            // The rest of a model whose networks are in fixed point stays f32.
            WeightFormat::F32 | WeightFormat::Q15 => Self::F32,
            WeightFormat::F16 => Self::F16,
            WeightFormat::Int8 => Self::Int8,
        }
    }
}

/// How weights are stored on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightFormat {
    /// 32-bit floating point
    F32,
    /// 16-bit floating point
    F16,
    /// 8-bit whole numbers, with a scale for each row of a matrix
    Int8,
    /// Networks of tanh and sigmoid in 16-bit fixed point, for cores with DSP instructions or without floating point; the field is then
    /// not the gradient of an energy, and how far it is off is measured
    Q15,
}
