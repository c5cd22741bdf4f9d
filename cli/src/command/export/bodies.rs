//! The weights of a `pairwise` run for another number of bodies than it was trained on.

use anyhow::{Context, bail};
use hnn_exporter::dynamics::Model;
use hnn_exporter::manifest::{Coordinate, Samples};
use hnn_exporter::pipeline::ExportOptions;
use hnn_trainer::architecture::{self, Kind, PairRange, Settings};
use hnn_trainer::data::Names;
use hnn_trainer::run::{Origin, Run};

/// Rebuilds the graph of a run for `bodies` bodies and puts the learned weights into it.
pub(super) fn rebuilt(run: &Run, bodies: usize, options: ExportOptions) -> anyhow::Result<(Model, ExportOptions)> {
    let (config, data) = (run.config()?, run.data()?);
    let Origin::Named(settings @ Settings { kind: Kind::Pairwise, bodies: Some(trained), .. }) = &config.model else {
        bail!("--bodies {bodies}: only a `pairwise` model runs with other bodies; this is `{}`", config.model);
    };
    let dimension = data.scaling.dof() / trained;
    let scaling = data.scaling.for_bodies(*trained, bodies);
    let settings = Settings { bodies: Some(bodies), ..settings.clone() };
    let built =
        architecture::build(&settings, &scaling, config.fit.seed).with_context(|| format!("--bodies {bodies}"))?;
    let learned = run.architecture()?.initial;
    let model = built.model.hamiltonian()?.bind(&|name| learned.get(name).cloned())?;
    let names = Names::canonical(scaling.dof(), 0);
    let coordinate = |name: &String| Coordinate { name: name.clone(), unit: String::new() };
    let cells = Cells { trained: *trained, bodies, dimension, spacing: spacing(data.scaling.pair_range()) };
    let options = ExportOptions {
        description: format!("{}, rebuilt for {bodies} bodies", options.description),
        coordinates: names.q.iter().chain(&names.p).map(coordinate).collect(),
        samples: samples(&cells, &data.samples_x),
        // Data of fewer bodies say nothing about where more of them were.
        density: None,
        ..options
    };
    Ok((model, options))
}

/// Distance of one cell from the next: twice the largest that is usual in the data.
fn spacing(range: PairRange) -> f64 {
    2.0 * (range.centre + range.width).exp()
}

/// Groups of as many bodies as were trained on, side by side.
struct Cells {
    trained: usize,
    bodies: usize,
    dimension: usize,
    spacing: f64,
}

impl Cells {
    /// One state `[q…, p…]`: cell after cell a state of the training data, moved to the cell's place on a square grid.
    fn state(&self, first: usize, states: &[Vec<f64>]) -> Vec<f64> {
        let side = (1..).find(|side: &usize| side.pow(2) * self.trained >= self.bodies).unwrap_or(1);
        let (mut q, mut p) = (Vec::new(), Vec::new());
        for body in 0..self.bodies {
            let (cell, member) = (body / self.trained, body % self.trained);
            let state = &states[(first + cell) % states.len()];
            for axis in 0..self.dimension {
                let place = [cell % side, cell / side].get(axis).map_or(0.0, |place| *place as f64 * self.spacing);
                let at = member * self.dimension + axis;
                q.push(state[at] + place);
                p.push(state[self.trained * self.dimension + at]);
            }
        }
        [q, p].concat()
    }
}

/// States to validate at, as many as the run keeps.
fn samples(cells: &Cells, states: &[Vec<f64>]) -> Samples {
    let x: Vec<Vec<f64>> = (0..states.len()).map(|first| cells.state(first, states)).collect();
    let width = 2 * cells.bodies * cells.dimension;
    let extreme = |choose: fn(f64, f64) -> f64, start: f64| -> Vec<f64> {
        (0..width).map(|at| x.iter().map(|state| state[at]).fold(start, choose)).collect()
    };
    let (x_min, x_max) = (extreme(f64::min, f64::INFINITY), extreme(f64::max, f64::NEG_INFINITY));
    Samples { source: "training data, cell beside cell".to_owned(), x, u: Vec::new(), x_min, x_max }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_the_distances_of_their_own_bodies_and_stand_apart() {
        let cells = Cells { trained: 2, bodies: 5, dimension: 2, spacing: 10.0 };
        let states = vec![vec![0.0, 0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 4.0], vec![0.0, 0.0, 0.0, 2.0, 5.0, 6.0, 7.0, 8.0]];
        let samples = samples(&cells, &states);
        assert_eq!(samples.x[0][..10], [0.0, 0.0, 1.0, 0.0, 10.0, 0.0, 10.0, 2.0, 0.0, 10.0]);
        assert_eq!(samples.x[0][10..], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.0, 2.0]);
        assert_eq!((samples.x_min[2], samples.x_max[2]), (0.0, 1.0));
    }
}
