//! Functions of one, two or three numbers, element by element.

use super::strides::{Walk, stretched};
use super::structure::View;
use crate::graph::{Binary, Comparison, Unary};

/// `out[i] = op(x[i])`.
pub(super) fn unary(op: Unary, x: &[f64], out: &mut [f64]) {
    let function: fn(f64) -> f64 = match op {
        Unary::Neg => |x| -x,
        Unary::Reciprocal => |x| 1.0 / x,
        Unary::Sqrt => libm::sqrt,
        Unary::Exp => libm::exp,
        Unary::Log => libm::log,
        Unary::Sin => libm::sin,
        Unary::Cos => libm::cos,
        Unary::Tanh => libm::tanh,
        Unary::Sigmoid => sigmoid,
        Unary::Softplus => softplus,
        Unary::Abs => libm::fabs,
        Unary::Sign => sign,
        Unary::Erf => libm::erf,
        Unary::Atan => libm::atan,
        Unary::Floor => libm::floor,
        Unary::Round => libm::rint,
    };
    for (out, x) in out.iter_mut().zip(x) {
        *out = function(*x);
    }
}

/// Both branches keep the exponential at most 1, so nothing overflows.
fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let exponential = libm::exp(x);
        exponential / (1.0 + exponential)
    }
}

/// max(x, 0) + ln(1 + e^−|x|), which neither overflows nor loses the small values.
fn softplus(x: f64) -> f64 {
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + libm::log1p(libm::exp(-libm::fabs(x)))
}

fn sign(x: f64) -> f64 {
    if x > 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        // +0 for both zeros; a NaN stays one.
        libm::fabs(x)
    }
}

/// By comparison; of two zeros +0 is the larger, and with a NaN there is no larger one.
fn larger(a: f64, b: f64) -> f64 {
    if a > b {
        a
    } else if b > a {
        b
    } else {
        // Equal numbers differ at most in the sign of zero.
        if a.is_nan() || b.is_nan() { f64::NAN } else { f64::from_bits(a.to_bits() & b.to_bits()) }
    }
}

/// `out = a op b`, both stretched to `dims`.
pub(super) fn binary(op: Binary, a: &View<'_>, b: &View<'_>, dims: &[usize], out: &mut [f64]) {
    match op {
        Binary::Add => zip(a, b, dims, out, |a, b| a + b),
        Binary::Sub => zip(a, b, dims, out, |a, b| a - b),
        Binary::Mul => zip(a, b, dims, out, |a, b| a * b),
        Binary::Div => zip(a, b, dims, out, |a, b| a / b),
        Binary::Pow => zip(a, b, dims, out, libm::pow),
        Binary::Max => zip(a, b, dims, out, larger),
        Binary::Min => zip(a, b, dims, out, |a, b| -larger(-a, -b)),
    }
}

/// `out = a op b ? 1 : 0`, both stretched to `dims`.
pub(super) fn compare(op: Comparison, a: &View<'_>, b: &View<'_>, dims: &[usize], out: &mut [f64]) {
    let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
    match op {
        Comparison::Greater => zip(a, b, dims, out, |a, b| truth(a > b)),
        Comparison::GreaterOrEqual => zip(a, b, dims, out, |a, b| truth(a >= b)),
        #[allow(clippy::float_cmp, reason = "exact equality is what the operator means")]
        Comparison::Equal => zip(a, b, dims, out, |a, b| truth(a == b)),
    }
}

/// `out = condition ≠ 0 ? a : b`, all stretched to `dims`.
pub(super) fn select(condition: &View<'_>, a: &View<'_>, b: &View<'_>, dims: &[usize], out: &mut [f64]) {
    let strides = [condition, a, b].map(|view| stretched(&view.dims, dims));
    let walk = Walk::new(dims, [&strides[0], &strides[1], &strides[2]]);
    walk.runs(|position, [c, x, y], len, [c_step, x_step, y_step]| {
        for (index, out) in out[position..position + len].iter_mut().enumerate() {
            let holds = condition.data[c + index * c_step] != 0.0;
            *out = if holds { a.data[x + index * x_step] } else { b.data[y + index * y_step] };
        }
    });
}

fn zip(a: &View<'_>, b: &View<'_>, dims: &[usize], out: &mut [f64], op: impl Fn(f64, f64) -> f64) {
    let strides = [stretched(&a.dims, dims), stretched(&b.dims, dims)];
    Walk::new(dims, [&strides[0], &strides[1]]).runs(|position, [x, y], len, steps| {
        let out = out[position..position + len].iter_mut();
        match steps {
            [1, 1] => {
                for ((out, x), y) in out.zip(&a.data[x..x + len]).zip(&b.data[y..y + len]) {
                    *out = op(*x, *y);
                }
            }
            [1, 0] => {
                let y = b.data[y];
                for (out, x) in out.zip(&a.data[x..x + len]) {
                    *out = op(*x, y);
                }
            }
            [0, 1] => {
                let x = a.data[x];
                for (out, y) in out.zip(&b.data[y..y + len]) {
                    *out = op(x, *y);
                }
            }
            [x_step, y_step] => {
                for (index, out) in out.enumerate() {
                    *out = op(a.data[x + index * x_step], b.data[y + index * y_step]);
                }
            }
        }
    });
}
