//! A step that cannot be made is reported and changes nothing.

use std::vec::Vec;

use super::state;
use crate::error::Error;
use crate::format::{SchemeId, flags};
use crate::integrate::{AnyStepper, Dissipative, ImplicitMidpoint, LEAPFROG, Stepper};
use crate::math;
use crate::state::State;
use crate::testing::pendulum::pendulum;
use crate::testing::{Dashpot, Oscillator, Pendulum};
use crate::{Compiled, Program, Workspace};

#[test]
fn a_step_that_would_not_be_finite_leaves_every_bit_of_the_state() {
    let start = State::<f32, 1>::new(&[3.0e38], &[3.0e38]).unwrap();
    let mut state = start.clone();
    assert_eq!(LEAPFROG.step(&mut Oscillator, &mut state, &[], 10.0), Err(Error::NonFinite));
    assert_eq!(state, start);
    assert_eq!(LEAPFROG.step(&mut Oscillator, &mut state, &[], f32::NAN), Err(Error::NonFinite));
    assert_eq!(state, start);
}

#[test]
fn wrong_lengths_are_refused() {
    assert_eq!(State::<f64, 1>::new(&[1.0, 2.0], &[1.0, 2.0]), Err(Error::StateLength));
    assert_eq!(State::<f64, 2>::new(&[1.0], &[1.0, 2.0]), Err(Error::StateLength));
    assert_eq!(State::<f64, 2>::new(&[], &[]), Err(Error::StateLength));
    assert_eq!(State::<f64, 2>::new(&[f64::NAN], &[1.0]), Err(Error::NonFinite));
    let mut two = state(&[0.0, 0.0], &[0.0, 0.0]);
    assert_eq!(LEAPFROG.step(&mut Pendulum, &mut two, &[], 0.1), Err(Error::StateLength));
    let mut one = state(&[0.0], &[0.0]);
    assert_eq!(LEAPFROG.step(&mut Pendulum, &mut one, &[1.0], 0.1), Err(Error::InputLength));
}

#[test]
fn iterations_outside_the_bound_are_refused() {
    assert_eq!(ImplicitMidpoint::new(0), Err(Error::Iterations));
    assert_eq!(ImplicitMidpoint::new(65), Err(Error::Iterations));
}

#[test]
fn damping_beyond_the_reach_of_the_taylor_sum_is_refused() {
    let mut model = Dashpot {
        inverse_mass: [1.0, 0.0, 0.0, 1.0],
        damping: Vec::from([50.0, 1.0, 1.0, 50.0]),
        stiffness: 1.0,
        quadratic: true,
    };
    let start = state(&[1.0, 1.0], &[1.0, 1.0]);
    let mut state = start.clone();
    let stepper = Dissipative { conservative: LEAPFROG };
    assert_eq!(stepper.step(&mut model, &mut state, &[0.0], 0.2), Err(Error::DampingTooStiff));
    assert_eq!(state, start);
    assert!(stepper.step(&mut model, &mut state, &[0.0], 0.1).is_ok());
}

#[test]
fn a_compiled_pendulum_steps_like_its_formula_to_the_bit() {
    for damping in [None, Some(0.25f32)] {
        let words = pendulum(damping).words();
        let program = Program::parse(&words).unwrap();
        let mut workspace = Workspace::<8>::for_program(&program).unwrap();
        let mut model = Compiled::bind(&program, &mut workspace).unwrap();
        let stepper = AnyStepper::for_program(&program).unwrap();
        let mut state = State::<f32, 1>::new(&[2.0], &[-0.5]).unwrap();
        let (mut q, mut p, dt) = (2.0f32, -0.5f32, 0.1f32);
        for _ in 0..1_000 {
            stepper.step(&mut model, &mut state, &[], program.dt()).unwrap();
            let decay = |p: f32| damping.map_or(p, |r| p * math::exp(-(0.5 * dt * (r * 1.0))));
            p = decay(p);
            p += 0.5 * dt * -math::sin(q);
            q += dt * p;
            p += 0.5 * dt * -math::sin(q);
            p = decay(p);
            assert_eq!((state.q()[0].to_bits(), state.p()[0].to_bits()), (q.to_bits(), p.to_bits()));
        }
    }
}

#[test]
fn an_explicit_scheme_is_refused_for_a_program_that_is_not_separable() {
    let mut assembler = pendulum(None);
    assembler.header.flags &= !(flags::SEPARABLE | flags::KINETIC_QUADRATIC);
    assembler.header.inverse_mass = crate::format::ABSENT;
    assembler.entries.retain(|(entry, ..)| !matches!(entry, crate::Entry::Velocity | crate::Entry::Force));
    let words = assembler.words();
    // The header still names leapfrog: a contradiction.
    assert_eq!(Program::parse(&words).err(), Some(Error::Header));
    (assembler.header.scheme, assembler.header.setting) = (SchemeId::Midpoint.code(), 8);
    let words = assembler.words();
    let program = Program::parse(&words).unwrap();
    assert_eq!(AnyStepper::new(&program, SchemeId::Leapfrog, 0), Err(Error::NotSeparable));
    let mut workspace = Workspace::<6>::for_program(&program).unwrap();
    let mut model = Compiled::bind(&program, &mut workspace).unwrap();
    assert_eq!(model.separable().err(), Some(Error::NotSeparable));
    let mut state = State::<f32, 1>::new(&[2.0], &[-0.5]).unwrap();
    let residual = AnyStepper::for_program(&program).unwrap().step(&mut model, &mut state, &[], 0.1).unwrap();
    assert!(residual < 1e-6);
}

#[test]
fn a_doubled_scheme_steps_a_doubled_state_and_no_other() {
    for damping in [None, Some(0.25f32)] {
        let mut assembler = pendulum(damping);
        (assembler.header.scheme, assembler.header.setting) = (SchemeId::Tao2.code(), 10.0f32.to_bits());
        let words = assembler.words();
        let program = Program::parse(&words).unwrap();
        assert_eq!((program.omega(), program.iterations()), (Some(10.0), 0));
        let mut workspace = Workspace::<8>::for_program(&program).unwrap();
        let mut model = Compiled::bind(&program, &mut workspace).unwrap();
        let stepper = AnyStepper::for_program(&program).unwrap();
        let start = State::<f32, 1>::new(&[1.0], &[0.2]).unwrap();
        let mut plain = start.clone();
        assert_eq!(stepper.step(&mut model, &mut plain, &[], 0.05), Err(Error::NotDoubled));
        assert_eq!(plain, start);
        assert_eq!(stepper.explicit(&program), Err(Error::NotExplicit));
        let mut any = stepper.begin(start.clone());
        for _ in 0..200 {
            stepper.step_any(&mut model, &mut any, &[], 0.05).unwrap();
        }
        assert_eq!(any.coordinates().count(), 4);
        // Leapfrog takes the same way, up to both their errors; friction is part of it.
        let leapfrog = AnyStepper::new(&program, SchemeId::Leapfrog, 0).unwrap();
        assert_eq!(leapfrog.step_any(&mut model, &mut any, &[], 0.05), Err(Error::NotDoubled));
        for _ in 0..200 {
            leapfrog.step(&mut model, &mut plain, &[], 0.05).unwrap();
        }
        for (a, b) in any.state().coordinates().zip(plain.coordinates()) {
            assert!((a - b).abs() < 5e-3, "{a} {b}");
        }
        // A binding that is none.
        assembler.header.setting = 0;
        assert_eq!(Program::parse(&assembler.words()).err(), Some(Error::Header));
    }
}

#[test]
fn dissipation_belongs_to_the_model_that_is_stepped_and_not_to_the_maker_of_the_stepper() {
    let (plain, damped) = (pendulum(None).words(), pendulum(Some(0.25)).words());
    let (plain, damped) = (Program::parse(&plain).unwrap(), Program::parse(&damped).unwrap());
    let after = |made_for: &Program<'_>, stepped: &Program<'_>| {
        let mut workspace = Workspace::<8>::for_program(stepped).unwrap();
        let mut model = Compiled::bind(stepped, &mut workspace).unwrap();
        let mut state = State::<f32, 1>::new(&[2.0], &[-0.5]).unwrap();
        AnyStepper::for_program(made_for).unwrap().step(&mut model, &mut state, &[], 0.1).unwrap();
        state
    };
    assert_eq!(after(&plain, &damped), after(&damped, &damped));
    assert_eq!(after(&damped, &plain), after(&plain, &plain));
    assert_ne!(after(&plain, &plain), after(&damped, &damped));
}
