//! Functions that the interpreter takes from the crate `libm`, operation for operation.
//!
//! The root, the floor and the nearest whole number are exact, so that any correct way gives the same bits. `log`, `atan` and
//! `pow` follow libm 0.2.16; tests compare them with it.

/// √x, correctly rounded, one binary digit of the root after the other.
pub fn sqrt(x: f32) -> f32 {
    if x == 0.0 || x.is_nan() || x == f32::INFINITY {
        return x;
    }
    if x < 0.0 {
        return f32::NAN;
    }
    // 2²⁴ brings a subnormal number among the others, and its root back by 2⁻¹².
    let (normal, shift) = if x < f32::MIN_POSITIVE { (x * 16_777_216.0, 12) } else { (x, 0) };
    let bits = normal.to_bits();
    let exponent = (bits >> 23).cast_signed() - 127;
    let mut rest = ((bits & 0x7f_ffff) | 0x80_0000) << (exponent & 1);
    rest <<= 1;
    let (mut root, mut double) = (0_u32, 0_u32);
    let mut digit = 0x0100_0000_u32;
    while digit != 0 {
        let trial = double + digit;
        if trial <= rest {
            double = trial + digit;
            rest -= trial;
            root += digit;
        }
        rest <<= 1;
        digit >>= 1;
    }
    // The last digit is beyond the result; a root that ends there exactly does not exist.
    let rounded = (root + (root & 1)) >> 1;
    f32::from_bits((((exponent >> 1) - shift + 126) << 23).cast_unsigned() + rounded)
}

/// ⌊x⌋, exact; the sign of a zero, infinities and NaN stay.
pub fn floor(x: f32) -> f32 {
    let whole = round(x);
    let floor = if whole > x { whole - 1.0 } else { whole };
    if floor == 0.0 { f32::from_bits(x.to_bits() & 0x8000_0000) } else { floor }
}

/// The whole number nearest to x, halves to the even one, exact; a zero result has the sign of x.
pub fn round(x: f32) -> f32 {
    // 2²³: from there on every number is whole, and adding it leaves no places behind the point.
    let size = f32::from_bits(x.to_bits() & 0x7fff_ffff);
    if size.is_nan() || size >= 8_388_608.0 {
        return x;
    }
    let whole = (size + 8_388_608.0) - 8_388_608.0;
    f32::from_bits(whole.to_bits() | (x.to_bits() & 0x8000_0000))
}

/* origin: FreeBSD /usr/src/lib/msun/src/e_logf.c, s_atanf.c and e_powf.c, by way of musl and the crate libm
 * Conversion to float by Ian Lance Taylor, Cygnus Support, ian@cygnus.com.
 * ====================================================
 * Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 *
 * Developed at SunPro, a Sun Microsystems, Inc. business.
 * Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice
 * is preserved.
 * ==================================================== */
/// ln x.
pub fn log(x: f32) -> f32 {
    let (mut bits, mut k) = (x.to_bits(), 0_i32);
    if bits << 1 == 0 {
        return f32::NEG_INFINITY;
    }
    if bits >> 31 != 0 {
        return f32::NAN;
    }
    if bits >= 0x7f80_0000 {
        return x;
    }
    if bits == 0x3f80_0000 {
        return 0.0;
    }
    if bits < 0x0080_0000 {
        k -= 25;
        bits = (x * 33_554_432.0).to_bits();
    }
    // x is brought into [√½, √2].
    bits += 0x3f80_0000 - 0x3f35_04f3;
    k += (bits >> 23).cast_signed() - 0x7f;
    let reduced = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3);
    let f = reduced - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (f32::from_bits(0x3ecc_ce13) + w * f32::from_bits(0x3e78_9e26));
    let t2 = z * (f32::from_bits(0x3f2a_aaaa) + w * f32::from_bits(0x3e91_e9ee));
    let r = t2 + t1;
    let half_square = 0.5 * f * f;
    let dk = k as f32;
    s * (half_square + r) + dk * f32::from_bits(0x3717_f7d1) - half_square + f + dk * f32::from_bits(0x3f31_7180)
}

/* As log: Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 * Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice is preserved. */
/// arctan x.
pub fn atan(x: f32) -> f32 {
    let sign = x.to_bits() & 0x8000_0000;
    let bits = x.to_bits() & 0x7fff_ffff;
    let size = f32::from_bits(bits);
    if bits >= 0x4c80_0000 {
        return if x.is_nan() { x } else { f32::from_bits(0x3fc9_0fda | sign) };
    }
    if bits < 0x3980_0000 {
        return x;
    }
    // The argument that is left, and the two parts of the angle that it is counted from.
    let (x, high, low) = if bits < 0x3ee0_0000 {
        (x, 0.0, 0.0)
    } else if bits < 0x3f30_0000 {
        ((2.0 * size - 1.0) / (2.0 + size), f32::from_bits(0x3eed_6338), f32::from_bits(0x31ac_3769))
    } else if bits < 0x3f98_0000 {
        ((size - 1.0) / (size + 1.0), f32::from_bits(0x3f49_0fda), f32::from_bits(0x3322_2168))
    } else if bits < 0x401c_0000 {
        ((size - 1.5) / (1.0 + 1.5 * size), f32::from_bits(0x3f7b_985e), f32::from_bits(0x3314_0fb4))
    } else {
        (-1.0 / size, f32::from_bits(0x3fc9_0fda), f32::from_bits(0x33a2_2168))
    };
    let z = x * x;
    let w = z * z;
    let s1 = z * (f32::from_bits(0x3eaa_aaa9) + w * (f32::from_bits(0x3e11_f50d) + w * f32::from_bits(0x3d7c_ac25)));
    let s2 = w * (f32::from_bits(0xbe4c_ca98) + w * f32::from_bits(0xbdda_1247));
    if high == 0.0 {
        return x - x * (s1 + s2);
    }
    f32::from_bits((high - ((x * (s1 + s2) - low) - x)).to_bits() ^ sign)
}

/* As log: Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.
 * Developed at SunPro, a Sun Microsystems, Inc. business. Permission to use, copy, modify, and distribute this
 * software is freely granted, provided that this notice is preserved. */
/// aᵇ.
pub fn pow(x: f32, y: f32) -> f32 {
    let (size, exponent) = (x.to_bits() & 0x7fff_ffff, y.to_bits() & 0x7fff_ffff);
    let (is_below, is_inverse) = (x.to_bits() >> 31 != 0, y.to_bits() >> 31 != 0);
    if exponent == 0 || x.to_bits() == 0x3f80_0000 {
        return 1.0;
    }
    if size > 0x7f80_0000 || exponent > 0x7f80_0000 {
        return f32::NAN;
    }
    let (is_whole, is_odd) = if is_below { parity(exponent) } else { (false, false) };
    if exponent == 0x7f80_0000 {
        return if size == 0x3f80_0000 {
            1.0
        } else if (size > 0x3f80_0000) != is_inverse {
            f32::INFINITY
        } else {
            0.0
        };
    }
    if exponent == 0x3f80_0000 {
        return if is_inverse { 1.0 / x } else { x };
    }
    if y.to_bits() == 0x4000_0000 {
        return x * x;
    }
    if y.to_bits() == 0x3f00_0000 && !is_below {
        return sqrt(x);
    }
    let ax = f32::from_bits(size);
    if size == 0x7f80_0000 || size == 0 || size == 0x3f80_0000 {
        let z = if is_inverse { 1.0 / ax } else { ax };
        return match (is_below, is_odd) {
            (true, _) if size == 0x3f80_0000 && !is_whole => f32::NAN,
            (true, true) => -z,
            _ => z,
        };
    }
    if is_below && !is_whole {
        return f32::NAN;
    }
    let sign = if is_odd { -1.0 } else { 1.0 };
    if exponent > 0x4d00_0000 && !(0x3f7f_fff8..=0x3f80_0007).contains(&size) {
        return sign * if (size > 0x3f80_0000) != is_inverse { f32::INFINITY } else { 0.0 };
    }
    let (t1, t2) = if exponent > 0x4d00_0000 { log2_near_one(ax) } else { log2_parts(ax) };
    let y1 = f32::from_bits(y.to_bits() & 0xffff_f000);
    let low = (y - y1) * t1 + y * t2;
    let high = y1 * t1;
    sign * exp2_of_sum(high, low)
}

/// Whether a number of these bits, its sign left out, is whole, and whether it is odd.
fn parity(bits: u32) -> (bool, bool) {
    if bits >= 0x4b80_0000 {
        return (true, false);
    }
    if bits < 0x3f80_0000 {
        return (false, false);
    }
    let places = 150 - (bits >> 23);
    let units = bits >> places;
    let is_whole = units << places == bits;
    (is_whole, is_whole && units & 1 == 1)
}

/// log₂ x in two parts where |1 − x| ≤ 2⁻²⁰.
fn log2_near_one(ax: f32) -> (f32, f32) {
    let t = ax - 1.0;
    let w = (t * t) * (0.5 - t * (f32::from_bits(0x3eaa_aaab) - t * 0.25));
    let u = f32::from_bits(0x3fb8_aa00) * t;
    let v = t * f32::from_bits(0x36ec_a570) - w * f32::from_bits(0x3fb8_aa3b);
    let t1 = f32::from_bits((u + v).to_bits() & 0xffff_f000);
    (t1, v - (t1 - u))
}

/// log₂ x in two parts, for x > 0.
fn log2_parts(ax: f32) -> (f32, f32) {
    let (bits, mut n) = if ax < f32::MIN_POSITIVE { ((ax * 16_777_216.0).to_bits(), -24) } else { (ax.to_bits(), 0) };
    n += (bits >> 23).cast_signed() - 0x7f;
    let j = bits & 0x007f_ffff;
    let mut normal = j | 0x3f80_0000;
    // The interval: below √(3/2), below √3, or beyond.
    let (k, bp, dp_high, dp_low) = if j <= 0x001c_c471 {
        (0_u32, 1.0, 0.0, 0.0)
    } else if j < 0x005d_b3d7 {
        (1, 1.5, f32::from_bits(0x3f15_c000), f32::from_bits(0x35d1_cfdc))
    } else {
        n += 1;
        normal -= 0x0080_0000;
        (0, 1.0, 0.0, 0.0)
    };
    let ax = f32::from_bits(normal);
    let u = ax - bp;
    let v = 1.0 / (ax + bp);
    let s = u * v;
    let s_high = f32::from_bits(s.to_bits() & 0xffff_f000);
    let t_high = f32::from_bits((((normal >> 1) & 0xffff_f000) | 0x2000_0000) + 0x0040_0000 + (k << 21));
    let t_low = ax - (t_high - bp);
    let s_low = v * ((u - s_high * t_high) - s_high * t_low);
    let s2 = s * s;
    let series = f32::from_bits(0x3e6c_3255) + s2 * f32::from_bits(0x3e53_f142);
    let series = f32::from_bits(0x3eaa_aaab) + s2 * (f32::from_bits(0x3e8b_a305) + s2 * series);
    let series = f32::from_bits(0x3f19_999a) + s2 * (f32::from_bits(0x3edb_6db7) + s2 * series);
    let r = s2 * s2 * series + s_low * (s_high + s);
    let s2 = s_high * s_high;
    let t_high = f32::from_bits((3.0 + s2 + r).to_bits() & 0xffff_f000);
    let t_low = r - ((t_high - 3.0) - s2);
    let u = s_high * t_high;
    let v = s_low * t_high + t_low * s;
    let p_high = f32::from_bits((u + v).to_bits() & 0xffff_f000);
    let p_low = v - (p_high - u);
    let z_high = f32::from_bits(0x3f76_4000) * p_high;
    let z_low = f32::from_bits(0xb8f6_23c6) * p_high + p_low * f32::from_bits(0x3f76_384f) + dp_low;
    let t = n as f32;
    let t1 = f32::from_bits((((z_high + z_low) + dp_high) + t).to_bits() & 0xffff_f000);
    (t1, z_low - (((t1 - t) - dp_high) - z_high))
}

/// 2^(high + low).
fn exp2_of_sum(high: f32, low: f32) -> f32 {
    let z = low + high;
    let (bits, size) = (z.to_bits(), z.to_bits() & 0x7fff_ffff);
    let is_below = bits >> 31 != 0;
    if !is_below && (bits > 0x4300_0000 || (bits == 0x4300_0000 && low + f32::from_bits(0x3338_aa3c) > z - high)) {
        return f32::INFINITY;
    }
    if is_below && (size > 0x4316_0000 || (size == 0x4316_0000 && low <= z - high)) {
        return 0.0;
    }
    let (mut n, mut high) = (0_i32, high);
    if size > 0x3f00_0000 {
        // The whole number nearest to z.
        let raised = bits + (0x0080_0000 >> ((size >> 23) - 0x7e));
        let k = ((raised & 0x7fff_ffff) >> 23) - 0x7f;
        high -= f32::from_bits(raised & !(0x007f_ffff >> k));
        n = (((raised & 0x007f_ffff) | 0x0080_0000) >> (23 - k)).cast_signed();
        n = if is_below { -n } else { n };
    }
    let t = f32::from_bits((low + high).to_bits() & 0xffff_8000);
    let u = t * f32::from_bits(0x3f31_7200);
    let v = (low - (t - high)) * f32::from_bits(0x3f31_7218) + t * f32::from_bits(0x35bf_be8c);
    let z = u + v;
    let w = v - (z - u);
    let t = z * z;
    let series = f32::from_bits(0x388a_b355) + t * (f32::from_bits(0xb5dd_ea0e) + t * f32::from_bits(0x3331_bb4c));
    let t1 = z - t * (f32::from_bits(0x3e2a_aaab) + t * (f32::from_bits(0xbb36_0b61) + t * series));
    let r = (z * t1) / (t1 - 2.0) - (w + z * w);
    let z = 1.0 - (r - z);
    let scaled = z.to_bits().cast_signed() + (n << 23);
    if scaled >> 23 > 0 {
        return f32::from_bits(scaled.cast_unsigned());
    }
    // Subnormal: 2ⁿ in two factors, the first of which is exact.
    (z * f32::from_bits(27 << 23)) * f32::from_bits((n + 227).cast_unsigned() << 23)
}
