//! A blob that has been checked: [`Program::parse`] once, then every accessor and every execution is infallible.
//!
//! A program borrows the blob's words, in flash or wherever they are, and copies nothing but the header.

#[cfg(all(
    test,
    feature = "transcendental",
    feature = "strided",
    feature = "reduction",
    feature = "matmul",
    feature = "dense"
))]
mod tests;
mod verify;

use crate::error::Error;
use crate::float_mode::check_float_mode;
use crate::format::{
    ABSENT, DampingKind, Entry, HEADER_WORDS, Header, Instruction, MAX_BLOB_WORDS, MAX_DOF, MAX_INPUTS, MAX_ITERATIONS,
    MAX_WORKSPACE, Operand, SchemeId, Section, VERSION, checksum, flags,
};

/// A verified blob.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    header: Header,
    instructions: &'a [u32],
    constants: &'a [u32],
    scheme: SchemeId,
    damping: DampingKind,
}

impl<'a> Program<'a> {
    /// Checks a blob completely, in the order given in `docs/FORMAT.md`.
    ///
    /// # Errors
    /// The first thing found wrong, as an [`Error`]. Every prefix and every single-bit change of a blob is refused.
    pub fn parse(words: &'a [u32]) -> Result<Self, Error> {
        check_float_mode()?;
        let header = checked_header(words)?;
        let missing = header.kernels & !crate::kernels::BUILT_IN;
        if missing != 0 {
            return Err(Error::MissingKernel(missing));
        }
        let scheme = SchemeId::from_code(header.scheme).ok_or(Error::Header)?;
        let damping = header.damping_kind().ok_or(Error::Header)?;
        check_fields(&header, scheme, damping)?;
        let (instructions, constants) = sections(&header, words).ok_or(Error::Header)?;
        let program = Self { header, instructions, constants, scheme, damping };
        program.check_inverse_mass()?;
        for entry in Entry::ALL {
            verify::entry(&program, *entry)?;
        }
        Ok(program)
    }

    fn check_inverse_mass(&self) -> Result<(), Error> {
        if self.header.inverse_mass == ABSENT {
            return Ok(());
        }
        let known = self.inverse_mass_words().ok_or(Error::Header)?;
        if known.iter().all(|word| f32::from_bits(*word).is_finite()) { Ok(()) } else { Err(Error::Header) }
    }

    /// The header as read.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Degrees of freedom n.
    #[must_use]
    pub fn dof(&self) -> usize {
        self.header.dof as usize
    }

    /// Control inputs m.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.header.inputs as usize
    }

    /// Workspace elements needed.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        self.header.workspace_len as usize
    }

    /// Bytes of that workspace.
    #[must_use]
    pub fn workspace_bytes(&self) -> usize {
        self.workspace_len() * size_of::<f32>()
    }

    /// Whether H(q, p) = T(p) + V(q), so that explicit schemes may be used.
    #[must_use]
    pub fn is_separable(&self) -> bool {
        self.header.flags & flags::SEPARABLE != 0
    }

    /// Whether T = ½pᵀAp.
    #[must_use]
    pub fn is_kinetic_quadratic(&self) -> bool {
        self.header.flags & flags::KINETIC_QUADRATIC != 0
    }

    /// The form of the dissipation matrix.
    #[must_use]
    pub fn damping_kind(&self) -> DampingKind {
        self.damping
    }

    /// Whether the dissipation matrix is the same in every state.
    #[must_use]
    pub fn is_damping_constant(&self) -> bool {
        self.header.flags & flags::DAMPING_CONSTANT != 0
    }

    /// The scheme the model was validated with.
    #[must_use]
    pub fn scheme(&self) -> SchemeId {
        self.scheme
    }

    /// Iterations of that scheme; 0 for an explicit one.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.header.iterations
    }

    /// The time step the model was validated with, in seconds.
    #[must_use]
    pub fn dt(&self) -> f32 {
        self.header.dt
    }

    /// Whether the blob has this entry.
    #[must_use]
    pub fn has(&self, entry: Entry) -> bool {
        !self.header.entry(entry).result.is_absent()
    }

    /// Number of values an entry gives.
    #[must_use]
    pub fn result_len(&self, entry: Entry) -> usize {
        let n = self.dof();
        match (entry, self.damping) {
            (Entry::Energy, _) => 1,
            (Entry::Velocity | Entry::Force, _) | (Entry::Damping, DampingKind::Diagonal) => n,
            (Entry::Field, _) => 2 * n,
            (Entry::Damping, DampingKind::Full) => n * n,
            (Entry::Damping, DampingKind::None) => 0,
        }
    }

    /// Instructions of an entry, in order.
    pub fn instructions(&self, entry: Entry) -> impl Iterator<Item = Instruction> + 'a {
        let mut words = self.code(entry);
        core::iter::from_fn(move || {
            let (instruction, rest) = Instruction::decode(words)?;
            words = rest;
            Some(instruction)
        })
    }

    /// Number of instructions of an entry.
    #[must_use]
    pub fn instruction_count(&self, entry: Entry) -> u32 {
        self.header.entry(entry).instructions
    }

    /// Multiply-adds of matrix products in an entry.
    #[must_use]
    pub fn multiply_adds(&self, entry: Entry) -> u64 {
        self.instructions(entry).fold(0, |sum, instruction| sum.saturating_add(instruction.multiply_adds()))
    }

    /// The constant section.
    #[must_use]
    pub fn constants(&self) -> &'a [u32] {
        self.constants
    }

    pub(crate) fn code(&self, entry: Entry) -> &'a [u32] {
        let record = self.header.entry(entry);
        slice(self.instructions, Section { offset: record.offset, len: record.len }).unwrap_or(&[])
    }

    pub(crate) fn result(&self, entry: Entry) -> Operand {
        self.header.entry(entry).result
    }

    /// The bits of A, where the kinetic energy is quadratic.
    pub(crate) fn inverse_mass_words(&self) -> Option<&'a [u32]> {
        let n = self.header.dof;
        slice(self.constants, Section { offset: self.header.inverse_mass, len: n * n })
    }
}

fn slice(words: &[u32], section: Section) -> Option<&[u32]> {
    let (_, rest) = words.split_at_checked(section.offset as usize)?;
    rest.get(..section.len as usize)
}

/// Length, magic, version, word count and checksum.
fn checked_header(words: &[u32]) -> Result<Header, Error> {
    if words.len() < HEADER_WORDS {
        return Err(Error::TooShort);
    }
    if words.len() > MAX_BLOB_WORDS {
        return Err(Error::TooLarge);
    }
    let header = Header::decode(words).ok_or(Error::Magic)?;
    if header.version != VERSION {
        return Err(Error::Version(header.version));
    }
    if header.word_count as usize != words.len() {
        return Err(Error::Length);
    }
    if header.crc != checksum(words) {
        return Err(Error::Checksum);
    }
    Ok(header)
}

fn check_fields(header: &Header, scheme: SchemeId, damping: DampingKind) -> Result<(), Error> {
    let (n, m, len) = (header.dof as usize, header.inputs as usize, header.workspace_len as usize);
    let counts = (1..=MAX_DOF).contains(&n) && m <= MAX_INPUTS;
    let separable = header.flags & flags::SEPARABLE != 0;
    let quadratic = header.flags & flags::KINETIC_QUADRATIC != 0;
    let constant_damping = header.flags & flags::DAMPING_CONSTANT != 0;
    let iterations = match scheme {
        SchemeId::Leapfrog | SchemeId::Yoshida4 => header.iterations == 0,
        SchemeId::Midpoint => (1..=MAX_ITERATIONS).contains(&header.iterations),
    };
    let agree = counts
        && (2 * n + m..=MAX_WORKSPACE).contains(&len)
        && header.flags & !flags::ALL == 0
        && (separable || !(quadratic || scheme.needs_separable()))
        && quadratic == (header.inverse_mass != ABSENT)
        && !(constant_damping && damping == DampingKind::None)
        && iterations
        && header.dt.is_finite()
        && header.dt > 0.0;
    if agree { Ok(()) } else { Err(Error::Header) }
}

/// Header, instructions and constants must fill the blob without gaps.
fn sections<'a>(header: &Header, words: &'a [u32]) -> Option<(&'a [u32], &'a [u32])> {
    let body = words.get(HEADER_WORDS..)?;
    let (instructions, constants) = body.split_at_checked(header.instructions.len as usize)?;
    let exact = header.instructions.offset as usize == HEADER_WORDS
        && header.constants.offset as usize == HEADER_WORDS + instructions.len()
        && header.constants.len as usize == constants.len();
    exact.then_some((instructions, constants))
}
