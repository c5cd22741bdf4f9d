//! The systems that can be named.
//!
//! Where [`System::published`] names a source, conventions, initial states and the reference protocol are those of its data
//! generation: Greydanus, Dzamba and Yosinski, *Hamiltonian Neural Networks* (2019); Zhong, Dey and Chakraborty, *Symplectic
//! ODE-Net* (2020); Finzi, Wang and Wilson (2020); Choudhary et al., *Physics-enhanced neural networks learn order and chaos* (2020). What differs is said
//! beside the system. Chaotic ones are recorded and judged only as long as the truth is known.

use super::start::{Draw, Start};
use super::{Protocol, Setting, System, TRUTH_TOLERANCE};

const GREYDANUS: Option<&str> = Some("Greydanus et al. (2019)");

/// Every named system.
pub static SYSTEMS: &[System] = &[
    SPRING,
    PENDULUM,
    TWO_BODY,
    THREE_BODY,
    DOUBLE_PENDULUM,
    CART_POLE,
    HENON_HEILES,
    COUPLED_SPRINGS,
    PENDULUM_CHAIN,
];

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
    published: GREYDANUS,
    judged_over: 20.0,
    tolerance: TRUTH_TOLERANCE,
    bodies: None,
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
    published: GREYDANUS,
    judged_over: 20.0,
    tolerance: TRUTH_TOLERANCE,
    bodies: None,
    start: Start::Disc { low: 1.3, high: 2.3 },
};

const TWO_BODY: System = System {
    name: "two_body",
    description: "two equal masses in the plane under gravity; q = (x₁, y₁, x₂, y₂), orbits within 5 % of circular",
    expression: "(p1^2+p2^2+p3^2+p4^2)/(2*m) - G*m^2/sqrt((q1-q3)^2+(q2-q4)^2)",
    settings: GRAVITY,
    dof: 4,
    protocol: Protocol { trajectories: 200, held_out: 40, rows: 101, horizon: 20.0, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 1000, held_out: 200, rows: 50, horizon: 20.0, noise: 0.0, derivatives: true },
    published: GREYDANUS,
    judged_over: 20.0,
    tolerance: TRUTH_TOLERANCE,
    bodies: Some(2),
    start: Start::Orbit { low: 0.5, high: 1.5, deviation: 0.05 },
};

const GRAVITY: &[Setting] = &[
    Setting { name: "m", value: 1.0, meaning: "mass of each body, kg" },
    Setting { name: "G", value: 1.0, meaning: "gravitational constant, m³/(kg s²)" },
];

/// Positions as in `two_body`: body after body.
const THREE_BODY: System = System {
    name: "three_body",
    description: "three equal masses in the plane under gravity, near their common circle; chaotic, close encounters occur",
    expression: "(p1^2+p2^2+p3^2+p4^2+p5^2+p6^2)/(2*m) - G*m^2/sqrt((q1-q3)^2+(q2-q4)^2) \
                 - G*m^2/sqrt((q1-q5)^2+(q2-q6)^2) - G*m^2/sqrt((q3-q5)^2+(q4-q6)^2)",
    settings: GRAVITY,
    dof: 6,
    protocol: Protocol { trajectories: 500, held_out: 100, rows: 20, horizon: 5.0, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 5000, held_out: 1000, rows: 20, horizon: 5.0, noise: 0.0, derivatives: true },
    published: GREYDANUS,
    judged_over: 5.0,
    tolerance: THREE_BODY_TOLERANCE,
    bodies: Some(3),
    start: Start::Triangle { low: 0.9, high: 1.2, deviation: 0.2 },
};

/// The data generation of the publication asks a Runge–Kutta method of order 5 for 10⁻⁶ a step.
const THREE_BODY_TOLERANCE: f64 = 1e-7;

/// Starts at independent angles and angular velocities; the motion is chaotic, with errors growing e-fold in about 0.3 s.
const DOUBLE_PENDULUM: System = System {
    name: "double_pendulum",
    description: "two point masses on massless rods in line; q = angles from hanging, p canonical; chaotic",
    expression: "(m2*l2^2*p1^2 + (m1+m2)*l1^2*p2^2 - 2*m2*l1*l2*cos(q1-q2)*p1*p2) \
                 / (2*m2*l1^2*l2^2*(m1 + m2*sin(q1-q2)^2)) + (m1+m2)*g*l1*(1-cos(q1)) + m2*g*l2*(1-cos(q2))",
    settings: &[
        Setting { name: "m1", value: 1.0, meaning: "upper mass, kg" },
        Setting { name: "m2", value: 1.0, meaning: "lower mass, kg" },
        Setting { name: "l1", value: 1.0, meaning: "upper length, m" },
        Setting { name: "l2", value: 1.0, meaning: "lower length, m" },
        Setting { name: "g", value: 9.81, meaning: "gravity, m/s²" },
    ],
    dof: 2,
    protocol: DOUBLE_PENDULUM_DATA,
    reference: DOUBLE_PENDULUM_DATA,
    published: None,
    judged_over: 3.0,
    tolerance: TRUTH_TOLERANCE,
    bodies: None,
    start: Start::Velocity { q: &[Draw::Normal { deviation: 1.0 }; 2], v: &[Draw::Normal { deviation: 1.5 }; 2] },
};

const DOUBLE_PENDULUM_DATA: Protocol =
    Protocol { trajectories: 200, held_out: 40, rows: 101, horizon: 3.0, noise: 0.0, derivatives: true };

/// The pole is a uniform rod of length 2l, hence I = 4/3 m l² about its pivot. The publication's data with u = 0; momenta
/// follow from its velocities.
#[expect(clippy::approx_constant, reason = "the publication draws angles below 3.14, not below π")]
const CART_POLE: System = System {
    name: "cart_pole",
    description: "a uniform pole of length 2l hinged to a free cart, unforced; q = (x, angle from upright), p canonical",
    expression: "(4/3*m*l^2*p1^2 - 2*m*l*cos(q2)*p1*p2 + (M+m)*p2^2) \
                 / (2*((M+m)*4/3*m*l^2 - (m*l*cos(q2))^2)) + m*g*l*(1+cos(q2))",
    settings: &[
        Setting { name: "M", value: 0.5, meaning: "mass of the cart, kg" },
        Setting { name: "m", value: 0.1, meaning: "mass of the pole, kg" },
        Setting { name: "l", value: 0.5, meaning: "half the length of the pole, m" },
        Setting { name: "g", value: 9.8, meaning: "gravity, m/s²" },
    ],
    dof: 2,
    protocol: Protocol { trajectories: 200, held_out: 40, rows: 101, horizon: 4.0, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 600, held_out: 300, rows: 20, horizon: 0.38, noise: 0.0, derivatives: false },
    published: Some("Zhong et al. (2020), u = 0"),
    judged_over: 10.0,
    tolerance: TRUTH_TOLERANCE,
    bodies: None,
    start: Start::Velocity {
        q: &[Draw::Uniform { low: -0.05, high: 0.05 }, Draw::Uniform { low: -3.14, high: 3.14 }],
        v: &[Draw::Uniform { low: -0.05, high: 0.05 }, Draw::Uniform { low: -3.0, high: 3.0 }],
    },
};

/// Energies uniform instead of fifty evenly spaced ones, and motions of 50 s instead of 1,000 to 5,000, over which rounding
/// leaves nothing of the truth.
const HENON_HEILES: System = System {
    name: "henon_heiles",
    description: "a star in the potential of Hénon and Heiles (1964), bound below H = 1/6; order and chaos side by side",
    expression: "(p1^2+p2^2)/2 + (q1^2+q2^2)/2 + a*(q1^2*q2 - q2^3/3)",
    settings: &[Setting { name: "a", value: 1.0, meaning: "strength of the cubic term, 1/m" }],
    dof: 2,
    protocol: Protocol { trajectories: 200, held_out: 60, rows: 101, horizon: 50.0, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 1000, held_out: 300, rows: 51, horizon: 50.0, noise: 0.0, derivatives: true },
    published: Some("Choudhary et al. (2020), shorter motions"),
    judged_over: 50.0,
    tolerance: TRUTH_TOLERANCE,
    bodies: None,
    start: Start::Shell { position: 0.3, momentum: 0.2, low: 0.02, high: 0.15 },
};

const COUPLED_SPRINGS: System = System {
    name: "coupled_springs",
    description: "three equal masses in a row between two walls, joined by four equal springs",
    expression: "(p1^2+p2^2+p3^2)/(2*m) + k/2*(q1^2 + (q2-q1)^2 + (q3-q2)^2 + q3^2)",
    settings: &[
        Setting { name: "m", value: 1.0, meaning: "each mass, kg" },
        Setting { name: "k", value: 1.0, meaning: "each stiffness, N/m" },
    ],
    dof: 3,
    protocol: COUPLED_SPRINGS_DATA,
    reference: COUPLED_SPRINGS_DATA,
    published: None,
    judged_over: 20.0,
    tolerance: TRUTH_TOLERANCE,
    bodies: None,
    start: Start::State(&[Draw::Uniform { low: -1.0, high: 1.0 }; 6]),
};

const COUPLED_SPRINGS_DATA: Protocol =
    Protocol { trajectories: 50, held_out: 10, rows: 101, horizon: 10.0, noise: 0.0, derivatives: true };

/// Rounding grows by up to seven orders of magnitude within the 3 s of the published motions of five links.
const CHAIN_TOLERANCE: f64 = 1e-7;

const PENDULUM_CHAIN: System = System {
    name: "pendulum_chain",
    description: "equal point masses on a chain of rods, q = (x₁, y₁, x₂, y₂, …) with y upwards; chaotic from two links on",
    expression: "(p1^2+p2^2+…)/(2*m) + m*g*(q2+q4+…), each rod of length l a constraint",
    settings: &[
        Setting { name: "links", value: 2.0, meaning: "number of masses and rods, 1 to 8" },
        Setting { name: "m", value: 1.0, meaning: "each mass, kg" },
        Setting { name: "l", value: 1.0, meaning: "each rod's length, m" },
        Setting { name: "g", value: 9.81, meaning: "gravity, m/s²" },
    ],
    dof: 4,
    // 100 chunks of five points to learn from, as published; the held-out ones are where test motions start.
    protocol: Protocol { trajectories: 125, held_out: 25, rows: 5, horizon: 0.12, noise: 0.0, derivatives: true },
    reference: Protocol { trajectories: 125, held_out: 25, rows: 5, horizon: 0.12, noise: 0.0, derivatives: false },
    published: Some("Finzi et al. (2020), equal masses and rods"),
    judged_over: 3.0,
    tolerance: CHAIN_TOLERANCE,
    bodies: None,
    start: Start::Chain,
};
