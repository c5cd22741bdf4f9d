//! The blob: one definition of header, operands, instructions and limits, used by whoever writes a blob and by the reader here.
//!
//! A blob is a slice of little-endian `u32` words: header, instruction section, constant section, nothing else. The page
//! `docs/FORMAT.md` says the same in prose. This module knows how words are laid out; that they make sense together
//! (ranges, overlaps, sizes) is checked by [`Program::parse`](crate::Program::parse) for a model and
//! [`Function::parse`](crate::Function::parse) for a plain function.

mod header;
mod instruction;
mod kind;
mod q15;
#[cfg(test)]
mod tests;

pub use header::{EntryRecord, Header, Section, checksum, seal};
pub use instruction::{
    Binary, Copy, Dense, DenseAdjoint, DenseGradient, Fill, Instruction, MatMul, Select, Sum, Unary,
};
pub use kind::{BinaryKind, DampingKind, Entry, NetworkKind, SchemeId, SlopeKind, UnaryKind, WeightKind};
pub use q15::{
    MAX_NETWORK_INPUTS, MAX_NETWORK_LAYERS, MAX_NETWORK_ROWS, MAX_NETWORK_SHIFT, Network, NetworkInput, NetworkLayer,
    NetworkLayers, NetworkTable, NetworkTile, QUAD, QUAD_WORDS,
};

/// First word: the bytes `HNN1`.
pub const MAGIC: u32 = u32::from_le_bytes(*b"HNN1");
/// Version of the layout described here.
pub const VERSION: u32 = 5;
/// Words of the header; the instruction section follows at once.
pub const HEADER_WORDS: usize = 48;
/// Words of the longest instruction.
pub const MAX_INSTRUCTION_WORDS: usize = 15;
/// Rows per group of a weight panel.
pub const PANEL_ROWS: usize = 4;

/// Most degrees of freedom.
pub const MAX_DOF: usize = 64;
/// Most control inputs.
pub const MAX_INPUTS: usize = 16;
/// Most holonomic constraints.
pub const MAX_CONSTRAINTS: usize = 8;
/// Most workspace elements.
pub const MAX_WORKSPACE: usize = 1 << 16;
/// Most instructions of one entry.
pub const MAX_INSTRUCTIONS: usize = 1 << 14;
/// Most words of a blob (16 MiB).
pub const MAX_BLOB_WORDS: usize = 1 << 22;
/// Largest length or stride in an instruction.
pub const MAX_EXTENT: usize = 1 << 22;
/// Most multiply-adds, or element visits, of one instruction: the bound on every loop.
pub const MAX_OPERATIONS: usize = 1 << 26;
/// Most iterations of an implicit scheme, and of RATTLE.
pub const MAX_ITERATIONS: u32 = 64;
/// Entries of the entry table, in the order of [`Entry::ALL`].
pub const ENTRY_COUNT: usize = 7;

/// An offset that stands for "not there".
pub const ABSENT: u32 = u32::MAX;

const _: () = assert!(HEADER_WORDS == 20 + 4 * ENTRY_COUNT);
const _: () = assert!(3 * MAX_DOF + MAX_INPUTS < MAX_WORKSPACE);

/// Bits of the header word `kernels`: which kernels a program needs, each behind the cargo feature of its name.
pub mod kernels {
    /// Arithmetic, comparison, selection and filling, element by element. Always built in.
    pub const ELEMENTWISE: u32 = 1 << 0;
    /// Strided copies: slice, transpose, broadcast, concat, pad.
    pub const STRIDED: u32 = 1 << 1;
    /// Sums over an axis.
    pub const REDUCTION: u32 = 1 << 2;
    /// General matrix products.
    pub const MATMUL: u32 = 1 << 3;
    /// Packed-panel layers and their adjoints.
    pub const DENSE: u32 = 1 << 4;
    /// Weights of layers as f16.
    pub const F16: u32 = 1 << 5;
    /// Weights of layers as whole numbers of eight bits, with a scale for each row.
    pub const INT8: u32 = 1 << 6;
    /// Networks in 16-bit fixed point.
    pub const Q15: u32 = 1 << 7;
    /// √x.
    pub const SQRT: u32 = 1 << 8;
    /// eˣ.
    pub const EXP: u32 = 1 << 9;
    /// ln x.
    pub const LOG: u32 = 1 << 10;
    /// sin x and cos x.
    pub const SIN: u32 = 1 << 11;
    /// tanh x.
    pub const TANH: u32 = 1 << 12;
    /// 1/(1 + e⁻ˣ).
    pub const SIGMOID: u32 = 1 << 13;
    /// ln(1 + eˣ).
    pub const SOFTPLUS: u32 = 1 << 14;
    /// The error function.
    pub const ERF: u32 = 1 << 15;
    /// arctan x.
    pub const ATAN: u32 = 1 << 16;
    /// aᵇ.
    pub const POW: u32 = 1 << 17;

    /// The bits and their features, in the order of the bits.
    pub const NAMES: [(u32, &str); 18] = [
        (ELEMENTWISE, "elementwise"),
        (STRIDED, "strided"),
        (REDUCTION, "reduction"),
        (MATMUL, "matmul"),
        (DENSE, "dense"),
        (F16, "f16"),
        (INT8, "int8"),
        (Q15, "q15"),
        (SQRT, "sqrt"),
        (EXP, "exp"),
        (LOG, "log"),
        (SIN, "sin"),
        (TANH, "tanh"),
        (SIGMOID, "sigmoid"),
        (SOFTPLUS, "softplus"),
        (ERF, "erf"),
        (ATAN, "atan"),
        (POW, "pow"),
    ];
}

/// Bits of the header word `flags`.
pub mod flags {
    /// H(q, p) = T(p) + V(q): the entries `Velocity` and `Force` are present.
    pub const SEPARABLE: u32 = 1 << 0;
    /// T = ½pᵀAp: the inverse mass A is in the constant section.
    pub const KINETIC_QUADRATIC: u32 = 1 << 1;
    /// Damping does not depend on the state.
    pub const DAMPING_CONSTANT: u32 = 1 << 2;
    /// Position of the two bits that hold the [`DampingKind`](super::DampingKind).
    pub const DAMPING_SHIFT: u32 = 3;
    /// All bits this version defines.
    pub const ALL: u32 = (1 << 5) - 1;
}

/// Where an instruction reads: workspace elements, or elements of the constant section where the top bit is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operand(u32);

impl Operand {
    const CONSTANT_BIT: u32 = 1 << 31;
    /// No operand, for example a layer without bias.
    pub const ABSENT: Self = Self(ABSENT);

    /// The workspace from element `offset` on.
    #[must_use]
    pub const fn workspace(offset: u32) -> Self {
        Self(offset & !Self::CONSTANT_BIT)
    }

    /// The constant section from word `offset` on.
    #[must_use]
    pub const fn constant(offset: u32) -> Self {
        Self(offset | Self::CONSTANT_BIT)
    }

    /// Takes the word of a blob.
    #[must_use]
    pub const fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The word of a blob.
    #[must_use]
    pub const fn word(self) -> u32 {
        self.0
    }

    /// Whether this is [`Operand::ABSENT`].
    #[must_use]
    pub const fn is_absent(self) -> bool {
        self.0 == ABSENT
    }

    /// Whether it lies in the constant section.
    #[must_use]
    pub const fn is_constant(self) -> bool {
        self.0 & Self::CONSTANT_BIT != 0
    }

    /// Element offset within workspace or constant section.
    #[must_use]
    pub const fn offset(self) -> usize {
        (self.0 & !Self::CONSTANT_BIT) as usize
    }
}
