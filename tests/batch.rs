//! Eight states at once have the bits of each alone: every entry of every case, in every storage of weights, and along a motion.

use anyhow::{Context, Result};
use hnn_conformance::cases;
use hnn_exporter::dynamics::{Scheme, separability};
use hnn_exporter::emit::blob;
use hnn_exporter::lower::lower_as;
use hnn_exporter::pipeline::default_scheme;
use hnn_exporter::weights::{Weights, rounded};
use hnn_runtime::batch::{Batch, LANES, Lanes};
use hnn_runtime::integrate::{Dissipative, ImplicitMidpoint, LEAPFROG};
use hnn_runtime::{AnyStepper, Compiled, DampingKind, Entry, Program, SchemeId, State, Stepper};

/// Coordinates of the largest case.
const CAPACITY: usize = 8;
/// Steps of a motion.
const STEPS: usize = 100;

/// Values of so many coordinates in all lanes, and of one lane.
fn lanes(rows: &[Vec<f32>], coordinate: usize) -> Lanes {
    Lanes(std::array::from_fn(|lane| rows[lane][coordinate]))
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn every_entry_has_the_bits_of_each_state_alone() -> Result<()> {
    for case in cases::all()? {
        for weights in [Weights::F32, Weights::F16, Weights::Int8] {
            let model = rounded(&case.model, weights)?;
            let scheme = default_scheme(&model, &separability(&model)?);
            let words = blob(&lower_as(&model, weights)?, scheme, 0.01);
            let program = Program::parse(&words)?;
            let rows = |tensor: &hnn_exporter::graph::Tensor| -> Vec<Vec<f32>> {
                let width = tensor.shape()[1];
                tensor.data().chunks(width).map(|row| row.iter().map(|value| *value as f32).collect()).collect()
            };
            let x = rows(&case.states()?);
            let u = case.inputs()?.map_or_else(|| vec![Vec::new(); cases::SAMPLES], |inputs| rows(&inputs));
            let (n, m) = (program.dof(), program.inputs());
            let mut wide = vec![Lanes::splat(f32::NAN); program.workspace_len()];
            let mut narrow = vec![f32::NAN; program.workspace_len()];
            let mut batch = Batch::bind(&program, &mut wide)?;
            let mut compiled = Compiled::bind(&program, &mut narrow)?;
            for entry in Entry::ALL.iter().copied().filter(|entry| program.has(*entry)) {
                let len = program.result_len(entry);
                let q: Vec<Lanes> = (0..n).map(|k| lanes(&x, k)).collect();
                let p: Vec<Lanes> = (n..2 * n).map(|k| lanes(&x, k)).collect();
                let inputs: Vec<Lanes> = (0..m).map(|k| lanes(&u, k)).collect();
                let mut found = vec![Lanes::default(); len];
                batch.run(entry, &q, &p, &inputs, &mut found);
                for lane in 0..LANES {
                    let mut alone = vec![0.0; len];
                    compiled.run(entry, &x[lane][..n], &x[lane][n..], &u[lane], &mut alone);
                    let of_lane: Vec<f32> = found.iter().map(|value| value.0[lane]).collect();
                    assert_eq!(bits(&of_lane), bits(&alone), "{} {} {entry:?}", case.name, weights.name());
                }
            }
        }
    }
    Ok(())
}

#[test]
fn motions_have_the_bits_of_each_state_alone() -> Result<()> {
    let mut stepped = 0;
    for case in cases::all()? {
        let scheme = default_scheme(&case.model, &separability(&case.model)?);
        if !matches!(scheme.id(), SchemeId::Leapfrog | SchemeId::Midpoint) || case.model.inputs() > 0 {
            continue;
        }
        let words = blob(&lower_as(&case.model, Weights::F32)?, scheme, 1e-3);
        let program = Program::parse(&words)?;
        let n = program.dof();
        let states = case.states()?;
        let x: Vec<Vec<f32>> =
            states.data().chunks(2 * n).map(|row| row.iter().map(|value| *value as f32).collect()).collect();
        let mut wide = vec![Lanes::default(); program.workspace_len()];
        let mut batch = Batch::bind(&program, &mut wide)?;
        let (q, p): (Vec<Lanes>, Vec<Lanes>) = (0..n).map(|k| (lanes(&x, k), lanes(&x, n + k))).unzip();
        let mut state = State::<Lanes, CAPACITY>::new(&q, &p)?;
        let dt = Lanes::splat(program.dt());
        let is_damped = program.damping_kind() != DampingKind::None;
        for _ in 0..STEPS {
            match (scheme, is_damped) {
                (Scheme::Midpoint { iterations }, false) => {
                    ImplicitMidpoint::new(iterations)?.step(&mut batch, &mut state, &[], dt)?
                }
                (Scheme::Midpoint { iterations }, true) => {
                    let conservative = ImplicitMidpoint::new(iterations)?;
                    Dissipative { conservative }.step(&mut batch, &mut state, &[], dt)?
                }
                (_, false) => LEAPFROG.step(&mut batch.separable()?, &mut state, &[], dt)?,
                (_, true) => {
                    Dissipative { conservative: LEAPFROG }.step(&mut batch.separable()?, &mut state, &[], dt)?
                }
            };
        }
        let stepper = AnyStepper::for_program(&program)?;
        let mut narrow = vec![0.0; program.workspace_len()];
        let mut compiled = Compiled::bind(&program, &mut narrow)?;
        for (lane, start) in x.iter().enumerate().take(LANES) {
            let mut alone = State::<f32, CAPACITY>::new(&start[..n], &start[n..])?;
            for _ in 0..STEPS {
                stepper.step(&mut compiled, &mut alone, &[], program.dt()).context(case.name)?;
            }
            let of_lane: Vec<f32> = state.q().iter().chain(state.p()).map(|value| value.0[lane]).collect();
            assert_eq!(bits(&of_lane), bits(&[alone.q(), alone.p()].concat()), "{}", case.name);
        }
        stepped += 1;
    }
    assert!(stepped >= 8, "{stepped} cases");
    Ok(())
}
