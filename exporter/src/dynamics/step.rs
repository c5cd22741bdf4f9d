//! One step of a scheme as a graph: what `step.onnx` computes and what training through the scheme differentiates.
//!
//! `x_next = D(dt/2) ∘ C(dt) ∘ D(dt/2) (x)`, C the conservative step with the input held, D the damped kick with R_p frozen
//! at its own start. The runtime takes the same steps from the same coefficients; it is the authority on bits.

use hnn_runtime::integrate::{DAMPING_SUBSTEPS, DAMPING_TERMS, MIDPOINT_ITERATIONS, Splitting};

use crate::differentiate;
use crate::graph::{Graph, GraphError, NodeId, Shape, Tensor};
use crate::optimize::optimize;

use super::{
    Derived, Dissipation, DynamicsError, INPUT, Model, NEXT_STATE, RESIDUAL, STATE, STEP_LENGTH, Scheme, Separability,
    apply, constraint, parts, separability,
};

/// How the step length is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepLength {
    /// One for all rows, shape `[]`.
    Scalar,
    /// One per row, shape `[batch, 1]`: measured data at its own times.
    PerRow,
}

/// One step: `x`, `dt`, `u` → `x_next` `[batch, 2n]`, and `residual` `[batch, 1]` where the scheme is implicit. Of a doubled
/// scheme x and `x_next` are [q, p, x, y], `[batch, 4n]`: both copies go on from step to step.
///
/// The residual is the largest change any coordinate made in the last iteration, in units of the state; of RATTLE, any position,
/// over all its stages.
///
/// # Errors
/// [`DynamicsError::NotSeparable`] for an explicit splitting of an H that does not split, [`DynamicsError::Scheme`] for a
/// number of iterations that the runtime does not take.
pub fn step(model: &Model, scheme: Scheme, length: StepLength) -> Derived {
    let separability = separability(model)?;
    if let (Some(_), Separability::NotSeparable { reason }) = (scheme.splitting(), &separability) {
        return Err(DynamicsError::NotSeparable { scheme: scheme.to_string(), reason: reason.clone() });
    }
    check_constraints(model, scheme, &separability)?;
    if scheme.splitting().is_some_and(|table| table.needs_quadratic) && !is_quadratic(&separability) {
        return Err(DynamicsError::Scheme(format!(
            "scheme `{scheme}` needs a kinetic energy that is quadratic in p; use `yoshida4` or `blanes-moan4`"
        )));
    }
    check_setting(scheme)?;
    let mut graph = Graph::new();
    let copies = if scheme.is_doubled() { 2 } else { 1 };
    let x = graph.input(STATE, Shape::batched(&[copies * 2 * model.dof()])?)?;
    let dt = match length {
        StepLength::Scalar => graph.input(STEP_LENGTH, Shape::fixed(&[])?)?,
        StepLength::PerRow => graph.input(STEP_LENGTH, Shape::batched(&[1])?)?,
    };
    let u = match model.inputs() {
        0 => None,
        inputs => Some(graph.input(INPUT, Shape::batched(&[inputs])?)?),
    };
    let parts = optimize(&parts(model)?)?;
    let mut stepper = Stepper { graph, parts, model, separability, u };
    if let Some(tao) = scheme.tao() {
        let next = stepper.tao(tao, x, dt)?;
        stepper.graph.set_output(NEXT_STATE, next);
        return Ok(stepper.graph);
    }
    let half = stepper.graph.scale(dt, 0.5)?;
    let q = stepper.graph.slice(x, 1, 0, model.dof())?;
    let p = stepper.graph.slice(x, 1, model.dof(), model.dof())?;
    let p = stepper.damp(q, p, half)?;
    let (q, p, residual) = match (scheme.splitting(), scheme.rattle()) {
        (Some(splitting), _) => stepper.split(splitting, q, p, dt)?,
        (None, Some(scheme)) => stepper.rattle(scheme, &constraint(model)?, q, p, dt)?,
        (None, None) if matches!(scheme, Scheme::StormerVerlet { .. }) => {
            stepper.stormer_verlet(scheme.iterations(), q, p, dt)?
        }
        (None, None) => stepper.midpoint(scheme.iterations(), q, p, dt)?,
    };
    let mut p = stepper.damp(q, p, half)?;
    if scheme.keeps_constraints() && model.dissipation().is_some() {
        p = stepper.tangent(&constraint(model)?, q, p)?;
    }
    let mut graph = stepper.graph;
    let next = graph.concat(&[q, p], 1)?;
    graph.set_output(NEXT_STATE, next);
    if let Some(residual) = residual {
        graph.set_output(RESIDUAL, residual);
    }
    Ok(graph)
}

/// Refuses iterations and bindings that the runtime does not take.
fn check_setting(scheme: Scheme) -> Result<(), DynamicsError> {
    match scheme.omega() {
        Some(omega) => scheme.with_omega(omega).map(drop),
        None if scheme.splitting().is_none() => scheme.with_iterations(scheme.iterations()).map(drop),
        None => Ok(()),
    }
}

fn is_quadratic(separability: &Separability) -> bool {
    matches!(separability, Separability::Separable { kinetic_quadratic: true, .. })
}

/// RATTLE keeps constraints where T is quadratic; other schemes would leave them, and it would have nothing to keep.
fn check_constraints(model: &Model, scheme: Scheme, separability: &Separability) -> Result<(), DynamicsError> {
    let refuse = |message: String| Err(DynamicsError::Scheme(message));
    let count = model.constraints();
    match (count > 0, scheme.keeps_constraints()) {
        (true, false) => refuse(format!(
            "scheme `{scheme}` does not keep the model's {count} constraint(s); use `rattle` or `rattle4`"
        )),
        (false, true) => refuse(format!("scheme `{scheme}` is for models with constraints, and this one has none")),
        (true, true) if !is_quadratic(separability) => {
            refuse(format!("scheme `{scheme}` needs H = ½ pᵀAp + V(q) with A constant"))
        }
        _ => Ok(()),
    }
}

pub(super) type Stepped = Result<(NodeId, NodeId, Option<NodeId>), GraphError>;

pub(super) struct Stepper<'a> {
    pub(super) graph: Graph,
    parts: Graph,
    model: &'a Model,
    separability: Separability,
    u: Option<NodeId>,
}

impl Stepper<'_> {
    pub(super) fn dof(&self) -> usize {
        self.model.dof()
    }

    /// One of the pieces of the field, at (q, p).
    pub(super) fn part(&mut self, name: &str, q: NodeId, p: NodeId) -> Result<NodeId, GraphError> {
        let root = self.parts.output(name).ok_or_else(|| GraphError::Name(format!("no part `{name}`")))?;
        let x = self.graph.concat(&[q, p], 1)?;
        let (state, input, u) = (self.parts.leaf(STATE), self.parts.leaf(INPUT), self.u);
        let bind = |id: NodeId| if Some(id) == state { Some(x) } else { u.filter(|_| Some(id) == input) };
        Ok(self.graph.inline(&self.parts, &[root], &|id, _| bind(id))?[0])
    }

    /// a + c·b
    pub(super) fn advance(&mut self, a: NodeId, c: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
        let increment = self.graph.mul(c, b)?;
        self.graph.add_values(a, increment)
    }

    /// Stage i: p += kickᵢ dt force(q), q += driftᵢ dt velocity(p).
    fn split(&mut self, splitting: &Splitting, mut q: NodeId, mut p: NodeId, dt: NodeId) -> Stepped {
        for (kick, drift) in splitting.kick.iter().zip(splitting.drift) {
            if *kick != 0.0 {
                let length = self.graph.scale(dt, *kick)?;
                let force = self.part("force", q, p)?;
                p = self.advance(p, length, force)?;
            }
            if *drift != 0.0 {
                let length = self.graph.scale(dt, *drift)?;
                let velocity = self.part("velocity", q, p)?;
                q = self.advance(q, length, velocity)?;
            }
        }
        Ok((q, p, None))
    }

    /// x⁺ = x + dt f((x + x⁺)/2) by fixed-point iteration from x⁺ = x. Hairer, Lubich and Wanner (2006), II.1 and VIII.6.
    fn midpoint(&mut self, iterations: u32, q: NodeId, p: NodeId, dt: NodeId) -> Stepped {
        let (mut next, mut before) = ((q, p), (q, p));
        for _ in 0..iterations {
            let middle = (self.middle(q, next.0)?, self.middle(p, next.1)?);
            let velocity = self.part("velocity", middle.0, middle.1)?;
            let force = self.part("force", middle.0, middle.1)?;
            before = next;
            next = (self.advance(q, dt, velocity)?, self.advance(p, dt, force)?);
        }
        let residual = self.largest_change(before, next)?;
        Ok((next.0, next.1, Some(residual)))
    }

    /// p½ = p + ½dt f(q, p½), q⁺ = q + ½dt (v(q, p½) + v(q⁺, p½)), p⁺ = p½ + ½dt f(q⁺, p½), either half by fixed-point
    /// iteration. Hairer, Lubich and Wanner (2006), theorem VI.3.4.
    fn stormer_verlet(&mut self, iterations: u32, q: NodeId, p: NodeId, dt: NodeId) -> Stepped {
        let half = self.graph.scale(dt, 0.5)?;
        let (mut middle, mut before_p) = (p, p);
        for _ in 0..iterations {
            let force = self.part("force", q, middle)?;
            before_p = middle;
            middle = self.advance(p, half, force)?;
        }
        let velocity = self.part("velocity", q, middle)?;
        let base = self.advance(q, half, velocity)?;
        let mut next = self.advance(base, half, velocity)?;
        let mut before_q = next;
        for _ in 0..iterations {
            let velocity = self.part("velocity", next, middle)?;
            before_q = next;
            next = self.advance(base, half, velocity)?;
        }
        let residual = self.largest_change((before_q, before_p), (next, middle))?;
        let force = self.part("force", next, middle)?;
        let p = self.advance(middle, half, force)?;
        Ok((next, p, Some(residual)))
    }

    fn middle(&mut self, a: NodeId, b: NodeId) -> Result<NodeId, GraphError> {
        let sum = self.graph.add_values(a, b)?;
        self.graph.scale(sum, 0.5)
    }

    /// max |a − b| over all coordinates, `[batch, 1]`.
    fn largest_change(&mut self, a: (NodeId, NodeId), b: (NodeId, NodeId)) -> Result<NodeId, GraphError> {
        let mut largest = None;
        for (before, after) in [(a.0, b.0), (a.1, b.1)] {
            let change = self.graph.sub(after, before)?;
            let change = self.graph.abs(change)?;
            for index in 0..self.model.dof() {
                let one = self.graph.slice(change, 1, index, 1)?;
                largest = Some(match largest {
                    Some(known) => self.graph.max(known, one)?,
                    None => one,
                });
            }
        }
        largest.ok_or_else(|| GraphError::shape("a model has at least one degree of freedom"))
    }

    /// ṗ = −R_p ∂H/∂p over time h, q and R_p held.
    pub(super) fn damp(&mut self, q: NodeId, p: NodeId, h: NodeId) -> Result<NodeId, GraphError> {
        let Some(kind) = self.model.dissipation() else { return Ok(p) };
        let damping = self.part("damping", q, p)?;
        let Separability::Separable { kinetic_quadratic: true, inverse_mass } = &self.separability else {
            return self.damp_by_midpoint(damping, q, p, h);
        };
        let inverse_mass = inverse_mass.clone();
        // One momentum: both kinds of R are one number.
        let (kind, damping) = if self.model.dof() == 1 {
            (Dissipation::Diagonal, self.graph.reshape(damping, Shape::batched(&[1])?)?)
        } else {
            (kind, damping)
        };
        match (kind, inverse_mass.as_ref().and_then(diagonal)) {
            (Dissipation::Diagonal, Some(diagonal)) => {
                let slope = self.graph.constant(diagonal)?;
                self.decay(damping, slope, p, h)
            }
            // One momentum: its inverse mass is the slope of the velocity, known or being learned.
            (Dissipation::Diagonal, None) if self.model.dof() == 1 => {
                let velocity = self.part("velocity", q, p)?;
                let slope = differentiate::gradient(&mut self.graph, velocity, &[p])?[0];
                self.decay(damping, slope, p, h)
            }
            _ => self.damp_by_taylor(damping, q, p, h),
        }
    }

    /// pᵢ exp(−h rᵢ aᵢᵢ): exact.
    fn decay(&mut self, damping: NodeId, slope: NodeId, p: NodeId, h: NodeId) -> Result<NodeId, GraphError> {
        let rate = self.graph.mul(damping, slope)?;
        let exponent = self.graph.mul(h, rate)?;
        let exponent = self.graph.neg(exponent)?;
        let factor = self.graph.exp(exponent)?;
        self.graph.mul(p, factor)
    }

    /// exp(−h R A) p by substeps of a Taylor sum; A v is the velocity at momentum v.
    fn damp_by_taylor(&mut self, damping: NodeId, q: NodeId, p: NodeId, h: NodeId) -> Result<NodeId, GraphError> {
        let length = self.graph.scale(h, -1.0 / f64::from(DAMPING_SUBSTEPS))?;
        let mut sum = p;
        for _ in 0..DAMPING_SUBSTEPS {
            let mut term = sum;
            for degree in 1..=DAMPING_TERMS {
                let velocity = self.part("velocity", q, term)?;
                let friction = apply(&mut self.graph, damping, velocity)?;
                let factor = self.graph.scale(length, 1.0 / f64::from(degree))?;
                term = self.graph.mul(factor, friction)?;
                sum = self.graph.add_values(sum, term)?;
            }
        }
        Ok(sum)
    }

    /// p⁺ = p − h R v(q, (p + p⁺)/2) by fixed-point iteration.
    fn damp_by_midpoint(&mut self, damping: NodeId, q: NodeId, p: NodeId, h: NodeId) -> Result<NodeId, GraphError> {
        let back = self.graph.neg(h)?;
        let mut next = p;
        for _ in 0..MIDPOINT_ITERATIONS {
            let middle = self.middle(p, next)?;
            let velocity = self.part("velocity", q, middle)?;
            let friction = apply(&mut self.graph, damping, velocity)?;
            next = self.advance(p, back, friction)?;
        }
        Ok(next)
    }
}

/// The diagonal of a matrix whose other elements are all zero.
fn diagonal(matrix: &Tensor) -> Option<Tensor> {
    let len = matrix.shape()[0];
    let off_zero = matrix.data().iter().enumerate().all(|(flat, value)| flat / len == flat % len || *value == 0.0);
    let values: Vec<f64> = (0..len).map(|index| matrix.data()[index * len + index]).collect();
    if off_zero { Tensor::new(vec![len], values).ok() } else { None }
}
