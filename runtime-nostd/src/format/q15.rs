//! Networks in 16-bit fixed point: the instruction, and the table in the constant section that it goes by.
//!
//! A table holds a whole network, from the state's coordinates to one output, with scales for the way there and back. What is
//! computed from it, to the bit, is in `docs/NUMERICS.md`; that no sum can overflow is proved when a blob is read. All
//! vectors and matrices come in quads: four rows, four columns, what is missing of a quad being 0. This module knows
//! where things lie and judges none of them.

use super::{MAX_DOF, NetworkKind, Operand};

/// Most inputs of a network: all coordinates of a state.
pub const MAX_NETWORK_INPUTS: usize = 2 * MAX_DOF;
/// Most hidden layers of a network.
pub const MAX_NETWORK_LAYERS: usize = 8;
/// Most rows of a layer.
pub const MAX_NETWORK_ROWS: usize = 1 << 12;
/// Largest number of bits by which the values of a layer, or what comes back to it, are rounded.
pub const MAX_NETWORK_SHIFT: u32 = 5;
/// Rows, and columns, of a quad.
pub const QUAD: usize = 4;
/// Words of a tile: four rows of four columns.
const TILE_WORDS: usize = 8;
/// Words of a quad of 16-bit values.
pub const QUAD_WORDS: usize = 2;

/// Weights of four rows and four columns: in each word two neighbours of a row, the first of them in the lower half.
pub type NetworkTile = [[u32; QUAD]; 2];

/// Words before those of the inputs.
const HEAD_WORDS: usize = 5;
/// Words of an input.
const INPUT_WORDS: usize = 3;
/// Words of a layer in the list of layers.
const LAYER_WORDS: usize = 3;

/// dst = N(src), or dst\[(c + rotation) mod inputs\] = scale\[c\]·∂N/∂src\[c\], in 16-bit fixed point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// What is computed.
    pub kind: NetworkKind,
    /// The table in the constant section.
    pub table: Operand,
    /// Words of the table.
    pub len: u32,
    /// Weights of all hidden layers, padding not counted.
    pub weights: u32,
    /// The network's inputs, in the workspace.
    pub src: Operand,
    /// Workspace offset of the result: 1 element, or as many as there are inputs.
    pub dst: u32,
    /// Workspace offset of the elements for pairs of 16-bit values.
    pub scratch: u32,
    /// How many they are: [`NetworkTable::scratch_len`].
    pub scratch_len: u32,
}

/// A table taken apart.
#[derive(Debug, Clone, Copy)]
pub struct NetworkTable<'a> {
    /// What is added to the coordinates for the order of the gradient's elements.
    pub rotation: usize,
    /// Unit of the output.
    pub value_scale: f32,
    /// The output where all of its terms are 0.
    pub value_offset: f32,
    inputs: &'a [[u32; INPUT_WORDS]],
    layers: &'a [[u32; LAYER_WORDS]],
    /// What the layers are made of.
    data: &'a [u32],
}

/// How one input is read and its derivative given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkInput {
    /// The value that becomes 0.
    pub centre: f32,
    /// Units of fixed point for a difference of 1.
    pub scale: f32,
    /// One unit of the sum that is the derivative.
    pub gradient_scale: f32,
}

/// One hidden layer.
#[derive(Debug, Clone, Copy)]
pub struct NetworkLayer<'a> {
    /// Rows of its weights.
    pub rows: usize,
    /// Columns of its weights.
    pub cols: usize,
    /// Bits by which its values are rounded.
    pub shift: u32,
    /// Bits by which what comes back to it is rounded; 0 in the last layer.
    pub back_shift: u32,
    /// Where each row's sum starts, as bits of an i32.
    pub biases: &'a [[u32; QUAD]],
    /// What each row's sum is multiplied with, 2⁻³² of it, before the activation.
    pub multipliers: &'a [[u32; QUAD]],
    /// Weights, group of rows by group of rows: of each tile the four rows of the first two columns, then of the others.
    pub tiles: &'a [NetworkTile],
    /// In an inner layer, what the sum that comes back to a row is multiplied with; in the last one, twice two words per quad.
    tail: &'a [u32],
    /// Where its source starts in the scratch elements.
    pub source: usize,
    /// Where its values start in the scratch elements.
    pub result: usize,
}

impl<'a> NetworkLayer<'a> {
    /// Quads of columns: tiles in a group of rows.
    #[must_use]
    pub const fn quads(&self) -> usize {
        self.cols.div_ceil(QUAD)
    }

    /// Words of the source.
    #[must_use]
    pub const fn source_len(&self) -> usize {
        QUAD_WORDS * self.quads()
    }

    /// Words of the values.
    #[must_use]
    pub const fn result_len(&self) -> usize {
        QUAD_WORDS * self.rows.div_ceil(QUAD)
    }

    /// Of an inner layer: what the sum that comes back to a row is multiplied with, 2⁻³² of it.
    #[must_use]
    pub fn back_multipliers(&self) -> &'a [[u32; QUAD]] {
        self.tail.as_chunks().0
    }

    /// Of the last layer: what its slopes are multiplied with, and the weights of the output.
    #[must_use]
    pub fn factors(&self) -> (&'a [[u32; QUAD_WORDS]], &'a [[u32; QUAD_WORDS]]) {
        let (factors, output) = self.tail.split_at(self.tail.len() / 2);
        (factors.as_chunks().0, output.as_chunks().0)
    }
}

impl<'a> NetworkTable<'a> {
    /// Takes a table apart; `None` where it ends early or goes on, or a count is out of range.
    #[must_use]
    pub fn open(words: &'a [u32]) -> Option<Self> {
        let (&[layers, inputs, rotation, value_scale, value_offset], rest) = words.split_first_chunk::<HEAD_WORDS>()?;
        let (layers, inputs, rotation) = (layers as usize, inputs as usize, rotation as usize);
        let in_range = (1..=MAX_NETWORK_LAYERS).contains(&layers) && (1..=MAX_NETWORK_INPUTS).contains(&inputs);
        if !in_range || rotation >= inputs {
            return None;
        }
        let (inputs, rest) = rest.split_at_checked(INPUT_WORDS * inputs)?;
        let (layers, data) = rest.split_at_checked(LAYER_WORDS * layers)?;
        let table = Self {
            rotation,
            value_scale: f32::from_bits(value_scale),
            value_offset: f32::from_bits(value_offset),
            inputs: inputs.as_chunks().0,
            layers: layers.as_chunks().0,
            data,
        };
        Some(table)
    }

    /// Number of inputs.
    #[must_use]
    pub const fn inputs_len(&self) -> usize {
        self.inputs.len()
    }

    /// Number of hidden layers.
    #[must_use]
    pub const fn layers_len(&self) -> usize {
        self.layers.len()
    }

    /// The inputs in their order.
    pub fn inputs(&self) -> impl Iterator<Item = NetworkInput> + use<'a> {
        self.inputs.iter().map(|words| {
            let [centre, scale, gradient_scale] = words.map(f32::from_bits);
            NetworkInput { centre, scale, gradient_scale }
        })
    }

    /// The hidden layers in their order; they end early where the table does.
    pub fn layers(&self) -> NetworkLayers<'a> {
        let first = QUAD_WORDS * self.inputs.len().div_ceil(QUAD);
        NetworkLayers { layers: self.layers, data: self.data, cols: self.inputs.len(), source: 0, result: first }
    }

    /// One hidden layer.
    #[must_use]
    pub fn layer(&self, index: usize) -> Option<NetworkLayer<'a>> {
        self.layers().nth(index)
    }

    /// Elements of the workspace for 16-bit values.
    #[must_use]
    pub fn scratch_len(&self) -> usize {
        self.layers().last().map_or(0, |layer| layer.result + layer.result_len())
    }
}

/// The layers of a table, one after the other.
#[derive(Debug, Clone)]
pub struct NetworkLayers<'a> {
    layers: &'a [[u32; LAYER_WORDS]],
    data: &'a [u32],
    cols: usize,
    source: usize,
    result: usize,
}

impl<'a> NetworkLayers<'a> {
    /// The words after the layers taken so far.
    #[must_use]
    pub const fn rest(&self) -> &'a [u32] {
        self.data
    }
}

impl<'a> Iterator for NetworkLayers<'a> {
    type Item = NetworkLayer<'a>;

    fn next(&mut self) -> Option<NetworkLayer<'a>> {
        let (&[rows, shift, back_shift], layers) = self.layers.split_first()?;
        let rows = rows as usize;
        if !(1..=MAX_NETWORK_ROWS).contains(&rows) || shift.max(back_shift) > MAX_NETWORK_SHIFT {
            return None;
        }
        let padded = QUAD * rows.div_ceil(QUAD);
        let (biases, rest) = self.data.split_at_checked(padded)?;
        let (multipliers, rest) = rest.split_at_checked(padded)?;
        let tiles = rows.div_ceil(QUAD) * self.cols.div_ceil(QUAD);
        let (tiles, rest) = rest.split_at_checked(TILE_WORDS * tiles)?;
        let (tail, rest) = rest.split_at_checked(padded)?;
        let layer = NetworkLayer {
            rows,
            cols: self.cols,
            shift,
            back_shift,
            biases: biases.as_chunks().0,
            multipliers: multipliers.as_chunks().0,
            tiles: tiles.as_chunks().0.as_chunks().0,
            tail,
            source: self.source,
            result: self.result,
        };
        (self.layers, self.data, self.cols) = (layers, rest, rows);
        (self.source, self.result) = (self.result, self.result + layer.result_len());
        Some(layer)
    }
}
