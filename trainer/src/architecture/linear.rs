//! Parameters that enter H linearly, which is what a fit in closed form needs to know of an architecture.
//!
//! H(x) = H₀(x) + Σᵢ θᵢ·φᵢ(x), where H₀ is H with these parameters at 0 and every φᵢ is a node of the model's own graph: a
//! builder says which, and nothing is written twice. Beside them stand the hidden layers whose weights a sampled fit
//! draws, with the node each of them reads. It knows no data and no solver.

use hnn_exporter::graph::{Graph, GraphError, NodeId, Op};

use super::layers::Network;
use super::{ArchitectureError, Builder, Built};

/// What the unknowns of a term are.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// The elements of the parameter itself, in row-major order.
    Direct,
    /// The lower triangle, row by row, of the symmetric S = L Lᵀ, L being the lower triangle of the parameter `[n, n]`.
    /// The features are those of Σᵢⱼ Sᵢⱼ φᵢⱼ with both φᵢⱼ and φⱼᵢ counted off the diagonal.
    Factor,
}

/// One linear parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Its name in the model's graph.
    pub parameter: String,
    /// How it enters.
    pub form: Form,
    /// The output of [`Linear::graph`] that holds its features, `[batch, unknowns]`.
    pub features: String,
    /// Number of unknowns.
    pub len: usize,
}

/// One hidden layer σ(W z + b) below the linear parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Name of W, `[units, inputs]`.
    pub weight: String,
    /// Name of b, `[units]`.
    pub bias: String,
    /// The output of [`Linear::graph`] that holds z.
    pub input: String,
}

/// Linear parameters of an energy, their features, and the layers below; nothing where an architecture declares none.
#[derive(Debug, Clone, Default)]
pub struct Linear {
    graph: Graph,
    terms: Vec<Term>,
    layers: Vec<Layer>,
}

impl Linear {
    /// Features and layer inputs as functions of `x` and the other parameters.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The linear parameters.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The hidden layers, each after those it depends on.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Number of unknowns of all terms.
    #[must_use]
    pub fn unknowns(&self) -> usize {
        self.terms.iter().map(|term| term.len).sum()
    }
}

/// What a builder has declared so far, as nodes of the model's graph.
#[derive(Debug, Default)]
pub(super) struct Declared {
    terms: Vec<(String, Form, NodeId)>,
    layers: Vec<(String, String, NodeId)>,
}

impl Declared {
    /// Makes the declared nodes outputs of a graph of their own.
    pub(super) fn finish(self, model: &Graph) -> Result<Linear, GraphError> {
        let mut linear = Linear::default();
        let mut place = |name: String, node: NodeId| -> Result<String, GraphError> {
            let placed = linear.graph.inline(model, &[node], &|_, _| None)?[0];
            linear.graph.set_output(&name, placed);
            Ok(name)
        };
        for (index, (parameter, form, node)) in self.terms.into_iter().enumerate() {
            let features = place(format!("features_{index}"), node)?;
            let len = model.shape(node).row_len();
            linear.terms.push(Term { parameter, form, features, len });
        }
        for (index, (weight, bias, node)) in self.layers.into_iter().enumerate() {
            let input = place(format!("layer_{index}"), node)?;
            linear.layers.push(Layer { weight, bias, input });
        }
        Ok(linear)
    }
}

impl Builder<'_> {
    /// Declares that H contains θ·φ(x): `parameter` by its name, `features` φ `[batch, unknowns]`. Declared again, the
    /// features add up, as they do where one network is applied to several arguments.
    pub(super) fn declare_linear(
        &mut self,
        parameter: &str,
        form: Form,
        features: NodeId,
    ) -> Result<(), ArchitectureError> {
        match self.linear.terms.iter().position(|(known, _, _)| known == parameter) {
            Some(at) => self.linear.terms[at].2 = self.graph.add_values(self.linear.terms[at].2, features)?,
            None => self.linear.terms.push((parameter.to_owned(), form, features)),
        }
        Ok(())
    }

    /// Declares the hidden layers of a network applied to `x`, unless they are known.
    pub(super) fn declare_layers(&mut self, network: &Network, x: NodeId) -> Result<(), ArchitectureError> {
        let inputs = self.layer_inputs(network, x)?;
        for ((weight, bias), input) in network.hidden.iter().zip(inputs) {
            let (weight, bias) = (self.name_of(*weight), self.name_of(*bias));
            if self.linear.layers.iter().all(|(known, _, _)| *known != weight) {
                self.linear.layers.push((weight, bias, input));
            }
        }
        Ok(())
    }

    /// `scale · N(x)`, a term of H: its output layer is declared linear, its hidden layers are declared.
    ///
    /// The network has one output and no last bias.
    pub(super) fn apply_energy(&mut self, network: &Network, x: NodeId, scale: f64) -> Built {
        self.declare_layers(network, x)?;
        let hidden = self.hidden_value(network, x)?;
        let features = self.graph.scale(hidden, scale)?;
        let parameter = self.name_of(network.last);
        self.declare_linear(&parameter, Form::Direct, features)?;
        let value = self.apply(network, x)?;
        Ok(self.graph.scale(value, scale)?)
    }

    /// The name of a parameter of the model.
    pub(super) fn name_of(&self, parameter: NodeId) -> String {
        match &self.graph.node(parameter).op {
            Op::Parameter(name, _) => name.to_string(),
            _ => String::new(),
        }
    }
}
