//! RATTLE as graph nodes, stage by stage as the runtime takes it: `hnn_runtime::integrate::Rattle` says what and why.

use hnn_runtime::integrate::Rattle;

use crate::graph::{Graph, GraphError, NodeId, Shape};

use super::constraint::{combine, inlined, product, rates, solve};
use super::step::{Stepped, Stepper};

/// Keeps 1/h finite for a step of no length, where nothing is to be corrected.
const LENGTH_SQUARE_MIN: f64 = 1e-30;

impl Stepper<'_> {
    /// Every stage in turn; `surface` gives g and ∂g/∂q. The residual is the largest last change of a position in any stage.
    pub(super) fn rattle(
        &mut self,
        scheme: Rattle,
        surface: &Graph,
        mut q: NodeId,
        mut p: NodeId,
        dt: NodeId,
    ) -> Stepped {
        let mut residual = None;
        for fraction in scheme.stages() {
            let h = self.graph.scale(dt, *fraction)?;
            let last;
            (q, p, last) = self.rattle_stage(scheme.iterations(), surface, q, p, h)?;
            residual = Some(match residual {
                Some(known) => self.graph.max(known, last)?,
                None => last,
            });
        }
        Ok((q, p, residual))
    }

    fn rattle_stage(
        &mut self,
        iterations: u32,
        surface: &Graph,
        q: NodeId,
        p: NodeId,
        h: NodeId,
    ) -> Result<(NodeId, NodeId, NodeId), GraphError> {
        let half = self.graph.scale(h, 0.5)?;
        let force = self.part("force", q, p)?;
        let mut p = self.advance(p, half, force)?;
        let (_, start) = self.surface(surface, q, p)?;
        let images = self.images(start, q)?;
        let velocity = self.part("velocity", q, p)?;
        let mut q = self.advance(q, h, velocity)?;
        let inverse = self.inverse_length(h)?;
        let mut last = None;
        for _ in 0..iterations {
            let (value, jacobian) = self.surface(surface, q, p)?;
            let matrix = product(&mut self.graph, jacobian, images)?;
            let multipliers = solve(&mut self.graph, matrix, value)?;
            let change = combine(&mut self.graph, multipliers, images)?;
            q = self.graph.sub(q, change)?;
            let reaction = combine(&mut self.graph, multipliers, start)?;
            let impulse = self.graph.mul(inverse, reaction)?;
            p = self.graph.sub(p, impulse)?;
            last = Some(change);
        }
        let force = self.part("force", q, p)?;
        p = self.advance(p, half, force)?;
        p = self.tangent(surface, q, p)?;
        let last = last.ok_or_else(|| GraphError::shape("RATTLE iterates at least once"))?;
        Ok((q, p, self.largest(last)?))
    }

    /// p − Gᵀμ such that G ∂H/∂p = 0.
    pub(super) fn tangent(&mut self, surface: &Graph, q: NodeId, p: NodeId) -> Result<NodeId, GraphError> {
        let (_, jacobian) = self.surface(surface, q, p)?;
        let images = self.images(jacobian, q)?;
        let velocity = self.part("velocity", q, p)?;
        let rate = rates(&mut self.graph, jacobian, velocity)?;
        let matrix = product(&mut self.graph, jacobian, images)?;
        let multipliers = solve(&mut self.graph, matrix, rate)?;
        let normal = combine(&mut self.graph, multipliers, jacobian)?;
        self.graph.sub(p, normal)
    }

    fn surface(&mut self, surface: &Graph, q: NodeId, p: NodeId) -> Result<(NodeId, NodeId), GraphError> {
        let x = self.graph.concat(&[q, p], 1)?;
        inlined(&mut self.graph, surface, x)
    }

    /// Rows of G A: the velocity, which is linear in p, at the rows of G.
    fn images(&mut self, jacobian: NodeId, q: NodeId) -> Result<NodeId, GraphError> {
        let (count, dof) = (self.graph.shape(jacobian).row()[0], self.graph.shape(jacobian).row()[1]);
        let mut rows = Vec::with_capacity(count);
        for index in 0..count {
            let row = self.graph.slice(jacobian, 1, index, 1)?;
            let row = self.graph.reshape(row, Shape::batched(&[dof])?)?;
            let image = self.part("velocity", q, row)?;
            rows.push(self.graph.reshape(image, Shape::batched(&[1, dof])?)?);
        }
        self.graph.concat(&rows, 1)
    }

    fn inverse_length(&mut self, h: NodeId) -> Result<NodeId, GraphError> {
        let square = self.graph.mul(h, h)?;
        let least = self.graph.scalar(LENGTH_SQUARE_MIN)?;
        let divisor = self.graph.add_values(square, least)?;
        self.graph.div(h, divisor)
    }

    /// max |xᵢ| over a row, `[batch, 1]`.
    fn largest(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let size = self.graph.abs(x)?;
        let mut largest = self.graph.slice(size, 1, 0, 1)?;
        for index in 1..self.graph.shape(size).row_len() {
            let one = self.graph.slice(size, 1, index, 1)?;
            largest = self.graph.max(largest, one)?;
        }
        Ok(largest)
    }
}
