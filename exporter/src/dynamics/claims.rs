//! What every scheme promises: by how a state is kept, and by what acts on it. The one table of such claims.
//!
//! `hnn schemes` prints it, and `tests/schemes.rs` walks it: each promise is measured, and each cell without one is shown to
//! be refused with the error it names. A claim holds under the conditions of its row and its regime, which the notes say.

use std::fmt;

use hnn_runtime::Error;

use super::Scheme;

/// How a state is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Single precision: what is deployed.
    F32,
    /// Double precision: references and `step.onnx --precision f64`.
    F64,
    /// Whole numbers of a fixed unit.
    Lattice,
}

/// What acts on a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// Its energy alone.
    Conservative,
    /// Dissipation as well.
    Damped,
    /// An input that is held over each step.
    Driven,
}

/// What a step does to the symplectic form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// Keeps it: MᵀJM = J; of a doubled state in 4n dimensions, with constraints on their surface.
    Symplectic,
    /// Shrinks it by exp(−γ dt), where R = γA⁻¹.
    Conformal,
}

/// What leads back to where a motion came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reversal {
    /// Nothing.
    None,
    /// Turning the momenta around, and replaying inputs backwards: up to rounding, and the residual of what iterates.
    Rounding,
    /// Undoing the steps: to the bit.
    Bit,
}

/// The promises of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The error over a fixed time falls as dt to this power, down to rounding.
    pub order: u32,
    /// What it does to the symplectic form.
    pub geometry: Geometry,
    /// What leads back.
    pub reversal: Reversal,
    /// Where the order is 1 only.
    pub approximate: bool,
}

/// What a scheme promises for one kind of state in one regime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// It is offered, with these promises.
    Claimed(Claim),
    /// It is refused with this error.
    Refused(Error),
}

/// All that is said of one scheme.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The scheme, with its usual setting.
    pub scheme: Scheme,
    /// What it needs of the model.
    pub needs: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Conservative, damped and driven, in floating point.
    float: [Cell; 3],
    /// The same on the lattice.
    lattice: [Cell; 3],
}

impl Numbers {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::F32, Self::F64, Self::Lattice];
}

impl Regime {
    /// Every regime.
    pub const ALL: [Self; 3] = [Self::Conservative, Self::Damped, Self::Driven];
}

impl Row {
    /// One cell of this row.
    #[must_use]
    pub fn cell(&self, numbers: Numbers, regime: Regime) -> Cell {
        let cells = if numbers == Numbers::Lattice { &self.lattice } else { &self.float };
        cells[regime as usize]
    }
}

/// What is said under the table, of claims that hold under conditions.
pub const NOTES: [&str; 5] = [
    "order: the error over a fixed time falls as dtᵒʳᵈᵉʳ until rounding shows; an input is held over each step, and its own sampling is not counted",
    "symplectic: rattle on g(q) = 0, tao in the 4n dimensions of its doubled state, implicit schemes up to the residual they return; driven ones where G is constant",
    "conformal: shrinks the symplectic form by exp(−γ dt), where R = γA⁻¹",
    "reversible: turn the momenta, replay inputs backwards; to the bit: undo the steps on the lattice",
    "~: order 1 where R depends on p, of rattle wherever R is not γA⁻¹; where T is not quadratic the damped kick iterates, and its residual is returned",
];

const REFUSED: Cell = Cell::Refused(Error::NotExplicit);

const fn claim(order: u32, geometry: Geometry, reversal: Reversal, approximate: bool) -> Cell {
    Cell::Claimed(Claim { order, geometry, reversal, approximate })
}

/// A scheme that keeps the form, is bounded by the order of the damping around it, and leads back where it is symmetric.
const fn float(order: u32, symmetric: bool) -> [Cell; 3] {
    let reversal = if symmetric { Reversal::Rounding } else { Reversal::None };
    let damped = if order < 2 { order } else { 2 };
    let free = claim(order, Geometry::Symplectic, reversal, false);
    [free, claim(damped, Geometry::Conformal, Reversal::None, true), free]
}

const fn explicit(scheme: Scheme, order: u32, symmetric: bool, needs: &'static str, source: &'static str) -> Row {
    let lattice = claim(order, Geometry::Symplectic, Reversal::Bit, false);
    Row { scheme, needs, source, float: float(order, symmetric), lattice: [lattice, REFUSED, lattice] }
}

const fn other(scheme: Scheme, order: u32, needs: &'static str, source: &'static str) -> Row {
    Row { scheme, needs, source, float: float(order, true), lattice: [REFUSED; 3] }
}

const SEPARABLE: &str = "H = T(p) + V(q)";
const QUADRATIC: &str = "H = ½pᵀAp + V(q)";
const ANY: &str = "any H";
const CONSTRAINED: &str = "g(q) = 0, H = ½pᵀAp + V(q)";

/// The table, in the order of [`Scheme::ALL`].
pub const CLAIMS: [Row; 13] = {
    use hnn_runtime::integrate as tables;
    [
        explicit(Scheme::Leapfrog, 2, true, SEPARABLE, tables::LEAPFROG.source),
        explicit(Scheme::PositionVerlet, 2, true, SEPARABLE, tables::POSITION_VERLET.source),
        explicit(Scheme::SymplecticEuler, 1, false, SEPARABLE, tables::SYMPLECTIC_EULER.source),
        explicit(Scheme::Yoshida4, 4, true, SEPARABLE, tables::YOSHIDA_4.source),
        explicit(Scheme::Yoshida6, 6, true, SEPARABLE, tables::YOSHIDA_6.source),
        explicit(Scheme::MclachlanAtela4, 4, false, QUADRATIC, tables::MCLACHLAN_ATELA_4.source),
        explicit(Scheme::BlanesMoan4, 4, true, SEPARABLE, tables::BLANES_MOAN_4.source),
        other(Scheme::MIDPOINT, 2, ANY, "E. Hairer et al., Geometric Numerical Integration, 2nd ed., (II.1.10)"),
        other(
            Scheme::STORMER_VERLET,
            2,
            ANY,
            "E. Hairer et al., Geometric Numerical Integration, 2nd ed., theorem VI.3.4",
        ),
        other(Scheme::TAO_2, 2, ANY, "M. Tao, Phys. Rev. E 94 (2016) 043303"),
        other(Scheme::TAO_4, 4, ANY, "M. Tao, Phys. Rev. E 94 (2016) 043303"),
        other(
            Scheme::RATTLE,
            2,
            CONSTRAINED,
            "H. C. Andersen, J. Comput. Phys. 52 (1983) 24; E. Hairer et al., (VII.1.26)",
        ),
        other(Scheme::RATTLE_4, 4, CONSTRAINED, "S. Reich, SIAM J. Numer. Anal. 33 (1996) 475"),
    ]
};

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Lattice => "lattice",
        })
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Conservative => "conservative",
            Self::Damped => "damped",
            Self::Driven => "driven",
        })
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Claimed(claim) = self else { return f.pad("refused") };
        let geometry = match claim.geometry {
            Geometry::Symplectic => "symplectic",
            Geometry::Conformal => "conformal",
        };
        let reversal = match claim.reversal {
            Reversal::None => "",
            Reversal::Rounding => ", reversible",
            Reversal::Bit => ", reversible to the bit",
        };
        let mark = if claim.approximate { "~" } else { "" };
        f.pad(&format!("order {}{mark}, {geometry}{reversal}", claim.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_every_scheme_with_the_order_and_symmetry_of_the_runtime() {
        assert_eq!(CLAIMS.map(|row| row.scheme), Scheme::ALL);
        for row in CLAIMS {
            let Cell::Claimed(claim) = row.cell(Numbers::F64, Regime::Conservative) else { panic!("{}", row.scheme) };
            assert_eq!(claim.order, row.scheme.id().order(), "{}", row.scheme);
            let symmetric = row.scheme.splitting().is_none_or(|table| table.is_symmetric());
            assert_eq!(claim.reversal == Reversal::Rounding, symmetric, "{}", row.scheme);
        }
    }
}
