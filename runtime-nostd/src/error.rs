//! Everything that can go wrong: a blob that is refused, a buffer that is too small, a step that would leave the finite numbers.

use core::fmt;

use crate::format::{Entry, kernels};

/// Why a blob was refused, or a step not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The processor does not round to nearest, drops subnormal numbers, or fuses multiply-adds.
    FloatMode,
    /// Fewer words than a header.
    TooShort,
    /// More words than [`MAX_BLOB_WORDS`](crate::format::MAX_BLOB_WORDS).
    TooLarge,
    /// The first word is not `HNN1`.
    Magic,
    /// A layout version this reader does not know.
    Version(u32),
    /// The number of words is not the one the header states.
    Length,
    /// The checksum does not match.
    Checksum,
    /// The blob holds a function where a model is asked for, or a model where a function is.
    Form,
    /// Kernels, bits of [`kernels`](crate::format::kernels), that this build leaves out.
    MissingKernel(u32),
    /// A header field is out of range or contradicts another.
    Header,
    /// An entry that should be there is not, or the other way round; or its code or result is out of range.
    Entry(Entry),
    /// An instruction that does not decode, reads or writes where it may not, or is too large.
    Instruction {
        /// The entry it belongs to.
        entry: Entry,
        /// Its position in the entry, from 0.
        index: u32,
    },
    /// The workspace holds fewer elements than the program needs.
    WorkspaceTooSmall {
        /// Elements needed.
        needed: u32,
    },
    /// The state has another number of degrees of freedom than the model, or more than its capacity; or q and p differ in length.
    StateLength,
    /// u has another length than the model's inputs.
    InputLength,
    /// The new state would not be finite; the old one was kept.
    NonFinite,
    /// An explicit scheme was asked for, but H is not T(p) + V(q). Use an implicit scheme, a doubled
    /// state, or a separable model.
    NotSeparable,
    /// A coordinate or an increment does not fit the lattice; the old state was kept.
    OutOfRange,
    /// Lattice and compensated states are stepped by explicit schemes without damping.
    NotExplicit,
    /// A scheme whose order rests on a quadratic T was asked for, but T is none.
    NotQuadratic,
    /// The number of iterations is 0 or above [`MAX_ITERATIONS`](crate::format::MAX_ITERATIONS).
    Iterations,
    /// The binding ω of a doubled state is not a positive number.
    Binding,
    /// The scheme steps a doubled state, and was given another; or the other way round.
    NotDoubled,
    /// dt·‖R‖·‖A‖ is too large for the damped substep, or its iterations do not contract; the old state was kept. Use a
    /// smaller step.
    DampingTooStiff,
    /// RATTLE was asked for without constraints, or another scheme with them; or there are more of them than
    /// [`MAX_CONSTRAINTS`](crate::format::MAX_CONSTRAINTS).
    Constraints,
    /// The recorder holds as many samples as it can.
    RecorderFull,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FloatMode => {
                f.write_str("the processor's floating-point mode is not IEEE round-to-nearest with subnormals")
            }
            Self::TooShort => f.write_str("the blob is shorter than a header"),
            Self::TooLarge => f.write_str("the blob is larger than any reader accepts"),
            Self::Magic => f.write_str("not a model blob: it does not start with `HNN1`"),
            Self::Version(found) => {
                write!(f, "blob format version {found}, this reader knows version {}", crate::format::VERSION)
            }
            Self::Length => f.write_str("the blob's length is not the one its header states: truncated or padded"),
            Self::Checksum => f.write_str("the blob's checksum does not match: it is corrupt"),
            Self::Form => f.write_str("the blob holds a function and a model is asked for, or the other way round"),
            Self::MissingKernel(bits) => missing_kernels(*bits, f),
            Self::Header => f.write_str("a header field of the blob is out of range or contradicts another"),
            Self::Entry(entry) => {
                write!(f, "entry `{}` of the blob is missing, unexpected or out of range", entry.name())
            }
            Self::Instruction { entry, index } => {
                write!(f, "instruction {index} of entry `{}` is not valid", entry.name())
            }
            Self::WorkspaceTooSmall { needed } => write!(f, "the workspace is too small: {needed} elements are needed"),
            Self::StateLength => f.write_str("the state's length does not fit the model, or exceeds its capacity"),
            Self::InputLength => f.write_str("the number of control inputs is not the model's"),
            Self::OutOfRange => f.write_str("a coordinate or an increment does not fit the lattice"),
            Self::NotExplicit => f.write_str("this kind of state needs an explicit scheme and a model without damping"),
            Self::NotQuadratic => f.write_str("the scheme needs a kinetic energy that is quadratic in p"),
            Self::NonFinite => f.write_str("the step would give a state that is not finite"),
            Self::NotSeparable => f.write_str(
                "explicit schemes need a separable H(q, p) = T(p) + V(q); use midpoint, stormer-verlet or tao2, or a separable model",
            ),
            Self::Iterations => write!(f, "iterations must be 1 to {}", crate::format::MAX_ITERATIONS),
            Self::Binding => f.write_str("the binding ω of the two copies must be a positive number"),
            Self::NotDoubled => f.write_str("tao2 and tao4 step a doubled state, and no other scheme does"),
            Self::DampingTooStiff => f.write_str("damping is too strong for this time step"),
            Self::Constraints => {
                f.write_str("a model with constraints needs rattle or rattle4, and they need such a model")
            }
            Self::RecorderFull => f.write_str("the recorder is full"),
        }
    }
}

fn missing_kernels(bits: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("the blob needs kernels this build leaves out; enable the features of hnn-runtime named")?;
    let mut unknown = bits;
    for (bit, name) in kernels::NAMES {
        if bits & bit != 0 {
            write!(f, " {name}")?;
            unknown &= !bit;
        }
    }
    if unknown == 0 { Ok(()) } else { write!(f, " (and bits {unknown:#x}, which this version does not know)") }
}

impl core::error::Error for Error {}
