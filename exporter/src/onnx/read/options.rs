//! What may be asked for when a file is read, and what comes back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::OnnxError;
use crate::graph::{Graph, Tensor};
use crate::legalize::{Integers, Smoothness};

/// How to read a file.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Folder that holds weights kept in files of their own (external data); without it they are refused.
    pub directory: Option<PathBuf>,
    /// What the inputs stand for. Without it the first dimension of an input is the batch where it can be. With it every
    /// input is taken as its argument is, nothing is a batch, and outputs of integers or truth values become numbers.
    pub arguments: Option<BTreeMap<String, Argument>>,
    /// What becomes of weights.
    pub weights: Weights,
}

/// What an input stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// Numbers of this shape, given when the graph is evaluated.
    Reals(Vec<usize>),
    /// Integers or truth values that are known now; the graph then has no such input.
    Known(Integers),
}

/// What becomes of the weights of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Weights {
    /// Constants.
    #[default]
    Constants,
    /// Parameters of the graph, where they are initializers made of numbers with at least one dimension; what has none
    /// is a setting of the model rather than a weight.
    Parameters,
}

/// A graph, and what there is to say about it.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The graph.
    pub graph: Graph,
    /// Values of the graph's parameters, in the order of the file; none unless [`Weights::Parameters`] was asked for.
    pub parameters: Vec<(String, Tensor)>,
    /// Operators that depend on an input and are not smooth in it, in the order of the file.
    pub notes: Vec<Note>,
    /// Why the first dimension of the inputs could not be read as the batch, where that was tried; the graph then has no
    /// batch, and takes one row where the file leaves their number open.
    pub not_batched: Option<OnnxError>,
}

/// An operator whose value or slope jumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Name of its node in the file, or of the node's first output where it has none.
    pub node: String,
    /// Name of the operator.
    pub operator: String,
    /// What jumps.
    pub smoothness: Smoothness,
}
