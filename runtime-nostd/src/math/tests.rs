//! Accuracy against f64, and behaviour at the edges. The bounds asserted are those of `docs/NUMERICS.md`.

use std::vec::Vec;

use super::*;

/// Distance of `value` from `exact` in units of the last place of the f32 nearest to `exact`.
fn ulps(value: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if value.to_bits() == nearest.to_bits() || (value.is_nan() && exact.is_nan()) {
        return 0.0;
    }
    let exponent = (nearest.abs().to_bits() >> 23).max(1) as i32;
    let unit = 2.0f64.powi(exponent - 127 - 23);
    (f64::from(value) - exact).abs() / unit
}

/// Finite f32 arguments of both signs, evenly spread over their bit patterns.
fn arguments() -> impl Iterator<Item = f32> {
    (0..=0x7f7f_ffffu32).step_by(4_099).flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)])
}

fn largest_error(function: fn(f32) -> f32, exact: fn(f64) -> f64) -> (f64, f32) {
    arguments().fold((0.0, 0.0), |worst, x| {
        let error = ulps(function(x), exact(f64::from(x)));
        // Also true for a NaN, which must not pass unnoticed.
        if error <= worst.0 { worst } else { (error, x) }
    })
}

fn sigmoid_exact(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus_exact(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

type Function = fn(f32) -> f32;
type Row = (&'static str, Function, fn(f64) -> f64, f64);

/// Function, reference, bound in ulp. The reference for erf is the f64 function of libm; the table values below are independent of it.
const ACCURACY: [Row; 10] = [
    ("sqrt", sqrt, f64::sqrt, 0.5),
    ("exp", exp, f64::exp, 1.1),
    ("log", log, f64::ln, 1.0),
    ("sin", sin, f64::sin, 3.0),
    ("cos", cos, f64::cos, 3.0),
    ("tanh", tanh, f64::tanh, 5.0),
    ("erf", erf, libm::erf, 3.0),
    ("atan", atan, f64::atan, 1.0),
    ("sigmoid", sigmoid, sigmoid_exact, 3.0),
    ("softplus", softplus, softplus_exact, 4.0),
];

#[test]
fn every_function_keeps_its_documented_bound() {
    for (name, function, exact, bound) in ACCURACY {
        let (error, x) = largest_error(function, exact);
        std::println!("| {name} | {error:.3} at {x:e} |");
        assert!(error <= bound, "{name}: {error} ulp at {x:e}");
    }
}

#[test]
fn powers_keep_their_documented_bound() {
    let mut worst = 0.0f64;
    let bases: Vec<f32> = (0..0x7f80_0000u32).step_by(900_001).map(f32::from_bits).collect();
    for a in bases {
        for index in -200..=200 {
            let b = index as f32 * 0.173;
            let exact = f64::from(a).powf(f64::from(b));
            worst = worst.max(ulps(pow(a, b), exact));
        }
    }
    std::println!("| pow | {worst:.3} |");
    assert!(worst <= 1.0, "{worst}");
    assert_eq!((pow(-2.0, 3.0), pow(-2.0, -2.0), pow(0.0, 0.0)), (-8.0, 0.25, 1.0));
    assert!(pow(-2.0, 0.5).is_nan());
}

#[test]
fn erf_has_the_values_of_the_tables() {
    // Abramowitz and Stegun, table 7.1.
    for (x, value) in [(0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
        assert!((f64::from(erf(x)) - value).abs() < 6e-8);
    }
}

#[test]
fn a_nan_goes_through_every_function() {
    for (name, function, ..) in ACCURACY {
        assert!(function(f32::NAN).is_nan(), "{name}");
    }
    for function in [sign, f32::abs, floor, round] {
        assert!(function(f32::NAN).is_nan());
    }
    for function in [max, min, pow] {
        assert!(function(f32::NAN, 2.0).is_nan() && function(2.0, f32::NAN).is_nan());
    }
}

#[test]
fn limits_are_reached_and_not_passed() {
    let infinity = f32::INFINITY;
    assert_eq!((tanh(infinity), tanh(-infinity), tanh(20.0)), (1.0, -1.0, 1.0));
    assert_eq!((sigmoid(infinity), sigmoid(-infinity), sigmoid(0.0)), (1.0, 0.0, 0.5));
    assert_eq!((softplus(infinity), softplus(-infinity)), (infinity, 0.0));
    assert!(sigmoid(-100.0) > 0.0, "a subnormal result is kept");
    assert!(exp(89.0) == infinity && exp(-104.0) == 0.0);
    assert!(log(0.0) == -infinity && log(-1.0).is_nan() && sqrt(-1.0).is_nan());
}

#[test]
fn what_is_infinite_has_no_angle() {
    for x in [f32::INFINITY, -f32::INFINITY] {
        assert!(sin(x).is_nan() && cos(x).is_nan());
    }
    assert_eq!((sin(-0.0).to_bits(), cos(0.0)), ((-0.0f32).to_bits(), 1.0));
}

#[test]
fn a_value_alone_has_the_bits_it_has_among_others() {
    let functions: [(UnaryKind, Function); 7] = [
        (UnaryKind::Exp, exp),
        (UnaryKind::Sin, sin),
        (UnaryKind::Cos, cos),
        (UnaryKind::Tanh, tanh),
        (UnaryKind::Sigmoid, sigmoid),
        (UnaryKind::Softplus, softplus),
        (UnaryKind::Erf, erf),
    ];
    let arguments: Vec<f32> = (0..23).map(|index| (index as f32 - 11.0) * 0.83).chain([f32::NAN, 1e9, -0.0]).collect();
    for ((kind, function), len) in functions.into_iter().flat_map(|row| (0..arguments.len()).map(move |len| (row, len)))
    {
        let mut values = arguments[..len].to_vec();
        map(kind, &mut values);
        for (value, x) in values.iter().zip(&arguments) {
            assert_eq!(canonical(*value).to_bits(), canonical(function(*x)).to_bits(), "{kind:?} of {x}, among {len}");
        }
    }
}

#[test]
fn tanh_stays_within_one_and_keeps_small_arguments() {
    // Where the result nears 1, every 7th argument; an overshoot would turn the sign of a derivative 1 − tanh².
    let near = (4.0f32.to_bits()..10.0f32.to_bits()).step_by(7).map(f32::from_bits);
    assert!(near.into_iter().all(|x| tanh(x) <= 1.0 && tanh(-x) >= -1.0));
    for x in [1e-45, 1e-38, 1e-5, 0.0, -0.0f32] {
        assert_eq!((tanh(x).to_bits(), tanh(-x).to_bits()), (x.to_bits(), (-x).to_bits()));
    }
}

#[test]
fn whole_numbers_are_exact_for_every_exponent() {
    // Rust's own functions are another implementation; arguments of both signs and every exponent.
    for x in arguments().chain([f32::INFINITY, -f32::INFINITY]) {
        assert_eq!(floor(x).to_bits(), x.floor().to_bits(), "{x:e}");
        assert_eq!(round(x).to_bits(), x.round_ties_even().to_bits(), "{x:e}");
    }
    for (half, even) in
        [(-2.5, -2.0), (-1.5, -2.0), (-0.5, 0.0), (0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (8_388_607.5, 8_388_608.0)]
    {
        assert_eq!((round(half), floor(half)), (even, half - 0.5));
    }
    assert_eq!((round(0.499_999_97), floor(-1e-45), floor(8_388_607.5)), (0.0, -1.0, 8_388_607.0));
}

#[test]
fn the_sign_of_zero_is_defined() {
    let bits = f32::to_bits;
    assert_eq!((bits(max(0.0, -0.0)), bits(max(-0.0, 0.0)), bits(max(-0.0, -0.0))), (0, 0, bits(-0.0)));
    assert_eq!((bits(min(0.0, -0.0)), bits(min(-0.0, 0.0)), bits(min(0.0, 0.0))), (bits(-0.0), bits(-0.0), 0));
    assert_eq!((bits(sign(-0.0)), sign(-3.0), sign(1e-40)), (0, -1.0, 1.0));
    for function in [floor, round] {
        assert_eq!((bits(function(0.0)), bits(function(-0.0))), (0, bits(-0.0)));
    }
    assert_eq!((bits(round(-0.5)), bits(floor(0.5))), (bits(-0.0), 0));
    assert_eq!(bits(canonical(f32::from_bits(0xffff_ffff))), 0x7fc0_0000);
}
