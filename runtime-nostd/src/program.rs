//! A blob that has been checked: [`Program::parse`] once, then every accessor and every execution is infallible.
//!
//! A program borrows the blob's words, in flash or wherever they are, and copies nothing but the header. It is that of a model;
//! a blob that holds a plain function is a [`Function`](crate::Function).

#[cfg(all(
    test,
    feature = "transcendental",
    feature = "strided",
    feature = "reduction",
    feature = "matmul",
    feature = "dense"
))]
mod tests;

use crate::error::Error;
use crate::format::{
    ABSENT, DampingKind, Entry, Header, Instruction, MAX_CONSTRAINTS, MAX_DOF, MAX_INPUTS, MAX_ITERATIONS, SchemeId,
    Section, flags,
};
use crate::image::verify::{self, Contract, Span};
use crate::image::{Image, slice};
use crate::integrate::Tao;

/// A verified blob of a model.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    image: Image<'a>,
    scheme: SchemeId,
    damping: DampingKind,
}

impl<'a> Program<'a> {
    /// Checks a blob completely, in the order given in `docs/FORMAT.md`.
    ///
    /// # Errors
    /// The first thing found wrong, as an [`Error`]; [`Error::Form`] where the blob holds a function. Every prefix and every
    /// single-bit change of a blob is refused.
    pub fn parse(words: &'a [u32]) -> Result<Self, Error> {
        let image = Image::open(words)?;
        if image.header.is_function() {
            return Err(Error::Form);
        }
        let scheme = SchemeId::from_code(image.header.scheme).ok_or(Error::Header)?;
        let damping = image.header.damping_kind().ok_or(Error::Header)?;
        check_fields(&image.header, scheme, damping)?;
        let program = Self { image, scheme, damping };
        program.check_inverse_mass()?;
        for entry in Entry::ALL {
            verify::entry(&program.image, *entry, &program.contract(*entry))?;
        }
        Ok(program)
    }

    /// What an entry of this model has to be, and may read of x and u.
    fn contract(&self, entry: Entry) -> Contract {
        let (n, m) = (u64::from(self.image.header.dof), u64::from(self.image.header.inputs));
        let (q, p) = (Span { start: 0, end: n }, Span { start: n, end: 2 * n });
        let (x, u) = (Span { start: 0, end: 2 * n }, Span { start: 2 * n, end: 2 * n + m });
        Contract {
            is_expected: match entry {
                Entry::Energy | Entry::Field => true,
                Entry::Velocity | Entry::Force => self.is_separable(),
                Entry::Damping => self.damping != DampingKind::None,
                Entry::Constraint => self.constraints() > 0,
                Entry::Function => false,
            },
            result_len: self.result_len(entry) as u64,
            inputs_end: u.end,
            forbidden: match entry {
                Entry::Damping if self.is_damping_constant() => [x, u],
                Entry::Energy | Entry::Damping => [u, Span::EMPTY],
                Entry::Velocity => [q, u],
                Entry::Constraint => [p, u],
                Entry::Force => [p, Span::EMPTY],
                Entry::Field | Entry::Function => [Span::EMPTY; 2],
            },
        }
    }

    fn check_inverse_mass(&self) -> Result<(), Error> {
        if self.image.header.inverse_mass == ABSENT {
            return Ok(());
        }
        let known = self.inverse_mass_words().ok_or(Error::Header)?;
        if known.iter().all(|word| f32::from_bits(*word).is_finite()) { Ok(()) } else { Err(Error::Header) }
    }

    /// The header as read.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.image.header
    }

    /// Degrees of freedom n.
    #[must_use]
    pub fn dof(&self) -> usize {
        self.image.header.dof as usize
    }

    /// Control inputs m.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.image.header.inputs as usize
    }

    /// Holonomic constraints k.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.image.header.constraints as usize
    }

    /// Workspace elements needed.
    #[must_use]
    pub fn workspace_len(&self) -> usize {
        self.image.header.workspace_len as usize
    }

    /// Bytes of that workspace.
    #[must_use]
    pub fn workspace_bytes(&self) -> usize {
        self.workspace_len() * size_of::<f32>()
    }

    /// Whether H(q, p) = T(p) + V(q), so that explicit schemes may be used.
    #[must_use]
    pub fn is_separable(&self) -> bool {
        self.image.header.flags & flags::SEPARABLE != 0
    }

    /// Whether T = ½pᵀAp.
    #[must_use]
    pub fn is_kinetic_quadratic(&self) -> bool {
        self.image.header.flags & flags::KINETIC_QUADRATIC != 0
    }

    /// The form of the dissipation matrix.
    #[must_use]
    pub fn damping_kind(&self) -> DampingKind {
        self.damping
    }

    /// Whether the dissipation matrix is the same in every state.
    #[must_use]
    pub fn is_damping_constant(&self) -> bool {
        self.image.header.flags & flags::DAMPING_CONSTANT != 0
    }

    /// The scheme the model was validated with.
    #[must_use]
    pub fn scheme(&self) -> SchemeId {
        self.scheme
    }

    /// What that scheme is set to: see [`Header::setting`].
    #[must_use]
    pub fn setting(&self) -> u32 {
        self.image.header.setting
    }

    /// Iterations of that scheme; 0 for an explicit one.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        if self.scheme.iterates() { self.setting() } else { 0 }
    }

    /// The binding of the two copies, 1/s, where the scheme steps a doubled state.
    #[must_use]
    pub fn omega(&self) -> Option<f32> {
        self.scheme.is_doubled().then(|| f32::from_bits(self.setting()))
    }

    /// The time step the model was validated with, in seconds.
    #[must_use]
    pub fn dt(&self) -> f32 {
        self.image.header.dt
    }

    /// Whether the blob has this entry.
    #[must_use]
    pub fn has(&self, entry: Entry) -> bool {
        !self.image.header.entry(entry).result.is_absent()
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
            (Entry::Constraint, _) => self.constraints() * (1 + n),
            (Entry::Damping, DampingKind::None) | (Entry::Function, _) => 0,
        }
    }

    /// Instructions of an entry, in order.
    pub fn instructions(&self, entry: Entry) -> impl Iterator<Item = Instruction> + use<'a> {
        self.image.instructions(entry)
    }

    /// Number of instructions of an entry.
    #[must_use]
    pub fn instruction_count(&self, entry: Entry) -> u32 {
        self.image.header.entry(entry).instructions
    }

    /// Multiply-adds of matrix products in an entry.
    #[must_use]
    pub fn multiply_adds(&self, entry: Entry) -> u64 {
        self.image.multiply_adds(entry)
    }

    /// The constant section.
    #[must_use]
    pub fn constants(&self) -> &'a [u32] {
        self.image.constants
    }

    pub(crate) fn image(&self) -> &Image<'a> {
        &self.image
    }

    /// The bits of A, where the kinetic energy is quadratic.
    pub(crate) fn inverse_mass_words(&self) -> Option<&'a [u32]> {
        let n = self.image.header.dof;
        slice(self.image.constants, Section { offset: self.image.header.inverse_mass, len: n * n })
    }
}

/// Whether a scheme can be set to that.
fn is_setting(scheme: SchemeId, setting: u32) -> bool {
    match (scheme.iterates(), scheme.is_doubled()) {
        (true, _) => (1..=MAX_ITERATIONS).contains(&setting),
        (_, true) => Tao::is_binding(f64::from(f32::from_bits(setting))),
        (false, false) => setting == 0,
    }
}

fn check_fields(header: &Header, scheme: SchemeId, damping: DampingKind) -> Result<(), Error> {
    let (n, m, len) = (header.dof as usize, header.inputs as usize, header.workspace_len as usize);
    let counts = (1..=MAX_DOF).contains(&n) && m <= MAX_INPUTS;
    let separable = header.flags & flags::SEPARABLE != 0;
    let quadratic = header.flags & flags::KINETIC_QUADRATIC != 0;
    let constant_damping = header.flags & flags::DAMPING_CONSTANT != 0;
    let constraints = header.constraints as usize;
    let constrained = scheme.keeps_constraints();
    let agree = counts
        && constrained == (constraints > 0)
        && constraints <= MAX_CONSTRAINTS
        && constraints < n
        && (quadratic || !scheme.needs_quadratic())
        && 2 * n + m <= len
        && header.arguments == 0
        && header.flags & !flags::ALL == 0
        && (separable || !(quadratic || scheme.needs_separable()))
        && quadratic == (header.inverse_mass != ABSENT)
        && !(constant_damping && damping == DampingKind::None)
        && is_setting(scheme, header.setting)
        && header.dt.is_finite()
        && header.dt > 0.0;
    if agree { Ok(()) } else { Err(Error::Header) }
}
