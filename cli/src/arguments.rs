//! What can be typed, exactly as it is typed.
//!
//! These are clap's structures and nothing else: no defaults that depend on data, no checks across files. The modules of
//! [`command`](crate::command) turn them into requests to the libraries.

mod export;
mod train;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use hnn_trainer::ensemble::Member;

pub(crate) use export::{Emit, ExportArguments, StateArguments, WeightFormat};
pub(crate) use train::{
    DataArguments, DeviceName, EnergyName, FitArguments, FitName, FrictionName, InitArguments, KineticName, LossName,
    ModelArguments, Precision, ProtocolName, RobustName, SourceArguments, TrainArguments,
};

/// The command line of `hnn`.
#[derive(Debug, Parser)]
#[command(
    name = "hnn",
    bin_name = "hnn",
    version,
    about = "Learns the energy of a mechanical system and takes it, differentiated, to a microcontroller",
    after_help = "Exit codes: 0 good, 1 a check failed, 2 the request or its input is wrong.",
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, in the order of a first day with the tool.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole path on a bundled system: train, export, validate, simulate, table
    #[command(after_help = "Example:\n  hnn demo --out demo")]
    Demo(DemoArguments),
    /// Learn an energy from a named system or from measured data
    #[command(after_help = train::EXAMPLES)]
    Train(Box<TrainArguments>),
    /// Write ONNX files, the device program and a manifest
    #[command(after_help = export::EXAMPLES)]
    Export(Box<ExportArguments>),
    /// Compare every engine with the f64 reference, and check the physics; exit 1 on a mismatch
    #[command(
        after_help = "Example:\n  hnn validate artifacts/pendulum --engines reference,runtime,ort --json report.json"
    )]
    Validate(ValidateArguments),
    /// Step the device program from a state and write the trajectory as CSV
    #[command(
        after_help = "Examples:\n  hnn simulate artifacts/pendulum --x0 1.5,-0.2 --steps 10000 --out orbit.csv\n  \
                      hnn simulate model.hnn --x0 -1,0 --dt 0.01 --steps 100 --u torque.csv --out driven.csv"
    )]
    Simulate(SimulateArguments),
    /// Evaluate any supported ONNX graph with one engine
    #[command(after_help = "Example:\n  hnn run field.onnx --engine ort --inputs in.npz --out out.npz")]
    Run(RunArguments),
    /// Say what is in a run, an export, an ONNX file or a device program
    #[command(
        after_help = "Examples:\n  hnn inspect artifacts/pendulum\n  hnn inspect energy.onnx --q pos --p mom --text\n  \
                      hnn inspect model.hnn --json"
    )]
    Inspect(InspectArguments),
    /// Judge a trained run against data or against the true energy
    #[command(
        after_help = "Examples:\n  hnn evaluate runs/pendulum\n  hnn evaluate runs/robot --data held_out.csv --window 0.5"
    )]
    Evaluate(EvaluateArguments),
    /// List the systems that `--system` knows
    Systems,
    /// List the models that `--model` knows, with what each assumes and guarantees
    Models,
    /// List the schemes that `--scheme` knows, with what each claims
    Schemes,
}

/// Arguments of `hnn demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = "demo")]
    pub(crate) out: PathBuf,
    /// Replace what is in the folder
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `hnn validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// An export: the folder `hnn export` wrote
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Engines to compare; without it, all that can be loaded
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) engines: Vec<String>,
    /// States to compare at
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(crate) samples: usize,
    /// Write the report as JSON as well
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// Arguments of `hnn simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    /// An export, or its `model.hnn`
    #[arg(value_name = "DIR | model.hnn")]
    pub(crate) model: PathBuf,
    /// Initial state q1,…,qn,p1,…,pn
    #[arg(long, value_name = "V,…", value_delimiter = ',', allow_hyphen_values = true, required = true)]
    pub(crate) x0: Vec<f32>,
    /// Input over time: a column of times and one column per input, held until the next row
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) u: Option<PathBuf>,
    /// Step length in seconds; without it, the one the model was exported with
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) dt: Option<f32>,
    /// Steps to take; N + 1 rows are written
    #[arg(long, value_name = "N")]
    pub(crate) steps: u64,
    /// Scheme; without it, the one the model was exported with
    #[arg(long, value_name = "NAME")]
    pub(crate) scheme: Option<String>,
    /// Binding of the two copies that tao2 and tao4 step, 1/s; without it, the one the model was exported with, else 10
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) omega: Option<f32>,
    /// How the state is kept: `compensated` sums keep what f32 rounds away; on the `lattice` of whole numbers nothing is rounded
    /// away, and steps can be undone to the bit. Both need an explicit scheme and no damping
    #[arg(long, value_name = "KIND", value_enum, default_value_t = StateKind::F32)]
    pub(crate) state: StateKind,
    /// File to write: columns t, q1…, p1…, H, u1…
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) out: PathBuf,
}

/// Kinds of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateKind {
    /// Plain floating point, as on the device
    F32,
    /// Floating point with compensated sums
    Compensated,
    /// Fixed point, Q32.32
    Lattice,
}

/// Arguments of `hnn run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Graph to evaluate
    #[arg(value_name = "FILE.onnx")]
    pub(crate) file: PathBuf,
    /// reference, runtime, tract or ort; the runtime computes in f32 what a device would
    #[arg(long, value_name = "NAME")]
    pub(crate) engine: String,
    /// Inputs by name: floats of 16, 32 or 64 bits, integers, truth values
    #[arg(long, value_name = "IN.npz")]
    pub(crate) inputs: PathBuf,
    /// Outputs by name
    #[arg(long, value_name = "OUT.npz")]
    pub(crate) out: PathBuf,
}

/// Arguments of `hnn inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A run, an export, an ONNX file or a device program
    #[arg(value_name = "RUN | DIR | FILE")]
    pub(crate) subject: PathBuf,
    #[command(flatten)]
    pub(crate) state: StateArguments,
    /// Print the nodes of every graph as well, long constants cut short
    #[arg(long, conflicts_with = "json")]
    pub(crate) text: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `hnn evaluate`.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArguments {
    /// A run or an ensemble: the folder `hnn train` wrote
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Recordings to predict, with the columns the run was trained on; without it, the run's own system or data
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) data: Vec<PathBuf>,
    /// Of an ensemble: the mean of its members, the best of them, or one by its number; the mean unless another is named
    #[arg(long, value_name = "mean|best|N")]
    pub(crate) member: Option<Member>,
    /// Length of the open-loop windows
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) window: Option<f64>,
    /// Write the evaluation as JSON as well
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}
