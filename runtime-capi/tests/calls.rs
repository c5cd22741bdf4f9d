//! What C may do wrong is an error and changes nothing; what it does right gives the runtime's bits.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops here")]

use std::ffi::CStr;
use std::ptr::{null, null_mut};

use hnn_capi::{
    HnnError, HnnInfo, HnnModel, hnn_begin, hnn_bind, hnn_energy, hnn_error_name, hnn_field, hnn_info, hnn_load,
    hnn_step,
};
use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyStepper, Compiled, Program, State};

/// A pendulum as the firmware carries it, in words.
fn blob() -> Vec<u32> {
    let bytes = include_bytes!("../../firmware-examples/model/pendulum_formula.hnn");
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

fn zeroed() -> Box<HnnModel> {
    // SAFETY: a model is an array of integers, for which zero is a value.
    unsafe { Box::new(std::mem::zeroed()) }
}

fn info(model: &HnnModel) -> HnnInfo {
    let mut info = HnnInfo { dof: 0, inputs: 0, state_len: 0, workspace_len: 0, dt: 0.0, scheme: 0 };
    // SAFETY: both are references.
    assert_eq!(unsafe { hnn_info(model, &mut info) }, HnnError::None);
    info
}

#[test]
fn steps_energies_and_fields_are_the_runtime_s_to_the_bit() {
    let words = blob();
    let program = Program::parse(&words).unwrap();
    let mut expected_workspace = vec![0.0; program.workspace_len()];
    let mut compiled = Compiled::bind(&program, &mut expected_workspace).unwrap();
    let stepper = AnyStepper::for_program(&program).unwrap();
    let mut expected = stepper.begin(State::<f32, 8>::new(&[1.0], &[0.25]).unwrap());
    let mut model = zeroed();
    let mut workspace = vec![0.0f32; program.workspace_len()];
    // SAFETY: every pointer is that of a vector or an array, every length theirs.
    unsafe {
        assert_eq!(hnn_load(&mut *model, words.as_ptr(), words.len()), HnnError::None);
        let info = info(&model);
        assert_eq!((info.dof, info.state_len, info.workspace_len), (1, 2, program.workspace_len()));
        assert_eq!(hnn_bind(&mut *model, workspace.as_mut_ptr(), workspace.len()), HnnError::None);
        let mut state = [1.0f32, 0.25];
        let place = state.as_mut_ptr();
        assert_eq!(hnn_begin(&*model, place, 2, place, 2), HnnError::None);
        let u = vec![0.0f32; info.inputs];
        let steps = if cfg!(miri) { 20 } else { 1_000 };
        for _ in 0..steps {
            stepper.step_any(&mut compiled, &mut expected, &u, program.dt()).unwrap();
            let mut residual = 1.0;
            let found = hnn_step(&mut *model, state.as_mut_ptr(), 2, u.as_ptr(), u.len(), info.dt, &mut residual);
            assert_eq!((found, residual), (HnnError::None, 0.0));
            assert!(expected.coordinates().map(f32::to_bits).eq(state.map(f32::to_bits)));
        }
        let (mut energy, mut dx) = (0.0, [0.0; 2]);
        assert_eq!(hnn_energy(&mut *model, state.as_ptr(), 2, &mut energy), HnnError::None);
        let found = hnn_field(&mut *model, state.as_ptr(), 2, u.as_ptr(), u.len(), dx.as_mut_ptr(), 2);
        assert_eq!(found, HnnError::None);
        let (mut dq, mut dp) = ([0.0], [0.0]);
        let at = expected.state();
        compiled.field(at.q(), at.p(), &u, &mut dq, &mut dp);
        assert_eq!([dq[0], dp[0]].map(f32::to_bits), dx.map(f32::to_bits));
        assert_eq!(energy.to_bits(), compiled.energy(at.q(), at.p()).to_bits());
    }
}

#[test]
fn null_pointers_misaligned_ones_and_short_buffers_are_errors_and_change_nothing() {
    let words = blob();
    let (mut model, mut workspace) = (zeroed(), vec![0.0f32; 64]);
    // SAFETY: pointers are null, misaligned within an array, or those of arrays with lengths that are no longer than they are.
    unsafe {
        assert_eq!(hnn_load(null_mut(), words.as_ptr(), words.len()), HnnError::NullPointer);
        assert_eq!(hnn_load(&mut *model, null(), 100), HnnError::NullPointer);
        let crooked = words.as_ptr().byte_add(1);
        assert_eq!(hnn_load(&mut *model, crooked, words.len() - 1), HnnError::Misaligned);
        assert_eq!(hnn_load(&mut *model, words.as_ptr(), 3), HnnError::TooShort);
        assert_eq!(hnn_load(&mut *model, words.as_ptr(), words.len() - 1), HnnError::Length);
        let mut state = [1.0f32, 0.25];
        let step =
            |model: &mut HnnModel, state: *mut f32, len, dt| hnn_step(model, state, len, null(), 0, dt, null_mut());
        assert_eq!(step(&mut model, state.as_mut_ptr(), 2, 0.1), HnnError::NotLoaded);
        assert_eq!(hnn_load(&mut *model, words.as_ptr(), words.len()), HnnError::None);
        assert_eq!(info(&model).inputs, 0);
        assert_eq!(hnn_info(&*model, null_mut()), HnnError::NullPointer);
        assert_eq!(step(&mut model, state.as_mut_ptr(), 2, 0.1), HnnError::NotBound);
        assert_eq!(hnn_bind(&mut *model, null_mut(), 64), HnnError::NullPointer);
        assert_eq!(hnn_bind(&mut *model, workspace.as_mut_ptr(), 1), HnnError::WorkspaceTooSmall);
        let inside = (&raw mut *model).cast::<f32>().add(2);
        assert_eq!(hnn_bind(&mut *model, inside, 64), HnnError::Overlap);
        assert_eq!(hnn_bind(&mut *model, workspace.as_mut_ptr(), 64), HnnError::None);
        assert_eq!(step(&mut model, null_mut(), 2, 0.1), HnnError::NullPointer);
        assert_eq!(step(&mut model, state.as_mut_ptr(), 1, 0.1), HnnError::StateLength);
        assert_eq!(step(&mut model, state.as_mut_ptr(), 2, f32::NAN), HnnError::NonFinite);
        let found = hnn_step(&mut *model, state.as_mut_ptr(), 2, [0.0].as_ptr(), 1, 0.1, null_mut());
        assert_eq!(found, HnnError::InputLength);
        assert_eq!(hnn_begin(&*model, state.as_ptr(), 2, workspace.as_mut_ptr(), 1), HnnError::ShortBuffer);
        assert_eq!(hnn_begin(&*model, [f32::NAN, 0.0].as_ptr(), 2, state.as_mut_ptr(), 2), HnnError::NonFinite);
        assert_eq!(hnn_energy(&mut *model, state.as_ptr(), 1, null_mut()), HnnError::StateLength);
        assert_eq!(hnn_energy(&mut *model, state.as_ptr(), 2, null_mut()), HnnError::NullPointer);
        let found = hnn_field(&mut *model, state.as_ptr(), 2, null(), 0, workspace.as_mut_ptr(), 1);
        assert_eq!(found, HnnError::ShortBuffer);
        assert_eq!(state, [1.0, 0.25]);
    }
}

#[test]
fn every_code_has_a_text_of_its_own() {
    let text = |code: u32| {
        // SAFETY: the text is static and ends with a zero.
        unsafe { CStr::from_ptr(hnn_error_name(code)) }.to_str().unwrap()
    };
    let mut texts: Vec<&str> = (0..=HnnError::Capacity as u32).map(text).collect();
    assert_eq!(text(HnnError::Capacity as u32 + 1), "no error code");
    assert!(!texts.contains(&"no error code"));
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), HnnError::Capacity as usize + 1);
}
