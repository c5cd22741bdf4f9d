//! Models as generated source, and a program around all of them that prints what they compute, line by line as the
//! interpreter does here.

mod interpreted;
mod programs;

use anyhow::Result;
use hnn_exporter::dynamics::Scheme;
use hnn_exporter::emit::{blob, read_blob};
use hnn_exporter::expression;
use hnn_exporter::lower::{Plan, lower};

use crate::cases::{self, Case};
use crate::executors::scheme;
use crate::repository;

pub use interpreted::{check, interpreted};
pub use programs::{c_program, rust_program};

/// Steps of the long run of every subject.
pub const STEPS: u32 = 10_000;
/// States at which every entry is tried besides the edges.
const STATES: usize = 24;
/// Values that every coordinate takes in turn.
const EDGES: [f32; 12] =
    [0.0, -0.0, 1.0, -1.0, f32::MIN_POSITIVE / 8.0, -1e-20, 1e-6, 88.5, -3e4, f32::MAX, f32::INFINITY, f32::NAN];

/// A model to be spelled and run.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Name, also of its module and its prefix in C.
    pub name: String,
    /// The lowered model.
    pub plan: Plan,
    /// How it is stepped.
    pub scheme: Scheme,
    /// Step length in seconds.
    pub dt: f32,
}

impl Generated {
    fn new(name: &str, case: &Case, scheme: Scheme, dt: f32) -> Result<Self> {
        Ok(Self { name: name.to_owned(), plan: lower(&case.model)?, scheme, dt })
    }

    /// The same model as a blob.
    #[must_use]
    pub fn blob(&self) -> Vec<u32> {
        blob(&self.plan, self.scheme, self.dt)
    }

    /// States and inputs at which it is tried, as `[q…, p…, u…]`.
    #[must_use]
    pub fn points(&self) -> Vec<Vec<f32>> {
        let len = 2 * self.plan.dof + self.plan.inputs;
        let mut seed = 0x9e37_79b9_u32;
        let mut uniform = || {
            // xorshift (Marsaglia 2003).
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            (seed >> 8) as f32 / 8_388_608.0 - 1.0
        };
        let mut points: Vec<Vec<f32>> = (0..STATES).map(|_| (0..len).map(|_| 1.2 * uniform()).collect()).collect();
        for edge in EDGES {
            for at in 0..len {
                points.push((0..len).map(|index| if index == at { edge } else { uniform() }).collect());
            }
        }
        points
    }
}

/// Whether source is written for a scheme; the others are stepped by the interpreter alone.
fn is_written(scheme: Scheme) -> bool {
    scheme.splitting().is_some() || matches!(scheme, Scheme::Midpoint { .. })
}

/// Every case, every scheme that source is written for, wide networks, formulas with damping and input, and the bundled models.
///
/// # Errors
/// Where a model cannot be built or read.
pub fn subjects() -> Result<Vec<Generated>> {
    let mut subjects = Vec::new();
    for case in cases::all()?.iter().filter(|case| case.model.constraints() == 0) {
        subjects.push(Generated::new(case.name, case, scheme(case), 1.0 / 64.0)?);
        let wants_all = case.name == "pendulum";
        let schemes = Scheme::ALL.into_iter().filter(|scheme| wants_all && is_written(*scheme));
        for other in schemes {
            let name = format!("{}_{}", case.name, other.to_string().replace('-', "_"));
            subjects.push(Generated::new(&name, case, other, 0.05)?);
        }
    }
    for case in cases::wide()? {
        subjects.push(Generated::new(case.name, &case, Scheme::Midpoint { iterations: 4 }, 0.01)?);
    }
    let relativistic = expression::parse("sqrt(1 + p^2) + cos(q)", &std::collections::BTreeMap::new())?;
    subjects.push(Generated {
        name: "stepped_by_yoshida6".to_owned(),
        plan: lower(&relativistic)?,
        scheme: Scheme::Yoshida6,
        dt: 0.1,
    });
    for name in ["cart_formula", "pendulum_formula", "pendulum_network"] {
        let path = repository().join("firmware-examples/model").join(name).with_extension("hnn");
        let words: Vec<u32> = std::fs::read(path)?.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let (plan, scheme, dt) = read_blob(&words).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
        subjects.push(Generated { name: name.to_owned(), plan, scheme, dt });
    }
    Ok(subjects)
}
