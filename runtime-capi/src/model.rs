//! A model in memory of the caller's, and what can be asked of it.
//!
//! States, inputs and results are copied in and out; only blob and workspace are borrowed, from [`hnn_load`] and [`hnn_bind`]
//! on. Degrees of freedom are rounded up to 2, 8 or 64, so that a small model needs a small stack.

use core::ffi::{CStr, c_char};

use hnn_runtime::format::{MAX_DOF, MAX_INPUTS};
use hnn_runtime::model::Model as _;
use hnn_runtime::{AnyState, AnyStepper, Compiled, Doubled, Program, SchemeId, State};

use crate::error::HnnError;
use crate::pointer::{addresses, checked, overlap, read, write};

/// 64-bit words of a [`HnnModel`].
const MODEL_WORDS: usize = 64;
/// Most degrees of freedom that this build has room for.
const DOF_MAX: usize = if cfg!(feature = "dof-64") {
    MAX_DOF
} else if cfg!(feature = "dof-8") {
    8
} else {
    2
};
/// Marks memory that [`hnn_load`] has filled.
const LOADED: u64 = 0x686e_6e5f_6d6f_6431;

/// A loaded model. Its content is private; its memory is the caller's: static, or on the stack of a function that outlives its use. Set
/// it to zero before hnn_load. It must not be moved or copied after that.
#[repr(C)]
#[derive(Debug)]
pub struct HnnModel {
    private_words: [u64; 64],
}

/// What is known of a loaded model.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct HnnInfo {
    /// Degrees of freedom n.
    pub dof: usize,
    /// Inputs m.
    pub inputs: usize,
    /// Elements of a state: 2n, q before p; 4n for a scheme that keeps a copy of both.
    pub state_len: usize,
    /// Elements of the workspace that hnn_bind wants.
    pub workspace_len: usize,
    /// The time step the model was validated with, in seconds.
    pub dt: f32,
    /// The code of its scheme, for hnn_scheme_name.
    pub scheme: u32,
}

/// What lies in a [`HnnModel`].
#[repr(C)]
struct Loaded {
    mark: u64,
    program: Program<'static>,
    stepper: AnyStepper,
    blob: (*const u32, usize),
    workspace: *mut f32,
}

const _: () = assert!(size_of::<Loaded>() <= size_of::<HnnModel>() && align_of::<Loaded>() <= align_of::<HnnModel>());
const _: () = assert!(MODEL_WORDS * size_of::<u64>() == size_of::<HnnModel>());

type Outcome = Result<(), HnnError>;

fn code(outcome: Outcome) -> HnnError {
    outcome.err().unwrap_or(HnnError::None)
}

/// Refuses a pointer to what is no loaded model.
///
/// # Safety
/// `model` is null, or points to memory that was set to zero and has since been written by [`hnn_load`] alone.
unsafe fn check_loaded(model: *const HnnModel) -> Outcome {
    checked(model)?;
    // SAFETY: the first word is initialised, by the caller or by `hnn_load`, and aligned as was checked.
    if unsafe { model.cast::<u64>().read() } == LOADED { Ok(()) } else { Err(HnnError::NotLoaded) }
}

/// The content of a model that was loaded, to read.
///
/// # Safety
/// As of [`check_loaded`], and nobody writes to the memory for as long as the result is used.
unsafe fn known<'a>(model: *const HnnModel) -> Result<&'a Loaded, HnnError> {
    // SAFETY: as the caller says.
    unsafe { check_loaded(model)? };
    // SAFETY: only `hnn_load` writes that mark, and it writes all of a `Loaded`, which fits.
    Ok(unsafe { &*model.cast::<Loaded>() })
}

/// The content of a model that was loaded, to change.
///
/// # Safety
/// As of [`check_loaded`], and nobody else uses the memory for as long as the result is used.
unsafe fn loaded<'a>(model: *mut HnnModel) -> Result<&'a mut Loaded, HnnError> {
    // SAFETY: as the caller says.
    unsafe { check_loaded(model.cast_const())? };
    // SAFETY: only `hnn_load` writes that mark, and it writes all of a `Loaded`, which fits; the caller shares it with nobody.
    Ok(unsafe { &mut *model.cast::<Loaded>() })
}

impl Loaded {
    /// Runs `task` with the program in its workspace.
    fn with<T>(
        &mut self,
        task: impl FnOnce(&mut Compiled<'_>, &AnyStepper) -> Result<T, HnnError>,
    ) -> Result<T, HnnError> {
        if self.workspace.is_null() {
            return Err(HnnError::NotBound);
        }
        let len = self.program.workspace_len();
        // SAFETY: `hnn_bind` checked null, alignment, length and overlap, and wrote every element; its caller said that the memory stays
        // and is nobody else's. The reference ends with this function.
        let workspace = unsafe { core::slice::from_raw_parts_mut(self.workspace, len) };
        let mut compiled = Compiled::bind(&self.program, workspace)?;
        task(&mut compiled, &self.stepper)
    }

    fn state_len(&self) -> usize {
        let dof = self.program.dof();
        if self.stepper.scheme().is_doubled() { 4 * dof } else { 2 * dof }
    }
}

/// Checks a blob completely and keeps it in `model`; `words` must stay readable and unchanged as long as the model is used.
///
/// # Safety
/// `model` points to writable memory that nobody else uses; `words` to `len` readable words that outlive it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hnn_load(model: *mut HnnModel, words: *const u32, len: usize) -> HnnError {
    let load = || {
        checked(model.cast_const())?;
        checked(words)?;
        if overlap(&addresses(model.cast_const(), 1), &addresses(words, len)) {
            return Err(HnnError::Overlap);
        }
        // SAFETY: not null and aligned, as was checked; the caller says that `len` words can be read for as long as the model is used.
        let blob: &'static [u32] = unsafe { core::slice::from_raw_parts(words, len) };
        let program = Program::parse(blob)?;
        if program.dof() > DOF_MAX {
            return Err(HnnError::Capacity);
        }
        let stepper = AnyStepper::for_program(&program)?;
        let content = Loaded { mark: LOADED, program, stepper, blob: (words, len), workspace: core::ptr::null_mut() };
        // SAFETY: a `Loaded` fits and is aligned, as is asserted above; the caller says that the memory is theirs.
        unsafe { model.cast::<Loaded>().write(content) };
        Ok(())
    };
    code(load())
}

/// Tells what is known of a loaded model.
///
/// # Safety
/// `model` is as hnn_load left it; `info` points to writable memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hnn_info(model: *const HnnModel, info: *mut HnnInfo) -> HnnError {
    // SAFETY: as the caller says; nothing is changed.
    let tell = || unsafe {
        let loaded = known(model)?;
        checked(info.cast_const())?;
        let program = &loaded.program;
        info.write(HnnInfo {
            dof: program.dof(),
            inputs: program.inputs(),
            state_len: loaded.state_len(),
            workspace_len: program.workspace_len(),
            dt: program.dt(),
            scheme: program.scheme().code(),
        });
        Ok(())
    };
    code(tell())
}

/// Gives a loaded model the memory it computes in, and sets it to zero.
///
/// # Safety
/// `model` is as hnn_load left it; `workspace` points to `len` writable elements that nobody else uses as long as the model is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hnn_bind(model: *mut HnnModel, workspace: *mut f32, len: usize) -> HnnError {
    let bind = || {
        // SAFETY: as the caller says.
        let loaded = unsafe { loaded(model)? };
        checked(workspace.cast_const())?;
        if len < loaded.program.workspace_len() {
            return Err(HnnError::WorkspaceTooSmall);
        }
        let (blob, blob_len) = loaded.blob;
        let used = addresses(workspace.cast_const(), loaded.program.workspace_len());
        let others = [addresses(blob, blob_len), addresses(model.cast_const(), 1)];
        if others.iter().any(|other| overlap(&used, other)) {
            return Err(HnnError::Overlap);
        }
        for index in 0..loaded.program.workspace_len() {
            // SAFETY: index < len, and the caller says that so many elements can be written.
            unsafe { workspace.add(index).write(0.0) };
        }
        loaded.workspace = workspace;
        Ok(())
    };
    code(bind())
}

/// Writes the state that a motion begins with, from `x`: q, then p, 2n elements. `state` has room for `state_len` elements and may be `x`.
///
/// # Safety
/// `model` is as hnn_load left it; `x` points to `x_len` readable elements, `state` to `room` writable ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hnn_begin(
    model: *const HnnModel,
    x: *const f32,
    x_len: usize,
    state: *mut f32,
    room: usize,
) -> HnnError {
    // SAFETY: as the caller says.
    let begin = || unsafe {
        let loaded = known(model)?;
        let len = 2 * loaded.program.dof();
        let x = read::<{ 2 * MAX_DOF }>(x, x_len, len, HnnError::StateLength)?;
        if x.iter().any(|value| !value.is_finite()) {
            return Err(HnnError::NonFinite);
        }
        let mut copies = [0.0; 4 * MAX_DOF];
        copies.iter_mut().zip(x.iter().take(len).cycle()).for_each(|(copy, value)| *copy = *value);
        write(state, room, copies.into_iter().take(loaded.state_len()))
    };
    code(begin())
}

/// Makes one step of `dt` seconds with `u` held, in place. `residual`, which may be null, gets what an implicit scheme or a damping that
/// iterates still changed last, else 0. A step that fails leaves the state as it was.
///
/// # Safety
/// `model` is as hnn_bind left it; `state` points to `state_len` elements that can be read and written, `u` to `u_len` readable
/// ones or is null with 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hnn_step(
    model: *mut HnnModel,
    state: *mut f32,
    state_len: usize,
    u: *const f32,
    u_len: usize,
    dt: f32,
    residual: *mut f32,
) -> HnnError {
    // SAFETY: as the caller says.
    let step = || unsafe {
        let loaded = loaded(model)?;
        let u = read::<MAX_INPUTS>(u, u_len, loaded.program.inputs(), HnnError::InputLength)?;
        let u = u.get(..u_len).unwrap_or_default();
        if !residual.is_null() {
            checked(residual.cast_const())?;
        }
        let left = match loaded.program.dof() {
            0..=2 => step_in::<2, 8>(loaded, state, state_len, u, dt)?,
            #[cfg(feature = "dof-8")]
            3..=8 => step_in::<8, 32>(loaded, state, state_len, u, dt)?,
            #[cfg(feature = "dof-64")]
            _ => step_in::<MAX_DOF, { 4 * MAX_DOF }>(loaded, state, state_len, u, dt)?,
            #[cfg(not(feature = "dof-64"))]
            _ => return Err(HnnError::Capacity),
        };
        if !residual.is_null() {
            residual.write(left);
        }
        Ok(())
    };
    code(step())
}

/// A step with room for `N` degrees of freedom and the `LEN` numbers of a doubled state. Never inlined, so that the stack of one size
/// is not the stack of all.
///
/// # Safety
/// As of [`hnn_step`].
#[inline(never)]
unsafe fn step_in<const N: usize, const LEN: usize>(
    loaded: &mut Loaded,
    state: *mut f32,
    state_len: usize,
    u: &[f32],
    dt: f32,
) -> Result<f32, HnnError> {
    let (dof, len) = (loaded.program.dof(), loaded.state_len());
    // SAFETY: as the caller says.
    let values = unsafe { read::<LEN>(state.cast_const(), state_len, len, HnnError::StateLength)? };
    let part = |index: usize| values.get(index * dof..(index + 1) * dof).unwrap_or_default();
    let first = State::<f32, N>::new(part(0), part(1))?;
    let mut moving = if len == 4 * dof {
        AnyState::Doubled(Doubled::from_copies(first, State::new(part(2), part(3))?)?)
    } else {
        AnyState::Plain(first)
    };
    let residual = loaded.with(|compiled, stepper| Ok(stepper.step_any(compiled, &mut moving, u, dt)?))?;
    let mut moved = values;
    for (element, value) in moved.iter_mut().zip(moving.coordinates()) {
        *element = value;
    }
    // SAFETY: as the caller says.
    unsafe { write(state, state_len, moved.into_iter().take(len))? };
    Ok(residual)
}

/// Evaluates H at `x`: q, then p, 2n elements; of a longer state, its first 2n.
///
/// # Safety
/// `model` is as hnn_bind left it; `x` points to 2n readable elements at least, `energy` to a writable one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hnn_energy(model: *mut HnnModel, x: *const f32, x_len: usize, energy: *mut f32) -> HnnError {
    // SAFETY: as the caller says.
    let evaluate = || unsafe {
        let loaded = loaded(model)?;
        let dof = loaded.program.dof();
        if x_len < 2 * dof {
            return Err(HnnError::StateLength);
        }
        let x = read::<{ 2 * MAX_DOF }>(x, 2 * dof, 2 * dof, HnnError::StateLength)?;
        let (q, p) = (x.get(..dof).unwrap_or_default(), x.get(dof..2 * dof).unwrap_or_default());
        let value = loaded.with(|compiled, _| Ok(compiled.energy(q, p)))?;
        write(energy, 1, core::iter::once(value))
    };
    code(evaluate())
}

/// Evaluates the field at `x` with the input `u`, damping not included: dq, then dp, 2n elements.
///
/// # Safety
/// `model` is as hnn_bind left it; `x` points to 2n readable elements at least, `u` to `u_len` or is null with 0, `dx` to `room`
/// writable ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hnn_field(
    model: *mut HnnModel,
    x: *const f32,
    x_len: usize,
    u: *const f32,
    u_len: usize,
    dx: *mut f32,
    room: usize,
) -> HnnError {
    // SAFETY: as the caller says.
    let evaluate = || unsafe {
        let loaded = loaded(model)?;
        let dof = loaded.program.dof();
        if x_len < 2 * dof {
            return Err(HnnError::StateLength);
        }
        let x = read::<{ 2 * MAX_DOF }>(x, 2 * dof, 2 * dof, HnnError::StateLength)?;
        let u = read::<MAX_INPUTS>(u, u_len, loaded.program.inputs(), HnnError::InputLength)?;
        let (q, p) = (x.get(..dof).unwrap_or_default(), x.get(dof..2 * dof).unwrap_or_default());
        let (mut dq, mut dp) = ([0.0; MAX_DOF], [0.0; MAX_DOF]);
        let halves = (dq.get_mut(..dof).unwrap_or_default(), dp.get_mut(..dof).unwrap_or_default());
        loaded.with(|compiled, _| {
            compiled.field(q, p, u.get(..u_len).unwrap_or_default(), halves.0, halves.1);
            Ok(())
        })?;
        let mut both = [0.0; 2 * MAX_DOF];
        let rates = dq.iter().take(dof).chain(dp.iter().take(dof));
        both.iter_mut().zip(rates).for_each(|(element, rate)| *element = *rate);
        write(dx, room, both.into_iter().take(2 * dof))
    };
    code(evaluate())
}

/// The name of a scheme, as on the command line of `hnn`; of a code that is none, an empty text. Never null, never to be freed.
#[unsafe(no_mangle)]
pub extern "C" fn hnn_scheme_name(scheme: u32) -> *const c_char {
    SchemeId::from_code(scheme).map_or(c"", name).as_ptr()
}

fn name(scheme: SchemeId) -> &'static CStr {
    match scheme {
        SchemeId::Leapfrog => c"leapfrog",
        SchemeId::Yoshida4 => c"yoshida4",
        SchemeId::Midpoint => c"midpoint",
        SchemeId::Rattle => c"rattle",
        SchemeId::Rattle4 => c"rattle4",
        SchemeId::SymplecticEuler => c"symplectic-euler",
        SchemeId::PositionVerlet => c"position-verlet",
        SchemeId::Yoshida6 => c"yoshida6",
        SchemeId::MclachlanAtela4 => c"mclachlan-atela4",
        SchemeId::BlanesMoan4 => c"blanes-moan4",
        SchemeId::StormerVerlet => c"stormer-verlet",
        SchemeId::Tao2 => c"tao2",
        SchemeId::Tao4 => c"tao4",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_have_the_names_of_the_command_line() {
        for scheme in SchemeId::ALL {
            assert_eq!(name(*scheme).to_str(), Ok(scheme.name()));
        }
    }
}
