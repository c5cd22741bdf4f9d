//! The systems that can be named.
//!
//! Conventions, initial states and reference protocols are those of S. Greydanus, M. Dzamba, J. Yosinski, *Hamiltonian
//! Neural Networks* (2019), as in the data generation of its published experiments.

use super::{Protocol, Setting, Start, System};

/// Every named system.
pub static SYSTEMS: [System; 3] = [SPRING, PENDULUM, TWO_BODY];

const SPRING: System = System {
    name: "spring",
    description: "a mass on a spring; H = q² + p² with the settings given",
    expression: "p^2/(2*m) + k*q^2/2",
    settings: &[
        Setting { name: "m", value: 0.5, meaning: "mass, kg" },
        Setting { name: "k", value: 2.0, meaning: "stiffness, N/m" },
    ],
    dof: 1,
    protocol: Protocol { trajectories: 50, held_out: 10, rows: 101, horizon: 10.0, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 50, held_out: 25, rows: 30, horizon: 3.0, noise: 0.1, derivatives: true },
    start: Start::Disc { low: 0.1, high: 1.0 },
};

const PENDULUM: System = System {
    name: "pendulum",
    description: "a point mass on a rod; H = 3(1 − cos q) + p² with the settings given, q = 0 hanging",
    expression: "p^2/(2*m*l^2) + m*g*l*(1-cos(q))",
    settings: &[
        Setting { name: "m", value: 0.5, meaning: "mass, kg" },
        Setting { name: "l", value: 1.0, meaning: "length, m" },
        Setting { name: "g", value: 6.0, meaning: "gravity, m/s²" },
    ],
    dof: 1,
    protocol: Protocol { trajectories: 50, held_out: 10, rows: 151, horizon: 10.0, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 50, held_out: 25, rows: 45, horizon: 3.0, noise: 0.1, derivatives: true },
    start: Start::Disc { low: 1.3, high: 2.3 },
};

const TWO_BODY: System = System {
    name: "two_body",
    description: "two equal masses in the plane under gravity; q = (x₁, y₁, x₂, y₂), orbits within 5 % of circular",
    expression: "(p1^2+p2^2+p3^2+p4^2)/(2*m) - G*m^2/sqrt((q1-q3)^2+(q2-q4)^2)",
    settings: &[
        Setting { name: "m", value: 1.0, meaning: "mass of each body, kg" },
        Setting { name: "G", value: 1.0, meaning: "gravitational constant, m³/(kg s²)" },
    ],
    dof: 4,
    protocol: Protocol { trajectories: 200, held_out: 40, rows: 101, horizon: 20.0, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 1000, held_out: 200, rows: 50, horizon: 20.0, noise: 0.0, derivatives: true },
    start: Start::Orbit { low: 0.5, high: 1.5, deviation: 0.05 },
};
