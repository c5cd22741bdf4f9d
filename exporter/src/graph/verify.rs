//! Well-formedness of a graph. It holds by construction for a graph made with [`Graph::add`]; passes check it all the same.
//!
//! 1. There are at most [`MAX_NODES`] nodes and [`MAX_OUTPUTS`] outputs.
//! 2. The arguments of a node are earlier nodes, so the graph has no cycle and ascending ids are a topological order.
//! 3. Number, kind and shape of a node's arguments fit its operator, and its type is the one the operator infers.
//! 4. No two nodes are equal, and each is found again under its own id.
//! 5. Inputs and parameters have distinct names, and each is found under its name.
//! 6. Outputs have distinct names and are numbers, not truth values, of this graph.
//! 7. Names are neither empty nor longer than [`MAX_NAME_LEN`] bytes.

use super::{Graph, GraphError, Kind, MAX_NODES, NodeId, Op, Type};

/// Most named results of a graph.
pub const MAX_OUTPUTS: usize = 1024;
/// Longest name of a leaf or an output, in bytes.
pub const MAX_NAME_LEN: usize = 256;

impl Graph {
    /// Checks the rules above.
    ///
    /// # Errors
    /// [`GraphError`] naming the first node or output that breaks one.
    pub fn verify(&self) -> Result<(), GraphError> {
        if self.nodes.len() > MAX_NODES {
            return Err(GraphError::TooLarge);
        }
        for id in self.ids() {
            self.verify_node(id)?;
        }
        let leaves = self.ids().filter(|id| leaf_name(&self.node(*id).op).is_some()).count();
        if self.index.len() != self.nodes.len() || self.leaves.len() != leaves {
            return Err(GraphError::Name("the index of nodes or leaves holds entries that are no nodes".to_owned()));
        }
        self.verify_outputs()
    }

    fn verify_node(&self, id: NodeId) -> Result<(), GraphError> {
        let node = self.node(id);
        let fault = |message: String| GraphError::Name(format!("{id} = {}: {message}", node.op.name()));
        if let Some(arg) = node.args.iter().find(|arg| **arg >= id) {
            return Err(fault(format!("argument {arg} is not an earlier node")));
        }
        let types: Vec<&Type> = node.args.iter().map(|arg| &self.node(*arg).ty).collect();
        let inferred = node.op.infer(&types)?;
        if inferred != node.ty {
            let message =
                format!("{id} = {}: {} is recorded, {} inferred", node.op.name(), node.ty.shape, inferred.shape);
            return Err(GraphError::Shape(message));
        }
        if self.index.find(&self.nodes, &node.op, &node.args) != Some(id) {
            return Err(fault("an equal node has another id".to_owned()));
        }
        if let Some(name) = leaf_name(&node.op) {
            verify_name(name)?;
            if self.leaves.get(name) != Some(&id) {
                return Err(fault(format!("`{name}` is declared twice")));
            }
        }
        Ok(())
    }

    fn verify_outputs(&self) -> Result<(), GraphError> {
        if self.outputs.len() > MAX_OUTPUTS {
            return Err(GraphError::Name(format!("the graph exceeds the limit of {MAX_OUTPUTS} outputs")));
        }
        for (position, (name, id)) in self.outputs.iter().enumerate() {
            verify_name(name)?;
            if id.index() >= self.nodes.len() {
                return Err(GraphError::Name(format!("output `{name}`: {id} is not in this graph")));
            }
            if self.node(*id).ty.kind == Kind::Truth {
                return Err(GraphError::kind("output", position));
            }
            if self.outputs[..position].iter().any(|(earlier, _)| earlier == name) {
                return Err(GraphError::Name(format!("output `{name}` is named twice")));
            }
        }
        Ok(())
    }
}

fn leaf_name(op: &Op) -> Option<&str> {
    if let Op::Input(name, _) | Op::Parameter(name, _) = op { Some(name) } else { None }
}

/// Rule 7.
pub(super) fn verify_name(name: &str) -> Result<(), GraphError> {
    if name.is_empty() || name.len() > MAX_NAME_LEN {
        return Err(GraphError::Name(format!("a name has {} bytes; 1 to {MAX_NAME_LEN} are allowed", name.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Binary, Comparison, Node, Shape, Unary};
    use super::*;

    fn sound() -> Graph {
        let mut graph = Graph::new();
        let x = graph.input("x", Shape::batched(&[2]).unwrap()).unwrap();
        let square = graph.mul(x, x).unwrap();
        let energy = graph.sum(square, &[1]).unwrap();
        graph.set_output("H", energy);
        graph
    }

    /// Puts a node past `add`, as a defective pass would.
    fn force(graph: &mut Graph, op: Op, args: Vec<NodeId>, shape: Shape) {
        let id = NodeId(u32::try_from(graph.nodes.len()).unwrap());
        let node = Node { op, args, ty: Type { kind: Kind::Real, shape } };
        graph.nodes.push(node);
        graph.index.insert(&graph.nodes, id);
    }

    #[test]
    fn a_built_graph_is_well_formed() {
        assert_eq!(sound().verify(), Ok(()));
        assert_eq!(Graph::new().verify(), Ok(()));
    }

    #[test]
    fn an_argument_that_comes_later_is_found() {
        let mut graph = sound();
        force(&mut graph, Op::Unary(Unary::Sin), vec![NodeId(3)], Shape::fixed(&[]).unwrap());
        assert!(graph.verify().unwrap_err().to_string().contains("%3 = sin: argument %3 is not an earlier node"));
    }

    #[test]
    fn a_wrong_type_is_found() {
        let mut graph = sound();
        force(&mut graph, Op::Unary(Unary::Sin), vec![NodeId(0)], Shape::fixed(&[7]).unwrap());
        assert_eq!(graph.verify().unwrap_err().to_string(), "%3 = sin: [7] is recorded, [batch,2] inferred");
        let mut graph = sound();
        force(&mut graph, Op::Binary(Binary::Add), vec![NodeId(0)], Shape::batched(&[2]).unwrap());
        assert_eq!(graph.verify(), Err(GraphError::arity("add", 1)));
    }

    #[test]
    fn equal_nodes_and_equal_names_are_found() {
        let mut graph = sound();
        force(&mut graph, Op::Binary(Binary::Mul), vec![NodeId(0), NodeId(0)], Shape::batched(&[2]).unwrap());
        assert!(graph.verify().unwrap_err().to_string().contains("%3 = mul: an equal node has another id"));
        let mut graph = sound();
        force(&mut graph, Op::Input("x".into(), Shape::fixed(&[3]).unwrap()), vec![], Shape::fixed(&[3]).unwrap());
        assert!(graph.verify().unwrap_err().to_string().contains("`x` is declared twice"));
    }

    #[test]
    fn outputs_are_numbers_of_this_graph() {
        let mut graph = sound();
        graph.set_output("y", NodeId(9));
        assert!(graph.verify().unwrap_err().to_string().contains("output `y`: %9 is not in this graph"));
        let mut graph = sound();
        let truth = graph.compare(Comparison::Greater, NodeId(0), NodeId(1)).unwrap();
        graph.set_output("truth", truth);
        assert_eq!(graph.verify(), Err(GraphError::kind("output", 1)));
        let mut graph = sound();
        graph.set_output("", NodeId(0));
        assert!(graph.verify().is_err());
        let mut graph = sound();
        graph.outputs.push(("H".to_owned(), NodeId(0)));
        assert!(graph.verify().unwrap_err().to_string().contains("named twice"));
    }
}
