//! How errors count: squared, or less where they are large.
//!
//! Errors are in typical changes of a coordinate. A redescending function (Geman–McClure) stops counting what no weights explain
//! — a push that was not recorded, a window that fell to the other side — where pseudo-Huber still lets it pull. It has more
//! than one valley, so training begins with a scale so large that it hardly differs from squares and shrinks it in stages:
//! graduated non-convexity, Blake and Zisserman (1987); Yang, Antonante, Tzoumas and Carlone (2020).

use serde::{Deserialize, Serialize};

use crate::execute::Real;

/// Scale of the first stage of a graduated loss over that of the last. An error of one typical change then counts as 64 % of
/// its square where the last scale is a sixth of a change.
pub(super) const FIRST_SCALE: f64 = 8.0;
/// Stages of a graduated loss whose windows do not grow: the scale halves from one to the next.
pub(super) const GRADUATED_STAGES: usize = 4;

/// How errors beyond a scale δ count; below it all are close to e².
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Robust {
    /// 2δ²(√(1 + e²/δ²) − 1): linearly. Charbonnier et al. (1994); α = 1 in Barron (2019).
    #[default]
    PseudoHuber,
    /// e²/(1 + e²/δ²): at most δ², however large. Geman and McClure (1985); α = −2 in Barron (2019), scale 2δ there.
    GemanMcclure,
}

impl Robust {
    /// Whether the pull of an error vanishes as it grows, so that training needs a graduated start.
    #[must_use]
    pub fn redescends(self) -> bool {
        self == Self::GemanMcclure
    }

    /// What errors of these squares count from `delta` on, elementwise.
    pub(super) fn of_squares(self, square: Real, delta: f64) -> Real {
        let scale = delta * delta;
        let ratio = square.clone() / scale;
        match self {
            Self::PseudoHuber => ((ratio + 1.0).sqrt() - 1.0) * (2.0 * scale),
            Self::GemanMcclure => square / (ratio + 1.0),
        }
    }
}
