//! Tao's steps of a doubled state as graph nodes, flow by flow as the runtime takes them: `hnn_runtime::integrate::Tao` says
//! what and why.

use hnn_runtime::integrate::Tao;

use crate::graph::{GraphError, NodeId};

use super::step::Stepper;

/// A state and its copy: [q, p] and [x, y].
#[derive(Clone, Copy)]
struct Doubled {
    q: NodeId,
    p: NodeId,
    x: NodeId,
    y: NodeId,
}

impl Stepper<'_> {
    /// `x` `[batch, 4n]` = [q, p, x, y] after a step, with half of the dissipation on either copy before it and after it.
    pub(super) fn tao(&mut self, scheme: Tao, state: NodeId, dt: NodeId) -> Result<NodeId, GraphError> {
        let dof = self.dof();
        let mut part = |index: usize| self.graph.slice(state, 1, index * dof, dof);
        let (q, p, x, y) = (part(0)?, part(1)?, part(2)?, part(3)?);
        let half = self.graph.scale(dt, 0.5)?;
        let mut now = Doubled { q, p: self.damp(q, p, half)?, x, y: self.damp(x, y, half)? };
        for fraction in scheme.stages() {
            let h = self.graph.scale(dt, *fraction)?;
            let half = self.graph.scale(h, 0.5)?;
            now = self.flow_of_first_position(now, half)?;
            now = self.flow_of_second_position(now, half)?;
            now = self.bind(now, scheme.omega(), h)?;
            now = self.flow_of_second_position(now, half)?;
            now = self.flow_of_first_position(now, half)?;
        }
        let (p, y) = (self.damp(now.q, now.p, half)?, self.damp(now.x, now.y, half)?);
        self.graph.concat(&[now.q, p, now.x, y], 1)
    }

    /// The flow of H(q, y).
    fn flow_of_first_position(&mut self, now: Doubled, h: NodeId) -> Result<Doubled, GraphError> {
        let (force, velocity) = (self.part("force", now.q, now.y)?, self.part("velocity", now.q, now.y)?);
        Ok(Doubled { p: self.advance(now.p, h, force)?, x: self.advance(now.x, h, velocity)?, ..now })
    }

    /// The flow of H(x, p).
    fn flow_of_second_position(&mut self, now: Doubled, h: NodeId) -> Result<Doubled, GraphError> {
        let (force, velocity) = (self.part("force", now.x, now.p)?, self.part("velocity", now.x, now.p)?);
        Ok(Doubled { q: self.advance(now.q, h, velocity)?, y: self.advance(now.y, h, force)?, ..now })
    }

    /// The flow of ½ω(|q − x|² + |p − y|²).
    fn bind(&mut self, now: Doubled, omega: f64, h: NodeId) -> Result<Doubled, GraphError> {
        let angle = self.graph.scale(h, 2.0 * omega)?;
        let (sin, cos) = (self.graph.sin(angle)?, self.graph.cos(angle)?);
        let (gap_q, gap_p) = (self.graph.sub(now.q, now.x)?, self.graph.sub(now.p, now.y)?);
        let back = self.graph.neg(sin)?;
        let turned_q = self.graph.mul(cos, gap_q)?;
        let turned_q = self.advance(turned_q, sin, gap_p)?;
        let turned_p = self.graph.mul(cos, gap_p)?;
        let turned_p = self.advance(turned_p, back, gap_q)?;
        let (q, x) = self.halves(now.q, now.x, turned_q)?;
        let (p, y) = self.halves(now.p, now.y, turned_p)?;
        Ok(Doubled { q, p, x, y })
    }

    /// What has the sum of a and b and this gap between them.
    fn halves(&mut self, a: NodeId, b: NodeId, gap: NodeId) -> Result<(NodeId, NodeId), GraphError> {
        let sum = self.graph.add_values(a, b)?;
        let (larger, smaller) = (self.graph.add_values(sum, gap)?, self.graph.sub(sum, gap)?);
        Ok((self.graph.scale(larger, 0.5)?, self.graph.scale(smaller, 0.5)?))
    }
}
