//! Files with a fixed batch (`--batch N`): samples are fed in chunks of N.
//!
//! The last chunk is filled up by repeating its last row, and what comes out for those rows is dropped. Rows of a batch never
//! mix, so the results are those of the rows one by one.

use super::Outputs;
use super::engine::EngineError;
use crate::dynamics::{POSITION, STATE};
use crate::graph::Tensor;

/// Name and dimensions of an input as the file declares them; `None` for a dimension, or all, left open.
pub(super) type Declared = (String, Option<Vec<Option<usize>>>);

/// Evaluates `inputs` by `run`, once, or in chunks where the file declares a state of N rows and is given another number.
///
/// # Errors
/// Those of `run`, and where outputs cannot be joined.
pub(super) fn run(
    declared: &[Declared],
    inputs: &[(&str, &Tensor)],
    mut run: impl FnMut(&[(&str, &Tensor)]) -> Result<Outputs, EngineError>,
) -> Result<Outputs, EngineError> {
    let Some((batch, count)) = fixed_batch(declared, inputs) else { return run(inputs) };
    let is_batched = |name: &str, value: &Tensor| {
        leading(declared, name) == Some(batch) && value.shape().first().is_some_and(|rows| *rows == count)
    };
    let mut joined: Vec<(String, Vec<usize>, Vec<f64>)> = Vec::new();
    for start in (0..count).step_by(batch) {
        let kept = batch.min(count - start);
        let chunks: Vec<(&str, Option<Tensor>, &Tensor)> = inputs
            .iter()
            .map(|(name, value)| {
                let chunk = is_batched(name, value).then(|| rows(value, start, kept, batch)).transpose()?;
                Ok::<_, EngineError>((*name, chunk, *value))
            })
            .collect::<Result<_, _>>()?;
        let given: Vec<(&str, &Tensor)> =
            chunks.iter().map(|(name, chunk, whole)| (*name, chunk.as_ref().unwrap_or(whole))).collect();
        for (position, (name, value)) in run(&given)?.into_iter().enumerate() {
            let is_table = value.shape().first() == Some(&batch);
            let width = value.data().len() / batch;
            let data = if is_table { &value.data()[..kept * width] } else { value.data() };
            match joined.get_mut(position) {
                None => joined.push((name, value.shape().to_vec(), data.to_vec())),
                Some((.., rows)) if is_table => rows.extend_from_slice(data),
                // What has no rows is the same in every chunk.
                Some(_) => {}
            }
        }
    }
    let whole = |(name, mut shape, data): (String, Vec<usize>, Vec<f64>)| {
        if shape.first() == Some(&batch) {
            shape[0] = count;
        }
        Ok((name, Tensor::new(shape, data)?))
    };
    joined.into_iter().map(whole).collect()
}

/// N of the file and the number of rows given, where the state differs in nothing else.
fn fixed_batch(declared: &[Declared], inputs: &[(&str, &Tensor)]) -> Option<(usize, usize)> {
    // What takes no state takes positions: the momentum of velocities.
    let (state, shape) = declared.iter().find(|(name, _)| [STATE, POSITION].contains(&name.as_str()))?;
    let shape = shape.as_ref()?;
    let given = inputs.iter().find(|(name, _)| name == state)?.1.shape();
    let (batch, count) = ((*shape.first()?)?, *given.first()?);
    let fits = shape.len() == given.len()
        && shape.iter().zip(given).skip(1).all(|(known, found)| known.is_none_or(|known| known == *found));
    (fits && batch > 0 && count > 0 && batch != count).then_some((batch, count))
}

fn leading(declared: &[Declared], name: &str) -> Option<usize> {
    let (_, shape) = declared.iter().find(|(known, _)| known == name)?;
    *shape.as_ref()?.first()?
}

/// `kept` rows from `start` on, the last one repeated up to `batch`.
fn rows(value: &Tensor, start: usize, kept: usize, batch: usize) -> Result<Tensor, EngineError> {
    let width = value.data().len() / value.shape()[0];
    let mut data = value.data()[start * width..(start + kept) * width].to_vec();
    let last = data[(kept - 1) * width..].to_vec();
    for _ in kept..batch {
        data.extend_from_slice(&last);
    }
    let mut shape = value.shape().to_vec();
    shape[0] = batch;
    Ok(Tensor::new(shape, data)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_padded_by_their_last_row_and_the_padding_is_dropped() {
        let x = Tensor::new(vec![5, 2], (0..10).map(f64::from).collect()).unwrap();
        let dt = Tensor::scalar(0.5);
        let declared = [(STATE.to_owned(), Some(vec![Some(2), Some(2)])), ("dt".to_owned(), Some(vec![]))];
        let mut seen = Vec::new();
        let found = run(&declared, &[(STATE, &x), ("dt", &dt)], |inputs| {
            assert_eq!(inputs[1].1.shape(), [0usize; 0]);
            seen.push(inputs[0].1.data().to_vec());
            Ok(vec![("y".to_owned(), inputs[0].1.clone()), ("one".to_owned(), Tensor::scalar(1.0))])
        })
        .unwrap();
        assert_eq!(seen, [vec![0., 1., 2., 3.], vec![4., 5., 6., 7.], vec![8., 9., 8., 9.]]);
        assert_eq!(found, [("y".to_owned(), x), ("one".to_owned(), Tensor::scalar(1.0))]);
    }

    #[test]
    fn a_state_of_another_width_is_left_to_the_engine() {
        let x = Tensor::full(&[5, 3], 0.0).unwrap();
        let declared = [(STATE.to_owned(), Some(vec![Some(2), Some(2)]))];
        let found = run(&declared, &[(STATE, &x)], |inputs| Ok(vec![("y".to_owned(), inputs[0].1.clone())]));
        assert_eq!(found.unwrap()[0].1.shape(), [5, 3]);
    }
}
