//! Textbook machines with friction, to compare learned models with.
//!
//! [`GreyBox`] is a pendulum, [`TwoLink`] an arm of two links. Their few numbers are fitted to open-loop windows of positions by
//! Levenberg–Marquardt under a soft-L1 loss; states are `[q, q̇]`, as recorded. They know no learned model and share none of
//! its code.

mod least_squares;
mod pendulum;
mod runge_kutta;
mod two_link;

pub use least_squares::{GreyBoxFit, SOFT_L1_SCALE};
pub use pendulum::{FIT_WINDOW_S, GreyBox};
pub use two_link::{TWO_LINK_WINDOW_S, TwoLink};

use std::f64::consts::FRAC_2_PI;

/// Sharpness of the smoothed Coulomb friction, s/rad.
const SHARPNESS: f64 = 100.0;

/// b v + c (2/π) atan(100 v).
fn friction(viscous: f64, coulomb: f64, v: f64) -> f64 {
    viscous * v + coulomb * FRAC_2_PI * (SHARPNESS * v).atan()
}
