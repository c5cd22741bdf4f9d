//! The closed enumerations of the format and their codes.
//!
//! A code, once published in a format version, keeps its meaning in that version.

macro_rules! codes {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$doc])* $variant = $code),+ }

        impl $type {
            /// Every member, in ascending order of its code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code in a blob.
            #[must_use]
            pub const fn code(self) -> u32 {
                self as u32
            }

            /// The member of that code.
            #[must_use]
            pub const fn from_code(code: u32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// The member of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|member| member.name() == name)
            }

            /// The name in listings and on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

codes! {
    /// Functions of one number; `docs/NUMERICS.md` defines each to the bit.
    UnaryKind {
        /// −x
        Neg = 1, "neg";
        /// 1/x
        Reciprocal = 2, "reciprocal";
        /// √x
        Sqrt = 3, "sqrt";
        /// eˣ
        Exp = 4, "exp";
        /// ln x
        Log = 5, "log";
        /// sin x
        Sin = 6, "sin";
        /// cos x
        Cos = 7, "cos";
        /// tanh x
        Tanh = 8, "tanh";
        /// 1/(1 + e⁻ˣ)
        Sigmoid = 9, "sigmoid";
        /// ln(1 + eˣ)
        Softplus = 10, "softplus";
        /// |x|
        Abs = 11, "abs";
        /// −1, 0 or 1
        Sign = 12, "sign";
        /// The error function.
        Erf = 13, "erf";
        /// arctan x
        Atan = 14, "atan";
        /// ⌊x⌋, the largest whole number that is not above x.
        Floor = 15, "floor";
        /// The nearest whole number, halves to the even one.
        Round = 16, "round";
    }
}

codes! {
    /// How the derivative of a layer's activation follows from a value y; `docs/NUMERICS.md` gives the order of operations.
    SlopeKind {
        /// y: the derivative itself was computed, as cos z for sin z.
        Value = 1, "value";
        /// 1 − y², for y = tanh z.
        OneMinusSquare = 2, "one_minus_square";
        /// y (1 − y), for y = 1/(1 + e⁻ᶻ).
        Logistic = 3, "logistic";
    }
}

codes! {
    /// How the weights of a panel are stored. Groups of four rows follow each other, each column by column.
    WeightKind {
        /// IEEE binary32, one a word; a last group of fewer rows has only these.
        F32 = 0, "f32";
        /// IEEE binary16, two a word, the first in the low half; a last group of fewer rows is filled up with zeros.
        F16 = 1, "f16";
        /// Whole numbers from −127 to 127, four a word, the first in the lowest eight bits, a last group filled up with zeros; before
        /// them an f32 for each row, which its numbers are to be multiplied with.
        Int8 = 2, "int8";
    }
}

impl WeightKind {
    /// Words of one column of a group of four rows.
    #[must_use]
    pub const fn column_words(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
            Self::Int8 => 1,
        }
    }

    /// Whether each row has a scale of its own.
    #[must_use]
    pub const fn is_scaled(self) -> bool {
        matches!(self, Self::Int8)
    }

    /// Words of a panel, scales included.
    #[must_use]
    pub const fn panel_words(self, rows: u32, cols: u32) -> u64 {
        let (rows, cols) = (rows as u64, cols as u64);
        match self {
            Self::F32 => rows * cols,
            Self::F16 => rows.div_ceil(4) * cols * 2,
            Self::Int8 => rows + rows.div_ceil(4) * cols,
        }
    }
}

codes! {
    /// Functions of two numbers; a comparison gives 1.0 or 0.0.
    BinaryKind {
        /// a + b
        Add = 1, "add";
        /// a − b
        Sub = 2, "sub";
        /// a · b
        Mul = 3, "mul";
        /// a / b
        Div = 4, "div";
        /// aᵇ
        Pow = 5, "pow";
        /// The larger.
        Max = 6, "max";
        /// The smaller.
        Min = 7, "min";
        /// a > b
        Greater = 8, "greater";
        /// a ≥ b
        GreaterOrEqual = 9, "greater_or_equal";
        /// a = b
        Equal = 10, "equal";
    }
}

codes! {
    /// The programs of a blob. Those of a model read x = [q…, p…] at workspace element 0 and u at element 2n.
    Entry {
        /// H(q, p), 1 value.
        Energy = 0, "energy";
        /// ∂H/∂p from p alone, n values; separable models only.
        Velocity = 1, "velocity";
        /// −∂H/∂q + G_p(q) u from q and u alone, n values; separable models only.
        Force = 2, "force";
        /// [∂H/∂p, −∂H/∂q + G_p(q) u], 2n values, damping not included. In a constrained model the whole field, with damping
        /// and constraint forces.
        Field = 3, "field";
        /// R_p(q, p): n values if diagonal, n·n row-major if full.
        Damping = 4, "damping";
        /// Results from the arguments at workspace element 0; the one entry of a blob that holds a function.
        Function = 5, "function";
        /// g(q), k values, then ∂g/∂q, k·n row-major, from q alone; constrained models only.
        Constraint = 6, "constraint";
    }
}

codes! {
    /// Form of the dissipation matrix R_p.
    DampingKind {
        /// R_p = 0.
        None = 0, "none";
        /// R_p = diag(r).
        Diagonal = 1, "diagonal";
        /// R_p is a full symmetric matrix.
        Full = 2, "full";
    }
}

codes! {
    /// The scheme a model was exported and validated with.
    SchemeId {
        /// Leapfrog, order 2, separable models.
        Leapfrog = 1, "leapfrog";
        /// Yoshida's composition, order 4, separable models.
        Yoshida4 = 2, "yoshida4";
        /// Implicit midpoint with a fixed number of iterations, order 2, any model.
        Midpoint = 3, "midpoint";
        /// RATTLE with a fixed number of Newton iterations, order 2, constrained models with T = ½pᵀAp.
        Rattle = 4, "rattle";
        /// Five steps of RATTLE composed to order 4, for the same models.
        Rattle4 = 5, "rattle4";
        /// Symplectic Euler, order 1, separable models.
        SymplecticEuler = 6, "symplectic-euler";
        /// Leapfrog that drifts first, order 2, separable models.
        PositionVerlet = 7, "position-verlet";
        /// Yoshida's composition of seven leapfrogs, order 6, separable models.
        Yoshida6 = 8, "yoshida6";
        /// McLachlan and Atela's four stages, order 4, separable models with a quadratic T.
        MclachlanAtela4 = 9, "mclachlan-atela4";
        /// Blanes and Moan's six stages, order 4, separable models.
        BlanesMoan4 = 10, "blanes-moan4";
        /// Implicit Störmer–Verlet with a fixed number of iterations, order 2, any model without constraints.
        StormerVerlet = 11, "stormer-verlet";
        /// Tao's explicit splitting of a doubled state, order 2, any model without constraints.
        Tao2 = 12, "tao2";
        /// Its triple jump, order 4.
        Tao4 = 13, "tao4";
    }
}

codes! {
    /// What is asked of a network.
    NetworkKind {
        /// Its output, one value.
        Value = 1, "value";
        /// The derivative of its output by every input, times that input's scale.
        Gradient = 2, "gradient";
    }
}

impl SchemeId {
    /// Order of accuracy on a conservative system.
    #[must_use]
    pub const fn order(self) -> u32 {
        match self {
            Self::SymplecticEuler => 1,
            Self::Leapfrog
            | Self::PositionVerlet
            | Self::Midpoint
            | Self::StormerVerlet
            | Self::Rattle
            | Self::Tao2 => 2,
            Self::Yoshida4 | Self::Rattle4 | Self::MclachlanAtela4 | Self::BlanesMoan4 | Self::Tao4 => 4,
            Self::Yoshida6 => 6,
        }
    }

    /// Whether H must be T(p) + V(q).
    #[must_use]
    pub const fn needs_separable(self) -> bool {
        !matches!(self, Self::Midpoint | Self::StormerVerlet | Self::Tao2 | Self::Tao4)
    }

    /// Whether T must be quadratic in p for the scheme to have its order, or to work at all.
    #[must_use]
    pub const fn needs_quadratic(self) -> bool {
        matches!(self, Self::Rattle | Self::Rattle4 | Self::MclachlanAtela4)
    }

    /// Whether a step iterates, hence has an iteration count and a residual.
    #[must_use]
    pub const fn iterates(self) -> bool {
        matches!(self, Self::Midpoint | Self::StormerVerlet | Self::Rattle | Self::Rattle4)
    }

    /// Whether the scheme steps two copies of the state, 4n numbers that go on from step to step.
    #[must_use]
    pub const fn is_doubled(self) -> bool {
        matches!(self, Self::Tao2 | Self::Tao4)
    }

    /// Whether the scheme keeps constraints: a model with constraints takes no other, one without takes none of these.
    #[must_use]
    pub const fn keeps_constraints(self) -> bool {
        matches!(self, Self::Rattle | Self::Rattle4)
    }
}
