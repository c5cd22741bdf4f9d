//! The models that every executor must agree on: formulas and small networks, each with states to try it at.
//!
//! A new operator or model kind is one row here. Weights and states come from a fixed generator, so that a failure repeats.

mod networks;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use hnn_exporter::dynamics::{self, Model};
use hnn_exporter::expression;
use hnn_exporter::graph::Tensor;

/// States at which a case is tried.
pub const SAMPLES: usize = 24;

/// A model with the region it is tried in.
#[derive(Debug, Clone)]
pub struct Case {
    /// What messages call it.
    pub name: &'static str,
    /// The model, all its weights known.
    pub model: Model,
    /// H = T(p) + V(q), as known from how it was written down.
    pub separable: bool,
    /// States lie in [low, high] in every coordinate.
    region: (f64, f64),
}

impl Case {
    /// States `[SAMPLES, 2n]`, moved onto the constraints where there are some.
    ///
    /// # Errors
    /// Never for a well-formed model.
    pub fn states(&self) -> Result<Tensor> {
        let free = sampled(0x5eed, SAMPLES, 2 * self.model.dof(), self.region)?;
        if self.model.constraints() == 0 {
            return Ok(free);
        }
        let rows: Vec<Vec<f64>> = free.data().chunks(2 * self.model.dof()).map(<[f64]>::to_vec).collect();
        let found: Option<Vec<Vec<f64>>> = dynamics::projected(&self.model, &rows)?.into_iter().collect();
        let found = found.context("a state is too far from the constraints")?;
        let rounded = found.concat().iter().map(|value| f64::from(*value as f32)).collect();
        Ok(Tensor::new(free.shape().to_vec(), rounded)?)
    }

    /// Inputs `[SAMPLES, m]`, where the model has any.
    ///
    /// # Errors
    /// Never for a well-formed model.
    pub fn inputs(&self) -> Result<Option<Tensor>> {
        match self.model.inputs() {
            0 => Ok(None),
            inputs => Ok(Some(sampled(0xf00d, SAMPLES, inputs, (-1.0, 1.0))?)),
        }
    }
}

/// Networks wider than those of [`all`], which only generated source treats in another way.
///
/// # Errors
/// Where a case cannot be built; names it.
pub fn wide() -> Result<Vec<Case>> {
    let case = |(name, build): (&'static str, fn() -> Result<Model>)| {
        let model = build().with_context(|| format!("case {name}"))?;
        Ok(Case { name, model, separable: false, region: (-1.5, 1.5) })
    };
    networks::WIDE.into_iter().map(case).collect()
}

/// A tanh network 2-`width`-`width`-1 as H: what the cost of a field is compared on.
///
/// # Errors
/// Never for a width above 0.
pub fn tanh_network(width: usize) -> Result<Model> {
    networks::plain(width)
}

/// A formula with its constants.
struct Formula {
    name: &'static str,
    text: &'static str,
    settings: &'static [(&'static str, f64)],
    separable: bool,
    region: (f64, f64),
}

/// Together the formulas use every function of the expression language.
const FORMULAS: [Formula; 10] = [
    Formula { name: "spring", text: "q^2 + p^2", settings: &[], separable: true, region: (-1.0, 1.0) },
    Formula {
        name: "pendulum",
        text: "p^2/(2*m*l^2) + m*g*l*(1 - cos(q))",
        settings: &[("m", 1.0), ("l", 0.5), ("g", 9.81)],
        separable: true,
        region: (-2.5, 2.5),
    },
    Formula {
        name: "kepler",
        text: "(p1^2 + p2^2)/2 - 1/sqrt(q1^2 + q2^2)",
        settings: &[],
        separable: true,
        region: (0.4, 1.6),
    },
    Formula {
        name: "henon_heiles",
        text: "(p1^2 + p2^2 + q1^2 + q2^2)/2 + q1^2*q2 - q2^3/3",
        settings: &[],
        separable: true,
        region: (-0.5, 0.5),
    },
    Formula {
        name: "relativistic",
        text: "sqrt(1 + p^2) + log(1 + exp(q)) + tanh(q)^2",
        settings: &[],
        separable: true,
        region: (-2.0, 2.0),
    },
    Formula {
        name: "every_function",
        text: "p^2/2 + tan(q/4) + sin(q)*exp(-q^2) + abs(q) + (2 + q)^k",
        settings: &[("k", 1.5)],
        separable: true,
        region: (0.1, 1.0),
    },
    Formula {
        name: "every_inverse",
        text: "p^2/2 + asin(q/2) - acos(q/3) + q*atan(q) + sinh(q) + cosh(q) + asinh(q) + acosh(4 + q) + atanh(q/2)",
        settings: &[],
        separable: true,
        region: (0.1, 1.0),
    },
    Formula {
        name: "every_activation",
        text: "p^2/2 + gelu(q) + mish(q) + softplus(q) + sigmoid(q) + softsign(q) + relu(q)^2 + erf(q) + sign(q)*q^3 \
               + (q - floor(q/2))*ceil(q/2) + (q - round(q/4))^2",
        settings: &[],
        separable: true,
        region: (0.1, 1.0),
    },
    Formula {
        name: "pendulum_on_cart",
        text: "(p1^2 - 2*p1*p2*cos(q2) + 2*p2^2)/(2*(1 + sin(q2)^2)) + g*cos(q2)",
        settings: &[("g", 9.81)],
        separable: false,
        region: (-1.5, 1.5),
    },
    Formula {
        name: "charged_particle",
        text: "(p1 + q2/2)^2/2 + (p2 - q1/2)^2/2 + q1^2*q2^2",
        settings: &[],
        separable: false,
        region: (-1.0, 1.0),
    },
];

/// A mass on a rod in Cartesian coordinates: energy, and the constraint that the rod is.
const ROD: (&str, &str) = ("(p1^2 + p2^2)/1.4 + 9.81*0.7*q2", "q1^2 + q2^2 - 2");

/// Every case.
///
/// # Errors
/// Where a case cannot be built; names it.
pub fn all() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for Formula { name, text, settings, separable, region } in FORMULAS {
        let settings: BTreeMap<_, _> = settings.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let model = expression::parse(text, &settings).with_context(|| format!("case {name}"))?;
        cases.push(Case { name, model, separable, region });
    }
    cases.push(Case {
        name: "rod",
        model: expression::constrained(ROD.0, &[ROD.1.to_owned()], &BTreeMap::new()).context("case rod")?,
        separable: true,
        region: (0.4, 1.2),
    });
    for (name, build, separable) in networks::ALL {
        let model = build().with_context(|| format!("case {name}"))?;
        cases.push(Case { name, model, separable, region: (-1.5, 1.5) });
    }
    Ok(cases)
}

fn sampled(seed: u64, rows: usize, cols: usize, (low, high): (f64, f64)) -> Result<Tensor> {
    let mut uniform = Uniform(seed);
    // Rounded to f32: every executor is then given the same number.
    let values = (0..rows * cols).map(|_| f64::from((low + (high - low) * uniform.next()) as f32)).collect();
    Ok(Tensor::new(vec![rows, cols], values)?)
}

/// SplitMix64 (Steele, Lea and Flood 2014, figure 17), mapped to [0, 1).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
