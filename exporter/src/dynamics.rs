//! From an energy to motion: `ẋ = (J − R(x)) ∇H(x) + G(q) u` with `x = [q, p]`.
//!
//! A [`Model`] is a graph that gives H, and optionally the dissipation `R_p ⪰ 0`, the input gain `G_p` and holonomic
//! constraints g(q) = 0; everything else here is derived from it by differentiation: the field, its separable parts, one
//! step of a scheme, Jacobian and Hessian.
//! van der Schaft and Jeltsema, *Port-Hamiltonian Systems Theory* (2014), section 2; Greydanus et al. (2019), equation 3.
//! It knows no data, no training and no file format.

pub mod claims;
mod constraint;
mod modified;
mod momentum;
mod rattle;
mod scheme;
mod separability;
mod step;
mod tangent;
mod tao;
#[cfg(test)]
mod tests;

use crate::differentiate;
use crate::graph::{Dim, Graph, GraphError, NodeId, Shape, Tensor};
use crate::optimize::optimize;

pub use constraint::{MAX_CONSTRAINTS, PROJECTION_ITERATIONS, PROJECTION_TOLERANCE, constraint, project, projected};
pub use modified::modified;
pub use momentum::{MAX_SOLVED_DOF, momentum, velocity};
pub use scheme::Scheme;
pub use separability::{MAX_MARKS, Separability, separability};
pub use step::{StepLength, step};
pub use tangent::{tangent_field, tangent_step};

/// Name of the state input, `[batch, 2n]`, ordered `[q…, p…]`.
pub const STATE: &str = "x";
/// Name of the external input, `[batch, m]`.
pub const INPUT: &str = "u";
/// Name of the step length.
pub const STEP_LENGTH: &str = "dt";
/// Name of the state after a step, `[batch, 2n]`.
pub const NEXT_STATE: &str = "x_next";
/// Name of what the last iteration of an implicit step still changed, `[batch, 1]`.
pub const RESIDUAL: &str = "residual";
/// Name of the direction of a Hessian-vector product, `[batch, 2n]`.
pub const DIRECTION: &str = "v";
/// Name of the positions where they come alone, `[batch, n]`.
pub const POSITION: &str = "q";
/// Name of the momenta where they come alone, `[batch, n]`.
pub const MOMENTUM: &str = "p";
/// Name of the velocities ∂H/∂p, `[batch, n]`; the same letter as [`DIRECTION`], in other graphs.
pub const VELOCITY: &str = "v";
/// Name of the energy output, `[batch, 1]`.
pub const ENERGY: &str = "H";
/// Name of the dissipation output: `[…, n]` where diagonal, `[…, n, n]` where full.
pub const DISSIPATION: &str = "R";
/// Name of the gain output, `[…, n, m]`.
pub const GAIN: &str = "G";
/// Name of the constraint output, `[batch, k]`: the motion keeps g(q) = 0.
pub const CONSTRAINT: &str = "g";

/// Why a graph is no model, or cannot be stepped as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DynamicsError {
    /// A node could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An input or output is missing or has the wrong shape.
    #[error("not a model: {0}")]
    NotAModel(String),
    /// An explicit splitting was asked of an energy that does not split.
    #[error(
        "scheme `{scheme}` needs H = T(p) + V(q), but {reason}. Explicit splitting would drift without bound on this H. \
         Remedies: use `--scheme midpoint` or `stormer-verlet` (implicit, symplectic up to their residual) or `tao2` (explicit, on a doubled \
         state), or train a `separable` model"
    )]
    NotSeparable {
        /// Scheme that was asked for.
        scheme: String,
        /// Where q and p mix.
        reason: String,
    },
    /// A scheme's name or setting is not known.
    #[error("{0}")]
    Scheme(String),
}

type Derived = Result<Graph, DynamicsError>;

/// How the dissipation is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dissipation {
    /// One coefficient per momentum.
    Diagonal,
    /// A positive-semidefinite matrix.
    Full,
}

/// A graph that gives the energy of a system, with the system's dimensions.
#[derive(Debug, Clone)]
pub struct Model {
    graph: Graph,
    dof: usize,
    inputs: usize,
}

impl Model {
    /// Checks inputs (`x` `[batch, 2n]`, optionally `u` `[batch, m]`) and outputs (`H`, optionally `R`, `G`, `g`): their
    /// shapes, that none depends on `u`, and that `G` and `g` depend on q only.
    ///
    /// # Errors
    /// [`DynamicsError::NotAModel`] naming the input or output at fault.
    pub fn new(graph: Graph) -> Result<Self, DynamicsError> {
        let wrong = |message: String| DynamicsError::NotAModel(message);
        let width = |name: &str| match graph.leaf(name).map(|id| graph.shape(id)) {
            Some(shape) if shape.rank() == 2 && shape.is_batched() => Ok(shape.len(1)),
            Some(shape) => Err(wrong(format!("input `{name}` has shape {shape}, expected [batch, _]"))),
            None => Ok(None),
        };
        let state = width(STATE)?
            .filter(|len| *len > 0 && len % 2 == 0)
            .ok_or_else(|| wrong(format!("it needs an input `{STATE}` of shape [batch, 2n]")))?;
        let (dof, inputs) = (state / 2, width(INPUT)?.unwrap_or(0));
        if let Some((name, _)) = graph.inputs().into_iter().find(|(name, _)| ![STATE, INPUT].contains(name)) {
            return Err(wrong(format!("unexpected input `{name}`")));
        }
        let energy = graph.output(ENERGY).ok_or_else(|| wrong(format!("it needs an output `{ENERGY}`")))?;
        if *graph.shape(energy) != Shape::batched(&[1])? {
            return Err(wrong(format!("output `{ENERGY}` has shape {}, expected [batch,1]", graph.shape(energy))));
        }
        let rows = |name: &str| graph.output(name).map(|id| graph.shape(id).row());
        if rows(DISSIPATION).is_some_and(|row| row != [dof] && row != [dof, dof]) {
            return Err(wrong(format!("output `{DISSIPATION}` must be [{dof}] or [{dof},{dof}] per row")));
        }
        check_constraint(&graph, dof)?;
        match rows(GAIN) {
            Some(row) if inputs == 0 || row != [dof, inputs] => {
                Err(wrong(format!("output `{GAIN}` must be [{dof},{inputs}] per row, with an input `{INPUT}`")))
            }
            None if inputs > 0 => Err(wrong(format!("input `{INPUT}` needs an output `{GAIN}`"))),
            _ => {
                check_dependence(&graph, dof)?;
                Ok(Self { graph, dof, inputs })
            }
        }
    }

    /// The graph that defines the model.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Degrees of freedom n.
    #[must_use]
    pub fn dof(&self) -> usize {
        self.dof
    }

    /// External inputs m.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Holonomic constraints k.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.graph.output(CONSTRAINT).map_or(0, |id| self.graph.shape(id).row_len())
    }

    /// How the dissipation is given, if there is any.
    #[must_use]
    pub fn dissipation(&self) -> Option<Dissipation> {
        let row = self.graph.shape(self.graph.output(DISSIPATION)?).row();
        Some(if row.len() == 1 { Dissipation::Diagonal } else { Dissipation::Full })
    }

    /// Whether the dissipation is the same in every state.
    #[must_use]
    pub fn dissipation_constant(&self) -> bool {
        let state = self.graph.leaf(STATE).into_iter().collect::<Vec<_>>();
        let dependent = self.graph.dependent(&state);
        self.graph.output(DISSIPATION).is_some_and(|id| !dependent[id.index()])
    }

    /// The same model with learned parameters replaced by their values.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where a value does not have its parameter's shape.
    pub fn bind(&self, value: &dyn Fn(&str) -> Option<Tensor>) -> Result<Self, DynamicsError> {
        Ok(Self { graph: self.graph.bind(value)?, dof: self.dof, inputs: self.inputs })
    }

    /// An empty graph with the model's inputs declared: `x`, and `u` where it has one.
    fn declare(&self) -> Result<(Graph, NodeId, Option<NodeId>), GraphError> {
        let (mut graph, x) = declare_state(self)?;
        let u = match self.inputs {
            0 => None,
            inputs => Some(graph.input(INPUT, Shape::batched(&[inputs])?)?),
        };
        Ok((graph, x, u))
    }

    /// Puts one of the model's outputs into `graph`, at state `x`.
    fn place(&self, graph: &mut Graph, output: &str, x: NodeId) -> Result<Option<NodeId>, GraphError> {
        let Some(root) = self.graph.output(output) else { return Ok(None) };
        let state = self.graph.leaf(STATE);
        let placed = graph.inline(&self.graph, &[root], &|id, _| (Some(id) == state).then_some(x))?;
        Ok(placed.first().copied())
    }

    /// `∇H`, `[batch, 2n]`, at state `x`.
    fn place_gradient(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, DynamicsError> {
        let energy = self
            .place(graph, ENERGY, x)?
            .ok_or_else(|| DynamicsError::NotAModel(format!("it needs an output `{ENERGY}`")))?;
        Ok(differentiate::gradient(graph, energy, &[x])?[0])
    }
}

/// Refuses a constraint of another shape than `[batch, k]`, and more of them than leave the system something to do.
fn check_constraint(graph: &Graph, dof: usize) -> Result<(), DynamicsError> {
    let Some(shape) = graph.output(CONSTRAINT).map(|id| graph.shape(id)) else { return Ok(()) };
    let count = shape.row_len();
    let wrong = |message: String| Err(DynamicsError::NotAModel(message));
    if *shape != Shape::batched(&[count])? {
        return wrong(format!("output `{CONSTRAINT}` has shape {shape}, expected [batch,k]"));
    }
    if count == 0 || count >= dof || count > MAX_CONSTRAINTS {
        return wrong(format!(
            "{count} constraints on {dof} positions; at least one, fewer than positions and at most {MAX_CONSTRAINTS} are possible"
        ));
    }
    Ok(())
}

/// Refuses outputs that depend on `u`, and a gain that depends on p: a force would no longer be one of (q, u) alone.
fn check_dependence(graph: &Graph, dof: usize) -> Result<(), DynamicsError> {
    for (name, allowed) in [(ENERGY, "`x`"), (DISSIPATION, "`x`"), (GAIN, "q"), (CONSTRAINT, "q")] {
        let Some(root) = graph.output(name) else { continue };
        let wrong = |on: &str| {
            let message = format!("output `{name}` depends on {on}; it may depend on {allowed} only");
            Err(DynamicsError::NotAModel(message))
        };
        let inputs: Vec<NodeId> = graph.leaf(INPUT).into_iter().collect();
        if graph.dependent(&inputs)[root.index()] {
            return wrong("the input `u`");
        }
        if allowed == "q" && depends_on_momentum(graph, root, dof)? {
            return wrong("p");
        }
    }
    Ok(())
}

/// Whether any element of a value depends on p, once what is not needed for it is simplified away.
fn depends_on_momentum(graph: &Graph, root: NodeId, dof: usize) -> Result<bool, DynamicsError> {
    let mut single = Graph::new();
    let placed = single.inline(graph, &[root], &|_, _| None)?[0];
    single.set_output(GAIN, placed);
    let single = optimize(&single)?;
    let marks = separability::marks(&single, dof)?;
    let row = single.output(GAIN).and_then(|id| marks[id.index()].as_ref());
    Ok(row.is_some_and(|row| row.iter().any(|mark| mark.p)))
}

/// `R v` or `G u` for a coefficient that is diagonal `[…, n]` or a matrix `[…, n, k]`; the vector is `[batch, k]`.
fn apply(graph: &mut Graph, coefficient: NodeId, vector: NodeId) -> Result<NodeId, GraphError> {
    if graph.shape(coefficient).row().len() == 1 {
        return graph.mul(coefficient, vector);
    }
    let (rows, cols) = (graph.shape(coefficient).row()[0], graph.shape(coefficient).row()[1]);
    if !graph.shape(coefficient).is_batched() {
        return graph.matmul_transposed(vector, coefficient);
    }
    let column = graph.reshape(vector, Shape::batched(&[cols, 1])?)?;
    let product = graph.matmul(coefficient, column)?;
    graph.reshape(product, Shape::batched(&[rows])?)
}

/// The energy alone: `x` → `H` `[batch, 1]`.
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn hamiltonian(model: &Model) -> Derived {
    let (mut graph, x) = declare_state(model)?;
    if let Some(energy) = model.place(&mut graph, ENERGY, x)? {
        graph.set_output(ENERGY, energy);
    }
    Ok(graph)
}

/// The gradient: `x` → `gradient` `[batch, 2n]`.
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn gradient(model: &Model) -> Derived {
    let (mut graph, x) = declare_state(model)?;
    let gradient = model.place_gradient(&mut graph, x)?;
    graph.set_output("gradient", gradient);
    Ok(graph)
}

/// An empty graph with the state declared.
fn declare_state(model: &Model) -> Result<(Graph, NodeId), GraphError> {
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[2 * model.dof])?)?;
    Ok((graph, x))
}

/// The vector field: `x`, `u` → `dx` `[batch, 2n]` = `(J − R) ∇H + G u − [0; ∂g/∂qᵀ λ]`, λ such that g(q) = 0 goes on holding.
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn field(model: &Model) -> Derived {
    let (mut graph, x, u) = model.declare()?;
    let parts = place_parts(model, &mut graph, x, u)?;
    let force = match parts.damping {
        Some(damping) => {
            let friction = apply(&mut graph, damping, parts.velocity)?;
            graph.sub(parts.force, friction)?
        }
        None => parts.force,
    };
    let reaction = constraint::place_reaction(model, &mut graph, x, parts.velocity, force)?;
    let force = match reaction {
        Some(reaction) => graph.add_values(force, reaction)?,
        None => force,
    };
    let dx = graph.concat(&[parts.velocity, force], 1)?;
    graph.set_output("dx", dx);
    Ok(graph)
}

/// The pieces a stepper uses, without constraint forces: `x`, `u` → `H` `[batch, 1]`, `velocity` `[batch, n]` = ∂H/∂p,
/// `force` `[batch, n]` = −∂H/∂q + G u, and `damping` = R_p where the model has one, `[batch, n]` or `[batch, n, n]`.
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn parts(model: &Model) -> Derived {
    let (mut graph, x, u) = model.declare()?;
    let parts = place_parts(model, &mut graph, x, u)?;
    if let Some(energy) = model.place(&mut graph, ENERGY, x)? {
        graph.set_output(ENERGY, energy);
    }
    graph.set_output("velocity", parts.velocity);
    graph.set_output("force", parts.force);
    if let Some(damping) = parts.damping {
        let mut dims = vec![Dim::Batch];
        dims.extend(graph.shape(damping).row().into_iter().map(Dim::Fixed));
        let full = graph.broadcast(damping, Shape::new(dims)?)?;
        graph.set_output("damping", full);
    }
    Ok(graph)
}

/// Hessian of the energy: `x` → `hessian` `[batch, 2n, 2n]`.
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn hessian(model: &Model) -> Derived {
    let mut graph = gradient(model)?;
    derive_jacobian(&mut graph, "gradient", "hessian")
}

/// Hessian-vector product of the energy: `x`, `v` → `hvp` `[batch, 2n]` = ∇²H v, at the cost of two gradients.
///
/// The derivative of the number ∇H·v, v held. Pearlmutter, *Fast Exact Multiplication by the Hessian* (1994).
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn hvp(model: &Model) -> Derived {
    let (mut graph, x) = declare_state(model)?;
    let v = graph.input(DIRECTION, Shape::batched(&[2 * model.dof])?)?;
    let gradient = model.place_gradient(&mut graph, x)?;
    let product = differentiate::vjp(&mut graph, &[(gradient, v)], &[x])?[0];
    graph.set_output("hvp", product);
    Ok(graph)
}

/// Jacobian of the field: `x`, `u` → `jacobian` `[batch, 2n, 2n]`.
///
/// # Errors
/// [`DynamicsError::Graph`] beyond the limits of a graph.
pub fn jacobian(model: &Model) -> Derived {
    let mut graph = field(model)?;
    derive_jacobian(&mut graph, "dx", "jacobian")
}

fn derive_jacobian(graph: &mut Graph, of: &str, name: &str) -> Derived {
    let missing = || DynamicsError::NotAModel(format!("`{of}` or `{STATE}` is missing"));
    let (y, x) = (graph.output(of).ok_or_else(missing)?, graph.leaf(STATE).ok_or_else(missing)?);
    let matrix = differentiate::jacobian(graph, y, x)?;
    let mut derived = Graph::new();
    for (_, id) in graph.inputs() {
        derived.add(graph.node(id).op.clone(), &[])?;
    }
    let placed = derived.inline(graph, &[matrix], &|_, _| None)?;
    derived.set_output(name, placed[0]);
    Ok(derived)
}

/// Nodes of the pieces of a field in some graph.
struct Parts {
    velocity: NodeId,
    force: NodeId,
    damping: Option<NodeId>,
}

/// Derives the pieces at state `x` and input `u`.
fn place_parts(model: &Model, graph: &mut Graph, x: NodeId, u: Option<NodeId>) -> Result<Parts, DynamicsError> {
    let dof = model.dof;
    let gradient = model.place_gradient(graph, x)?;
    let velocity = graph.slice(gradient, 1, dof, dof)?;
    let slope = graph.slice(gradient, 1, 0, dof)?;
    let conservative = graph.neg(slope)?;
    let force = match (model.place(graph, GAIN, x)?, u) {
        (Some(gain), Some(u)) => {
            let drive = apply(graph, gain, u)?;
            graph.add_values(conservative, drive)?
        }
        _ => conservative,
    };
    Ok(Parts { velocity, force, damping: model.place(graph, DISSIPATION, x)? })
}
