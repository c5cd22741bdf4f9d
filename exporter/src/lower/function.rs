//! Any graph as one program: its inputs, laid end to end, are the arguments, its outputs the results.
//!
//! A graph with a batch is a function of one row; whoever has more calls it for each. A graph without is taken as a whole.

use std::fmt;

use hnn_runtime::format::{MAX_BLOB_WORDS, MAX_WORKSPACE};

use super::constants::Constants;
use super::kernel::Kernel;
use super::plan::{Operand, Operations};
use super::{LowerError, check, optimized, program};
use crate::graph::{Graph, GraphError, Kind, NodeId, Shape};

/// An input or output of a graph and its place among arguments or results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// Its shape in the graph; the batch, where it has one, is 1 in the program.
    pub shape: Shape,
    /// Its first element.
    pub offset: usize,
}

impl Port {
    /// Number of its elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.row_len()
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A graph lowered to kernels.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionPlan {
    /// Inputs, in the order of the graph; they lie at the start of the workspace.
    pub arguments: Vec<Port>,
    /// Outputs, in the order of the graph.
    pub results: Vec<Port>,
    /// Executed first to last.
    pub kernels: Vec<Kernel<Operand>>,
    /// Where the results start afterwards; it may lie in the arguments or among the constants.
    pub result: Operand,
    /// The bits of all constants, packed panels among them.
    pub constants: Vec<u32>,
    /// Elements of the workspace, arguments included.
    pub workspace_len: usize,
    /// Most elements that live at the same time besides the arguments.
    pub live_len: usize,
}

impl FunctionPlan {
    /// Number of arguments.
    #[must_use]
    pub fn arguments_len(&self) -> usize {
        self.arguments.iter().map(Port::len).sum()
    }

    /// Number of results.
    #[must_use]
    pub fn results_len(&self) -> usize {
        self.results.iter().map(Port::len).sum()
    }

    /// What one call costs.
    #[must_use]
    pub fn operations(&self) -> Operations {
        self.kernels.iter().fold(Operations::default(), |sum, kernel| sum.plus(kernel.operations(), 1))
    }
}

impl fmt::Display for FunctionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "function: {} arguments, {} results at {}, {} constants, workspace {} elements, {} live",
            self.arguments_len(),
            self.results_len(),
            self.result,
            self.constants.len(),
            self.workspace_len,
            self.live_len
        )?;
        self.kernels.iter().try_for_each(|kernel| writeln!(f, "  {kernel}"))
    }
}

/// Lowers a graph whose weights are known.
///
/// # Errors
/// [`LowerError`] naming the node that has no kernel, or the limit that is exceeded.
pub fn lower_graph(graph: &Graph) -> Result<FunctionPlan, LowerError> {
    let arguments = ports(graph, graph.inputs());
    let outputs = graph.outputs().iter().map(|(name, id)| (name.as_str(), *id));
    let results = ports(graph, outputs.clone());
    let (graph, root) = joined(graph, outputs.map(|(_, id)| id).collect())?;
    let inputs: Vec<_> = arguments.iter().map(|port| (port.name.as_str(), port.len())).collect();
    let mut constants = Constants::default();
    let (placed, _) = program(&graph, root, &inputs, &mut constants)?;
    check("elements of workspace", placed.workspace_len, MAX_WORKSPACE)?;
    let constants = constants.into_words();
    check("words of constants", constants.len(), MAX_BLOB_WORDS)?;
    Ok(FunctionPlan {
        arguments,
        results,
        kernels: placed.kernels,
        result: placed.result,
        constants,
        workspace_len: placed.workspace_len,
        live_len: placed.live_len,
    })
}

/// Values of a graph laid end to end.
#[must_use]
pub fn ports<'a>(graph: &Graph, values: impl IntoIterator<Item = (&'a str, NodeId)>) -> Vec<Port> {
    let mut offset = 0;
    let place = |(name, id): (&str, NodeId)| {
        let port = Port { name: name.to_owned(), shape: graph.shape(id).clone(), offset };
        offset += port.len();
        port
    };
    values.into_iter().map(place).collect()
}

/// The graph whose one result is all outputs as one row, optimized; truth values become 1 and 0, and outputs without
/// elements take no place.
fn joined(graph: &Graph, outputs: Vec<NodeId>) -> Result<(Graph, NodeId), LowerError> {
    let mut whole = graph.clone();
    let is_batched = graph.ids().any(|id| graph.shape(id).is_batched());
    let mut parts = Vec::new();
    for id in outputs {
        let number = match graph.node(id).ty.kind {
            Kind::Real => id,
            Kind::Truth => {
                let (one, zero) = (whole.scalar(1.0)?, whole.scalar(0.0)?);
                whole.select(id, one, zero)?
            }
        };
        let shape = whole.shape(number).clone();
        let len = shape.row_len();
        if len == 0 {
            continue;
        }
        parts.push(match (is_batched, shape.is_batched()) {
            (false, _) => whole.reshape(number, Shape::fixed(&[len])?)?,
            (true, true) => whole.reshape(number, Shape::batched(&[len])?)?,
            (true, false) => {
                let row = whole.reshape(number, Shape::fixed(&[1, len])?)?;
                whole.broadcast(row, Shape::batched(&[len])?)?
            }
        });
    }
    let root = match parts[..] {
        [] => return Err(GraphError::Name("no output of the graph has an element to compute".to_owned()).into()),
        [single] => single,
        _ => whole.concat(&parts, usize::from(is_batched))?,
    };
    optimized(&whole, root, "function")
}
