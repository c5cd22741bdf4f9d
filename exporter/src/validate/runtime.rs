//! `hnn-runtime` itself: the blob that goes to the device, executed by the code that runs there.
//!
//! The blob holds one model, not three files; what it is asked for here is what the file of the same name computes: the
//! energy, the whole field with its dissipation, or one step of the deployed scheme.

use hnn_runtime::format::MAX_DOF;
use hnn_runtime::model::{Damped, Model};
use hnn_runtime::{AnyState, AnyStepper, Compiled, DampingKind, Doubled, Error, Program, State};

use super::artifact::Part;
use super::engine::{Engine, EngineError, EngineKind, input};
use crate::graph::Tensor;

/// A blob, asked for one part of the model.
#[derive(Debug, Clone)]
pub struct Runtime {
    words: Vec<u32>,
    part: Part,
}

fn failed(error: Error) -> EngineError {
    EngineError::failed(EngineKind::Runtime, error)
}

/// Name and release of the runtime, for reports.
pub(super) fn version() -> String {
    format!("hnn-runtime {}, f32", env!("CARGO_PKG_VERSION"))
}

/// Runs `task` with the blob's program, bound to a workspace.
pub(super) fn with_model<T>(
    words: &[u32],
    task: impl FnOnce(&mut Compiled<'_>) -> Result<T, Error>,
) -> Result<T, EngineError> {
    let program = Program::parse(words).map_err(failed)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace).map_err(failed)?;
    task(&mut model).map_err(failed)
}

impl Runtime {
    /// Checks a blob.
    ///
    /// # Errors
    /// [`EngineError::Failed`] where it is damaged or of another version, or `part` is none that a model's blob answers for.
    pub fn new(words: &[u32], part: Part) -> Result<Self, EngineError> {
        if !Part::REQUIRED.contains(&part) {
            return Err(EngineError::failed(EngineKind::Runtime, format!("the {part} is a function of its own")));
        }
        Program::parse(words).map_err(failed)?;
        Ok(Self { words: words.to_vec(), part })
    }
}

/// One row of inputs, rounded to f32: a state, and whatever follows it in a row, its copy.
struct Row {
    q: Vec<f32>,
    p: Vec<f32>,
    copy: Vec<f32>,
    u: Vec<f32>,
}

impl Engine for Runtime {
    fn kind(&self) -> EngineKind {
        EngineKind::Runtime
    }

    fn version(&self) -> String {
        version()
    }

    fn run(&mut self, inputs: &[(&str, &Tensor)]) -> Result<Vec<(String, Tensor)>, EngineError> {
        let program = Program::parse(&self.words).map_err(failed)?;
        let (n, m) = (program.dof(), program.inputs());
        let x = input(EngineKind::Runtime, inputs, "x")?;
        let u = if m > 0 { Some(input(EngineKind::Runtime, inputs, "u")?) } else { None };
        let is_doubled = self.part == Part::Step && program.scheme().is_doubled();
        let width = if is_doubled { 4 * n } else { 2 * n };
        let count = x.data().len() / width;
        let fits = |tensor: &Tensor, width: usize| tensor.data().len() == count * width;
        if !fits(x, width) || u.is_some_and(|u| !fits(u, m)) {
            return Err(EngineError::failed(EngineKind::Runtime, format!("x must be [_, {width}], u [_, {m}]")));
        }
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let rows = (0..count).map(|row| {
            let state = narrow(&x.data()[width * row..width * (row + 1)]);
            let u = u.map_or_else(Vec::new, |u| narrow(&u.data()[m * row..m * (row + 1)]));
            Row { q: state[..n].to_vec(), p: state[n..2 * n].to_vec(), copy: state[2 * n..].to_vec(), u }
        });
        let rows: Vec<Row> = rows.collect();
        match self.part {
            Part::Hamiltonian => {
                let energies = with_model(&self.words, |model| {
                    Ok(rows.iter().map(|row| f64::from(model.energy(&row.q, &row.p))).collect())
                })?;
                Ok(vec![("H".to_owned(), Tensor::new(vec![count, 1], energies)?)])
            }
            Part::Field => {
                let field =
                    with_model(&self.words, |model| Ok(rows.iter().flat_map(|row| field(model, row)).collect()))?;
                Ok(vec![("dx".to_owned(), Tensor::new(vec![count, 2 * n], field)?)])
            }
            Part::Step => {
                let dt = input(EngineKind::Runtime, inputs, "dt")?.data().first().copied().unwrap_or_default() as f32;
                let (states, residuals) = with_model(&self.words, |model| step(model, &rows, dt))?;
                Ok(vec![
                    ("x_next".to_owned(), Tensor::new(vec![count, width], states)?),
                    ("residual".to_owned(), Tensor::new(vec![count, 1], residuals)?),
                ])
            }
            Part::Velocity | Part::Momentum => Ok(Vec::new()),
        }
    }
}

/// (J − R)∇H + G u of one row: the program's field is without dissipation, whose force −R_p ∂H/∂p is added here.
fn field(model: &mut Compiled<'_>, row: &Row) -> Vec<f64> {
    let n = row.q.len();
    let (mut dq, mut dp, mut r) = (vec![0.0; n], vec![0.0; n], vec![0.0; n * n]);
    model.field(&row.q, &row.p, &row.u, &mut dq, &mut dp);
    if model.program().constraints() > 0 {
        // Of a constrained model the program has the whole field.
        return dq.into_iter().chain(dp).map(f64::from).collect();
    }
    model.damping(&row.q, &row.p, &mut r);
    match model.damping_kind() {
        DampingKind::None => {}
        DampingKind::Diagonal => {
            for ((force, coefficient), velocity) in dp.iter_mut().zip(&r).zip(&dq) {
                *force -= coefficient * velocity;
            }
        }
        DampingKind::Full => {
            for (force, coefficients) in dp.iter_mut().zip(r.chunks_exact(n)) {
                *force -=
                    coefficients.iter().zip(&dq).map(|(coefficient, velocity)| coefficient * velocity).sum::<f32>();
            }
        }
    }
    dq.into_iter().chain(dp).map(f64::from).collect()
}

/// One step of the deployed scheme from every row: the states, and the residuals of an implicit scheme.
fn step(model: &mut Compiled<'_>, rows: &[Row], dt: f32) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let stepper = AnyStepper::for_program(model.program())?;
    let (mut states, mut residuals) = (Vec::new(), Vec::new());
    for row in rows {
        let first = State::<f32, MAX_DOF>::new(&row.q, &row.p)?;
        let mut state = if row.copy.is_empty() {
            AnyState::Plain(first)
        } else {
            let (x, y) = row.copy.split_at(row.q.len());
            AnyState::Doubled(Doubled::from_copies(first, State::new(x, y)?)?)
        };
        residuals.push(f64::from(stepper.step_any(model, &mut state, &row.u, dt)?));
        states.extend(state.coordinates().map(f64::from));
    }
    Ok((states, residuals))
}
