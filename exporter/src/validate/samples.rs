//! The states that engines are compared on: those of the manifest, and as many more like them as are asked for.

use crate::graph::{GraphError, MAX_ELEMENTS, Tensor};
use crate::onnx::Precision;

/// How far a copy is from its sample, in distances to the next one.
const COPY_DISTANCE: f64 = 1.0 / 64.0;

/// States from the distribution the model was trained on, with inputs where it has them.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// States, `[count, 2n]`, rounded to f32 so that every engine gets the very same numbers.
    pub x: Tensor,
    /// Inputs, `[count, m]`.
    pub u: Option<Tensor>,
    /// Whether the states lie on the surface of constraints, so that what is between two of them is none.
    pub constrained: bool,
}

impl Samples {
    /// Rounds the samples to f32.
    ///
    /// # Errors
    /// [`GraphError::Shape`] where rows differ in length, there are none, or `u` has another number of rows.
    pub fn new(x: &[Vec<f64>], u: &[Vec<f64>]) -> Result<Self, GraphError> {
        if x.is_empty() || (!u.is_empty() && u.len() != x.len()) {
            return Err(GraphError::Shape(format!("{} states and {} inputs are no samples", x.len(), u.len())));
        }
        let width = u.first().map_or(0, Vec::len);
        Ok(Self { x: table(x)?, u: if width == 0 { None } else { Some(table(u)?) }, constrained: false })
    }

    /// `count` samples: those there are, then states between two of them, from a fixed seed; with constraints, the same ones
    /// again.
    ///
    /// # Errors
    /// [`GraphError::Shape`] for no samples, or beyond the limit of a tensor.
    pub fn drawn(&self, count: usize) -> Result<Self, GraphError> {
        if count == 0 {
            return Err(GraphError::Shape("no samples were asked for".to_owned()));
        }
        // Before anything of that size is held.
        let width = [Some(&self.x), self.u.as_ref()].into_iter().flatten().map(|table| table.shape()[1]).max();
        if count.checked_mul(width.unwrap_or(1)).is_none_or(|elements| elements > MAX_ELEMENTS) {
            return Err(GraphError::Shape(format!("{count} samples exceed the limit of {MAX_ELEMENTS} numbers")));
        }
        let mut random = SplitMix(count as u64);
        let have = self.count();
        let picks: Vec<(usize, usize, f64)> = (0..count)
            .map(
                |row| {
                    if row < have { (row, row, 0.0) } else { (random.below(have), random.below(have), random.unit()) }
                },
            )
            .collect();
        let reach = if self.constrained { 0.0 } else { 1.0 };
        let draw = |table: &Tensor| {
            let width = table.shape()[1];
            let value = |row: usize, axis: usize| table.data()[row * width + axis];
            let between = |(a, b, part): (usize, usize, f64), axis: usize| {
                value(a, axis) + reach * part * (value(b, axis) - value(a, axis))
            };
            let values = picks.iter().flat_map(|pick| (0..width).map(|axis| between(*pick, axis)));
            Tensor::new(vec![count, width], values.map(|value| f64::from(value as f32)).collect())
        };
        Ok(Self { x: draw(&self.x)?, u: self.u.as_ref().map(draw).transpose()?, constrained: self.constrained })
    }

    /// The samples as files of that precision can take them.
    #[must_use]
    pub fn rounded(mut self, precision: Precision) -> Self {
        for table in [Some(&mut self.x), self.u.as_mut()].into_iter().flatten() {
            table.data_mut().iter_mut().for_each(|value| *value = precision.round(*value));
        }
        self
    }

    /// The samples as a doubled scheme takes them, `[count, 4n]`: the copy a little way towards the next sample, as copies are
    /// near each other and not the same.
    ///
    /// # Errors
    /// [`GraphError::Shape`] beyond the limit of a tensor.
    pub fn doubled(&self, precision: Precision) -> Result<Tensor, GraphError> {
        let (count, width) = (self.count(), self.x.shape()[1]);
        let row = |index: usize| &self.x.data()[index * width..(index + 1) * width];
        let copy = |index: usize| {
            let towards = row((index + 1) % count);
            row(index).iter().zip(towards).map(|(here, there)| precision.round(here + COPY_DISTANCE * (there - here)))
        };
        let values = (0..count).flat_map(|index| row(index).iter().copied().chain(copy(index)));
        Tensor::new(vec![count, 2 * width], values.collect())
    }

    /// Number of samples.
    #[must_use]
    pub fn count(&self) -> usize {
        self.x.shape()[0]
    }

    /// Degrees of freedom.
    #[must_use]
    pub fn dof(&self) -> usize {
        self.x.shape()[1] / 2
    }

    /// Standard deviation of each coordinate of x over the samples; 1 where it does not vary.
    #[must_use]
    pub fn spread(&self) -> Vec<f64> {
        let (count, width) = (self.count(), self.x.shape()[1]);
        let column = |axis: usize| self.x.data().iter().skip(axis).step_by(width);
        let deviation = |axis: usize| {
            let mean = column(axis).sum::<f64>() / count as f64;
            (column(axis).map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64).sqrt()
        };
        (0..width).map(deviation).map(|spread| if spread > 0.0 { spread } else { 1.0 }).collect()
    }

    /// Arguments of a graph: state, input and step length.
    #[must_use]
    pub fn arguments<'a>(&'a self, dt: &'a Tensor) -> Vec<(&'a str, &'a Tensor)> {
        let mut arguments = vec![("x", &self.x), ("dt", dt)];
        arguments.extend(self.u.as_ref().map(|u| ("u", u)));
        arguments
    }
}

/// `SplitMix64`: G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// In 0…1, 53 bits.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Less than `limit`; the bias of the remainder is of no concern for picking samples.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }
}

fn table(rows: &[Vec<f64>]) -> Result<Tensor, GraphError> {
    let width = rows.first().map_or(0, Vec::len);
    if let Some((row, found)) = rows.iter().enumerate().find(|(_, found)| found.len() != width) {
        return Err(GraphError::Shape(format!("sample {row} has {} numbers, the first has {width}", found.len())));
    }
    Tensor::new(vec![rows.len(), width], rows.iter().flatten().map(|value| f64::from(*value as f32)).collect())
}
