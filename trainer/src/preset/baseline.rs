//! How the models without an energy are trained that others are compared with.
//!
//! Networks of the size the `clean` preset gives an energy, about 4,500 weights each, on clean data; learned starts and
//! robust losses, which any of them could use, are left to whoever asks for them.

use super::Preset;
use crate::architecture::{self, Kind};
use crate::{fit, loss};

pub(super) fn all() -> [Preset; 3] {
    [mlp(), node(), lstm()]
}

fn mlp() -> Preset {
    Preset {
        name: "baseline-mlp",
        description: "a plain vector field on given derivatives, to compare with",
        model: model(Kind::BaselineMlp, vec![64, 64]),
        loss: loss::Settings::Field,
        fit: fit::Settings { steps: 3000, batch: Some(256), ..fit::Settings::default() },
    }
}

fn node() -> Preset {
    Preset {
        name: "baseline-node",
        description: "a neural ODE, trained through Runge–Kutta steps, to compare with",
        model: model(Kind::BaselineNode, vec![64, 64]),
        loss: rollout(),
        fit: fit::Settings { steps: 2000, batch: Some(32), ..fit::Settings::default() },
    }
}

fn lstm() -> Preset {
    Preset {
        name: "baseline-lstm",
        description: "next states with a memory, to compare with",
        model: model(Kind::BaselineLstm, vec![32]),
        loss: rollout(),
        fit: fit::Settings { steps: 3000, rate: 5e-3, batch: Some(32), ..fit::Settings::default() },
    }
}

fn model(kind: Kind, hidden: Vec<usize>) -> architecture::Settings {
    architecture::Settings { kind, hidden, ..architecture::Settings::default() }
}

fn rollout() -> loss::Settings {
    loss::Settings::Rollout(loss::Rollout { steps: 10, shift: 5, ..loss::Rollout::default() })
}
