//! Arguments of `hnn export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Shown under `hnn export --help`.
pub(super) const EXAMPLES: &str = "Examples:
  hnn export runs/pendulum --out artifacts/pendulum
  hnn export --hamiltonian 'p^2/(2*m*l^2) + m*g*l*(1-cos(q))' --set m=1 --set l=0.5 --set g=9.81 --out artifacts/exact
  hnn export energy.onnx --scheme midpoint --dt 0.005 --out artifacts/imported";

/// Where the energy comes from, where it goes to, and how.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// A run of `hnn train`, or an ONNX file that gives H
    #[arg(value_name = "RUN | FILE.onnx", required_unless_present = "hamiltonian", conflicts_with = "hamiltonian")]
    pub(crate) source: Option<PathBuf>,
    /// A formula in q and p (q1,q2,…,p1,p2,… for several degrees of freedom)
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) hamiltonian: Option<String>,
    #[command(flatten)]
    pub(crate) settings: SettingArguments,
    /// Input of the ONNX file that holds the positions, where the state comes in two
    #[arg(long, value_name = "NAME", requires = "p")]
    pub(crate) q: Option<String>,
    /// Input of the ONNX file that holds the momenta, where the state comes in two
    #[arg(long, value_name = "NAME", requires = "q")]
    pub(crate) p: Option<String>,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Replace what is in the folder
    #[arg(long)]
    pub(crate) force: bool,
    /// Kinds of file to write
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', value_enum, default_values_t = [Emit::Onnx, Emit::Blob])]
    pub(crate) emit: Vec<Emit>,
    /// ONNX graphs to write
    #[arg(
        long, value_name = "NAME,…", value_delimiter = ',', value_enum,
        default_values_t = [GraphName::Hamiltonian, GraphName::Field, GraphName::Step]
    )]
    pub(crate) graphs: Vec<GraphName>,
    /// ONNX operator set
    #[arg(long, value_name = "N", default_value_t = 17)]
    pub(crate) opset: i64,
    /// Rows of the ONNX graphs: `dynamic` or a number
    #[arg(long, value_name = "dynamic|N", default_value = "dynamic")]
    pub(crate) batch: String,
    /// How the device stores weights
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = WeightFormat::F32)]
    pub(crate) weights: WeightFormat,
    /// Scheme to deploy; without it, leapfrog where H splits and implicit midpoint where it does not
    #[arg(long, value_name = "NAME")]
    pub(crate) scheme: Option<String>,
    /// Print every rewrite of the optimizer, and the operators before and after
    #[arg(long)]
    pub(crate) explain: bool,
    /// Iterations of an implicit scheme
    #[arg(long, value_name = "N")]
    pub(crate) iterations: Option<u32>,
    /// Step length in seconds; without it, the one the run was trained at, else 0.01
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) dt: Option<f64>,
}

/// Values of a formula's constants.
#[derive(Debug, Args)]
pub(crate) struct SettingArguments {
    /// Value of a constant in the formula; repeat for each
    #[arg(long = "set", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    pub(crate) set: Vec<String>,
}

/// Kinds of file `hnn export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// ONNX graphs
    Onnx,
    /// The device program `model.hnn`
    Blob,
}

/// ONNX graphs `hnn export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphName {
    /// x → H
    Hamiltonian,
    /// x, u → dx
    Field,
    /// x, dt, u → x_next
    Step,
    /// x → second derivatives of H
    Hessian,
    /// x, u → derivatives of the field
    Jacobian,
    /// x, v → second derivatives of H times v
    Hvp,
}

/// How weights are stored on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WeightFormat {
    /// 32-bit floating point
    F32,
}
