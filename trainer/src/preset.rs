//! Training recipes that were tried, by name, with the reason for every number that is not a default.
//!
//! A preset is a starting point: each of its settings can be changed, and what was measured with it is in its description.

mod baseline;
mod driven_pendulum;

use hnn_exporter::dynamics::Scheme;

use crate::architecture::{self, Energy, Kind};
use crate::data::{Dataset, Second};
use crate::{fit, loss};

/// Settings of a model, its loss and its optimiser, under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Preset {
    /// What a user types.
    pub name: &'static str,
    /// When to use it, and why it is as it is.
    pub description: &'static str,
    /// The model; angles are for the user to declare.
    pub model: architecture::Settings,
    /// The loss.
    pub loss: loss::Settings,
    /// The optimiser.
    pub fit: fit::Settings,
}

/// Every preset.
#[must_use]
pub fn all() -> [Preset; 14] {
    let [mlp, node, lstm] = baseline::all();
    [
        published(),
        closed_form(),
        clean(),
        linkage(),
        noisy(),
        noisy_with_derivatives(),
        positions(),
        recording(),
        driven_pendulum::preset(),
        bodies(),
        constrained(),
        mlp,
        node,
        lstm,
    ]
}

/// What decides which preset suits some data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// Degrees of freedom.
    pub dof: usize,
    /// Inputs.
    pub inputs: usize,
    /// Whether derivatives are given.
    pub derivatives: bool,
    /// Whether velocities stand in the place of momenta.
    pub velocities: bool,
    /// Whether these, or momenta, were measured at all.
    pub measured: bool,
}

impl Traits {
    /// Those of training data.
    #[must_use]
    pub fn of(data: &Dataset) -> Self {
        Self {
            dof: data.dof,
            inputs: data.inputs,
            derivatives: data.trajectories.iter().all(|trajectory| trajectory.derivative.is_some()),
            velocities: data.names.second == Second::Velocity,
            measured: data.names.second_is_measured,
        }
    }
}

/// The preset that suits such data: `recording` where there are inputs; `clean` where several degrees of freedom come with
/// derivatives; `closed-form` where one does, or `noisy-with-derivatives` if `descend` asks for steps; else `noisy`. Velocities of several
/// coordinates show a mass matrix, which changes with position in all but the simplest machines: `linkage`, or the same with
/// `mechanical` energies. Positions alone need `positions`.
#[must_use]
pub fn suggested(traits: Traits, descend: bool) -> Preset {
    let Traits { dof, inputs, derivatives, velocities, measured } = traits;
    let preset = match (dof, inputs, derivatives) {
        (_, 0, _) if !measured => positions(),
        (2.., 0, true) if velocities => linkage(),
        (_, 1.., _) => recording(),
        (2.., 0, true) => clean(),
        (_, 0, true) if descend => noisy_with_derivatives(),
        (_, 0, true) => closed_form(),
        _ => noisy(),
    };
    if dof > 1 && velocities { of_linkage(preset) } else { preset }
}

/// The same with an energy whose mass matrix depends on q, stepped as that needs.
fn of_linkage(preset: Preset) -> Preset {
    let model = match preset.model.kind {
        Kind::Port => architecture::Settings { energy: Energy::Mechanical, ..preset.model },
        _ => architecture::Settings { kind: Kind::Mechanical, ..preset.model },
    };
    Preset { model, ..preset }
}

/// Given accelerations of a linkage: all weights are found together, with second-order information.
///
/// On 600 states of a double pendulum with unit masses and lengths the accelerations of other states are met to 1.6 %, and the
/// momenta are the true ones but for a common factor.
fn linkage() -> Preset {
    Preset {
        name: "linkage",
        description: "clean positions, velocities and accelerations of several joints, energy conserved",
        model: architecture::Settings { kind: Kind::Mechanical, hidden: vec![16], ..architecture::Settings::default() },
        loss: loss::Settings::Field,
        fit: fit::Settings { method: fit::Method::Lbfgs, steps: 300, ..fit::Settings::default() },
    }
}

/// Given derivatives, in closed form: T quadratic, V a layer of 32 drawn units.
///
/// Noisy states are reconciled with the derivatives first, so that one linear least squares is left. Clean protocol over
/// t = 20 of the reference data, seeds 0, 1, 2 of data and weights, leapfrog of 0.01 s, the whole process 0.02 to 0.07
/// CPU-s: spring energy errors 1.7e-5, 8.7e-5, 9.5e-6 and coordinate errors 1.3e-3, 5.1e-4, 5.9e-4; pendulum 4.2e-5,
/// 2.7e-4, 4.4e-5 and 6.2e-4, 2.6e-3, 4.8e-4. Adam through rollouts took 9 and 12 CPU-s for 1.9e-5 and 7.6e-5 at seed 0.
fn closed_form() -> Preset {
    Preset {
        name: "closed-form",
        description: "states with derivatives, clean or noisy, energy conserved: solved, not descended",
        model: architecture::Settings { kind: Kind::Separable, hidden: vec![32], ..architecture::Settings::default() },
        loss: loss::Settings::Field,
        fit: fit::Settings { method: fit::Method::Sampled, ..fit::Settings::default() },
    }
}

/// The published training of Greydanus et al. (2019): one network of 200-200 units, all rows at once.
fn published() -> Preset {
    Preset {
        name: "published",
        description: "one network for H, derivatives given; H need not split",
        model: architecture::Settings { kind: Kind::Mlp, hidden: vec![200, 200], ..architecture::Settings::default() },
        loss: loss::Settings::Field,
        fit: fit::Settings { steps: 2000, rate: 1e-3, final_rate: 0.1, batch: Some(256), ..fit::Settings::default() },
    }
}

/// Given derivatives of a mechanical system: T quadratic, V a network; explicit schemes can deploy it.
fn clean() -> Preset {
    Preset {
        name: "clean",
        description: "clean states with derivatives, energy conserved, H = T(p) + V(q)",
        model: architecture::Settings {
            kind: Kind::Separable,
            hidden: vec![64, 64],
            ..architecture::Settings::default()
        },
        loss: loss::Settings::Field,
        fit: fit::Settings { steps: 3000, batch: Some(256), ..fit::Settings::default() },
    }
}

/// Whole noisy trajectories through leapfrog.
///
/// Learned first states make this maximum likelihood for white measurement noise; a short window would leave each start
/// with little to be learned from, hence whole trajectories of up to 64 steps. One hidden layer of 16 units describes a
/// smooth V of one angle; more units only fit more noise. A high rate is safe: the gradient is clipped and the loss smooth.
fn noisy() -> Preset {
    let rollout = loss::Rollout { steps: 44, shift: 44, learned_starts: true, ..loss::Rollout::default() };
    Preset {
        name: "noisy",
        description: "noisy states without derivatives, energy conserved",
        model: architecture::Settings { kind: Kind::Separable, hidden: vec![16], ..architecture::Settings::default() },
        loss: loss::Settings::Rollout(rollout),
        fit: fit::Settings { steps: 1200, rate: 2e-2, start_rate: 3e-2, ..fit::Settings::default() },
    }
}

/// As [`noisy`], from positions that tell nothing of the direction of motion but by what follows.
///
/// A long window leaves Adam with a potential that is flat, as nothing holds a motion near the data from its start on: windows
/// grow, from a few steps that velocities by differences begin well. On 8 motions of an oscillator, 45 rows of 0.1 s each, Adam on
/// whole windows found 0.13 rad/s in place of 2; in three stages 2.02; L-BFGS in the same stages 1.98 in f32 and 2.005 in f64.
fn positions() -> Preset {
    let noisy = noisy();
    let loss = match noisy.loss {
        loss::Settings::Rollout(rollout) => {
            loss::Settings::Rollout(loss::Rollout { curriculum: vec![5, 15, 44], ..rollout })
        }
        other => other,
    };
    let fit = fit::Settings { method: fit::Method::Lbfgs, steps: 300, judge_every: 10, ..noisy.fit };
    let description = "positions alone, energy conserved";
    Preset { name: "positions", description, loss, fit, ..noisy }
}

/// As [`noisy`], and compares derivatives where the motion passed instead of where noise put it.
///
/// On the reference pendulum (25 trajectories of 45 rows, noise 0.1; clean protocol over t = 20) data seeds 0 to 4 gave energy
/// errors of 2e-5 to 8e-4 and coordinate errors of 1e-3 to 7e-3 in 8 CPU-s; without derivatives 4e-4 to 3e-3 and 7e-3 to
/// 9e-2. A weight of 10 is worse: it overrules the states, whose scheme has an error of its own.
fn noisy_with_derivatives() -> Preset {
    let noisy = noisy();
    let loss = match noisy.loss {
        loss::Settings::Rollout(rollout) => {
            loss::Settings::Rollout(loss::Rollout { derivative_weight: 1.0, ..rollout })
        }
        other => other,
    };
    let description = "noisy states with clean derivatives, energy conserved";
    Preset { name: "noisy-with-derivatives", description, loss, ..noisy }
}

/// A driven machine with friction: half-second windows of averaged input.
///
/// Steps of 20 ms average sensor noise and torque ripple of 200–500 Hz recordings and train ten times faster. Errors beyond
/// 20 % of a typical change count linearly: past an unstable equilibrium one window would otherwise outweigh all others.
/// Small networks under weight decay keep friction and gain near constants where data are few, which decides predictions
/// on other recordings; without decay the friction level at rest is not found and what should stand creeps. Starts may move
/// a little, as velocities are quantised, but are held tightly: free ones absorb errors of the model. Measured on three
/// recordings of a torque-limited pendulum, one left out: better than a grey box fitted to the same two in RMSE and 90 %
/// quantile over 0.5 s on two of three for three seeds; worse where the fast motion of the third is not in the training.
/// These settings were chosen, among about eighteen, by these very scores, so they are not an independent test.
fn recording() -> Preset {
    let rollout = loss::Rollout {
        steps: 25,
        step_seconds: Some(0.02),
        shift: 5,
        learned_starts: true,
        start_weight: 10.0,
        robust_from: Some(0.2),
        position_weight: 3.0,
        ..loss::Rollout::default()
    };
    Preset {
        name: "recording",
        description: "recordings of a driven machine with friction",
        model: architecture::Settings {
            kind: Kind::Port,
            hidden: vec![8],
            friction_hidden: 4,
            ..architecture::Settings::default()
        },
        loss: loss::Settings::Rollout(rollout),
        fit: fit::Settings {
            steps: 400,
            rate: 1.5e-2,
            start_rate: 1e-2,
            weight_decay: 0.7,
            judge_every: 20,
            ..fit::Settings::default()
        },
    }
}

/// Given derivatives of identical bodies under central pair forces: one potential of the distance.
///
/// On reference data, by the clean protocol, seeds 0, 1, 2: two bodies, median energy error 2.8e-8 and coordinate error
/// 7.7e-5 over 20 s in 3.8 CPU-s; three bodies, median energy error 1.2e-5 over 5 s in 10.6 CPU-s, the making of the data
/// included.
#[must_use]
pub fn bodies() -> Preset {
    Preset {
        name: "bodies",
        description: "clean states with derivatives of identical bodies that act on each other in pairs",
        model: architecture::Settings { kind: Kind::Pairwise, hidden: vec![32], ..architecture::Settings::default() },
        loss: loss::Settings::Field,
        fit: fit::Settings { steps: 3000, rate: 1e-2, batch: Some(256), ..fit::Settings::default() },
    }
}

/// Bodies on constraints, clean positions and momenta without derivatives: from row to row through RATTLE of order 4.
///
/// Clean rows tell as much one by one as in longer windows, and twice as fast. Two substeps, because a step as long as the
/// rows of a coarse recording would put its own error into the masses; what is left of it where links move fast counts
/// linearly. What is learned is mostly a few numbers, so V has few units, and L-BFGS converges on them.
///
/// On reference data of `pendulum_chain`, in f64, median of seeds 0, 1, 2 of data and weights: the field's motions over 3 s have
/// a relative error of 3.4e-6 (2 links, 5.5 CPU-s to train), 2.1e-5 (3 links, 12 CPU-s) and 6.6e-5 (5 links, 41 CPU-s). From
/// row to row without substeps and robust loss it is 4.3e-4 for 3 links at seed 0, 2.6e-3 for 5.
#[must_use]
pub fn constrained() -> Preset {
    let rollout = loss::Rollout {
        scheme: Scheme::RATTLE_4,
        steps: 1,
        substeps: 2,
        shift: 1,
        robust_from: Some(1e-3),
        ..loss::Rollout::default()
    };
    Preset {
        name: "constrained",
        description: "clean Cartesian coordinates with known constraints",
        model: architecture::Settings { kind: Kind::Constrained, hidden: vec![4], ..architecture::Settings::default() },
        loss: loss::Settings::Rollout(rollout),
        fit: fit::Settings { method: fit::Method::Lbfgs, steps: 200, ..fit::Settings::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_settings_survive_their_file_form() {
        let presets = all();
        for (at, preset) in presets.iter().enumerate() {
            assert!(presets[..at].iter().all(|earlier| earlier.name != preset.name));
            let model = serde_json::to_string(&preset.model).unwrap();
            assert_eq!(serde_json::from_str::<architecture::Settings>(&model).unwrap(), preset.model);
            let loss = serde_json::to_string(&preset.loss).unwrap();
            assert_eq!(serde_json::from_str::<loss::Settings>(&loss).unwrap(), preset.loss);
            let fit = serde_json::to_string(&preset.fit).unwrap();
            assert_eq!(serde_json::from_str::<fit::Settings>(&fit).unwrap(), preset.fit);
        }
    }

    #[test]
    fn data_with_inputs_get_a_model_with_inputs() {
        let of = |dof: usize, inputs: usize, derivatives: bool| Traits {
            dof,
            inputs,
            derivatives,
            velocities: false,
            measured: true,
        };
        assert_eq!(suggested(of(1, 1, true), false).model.kind, Kind::Port);
        assert_eq!(suggested(of(2, 0, false), false).name, "noisy");
        assert_eq!(suggested(of(1, 0, true), true).name, "noisy-with-derivatives");
        assert_eq!(suggested(of(1, 0, true), false).name, "closed-form");
        assert_eq!(suggested(of(4, 0, true), false).name, "clean");
    }

    #[test]
    fn velocities_of_several_joints_get_a_mass_matrix() {
        let of = |dof: usize, inputs: usize, derivatives: bool| Traits {
            dof,
            inputs,
            derivatives,
            velocities: true,
            measured: true,
        };
        assert_eq!(suggested(of(1, 0, true), true).model.kind, Kind::Separable, "one mass is a common factor");
        assert_eq!(suggested(of(2, 0, true), false).name, "linkage");
        assert_eq!(suggested(Traits { measured: false, ..of(1, 0, false) }, false).name, "positions");
        assert_eq!(suggested(of(2, 0, false), false).model.kind, Kind::Mechanical);
        assert_eq!(suggested(of(2, 2, false), false).model.energy, Energy::Mechanical);
    }
}
