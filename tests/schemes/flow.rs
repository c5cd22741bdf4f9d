//! Steps of any scheme on any kind of state as one function from numbers to numbers: what every measurement takes.

use hnn_exporter::dynamics::Scheme;
use hnn_exporter::dynamics::claims::Numbers;
use hnn_runtime::integrate::{Dissipative, ImplicitMidpoint, Rattle, StormerVerlet};
use hnn_runtime::model::{Damped, Separable};
use hnn_runtime::{Doubled, Lattice, Scalar, State, Stepper};

use crate::system::{Friction, Mixed, Ring, Springs};

/// Iterations of implicit schemes: enough for their residual to be rounding.
const ITERATIONS: u32 = 60;
/// Bits after the binary point of a lattice.
const BITS: u8 = 32;

/// A scheme, how its state is kept, and the friction of what it moves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    pub(crate) scheme: Scheme,
    pub(crate) numbers: Numbers,
    pub(crate) friction: Friction,
    /// Whether to move the energy that does not split.
    pub(crate) mixed: bool,
}

impl Flow {
    /// The coordinates after one step for each input, of 4 numbers or, doubled, 8.
    pub(crate) fn run(&self, x: &[f64], inputs: &[f64], dt: f64) -> Vec<f64> {
        match self.numbers {
            Numbers::F64 => self.float::<f64>(x, inputs, dt),
            Numbers::F32 => self.float::<f32>(x, inputs, dt),
            Numbers::Lattice => units(&self.on_lattice(&lattice(x), inputs, dt)),
        }
    }

    /// Steps a lattice forward.
    pub(crate) fn on_lattice(&self, start: &Lattice<2>, inputs: &[f64], dt: f64) -> Lattice<2> {
        let (table, mut state) = (self.scheme.splitting().unwrap(), start.clone());
        for u in inputs {
            state.step(table, &mut Springs(self.friction), &[*u as f32], dt as f32).unwrap();
        }
        state
    }

    /// Takes the same steps back.
    pub(crate) fn undone(&self, end: &Lattice<2>, inputs: &[f64], dt: f64) -> Lattice<2> {
        let (table, mut state) = (self.scheme.splitting().unwrap(), end.clone());
        for u in inputs.iter().rev() {
            state.undo(table, &mut Springs(self.friction), &[*u as f32], dt as f32).unwrap();
        }
        state
    }

    fn float<S: Scalar>(&self, x: &[f64], inputs: &[f64], dt: f64) -> Vec<f64> {
        match (self.scheme.keeps_constraints(), self.mixed) {
            (true, _) => {
                let stepper = Dissipative { conservative: solved(self.scheme) };
                steps(&stepper, &mut Ring(self.friction), x, inputs, S::from_f64(dt))
            }
            (false, true) => self.any::<S, Mixed>(&mut Mixed, x, inputs, dt),
            (false, false) => match self.scheme.splitting() {
                Some(table) => self.split::<S, Springs>(table, x, inputs, dt),
                None => self.any::<S, Springs>(&mut Springs(self.friction), x, inputs, dt),
            },
        }
    }

    fn split<S: Scalar, M>(
        &self,
        table: &hnn_runtime::integrate::Splitting,
        x: &[f64],
        inputs: &[f64],
        dt: f64,
    ) -> Vec<f64>
    where
        M: Separable<S> + Damped<S> + From<Friction>,
    {
        let mut model = M::from(self.friction);
        steps(&Dissipative { conservative: *table }, &mut model, x, inputs, S::from_f64(dt))
    }

    /// Schemes that need nothing of the model.
    fn any<S: Scalar, M: Damped<S>>(&self, model: &mut M, x: &[f64], inputs: &[f64], dt: f64) -> Vec<f64> {
        let dt = S::from_f64(dt);
        match (self.scheme.tao(), self.scheme) {
            (Some(tao), _) => {
                let mut doubled = Doubled::from_copies(state(&x[..4]), state(&x[4..])).unwrap();
                inputs.iter().for_each(|u| {
                    doubled.step_damped(&tao, model, &[S::from_f64(*u)], dt).unwrap();
                });
                doubled.first().coordinates().chain(doubled.second().coordinates()).map(Scalar::to_f64).collect()
            }
            (None, Scheme::StormerVerlet { .. }) => {
                let conservative = StormerVerlet::new(ITERATIONS).unwrap();
                steps(&Dissipative { conservative }, model, x, inputs, dt)
            }
            (None, _) => {
                let conservative = ImplicitMidpoint::new(ITERATIONS).unwrap();
                steps(&Dissipative { conservative }, model, x, inputs, dt)
            }
        }
    }
}

impl From<Friction> for Springs {
    fn from(friction: Friction) -> Self {
        Self(friction)
    }
}

fn solved(scheme: Scheme) -> Rattle {
    scheme.with_iterations(8).unwrap().rattle().unwrap()
}

/// Any stepper from 4 numbers to 4.
pub(crate) fn steps<S: Scalar, M: Damped<S>>(
    stepper: &dyn Stepper<M, S, 2>,
    model: &mut M,
    x: &[f64],
    inputs: &[f64],
    dt: S,
) -> Vec<f64> {
    let mut state = state(x);
    inputs.iter().for_each(|u| {
        stepper.step(model, &mut state, &[S::from_f64(*u)], dt).unwrap();
    });
    state.coordinates().map(Scalar::to_f64).collect()
}

fn state<S: Scalar>(x: &[f64]) -> State<S, 2> {
    let x: Vec<S> = x.iter().map(|value| S::from_f64(*value)).collect();
    State::new(&x[..2], &x[2..]).unwrap()
}

/// The lattice point nearest to four numbers.
pub(crate) fn lattice(x: &[f64]) -> Lattice<2> {
    Lattice::with_bits(&state::<f32>(x), &[BITS; 2], &[BITS; 2]).unwrap()
}

/// Its coordinates, without rounding.
pub(crate) fn units(lattice: &Lattice<2>) -> Vec<f64> {
    lattice.units().map(|units| units as f64 / 2f64.powi(BITS.into())).collect()
}
