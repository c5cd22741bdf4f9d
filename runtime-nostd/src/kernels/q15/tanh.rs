//! tanh in fixed point: a table of 1024 intervals, straight lines between.

/// Bits of an argument below an interval: intervals are 1/64 long.
const FRACTION_BITS: u32 = 9;
/// Intervals on either side of 0, up to 8.
const HALF: usize = 1 << 9;
/// The first argument beyond the table, 8. Arguments are held in −8 … 8 − 2⁻¹⁵, where |tanh| is 1 − 2.3e-7.
const END: i32 = (HALF as i32) << FRACTION_BITS;
/// The largest entry, so that no result rounds to 1.
const ENTRY_MAX: f64 = 32767.0;

/// Ends of the intervals, in units of 2⁻¹⁵.
static ENTRIES: [i16; 2 * HALF + 1] = entries();

/// tanh(k/64), each magnitude raised by half of what a straight line over an interval is low by, |f″|h²/16: lines between such ends
/// are as far above as below. Computed by the compiler: tanh z = (1 − e)/(1 + e), e = exp(−2z) being a power of exp(−1/32).
const fn entries() -> [i16; 2 * HALF + 1] {
    const STEP: f64 = 0.03125;
    let (mut factor, mut term, mut n) = (1.0, 1.0, 1);
    // The terms of the series fall by 32 and more.
    while n < 14 {
        term *= -STEP / n as f64;
        factor += term;
        n += 1;
    }
    let mut entries = [0; 2 * HALF + 1];
    let (mut power, mut k) = (1.0, 0);
    while k <= HALF {
        let value = (1.0 - power) / (1.0 + power);
        // −f″ = 2 f (1 − f²), h = 1/64.
        let raised = value + 2.0 * value * (1.0 - value * value) / (64.0 * 64.0 * 16.0);
        let scaled = 32768.0 * raised + 0.5;
        let held = if scaled > ENTRY_MAX { ENTRY_MAX } else { scaled };
        entries[HALF + k] = held as i16;
        entries[HALF - k] = -(held as i16);
        power *= factor;
        k += 1;
    }
    entries
}

/// tanh of an argument in units of 2⁻¹⁵, in units of 2⁻¹⁵; the magnitude is below 1.
#[inline(always)]
pub(super) fn tanh(argument: i32) -> i32 {
    let from_end = argument.saturating_add(END).clamp(0, 2 * END - 1).cast_unsigned();
    let (index, fraction) = ((from_end >> FRACTION_BITS) as usize, from_end & ((1 << FRACTION_BITS) - 1));
    let at = |index: usize| i32::from(ENTRIES.get(index).copied().unwrap_or(0));
    let (low, high) = (at(index), at(index + 1));
    low + (((high - low) * fraction.cast_signed() + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS)
}

#[cfg(test)]
mod tests {
    use super::{ENTRIES, tanh};

    /// In units of 2⁻¹⁵: half of one for the result and for an entry each, 0.39 for a straight line.
    const LARGEST_ERROR: f64 = 1.39;

    #[test]
    fn every_argument_is_within_a_unit_and_a_half_of_tanh() {
        let mut largest: f64 = 0.0;
        for argument in -300_000..=300_000 {
            let exact = 32768.0 * (f64::from(argument) / 32768.0).tanh();
            largest = largest.max((f64::from(tanh(argument)) - exact).abs());
        }
        assert!(largest < LARGEST_ERROR, "{largest}");
        assert!(largest > 0.5, "better than rounding: the test looks at something else");
    }

    #[test]
    fn it_is_monotonic_below_1_and_odd_but_for_halves() {
        for argument in 0..300_000 {
            assert!((tanh(-argument) + tanh(argument)).abs() <= 1);
            assert!(tanh(argument) <= tanh(argument + 1) && tanh(argument) <= 32767);
        }
        assert_eq!((tanh(0), tanh(i32::MAX), tanh(i32::MIN)), (0, 32767, -32767));
        assert!(ENTRIES.is_sorted());
    }
}
