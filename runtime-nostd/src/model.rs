//! What a system offers to a stepper, and nothing else: these traits are all that integrators see.
//!
//! A model is a function of state and input; it knows no time step. Slices have the lengths [`Model::dof`] and
//! [`Model::inputs`]; steppers check that once per step. Methods take `&mut self` because an implementation may compute in
//! a workspace it owns; a model must compute each result from its arguments alone, so that calling one method never changes
//! what another returns. (A blob is not checked for that, see `docs/FORMAT.md`.)

use crate::format::DampingKind;
use crate::scalar::Scalar;

/// A system ẋ = J∇H(x) + G u, x = [q, p].
pub trait Model<S: Scalar> {
    /// Degrees of freedom n: the length of q and of p.
    fn dof(&self) -> usize;

    /// Control inputs m: the length of u.
    fn inputs(&self) -> usize;

    /// H(q, p).
    fn energy(&mut self, q: &[S], p: &[S]) -> S;

    /// dq = ∂H/∂p and dp = −∂H/∂q + G_p(q) u; damping is not part of it, except in a program with constraints, whose field is the
    /// whole motion: put no [`Dissipative`](crate::integrate::Dissipative) around such a field.
    fn field(&mut self, q: &[S], p: &[S], u: &[S], dq: &mut [S], dp: &mut [S]);
}

/// A system whose H(q, p) = T(p) + V(q), which explicit kick–drift schemes need.
pub trait Separable<S: Scalar>: Model<S> {
    /// dq = ∂T/∂p.
    fn velocity(&mut self, p: &[S], dq: &mut [S]);

    /// dp = −∂V/∂q + G_p(q) u.
    fn force(&mut self, q: &[S], u: &[S], dp: &mut [S]);
}

/// A system with T = ½pᵀAp whose motion keeps the holonomic constraints g(q) = 0.
pub trait Constrained<S: Scalar>: Separable<S> {
    /// Constraints k, at most [`MAX_CONSTRAINTS`](crate::format::MAX_CONSTRAINTS).
    fn constraints(&self) -> usize;

    /// Writes g(q), k values, and ∂g/∂q, k·n values row-major.
    fn constraint(&mut self, q: &[S], g: &mut [S], jacobian: &mut [S]);
}

/// A system with dissipation: ṗ has the additional term −R_p(q, p) ∂H/∂p, R_p ⪰ 0.
pub trait Damped<S: Scalar>: Model<S> {
    /// The form of R_p.
    fn damping_kind(&self) -> DampingKind;

    /// R_p(q, p): n values if diagonal, n·n row-major if full.
    fn damping(&mut self, q: &[S], p: &[S], r: &mut [S]);

    /// Writes A, n·n row-major, and returns `true` where T = ½pᵀAp; returns `false` where T is anything else.
    fn inverse_mass(&self, a: &mut [S]) -> bool;
}
