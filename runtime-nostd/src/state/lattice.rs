//! A state of whole numbers: every coordinate is a multiple of a power of two, so that an increment that was added can be taken
//! away again without a trace.
//!
//! On such a state an explicit scheme is a bijection, whatever rounding its forces have: Rannou (1974), Earn and Tremaine (1992),
//! Levesque and Verlet (1993). Nothing is lost over any number of steps, but for the energy error of the scheme itself and of
//! the f32 forces.

use heapless::Vec;

use super::State;
use crate::error::Error;
use crate::math;

/// Bits after the binary point unless others are asked for: Q32.32, units of 2.3e-10 in ±2.1e9.
pub const FRACTION_BITS: u8 = 32;
/// Most bits after the binary point.
pub const FRACTION_BITS_MAX: u8 = 62;

/// Largest magnitude of one increment, in units of the lattice.
const INCREMENT_MAX: f32 = 4_611_686_018_427_387_904.0;

/// Positions and momenta as multiples of 2^−bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lattice<const N: usize> {
    pub(crate) q: Points<N>,
    pub(crate) p: Points<N>,
}

/// One half of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Points<const N: usize> {
    units: Vec<i64, N>,
    bits: Vec<u8, N>,
}

impl<const N: usize> Lattice<N> {
    /// The lattice point nearest to a state, [`FRACTION_BITS`] after the binary point of every coordinate.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a coordinate of 2³¹ or more.
    pub fn new(state: &State<f32, N>) -> Result<Self, Error> {
        let bits = [FRACTION_BITS; N];
        let bits = bits.get(..state.dof()).ok_or(Error::StateLength)?;
        Self::with_bits(state, bits, bits)
    }

    /// The same with other scales: bits after the binary point of each position and of each momentum.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] beyond [`FRACTION_BITS_MAX`] or for a coordinate that does not fit, [`Error::StateLength`].
    pub fn with_bits(state: &State<f32, N>, q_bits: &[u8], p_bits: &[u8]) -> Result<Self, Error> {
        Ok(Self { q: Points::new(state.q(), q_bits)?, p: Points::new(state.p(), p_bits)? })
    }

    /// Degrees of freedom n.
    #[must_use]
    pub fn dof(&self) -> usize {
        self.q.units.len()
    }

    /// The nearest f32 state.
    #[must_use]
    pub fn state(&self) -> State<f32, N> {
        State { q: self.q.values(), p: self.p.values() }
    }

    /// Positions, then momenta, in units of the lattice: all there is to know of the state.
    pub fn units(&self) -> impl Iterator<Item = i64> + '_ {
        self.q.units.iter().chain(&self.p.units).copied()
    }
}

impl<const N: usize> Points<N> {
    fn new(values: &[f32], bits: &[u8]) -> Result<Self, Error> {
        if values.len() != bits.len() {
            return Err(Error::StateLength);
        }
        if bits.iter().any(|bits| *bits > FRACTION_BITS_MAX) {
            return Err(Error::OutOfRange);
        }
        let mut units = Vec::new();
        for (value, bits) in values.iter().zip(bits) {
            units.push(to_units(*value, *bits)?).map_err(|_| Error::StateLength)?;
        }
        Ok(Self { units, bits: Vec::from_slice(bits).map_err(|_| Error::StateLength)? })
    }

    /// As f32, rounded to nearest.
    fn values(&self) -> Vec<f32, N> {
        #[allow(clippy::cast_precision_loss, reason = "rounding to f32 is the purpose")]
        let value = |(units, bits): (&i64, &u8)| *units as f32 * power_of_two(-i32::from(*bits));
        self.units.iter().zip(&self.bits).map(value).collect()
    }

    /// Writes them as f32.
    pub(crate) fn read(&self, values: &mut [f32]) {
        for (value, known) in values.iter_mut().zip(self.values()) {
            *value = known;
        }
    }

    /// Adds `h · rates`, each product rounded to f32 and then to the lattice, ties to even; with `back`, takes it away.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] where an increment or a coordinate would not fit, or is no number; some may have been moved then.
    pub(crate) fn advance(&mut self, h: f32, rates: &[f32], back: bool) -> Result<(), Error> {
        for ((units, bits), rate) in self.units.iter_mut().zip(&self.bits).zip(rates) {
            let increment = to_units(h * *rate, *bits)?;
            let moved = if back { units.checked_sub(increment) } else { units.checked_add(increment) };
            *units = moved.ok_or(Error::OutOfRange)?;
        }
        Ok(())
    }
}

/// A value in units of 2^−bits, rounded to nearest, ties to even; the range is checked before the conversion.
fn to_units(value: f32, bits: u8) -> Result<i64, Error> {
    // Scaling by a power of two is exact, but for what was below half a unit anyway.
    let units = math::round(value * power_of_two(i32::from(bits)));
    // False for NaN, too.
    let fits = units.abs() < INCREMENT_MAX;
    #[allow(clippy::cast_possible_truncation, reason = "a whole number within ±2⁶²")]
    if fits { Ok(units as i64) } else { Err(Error::OutOfRange) }
}

/// 2^exponent, for exponents of normal numbers.
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits(((127 + exponent).clamp(1, 254) as u32) << 23)
}
