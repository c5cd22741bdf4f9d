//! Random Fourier features: what lets a small network see fine structure in its arguments.
//!
//! Rahimi and Recht, *Random Features for Large-Scale Kernel Machines* (2007); Tancik et al., *Fourier Features Let Networks
//! Learn High Frequency Functions in Low Dimensional Domains* (2020), equation 5. The frequencies are drawn once and are
//! constants of the graph; only the layers after them are learned.

use hnn_exporter::graph::{NodeId, Tensor};

use super::{Builder, Built};
use crate::random::Stream;

impl Builder<'_> {
    /// `[batch, …, inputs]` → `[batch, …, inputs + 2k]`: x itself, cos(B x) and sin(B x), with k rows of B normal of deviation
    /// `fourier_scale` in radians per unit of x; x alone where the settings ask for none.
    ///
    /// `name` is that of the network it feeds and names the stream of B.
    pub(super) fn lifted(&mut self, name: &str, x: NodeId) -> Built {
        let count = self.settings.fourier;
        if count == 0 {
            return Ok(x);
        }
        let last = self.graph.shape(x).rank() - 1;
        let inputs = self.graph.shape(x).len(last).unwrap_or(1);
        let mut stream = Stream::new(self.seed, &format!("{name}.fourier"), 0);
        let frequencies = (0..count * inputs).map(|_| stream.normal(0.0, self.settings.fourier_scale)).collect();
        let frequencies = self.graph.constant(Tensor::new(vec![count, inputs], frequencies)?)?;
        let phase = self.graph.matmul_transposed(x, frequencies)?;
        let (cos, sin) = (self.graph.cos(phase)?, self.graph.sin(phase)?);
        Ok(self.graph.concat(&[x, cos, sin], last)?)
    }
}
