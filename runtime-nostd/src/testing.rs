//! Systems with known answers and a small assembler for blobs, shared by the tests of this crate.

#[cfg(feature = "transcendental")]
pub(crate) mod pendulum;

use std::vec::Vec;

use crate::format::{
    DampingKind, Entry, EntryRecord, HEADER_WORDS, Header, Instruction, Operand, SchemeId, Section, seal,
};
use crate::model::{Damped, Model, Separable};
use crate::scalar::Scalar;

/// H = p²/2 + q²/2.
#[derive(Debug)]
pub(crate) struct Oscillator;

/// H = p²/2 + 1 − cos q.
#[derive(Debug)]
pub(crate) struct Pendulum;

/// H = p²/2 + |q|²/2 + q₁²q₂ − q₂³/3, n = 2 (Hénon and Heiles, 1964).
#[derive(Debug)]
pub(crate) struct HenonHeiles;

macro_rules! unit_mass {
    ($system:ty, $dof:literal, |$q:ident| $potential:expr, $force:expr) => {
        impl<S: Scalar> Model<S> for $system {
            fn dof(&self) -> usize {
                $dof
            }
            fn inputs(&self) -> usize {
                0
            }
            fn energy(&mut self, q: &[S], p: &[S]) -> S {
                let $q = |index: usize| q[index].to_f64();
                let kinetic: f64 = p.iter().map(|p| 0.5 * p.to_f64() * p.to_f64()).sum();
                S::from_f64(kinetic + $potential)
            }
            fn field(&mut self, q: &[S], p: &[S], u: &[S], dq: &mut [S], dp: &mut [S]) {
                self.velocity(p, dq);
                self.force(q, u, dp);
            }
        }
        impl<S: Scalar> Separable<S> for $system {
            fn velocity(&mut self, p: &[S], dq: &mut [S]) {
                dq.copy_from_slice(p);
            }
            fn force(&mut self, q: &[S], _u: &[S], dp: &mut [S]) {
                let $q = |index: usize| q[index].to_f64();
                for (dp, force) in dp.iter_mut().zip($force) {
                    *dp = S::from_f64(force);
                }
            }
        }
    };
}

unit_mass!(Oscillator, 1, |q| 0.5 * q(0) * q(0), [-q(0)]);
unit_mass!(Pendulum, 1, |q| 1.0 - q(0).cos(), [-q(0).sin()]);
unit_mass!(
    HenonHeiles,
    2,
    |q| 0.5 * (q(0) * q(0) + q(1) * q(1)) + q(0) * q(0) * q(1) - q(1) * q(1) * q(1) / 3.0,
    [-q(0) - 2.0 * q(0) * q(1), -q(1) - q(0) * q(0) + q(1) * q(1)]
);

/// H = (q² + 1)(p² + 1)/2, which is not separable (M. Tao, Phys. Rev. E 94 (2016) 043303).
///
/// Its `Separable` is a lie, told by the q and p it saw last: what applying an explicit scheme to it would compute.
#[derive(Debug)]
pub(crate) struct Mixed {
    pub(crate) q: f64,
    pub(crate) p: f64,
}

impl Model<f64> for Mixed {
    fn dof(&self) -> usize {
        1
    }
    fn inputs(&self) -> usize {
        0
    }
    fn energy(&mut self, q: &[f64], p: &[f64]) -> f64 {
        0.5 * (q[0] * q[0] + 1.0) * (p[0] * p[0] + 1.0)
    }
    fn field(&mut self, q: &[f64], p: &[f64], _u: &[f64], dq: &mut [f64], dp: &mut [f64]) {
        dq[0] = (q[0] * q[0] + 1.0) * p[0];
        dp[0] = -q[0] * (p[0] * p[0] + 1.0);
    }
}

impl Separable<f64> for Mixed {
    fn velocity(&mut self, p: &[f64], dq: &mut [f64]) {
        self.p = p[0];
        dq[0] = (self.q * self.q + 1.0) * p[0];
    }
    fn force(&mut self, q: &[f64], _u: &[f64], dp: &mut [f64]) {
        self.q = q[0];
        dp[0] = -q[0] * (self.p * self.p + 1.0);
    }
}

/// H = ½(1 + |q|²)(p₁² + 2p₂²) + ½|q|², n = 2: every coordinate mixes with every momentum.
#[derive(Debug)]
pub(crate) struct Coupled;

impl Model<f64> for Coupled {
    fn dof(&self) -> usize {
        2
    }
    fn inputs(&self) -> usize {
        0
    }
    fn energy(&mut self, q: &[f64], p: &[f64]) -> f64 {
        let (size, kinetic) = (q[0] * q[0] + q[1] * q[1], p[0] * p[0] + 2.0 * p[1] * p[1]);
        0.5 * (1.0 + size) * kinetic + 0.5 * size
    }
    fn field(&mut self, q: &[f64], p: &[f64], _u: &[f64], dq: &mut [f64], dp: &mut [f64]) {
        let (size, kinetic) = (q[0] * q[0] + q[1] * q[1], p[0] * p[0] + 2.0 * p[1] * p[1]);
        dq.copy_from_slice(&[(1.0 + size) * p[0], 2.0 * (1.0 + size) * p[1]]);
        dp.copy_from_slice(&[-q[0] * (kinetic + 1.0), -q[1] * (kinetic + 1.0)]);
    }
}

/// T = ½pᵀAp, V = ½ stiffness |q|², constant R, and one input that pushes the first coordinate; n = 2.
#[derive(Debug, Clone)]
pub(crate) struct Dashpot {
    pub(crate) inverse_mass: [f64; 4],
    pub(crate) damping: Vec<f64>,
    pub(crate) stiffness: f64,
    /// Whether to admit that T is quadratic.
    pub(crate) quadratic: bool,
}

impl Model<f64> for Dashpot {
    fn dof(&self) -> usize {
        2
    }
    fn inputs(&self) -> usize {
        1
    }
    fn energy(&mut self, q: &[f64], p: &[f64]) -> f64 {
        let mut velocity = [0.0; 2];
        self.velocity(p, &mut velocity);
        0.5 * (p[0] * velocity[0] + p[1] * velocity[1]) + 0.5 * self.stiffness * (q[0] * q[0] + q[1] * q[1])
    }
    fn field(&mut self, q: &[f64], p: &[f64], u: &[f64], dq: &mut [f64], dp: &mut [f64]) {
        self.velocity(p, dq);
        self.force(q, u, dp);
    }
}

impl Separable<f64> for Dashpot {
    fn velocity(&mut self, p: &[f64], dq: &mut [f64]) {
        let a = &self.inverse_mass;
        dq.copy_from_slice(&[a[0] * p[0] + a[1] * p[1], a[2] * p[0] + a[3] * p[1]]);
    }
    fn force(&mut self, q: &[f64], u: &[f64], dp: &mut [f64]) {
        dp.copy_from_slice(&[u[0] - self.stiffness * q[0], -self.stiffness * q[1]]);
    }
}

impl Damped<f64> for Dashpot {
    fn damping_kind(&self) -> DampingKind {
        if self.damping.len() == 2 { DampingKind::Diagonal } else { DampingKind::Full }
    }
    fn damping(&mut self, _q: &[f64], _p: &[f64], r: &mut [f64]) {
        r.copy_from_slice(&self.damping);
    }
    fn inverse_mass(&self, a: &mut [f64]) -> bool {
        a.copy_from_slice(&self.inverse_mass);
        self.quadratic
    }
}

/// A blob in the making.
#[derive(Debug, Clone)]
pub(crate) struct Assembler {
    pub(crate) header: Header,
    pub(crate) entries: Vec<(Entry, Vec<Instruction>, Operand)>,
    pub(crate) constants: Vec<u32>,
}

impl Assembler {
    pub(crate) fn words(&self) -> Vec<u32> {
        let mut header = self.header;
        let mut code = Vec::new();
        for (entry, instructions, result) in &self.entries {
            let offset = code.len() as u32;
            for instruction in instructions {
                let (words, len) = instruction.encode();
                code.extend_from_slice(&words[..len]);
                header.kernels |= instruction.kernels();
            }
            let record = EntryRecord {
                offset,
                len: code.len() as u32 - offset,
                instructions: instructions.len() as u32,
                result: *result,
            };
            header.entries[entry.code() as usize] = record;
        }
        header.instructions = Section { offset: HEADER_WORDS as u32, len: code.len() as u32 };
        header.constants = Section { offset: (HEADER_WORDS + code.len()) as u32, len: self.constants.len() as u32 };
        let mut words = header.encode().to_vec();
        words.extend(code);
        words.extend(&self.constants);
        assert!(seal(&mut words));
        words
    }
}

/// H = ½ everywhere, so that nothing moves and no instruction is needed.
pub(crate) fn constant_energy() -> Assembler {
    let mut header = Header::empty();
    (header.dof, header.workspace_len, header.dt) = (1, 2, 0.1);
    (header.scheme, header.setting) = (SchemeId::Midpoint.code(), 1);
    let entries =
        std::vec![(Entry::Energy, Vec::new(), Operand::constant(0)), (Entry::Field, Vec::new(), Operand::constant(1)),];
    Assembler { header, entries, constants: std::vec![0.5f32.to_bits(), 0, 0] }
}
