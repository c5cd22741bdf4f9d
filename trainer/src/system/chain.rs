//! Chains of pendulums in Cartesian coordinates: equal point masses on equal rods, the first rod hung at the origin.
//!
//! q = (x₁, y₁, x₂, y₂, …), y upwards. Energy and constraints are written as formulas, so that data, truth, architecture and
//! export share them. Initial states are those of M. Finzi, K. A. Wang, A. G. Wilson, *Simplifying Hamiltonian and Lagrangian
//! Neural Networks via Explicit Constraints* (2020): angles and rates drawn, perturbed in the plane, moved back onto the
//! constraints (here in the metric of the masses, positions first), and taken at a chunk's start along the motion from there.

use hnn_exporter::dynamics::{MAX_CONSTRAINTS, Model, projected};
use hnn_exporter::expression;

use super::{ModelField, Settings, SystemError, integrate};
use crate::random::Stream;

/// Length of the motion whose chunks the published experiment learns from, s.
const MOTION_S: f64 = 3.0;
/// Chunks it is cut into, of five points each.
const CHUNKS: usize = 20;
/// Intervals of a chunk while it is integrated; much longer ones are too long for the fastest links.
const INTERVALS: usize = 10;
/// Error of the motion along which a start is taken: any state near it is as good a start, once it is on the constraints.
const START_TOLERANCE: f64 = 1e-6;
/// Draws before it is given up to find a state near enough to the constraints.
const MAX_DRAWS: usize = 100;

/// Number of links under these settings.
///
/// # Errors
/// [`SystemError::Protocol`] where it is no whole number the runtime can take.
pub(super) fn links(settings: &Settings) -> Result<usize, SystemError> {
    let wanted = settings.get("links").copied().unwrap_or(2.0);
    let found = (1..=MAX_CONSTRAINTS).find(|links| crate::data::as_f64(*links).total_cmp(&wanted).is_eq());
    found.ok_or_else(|| {
        SystemError::Protocol(format!("links = {wanted}: a chain has a whole number of 1 to {MAX_CONSTRAINTS} links"))
    })
}

/// The formulas of the rods, each 0 where its rod has its length.
pub(super) fn constraints(settings: &Settings) -> Result<Vec<String>, SystemError> {
    let length = settings.get("l").copied().unwrap_or(1.0);
    let square = length * length;
    Ok((1..=links(settings)?)
        .map(|link| match (2 * link - 1, 2 * link) {
            (x, y) if link == 1 => format!("q{x}^2 + q{y}^2 - {square:?}"),
            (x, y) => format!("(q{x} - q{})^2 + (q{y} - q{})^2 - {square:?}", x - 2, y - 2),
        })
        .collect())
}

/// H = Σ |p_b|²/(2m) + m g Σ y_b with the rods as constraints.
pub(super) fn model(settings: &Settings) -> Result<Model, SystemError> {
    let links = links(settings)?;
    let squares: Vec<String> = (1..=2 * links).map(|index| format!("p{index}^2")).collect();
    let heights: Vec<String> = (1..=links).map(|link| format!("q{}", 2 * link)).collect();
    let energy = format!("({})/(2*m) + m*g*({})", squares.join(" + "), heights.join(" + "));
    let constants = settings.iter().filter(|(name, _)| ["m", "g"].contains(&name.as_str()));
    let constants = constants.map(|(name, value)| (name.clone(), *value)).collect();
    Ok(expression::constrained(&energy, &constraints(settings)?, &constants)?)
}

/// One initial state for every stream, `[q…, p…]`.
pub(super) fn starts(settings: &Settings, streams: &mut [Stream]) -> Result<Vec<Vec<f64>>, SystemError> {
    let model = model(settings)?;
    let mut found: Vec<Option<Vec<f64>>> = vec![None; streams.len()];
    for _ in 0..MAX_DRAWS {
        let open: Vec<usize> = (0..found.len()).filter(|index| found[*index].is_none()).collect();
        if open.is_empty() {
            break;
        }
        let drawn = open.iter().map(|index| draw(settings, &mut streams[*index]));
        let drawn = drawn.collect::<Result<Vec<_>, _>>()?;
        for (index, state) in open.into_iter().zip(projected(&model, &drawn)?) {
            found[index] = state;
        }
    }
    let found: Option<Vec<Vec<f64>>> = found.into_iter().collect();
    let found = found.ok_or_else(|| SystemError::Protocol("no initial state obeys the constraints".to_owned()))?;
    along_the_motion(&model, &found, streams)
}

/// Angles and rates from the normal distribution, turned into positions and velocities, which are then perturbed.
fn draw(settings: &Settings, stream: &mut Stream) -> Result<Vec<f64>, SystemError> {
    let setting = |name: &str| settings.get(name).copied().unwrap_or(1.0);
    let (mass, length) = (setting("m"), setting("l"));
    let (mut q, mut p) = (Vec::new(), Vec::new());
    let (mut at, mut velocity) = ([0.0; 2], [0.0; 2]);
    for _ in 0..links(settings)? {
        let ((sin, cos), rate) = (stream.normal(0.0, 1.0).sin_cos(), stream.normal(0.0, 1.0));
        at = [at[0] + length * sin, at[1] - length * cos];
        velocity = [velocity[0] + length * cos * rate, velocity[1] + length * sin * rate];
        q.extend(at.map(|value| value + stream.normal(0.0, 0.2)));
        p.extend(velocity.map(|value| mass * 3.0 * (0.5 * value + stream.normal(0.0, 0.4))));
    }
    Ok([q, p].concat())
}

/// Each state where a chunk drawn at random begins on the motion from it.
fn along_the_motion(model: &Model, states: &[Vec<f64>], streams: &mut [Stream]) -> Result<Vec<Vec<f64>>, SystemError> {
    let last = (CHUNKS - 1) * INTERVALS;
    let length = MOTION_S / crate::data::as_f64(CHUNKS * INTERVALS);
    let times: Vec<f64> = (0..=last).map(|at| length * crate::data::as_f64(at)).collect();
    let motion = integrate(&mut ModelField::new(model)?, &states.concat(), &times, START_TOLERANCE)?;
    let picked = streams.iter_mut().enumerate().map(|(row, stream)| {
        let first = stream.below(CHUNKS) * INTERVALS * motion.width;
        motion.motion(row)[first..first + motion.width].to_vec()
    });
    let picked: Vec<Vec<f64>> = picked.collect();
    let settled: Option<Vec<Vec<f64>>> = projected(model, &picked)?.into_iter().collect();
    settled.ok_or_else(|| SystemError::Protocol("a motion left the constraints".to_owned()))
}
