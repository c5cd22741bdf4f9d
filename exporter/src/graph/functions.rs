//! Functions of one number that formulas and imported operators share, each a method made of primitives.
//!
//! A composition is finite in f32 wherever its value is, and so are its first two derivatives inside the domain. Where it
//! has two branches both agree at the seam with all their derivatives, or the branch of the larger arguments gives them.
//! A branch that is not taken stays finite as well: its derivative is multiplied by 0, and 0 · ∞ is no number. Outside its
//! domain a function is NaN; at a singular end of it the slope is infinite, or NaN.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::{Comparison, Graph, GraphError, NodeId};

type Built = Result<NodeId, GraphError>;

macro_rules! functions {
    ($($variant:ident = $name:literal, $method:ident;)+) => {
        /// A function of one number, known by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is the method of `Graph` of that name, which has the equation")]
        pub enum Function { $($variant),+ }

        impl Function {
            /// Every function, in ascending order of its name.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in formulas: that of the ONNX operator in lower case.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The function of that name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|function| function.name() == name)
            }

            /// Adds f(x).
            ///
            /// # Errors
            /// As [`Graph::add`].
            pub fn build(self, graph: &mut Graph, x: NodeId) -> Built {
                match self { $(Self::$variant => graph.$method(x)),+ }
            }
        }
    };
}

functions! {
    Abs = "abs", abs;
    Acos = "acos", acos;
    Acosh = "acosh", acosh;
    Asin = "asin", asin;
    Asinh = "asinh", asinh;
    Atan = "atan", atan;
    Atanh = "atanh", atanh;
    Ceil = "ceil", ceil;
    Cos = "cos", cos;
    Cosh = "cosh", cosh;
    Erf = "erf", erf;
    Exp = "exp", exp;
    Floor = "floor", floor;
    Gelu = "gelu", gelu;
    Log = "log", log;
    Mish = "mish", mish;
    Relu = "relu", relu;
    Round = "round", round;
    Sigmoid = "sigmoid", sigmoid;
    Sign = "sign", sign;
    Sin = "sin", sin;
    Sinh = "sinh", sinh;
    Softplus = "softplus", softplus;
    Softsign = "softsign", softsign;
    Sqrt = "sqrt", sqrt;
    Tan = "tan", tan;
    Tanh = "tanh", tanh;
}

/// Trigonometric and hyperbolic functions and their inverses.
impl Graph {
    /// tan x = sin x / cos x.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn tan(&mut self, x: NodeId) -> Built {
        let (sine, cosine) = (self.sin(x)?, self.cos(x)?);
        self.div(sine, cosine)
    }

    /// arcsin x = 2 arctan(x / (1 + √(1 − x) √(1 + x))), accurate to a few units in the last place on all of [−1, 1].
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn asin(&mut self, x: NodeId) -> Built {
        let one = self.scalar(1.0)?;
        let (below, above) = (self.sub(one, x)?, self.add_values(one, x)?);
        let root = self.root_of_product(below, above)?;
        let divisor = self.add_values(one, root)?;
        let half_tangent = self.div(x, divisor)?;
        let half = self.atan(half_tangent)?;
        self.scale(half, 2.0)
    }

    /// arccos x = 2 arctan(√(1 − x) / √(1 + x)), accurate to a few units in the last place on all of [−1, 1].
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn acos(&mut self, x: NodeId) -> Built {
        let one = self.scalar(1.0)?;
        let (below, above) = (self.sub(one, x)?, self.add_values(one, x)?);
        let (below, above) = (self.sqrt(below)?, self.sqrt(above)?);
        let half_tangent = self.div(below, above)?;
        let half = self.atan(half_tangent)?;
        self.scale(half, 2.0)
    }

    /// sinh x = tanh(x/2) (1 + cosh x): nothing cancels near 0, and a tiny x keeps all its digits.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn sinh(&mut self, x: NodeId) -> Built {
        let half = self.scale(x, 0.5)?;
        let half_tangent = self.tanh(half)?;
        let (one, cosine) = (self.scalar(1.0)?, self.cosh(x)?);
        let sum = self.add_values(one, cosine)?;
        self.mul(half_tangent, sum)
    }

    /// cosh x = ½eˣ + ½e⁻ˣ, finite up to the largest f32 (x = 89.4).
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn cosh(&mut self, x: NodeId) -> Built {
        let mirrored = self.neg(x)?;
        let (growing, decaying) = (self.half_exponential(x)?, self.half_exponential(mirrored)?);
        self.add_values(growing, decaying)
    }

    /// ½eˣ by the square of e^(x/2), which does not overflow before its result does.
    fn half_exponential(&mut self, x: NodeId) -> Built {
        let half = self.scale(x, 0.5)?;
        let root = self.exp(half)?;
        let halved = self.scale(root, 0.5)?;
        self.mul(halved, root)
    }

    /// arsinh x = s ln(√(x² + 1) + s x), s = ±1 the side of x; absolute error of a rounding of 1, |x| < 1.8e19 in f32.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn asinh(&mut self, x: NodeId) -> Built {
        let (one, zero, minus_one) = (self.scalar(1.0)?, self.scalar(0.0)?, self.scalar(-1.0)?);
        // A sign that is constant on either side, and not 0 at 0, leaves the slope there at 1.
        let right = self.compare(Comparison::GreaterOrEqual, x, zero)?;
        let side = self.select(right, one, minus_one)?;
        let square = self.mul(x, x)?;
        let sum = self.add_values(square, one)?;
        let (root, distance) = (self.sqrt(sum)?, self.mul(side, x)?);
        let sum = self.add_values(root, distance)?;
        let logarithm = self.log(sum)?;
        self.mul(side, logarithm)
    }

    /// arcosh x = ln(x + √(x − 1) √(x + 1)) for x ≥ 1, accurate to a rounding of 1.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn acosh(&mut self, x: NodeId) -> Built {
        let one = self.scalar(1.0)?;
        let (below, above) = (self.sub(x, one)?, self.add_values(x, one)?);
        let root = self.root_of_product(below, above)?;
        let sum = self.add_values(x, root)?;
        self.log(sum)
    }

    /// √a √b: unlike √(ab) it does not overflow, and its slope where one of them is 0 is infinite, not NaN.
    fn root_of_product(&mut self, a: NodeId, b: NodeId) -> Built {
        let (a, b) = (self.sqrt(a)?, self.sqrt(b)?);
        self.mul(a, b)
    }

    /// artanh x = ½ ln((1 + x)/(1 − x)), accurate to a rounding of 1.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn atanh(&mut self, x: NodeId) -> Built {
        let one = self.scalar(1.0)?;
        let (above, below) = (self.add_values(one, x)?, self.sub(one, x)?);
        let ratio = self.div(above, below)?;
        let logarithm = self.log(ratio)?;
        self.scale(logarithm, 0.5)
    }
}

/// Activations and rounding.
impl Graph {
    /// ⌈x⌉ = −⌊−x⌋.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn ceil(&mut self, x: NodeId) -> Built {
        let mirrored = self.neg(x)?;
        let floor = self.floor(mirrored)?;
        self.neg(floor)
    }

    /// max(x, 0); its slope at 0 is 0.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn relu(&mut self, x: NodeId) -> Built {
        let zero = self.scalar(0.0)?;
        self.max(x, zero)
    }

    /// ½x (1 + erf(x/√2)).
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn gelu(&mut self, x: NodeId) -> Built {
        let scaled = self.scale(x, FRAC_1_SQRT_2)?;
        let error = self.erf(scaled)?;
        self.gated(x, error)
    }

    /// ½x (1 + tanh(√(2/π) (x + 0.044715 x³))), the approximation of [`Graph::gelu`] that ONNX and PyTorch call `tanh`.
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn gelu_tanh(&mut self, x: NodeId) -> Built {
        let (one, square) = (self.scalar(1.0)?, self.mul(x, x)?);
        let cubic = self.scale(square, 0.044_715)?;
        let factor = self.add_values(one, cubic)?;
        let sum = self.mul(x, factor)?;
        let scaled = self.scale(sum, FRAC_2_SQRT_PI * FRAC_1_SQRT_2)?;
        let tangent = self.tanh(scaled)?;
        self.gated(x, tangent)
    }

    /// ½x (1 + gate).
    fn gated(&mut self, x: NodeId, gate: NodeId) -> Built {
        let (half, one) = (self.scale(x, 0.5)?, self.scalar(1.0)?);
        let sum = self.add_values(gate, one)?;
        self.mul(half, sum)
    }

    /// x tanh(ln(1 + eˣ)).
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn mish(&mut self, x: NodeId) -> Built {
        let softplus = self.softplus(x)?;
        let gate = self.tanh(softplus)?;
        self.mul(x, gate)
    }

    /// x / (1 + |x|).
    ///
    /// # Errors
    /// As [`Graph::add`].
    pub fn softsign(&mut self, x: NodeId) -> Built {
        let (one, distance) = (self.scalar(1.0)?, self.abs(x)?);
        let divisor = self.add_values(one, distance)?;
        self.div(x, divisor)
    }
}

#[cfg(test)]
mod tests;
