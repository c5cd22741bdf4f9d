//! Fully connected networks as graph nodes, and their initial weights.

use hnn_exporter::graph::{NodeId, Tensor};
use serde::{Deserialize, Serialize};

use super::{ArchitectureError, Builder, Built};
use crate::random::Stream;

/// Nonlinearity between layers; all are smooth, because forces are their derivatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// tanh x
    #[default]
    Tanh,
    /// ln(1 + eˣ)
    Softplus,
    /// sin x
    Sin,
    /// x / (1 + e⁻ˣ)
    Silu,
}

impl std::str::FromStr for Activation {
    type Err = ArchitectureError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "tanh" => Ok(Self::Tanh),
            "softplus" => Ok(Self::Softplus),
            "sin" => Ok(Self::Sin),
            "silu" => Ok(Self::Silu),
            other => Err(ArchitectureError::Setting(format!(
                "unknown activation `{other}`; known are tanh, softplus, sin, silu"
            ))),
        }
    }
}

/// A network whose weights were declared once and which can be applied to several arguments.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) hidden: Vec<(NodeId, NodeId)>,
    pub(super) last: NodeId,
    pub(super) last_bias: Option<NodeId>,
}

/// Size of a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size<'a> {
    pub(super) inputs: usize,
    pub(super) hidden: &'a [usize],
    pub(super) outputs: usize,
}

impl Builder<'_> {
    /// Declares the weights of `W_k σ(… σ(W₁ x + b₁) …) (+ b)`.
    ///
    /// An energy needs no last bias: a constant has no derivative. `last_bias` gives one with that initial value.
    pub(super) fn network(
        &mut self,
        name: &str,
        size: Size<'_>,
        last_bias: Option<f64>,
    ) -> Result<Network, ArchitectureError> {
        let mut inputs = size.inputs;
        let mut hidden = Vec::with_capacity(size.hidden.len());
        for (index, units) in size.hidden.iter().enumerate() {
            let weight = self.weight(&format!("{name}.{index}.weight"), *units, inputs)?;
            let bias = self.parameter(&format!("{name}.{index}.bias"), Tensor::full(&[*units], 0.0)?)?;
            hidden.push((weight, bias));
            inputs = *units;
        }
        let last = self.weight(&format!("{name}.{}.weight", size.hidden.len()), size.outputs, inputs)?;
        let last_bias = match last_bias {
            Some(value) => {
                let initial = Tensor::full(&[size.outputs], value)?;
                Some(self.parameter(&format!("{name}.{}.bias", size.hidden.len()), initial)?)
            }
            None => None,
        };
        Ok(Network { hidden, last, last_bias })
    }

    /// Glorot and Bengio (2010), equation 16: uniform in ±√(6 / (inputs + outputs)).
    fn weight(&mut self, name: &str, outputs: usize, inputs: usize) -> Built {
        let mut stream = Stream::new(self.seed, name, 0);
        #[expect(clippy::cast_precision_loss, reason = "layer sizes are bounded by MAX_WIDTH")]
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        let values = (0..inputs * outputs).map(|_| stream.uniform(-bound, bound)).collect();
        self.parameter(name, Tensor::new(vec![outputs, inputs], values)?)
    }

    /// Applies a network to `[batch, inputs]`.
    pub(super) fn apply(&mut self, network: &Network, x: NodeId) -> Built {
        let value = self.hidden_value(network, x)?;
        let out = self.graph.matmul_transposed(value, network.last)?;
        Ok(match network.last_bias {
            Some(bias) => self.graph.add_values(out, bias)?,
            None => out,
        })
    }

    /// What the last layer reads.
    pub(super) fn hidden_value(&mut self, network: &Network, x: NodeId) -> Built {
        network.hidden.iter().try_fold(x, |value, layer| self.hidden_layer(*layer, value))
    }

    /// What each hidden layer reads.
    pub(super) fn layer_inputs(&mut self, network: &Network, x: NodeId) -> Result<Vec<NodeId>, ArchitectureError> {
        let mut inputs = vec![x];
        for layer in network.hidden.iter().take(network.hidden.len().saturating_sub(1)) {
            let next = self.hidden_layer(*layer, inputs[inputs.len() - 1])?;
            inputs.push(next);
        }
        Ok(inputs)
    }

    fn hidden_layer(&mut self, (weight, bias): (NodeId, NodeId), value: NodeId) -> Built {
        let product = self.graph.matmul_transposed(value, weight)?;
        let shifted = self.graph.add_values(product, bias)?;
        let activated = self.activate(shifted)?;
        let same_width = self.graph.shape(activated) == self.graph.shape(value);
        Ok(if self.settings.residual && same_width { self.graph.add_values(value, activated)? } else { activated })
    }

    fn activate(&mut self, x: NodeId) -> Built {
        Ok(match self.settings.activation {
            Activation::Tanh => self.graph.tanh(x)?,
            Activation::Softplus => self.graph.softplus(x)?,
            Activation::Sin => self.graph.sin(x)?,
            Activation::Silu => {
                let gate = self.graph.sigmoid(x)?;
                self.graph.mul(x, gate)?
            }
        })
    }
}
