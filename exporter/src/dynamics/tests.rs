//! Fields, verdicts and steps against closed forms written out by hand.

mod constraint;

use super::*;
use crate::evaluate::evaluate;

/// H = 3 (1 − cos q) + p², with optional dissipation and input.
fn pendulum(damping: Option<f64>, driven: bool) -> Model {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let (q, p) = (g.slice(x, 1, 0, 1).unwrap(), g.slice(x, 1, 1, 1).unwrap());
    let cosine = g.cos(q).unwrap();
    let one = g.scalar(1.0).unwrap();
    let lift = g.sub(one, cosine).unwrap();
    let potential = g.scale(lift, 3.0).unwrap();
    let kinetic = g.mul(p, p).unwrap();
    let energy = g.add_values(potential, kinetic).unwrap();
    g.set_output(ENERGY, energy);
    if let Some(value) = damping {
        let damping = g.constant(Tensor::new(vec![1], vec![value]).unwrap()).unwrap();
        g.set_output(DISSIPATION, damping);
    }
    if driven {
        g.input(INPUT, Shape::batched(&[1]).unwrap()).unwrap();
        let gain = g.constant(Tensor::new(vec![1, 1], vec![2.0]).unwrap()).unwrap();
        g.set_output(GAIN, gain);
    }
    Model::new(g).unwrap()
}

/// H = tanh(w·x), which mixes q and p.
fn mixed() -> Model {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let w = g.constant(Tensor::new(vec![1, 2], vec![0.7, -0.4]).unwrap()).unwrap();
    let hidden = g.matmul_transposed(x, w).unwrap();
    let energy = g.tanh(hidden).unwrap();
    g.set_output(ENERGY, energy);
    Model::new(g).unwrap()
}

/// Two degrees of freedom, T = ½ pᵀ A p with a full A, V = q₁ q₂², R and G full and state-dependent.
fn coupled(full: bool) -> Model {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[4]).unwrap()).unwrap();
    let (q, p) = (g.slice(x, 1, 0, 2).unwrap(), g.slice(x, 1, 2, 2).unwrap());
    let a = g.constant(Tensor::new(vec![2, 2], vec![2.0, 0.5, 0.5, 1.0]).unwrap()).unwrap();
    let velocity = g.matmul(p, a).unwrap();
    let twice = g.mul(velocity, p).unwrap();
    let twice = g.sum_keep(twice, &[1]).unwrap();
    let kinetic = g.scale(twice, 0.5).unwrap();
    let (q1, q2) = (g.slice(q, 1, 0, 1).unwrap(), g.slice(q, 1, 1, 1).unwrap());
    let square = g.mul(q2, q2).unwrap();
    let potential = g.mul(q1, square).unwrap();
    let energy = g.add_values(kinetic, potential).unwrap();
    g.set_output(ENERGY, energy);
    if full {
        let column = g.reshape(q, Shape::batched(&[2, 1]).unwrap()).unwrap();
        let outer = g.matmul_transposed(column, column).unwrap();
        let identity = g.constant(Tensor::new(vec![2, 2], vec![0.3, 0.0, 0.0, 0.3]).unwrap()).unwrap();
        let damping = g.add_values(outer, identity).unwrap();
        g.set_output(DISSIPATION, damping);
        g.input(INPUT, Shape::batched(&[1]).unwrap()).unwrap();
        g.set_output(GAIN, column);
    }
    Model::new(g).unwrap()
}

/// H = ½ p² + p sin q, which mixes q and p and whose middle state moves with the step.
fn swirl() -> Model {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let (q, p) = (g.slice(x, 1, 0, 1).unwrap(), g.slice(x, 1, 1, 1).unwrap());
    let sine = g.sin(q).unwrap();
    let product = g.mul(p, sine).unwrap();
    let square = g.mul(p, p).unwrap();
    let kinetic = g.scale(square, 0.5).unwrap();
    let energy = g.add_values(kinetic, product).unwrap();
    g.set_output(ENERGY, energy);
    Model::new(g).unwrap()
}

fn row(values: &[f64]) -> Tensor {
    Tensor::new(vec![1, values.len()], values.to_vec()).unwrap()
}

fn run(graph: &Graph, inputs: &[(&str, &Tensor)]) -> Vec<f64> {
    evaluate(graph, inputs).unwrap()[0].data().to_vec()
}

fn assert_close(found: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= tolerance, "found {found}, wanted {wanted}");
    }
}

#[test]
fn the_field_of_a_damped_driven_pendulum_is_its_equation_of_motion() {
    let graph = field(&pendulum(Some(0.4), true)).unwrap();
    let (q, p, u) = (0.8f64, -0.6, 1.5);
    let dx = run(&graph, &[(STATE, &row(&[q, p])), (INPUT, &row(&[u]))]);
    assert_close(&dx, &[2.0 * p, -3.0 * q.sin() - 0.4 * 2.0 * p + 2.0 * u], 1e-14);
}

#[test]
fn the_field_with_full_dissipation_and_gain_is_its_equation_of_motion() {
    let graph = field(&coupled(true)).unwrap();
    let (q1, q2, p1, p2, u) = (0.4, -0.9, 0.3, 0.7, 1.1);
    let dx = run(&graph, &[(STATE, &row(&[q1, q2, p1, p2])), (INPUT, &row(&[u]))]);
    let v = [2.0 * p1 + 0.5 * p2, 0.5 * p1 + p2];
    let friction = [(q1 * q1 + 0.3) * v[0] + q1 * q2 * v[1], q1 * q2 * v[0] + (q2 * q2 + 0.3) * v[1]];
    let wanted = [v[0], v[1], -q2 * q2 - friction[0] + q1 * u, -2.0 * q1 * q2 - friction[1] + q2 * u];
    assert_close(&dx, &wanted, 1e-14);
}

#[test]
fn hessian_and_jacobian_are_those_of_the_pendulum() {
    let model = pendulum(None, false);
    let (q, p) = (0.8f64, -0.6);
    assert_close(&run(&hessian(&model).unwrap(), &[(STATE, &row(&[q, p]))]), &[3.0 * q.cos(), 0.0, 0.0, 2.0], 1e-14);
    assert_close(&run(&jacobian(&model).unwrap(), &[(STATE, &row(&[q, p]))]), &[0.0, 2.0, -3.0 * q.cos(), 0.0], 1e-14);
}

#[test]
fn the_hessian_vector_product_is_the_hessian_times_the_vector() {
    let x = row(&[0.4, -0.9, 0.3, 0.7]);
    let v = [0.5, -1.5, 2.0, 0.25];
    let hessian = run(&hessian(&coupled(false)).unwrap(), &[(STATE, &x)]);
    let wanted: Vec<f64> = hessian.chunks(4).map(|line| line.iter().zip(v).map(|(h, v)| h * v).sum()).collect();
    assert_close(&run(&hvp(&coupled(false)).unwrap(), &[(STATE, &x), (DIRECTION, &row(&v))]), &wanted, 1e-14);
}

#[test]
fn separability_and_inverse_mass_are_read_off_the_graph() {
    let Separability::Separable { kinetic_quadratic: true, inverse_mass: Some(mass) } =
        separability(&coupled(false)).unwrap()
    else {
        panic!("T = ½ pᵀ A p was not recognised");
    };
    assert_close(mass.data(), &[2.0, 0.5, 0.5, 1.0], 1e-14);
    let Separability::NotSeparable { reason } = separability(&mixed()).unwrap() else {
        panic!("tanh(w·x) passed for separable");
    };
    assert!(reason.contains("tanh"), "{reason}");
}

#[test]
fn zero_weights_keep_blocks_apart_and_a_product_of_sums_does_not() {
    let build = |weights: Vec<f64>| {
        let mut g = Graph::new();
        let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
        let w = g.constant(Tensor::new(vec![2, 2], weights).unwrap()).unwrap();
        let hidden = g.matmul_transposed(x, w).unwrap();
        let hidden = g.tanh(hidden).unwrap();
        let energy = g.sum_keep(hidden, &[1]).unwrap();
        g.set_output(ENERGY, energy);
        separability(&Model::new(g).unwrap()).unwrap()
    };
    assert!(matches!(
        build(vec![1.0, 0.0, 0.0, 1.0]),
        Separability::Separable { kinetic_quadratic: false, inverse_mass: None }
    ));
    assert!(!build(vec![1.0, 0.0, 1e-9, 1.0]).is_separable());
}

#[test]
fn a_linear_term_in_p_is_no_quadratic_kinetic_energy() {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let p = g.slice(x, 1, 1, 1).unwrap();
    let shift = g.scalar(0.1).unwrap();
    let shifted = g.sub(p, shift).unwrap();
    let energy = g.mul(shifted, shifted).unwrap();
    g.set_output(ENERGY, energy);
    let verdict = separability(&Model::new(g).unwrap()).unwrap();
    assert_eq!(verdict, Separability::Separable { kinetic_quadratic: false, inverse_mass: None });
}

#[test]
fn a_leapfrog_step_is_kick_drift_kick_with_exact_decay_around_it() {
    let graph = step(&pendulum(Some(0.4), true), Scheme::Leapfrog, StepLength::Scalar).unwrap();
    let (mut q, mut p, u, dt) = (0.8f64, -0.6, 1.5, 0.1);
    let found = run(&graph, &[(STATE, &row(&[q, p])), (INPUT, &row(&[u])), (STEP_LENGTH, &Tensor::scalar(dt))]);
    let decay = (-0.5 * dt * 0.4 * 2.0f64).exp();
    let force = |q: f64| -3.0 * q.sin() + 2.0 * u;
    p *= decay;
    p += 0.5 * dt * force(q);
    q += dt * 2.0 * p;
    p += 0.5 * dt * force(q);
    p *= decay;
    assert_close(&found, &[q, p], 1e-14);
}

#[test]
fn each_row_may_have_its_own_step_length() {
    let graph = step(&pendulum(None, false), Scheme::Yoshida4, StepLength::PerRow).unwrap();
    let x = Tensor::new(vec![2, 2], vec![0.8, -0.6, 0.8, -0.6]).unwrap();
    let dt = Tensor::new(vec![2, 1], vec![0.05, 0.0]).unwrap();
    let found = run(&graph, &[(STATE, &x), (STEP_LENGTH, &dt)]);
    assert_close(&found[2..], &[0.8, -0.6], 0.0);
    assert!((found[0] - 0.8).abs() > 0.01);
}

#[test]
fn the_midpoint_step_converges_to_the_implicit_equation_and_returns_its_residual() {
    let model = swirl();
    let (x, dt) = (row(&[0.3, -0.2]), Tensor::scalar(0.1));
    let at = |iterations: u32| {
        let graph = step(&model, Scheme::Midpoint { iterations }, StepLength::Scalar).unwrap();
        evaluate(&graph, &[(STATE, &x), (STEP_LENGTH, &dt)]).unwrap()
    };
    let (coarse, fine) = (at(2), at(20));
    assert!(fine[1].data()[0] < 1e-15 && coarse[1].data()[0] > 1e-6);
    let next = fine[0].data();
    let middle = row(&[(0.3 + next[0]) / 2.0, (-0.2 + next[1]) / 2.0]);
    let (q, p) = (middle.data()[0], middle.data()[1]);
    assert_close(next, &[0.3 + 0.1 * (p + q.sin()), -0.2 - 0.1 * p * q.cos()], 1e-15);
}

#[test]
fn the_stormer_verlet_step_converges_to_its_implicit_equations_and_returns_its_residual() {
    let model = swirl();
    let (x, dt) = (row(&[0.3, -0.2]), Tensor::scalar(0.1));
    let at = |iterations: u32| {
        let graph = step(&model, Scheme::StormerVerlet { iterations }, StepLength::Scalar).unwrap();
        evaluate(&graph, &[(STATE, &x), (STEP_LENGTH, &dt)]).unwrap()
    };
    let (coarse, fine) = (at(1), at(20));
    assert!(fine[1].data()[0] < 1e-15 && coarse[1].data()[0] > 1e-5);
    // v = p + sin q and f = −p cos q, the momentum between the halves by plain iteration.
    let (q, p, h) = (0.3f64, -0.2f64, 0.05);
    let middle = (0..60).fold(p, |middle, _| p - h * middle * q.cos());
    let end = (0..60).fold(q, |end: f64, _| q + h * (2.0 * middle + q.sin() + end.sin()));
    assert_close(fine[0].data(), &[end, middle - h * middle * end.cos()], 1e-15);
}

#[test]
fn a_tao_step_is_the_flows_of_three_energies_on_two_copies() {
    let (omega, dt) = (7.0f32, 0.1);
    let start = [0.3, -0.2, 0.35, -0.25];
    let graph = step(&swirl(), Scheme::Tao2 { omega }, StepLength::Scalar).unwrap();
    let found = run(&graph, &[(STATE, &row(&start)), (STEP_LENGTH, &Tensor::scalar(dt))]);
    // v = p + sin q and f = −p cos q at the mixed pairs (q, y) and (x, p).
    let ([mut q, mut p, mut x, mut y], h) = (start, dt / 2.0);
    (p, x) = (p - h * y * f64::cos(q), x + h * (y + f64::sin(q)));
    (q, y) = (q + h * (p + f64::sin(x)), y - h * p * f64::cos(x));
    let (sin, cos) = (2.0 * 7.0 * dt).sin_cos();
    let (gap_q, gap_p, sum_q, sum_p) = (q - x, p - y, q + x, p + y);
    let (gap_q, gap_p) = (cos * gap_q + sin * gap_p, cos * gap_p - sin * gap_q);
    (q, x, p, y) = ((sum_q + gap_q) / 2.0, (sum_q - gap_q) / 2.0, (sum_p + gap_p) / 2.0, (sum_p - gap_p) / 2.0);
    (q, y) = (q + h * (p + f64::sin(x)), y - h * p * f64::cos(x));
    (p, x) = (p - h * y * f64::cos(q), x + h * (y + f64::sin(q)));
    assert_close(&found, &[q, p, x, y], 1e-15);
}

#[test]
fn a_doubled_scheme_is_refused_where_one_state_is_known_and_without_a_binding() {
    let error = tangent_step(&pendulum(None, false), Scheme::TAO_2, StepLength::PerRow).unwrap_err().to_string();
    assert!(error.contains("two copies") && error.contains("midpoint"), "{error}");
    for omega in [0.0, -1.0, f32::NAN] {
        let error = step(&swirl(), Scheme::Tao4 { omega }, StepLength::Scalar).unwrap_err().to_string();
        assert!(error.contains("positive"), "{error}");
    }
    assert!(Scheme::MIDPOINT.with_omega(1.0).is_err() && Scheme::TAO_2.with_iterations(3).is_err());
}

#[test]
fn full_damping_decays_as_the_matrix_exponential() {
    // With no force at q = 0 only the damped kick acts on p: exp(−dt R A) p with R = 0.3.
    let graph = step(&coupled(true), Scheme::Leapfrog, StepLength::Scalar).unwrap();
    let x = row(&[0.0, 0.0, 0.3, 0.7]);
    let found = run(&graph, &[(STATE, &x), (INPUT, &row(&[0.0])), (STEP_LENGTH, &Tensor::scalar(1e-3))]);
    // Eigenvalues of A are (3 ± √2)/2; the expansion to second order is exact to 1e-10 at this step.
    let k = |p: [f64; 2]| [0.3 * (2.0 * p[0] + 0.5 * p[1]), 0.3 * (0.5 * p[0] + p[1])];
    let (h, p) = (1e-3, [0.3, 0.7]);
    let (first, second) = (k(p), k(k(p)));
    let wanted = [p[0] - h * first[0] + h * h / 2.0 * second[0], p[1] - h * first[1] + h * h / 2.0 * second[1]];
    assert_close(&found[2..], &wanted, 1e-8);
}

#[test]
fn explicit_schemes_are_refused_where_q_and_p_mix() {
    let error = step(&mixed(), Scheme::Leapfrog, StepLength::Scalar).unwrap_err().to_string();
    assert!(error.contains("tanh") && error.contains("midpoint") && error.contains("separable"), "{error}");
}

#[test]
fn a_midpoint_step_without_iterations_is_refused() {
    for iterations in [0, u32::MAX] {
        let error = step(&mixed(), Scheme::Midpoint { iterations }, StepLength::Scalar).unwrap_err();
        assert!(matches!(error, DynamicsError::Scheme(_)), "{error}");
    }
}

#[test]
fn a_graph_without_energy_or_with_a_stray_input_is_no_model() {
    let mut g = Graph::new();
    g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    assert!(Model::new(g.clone()).unwrap_err().to_string().contains("output `H`"));
    g.input("extra", Shape::batched(&[1]).unwrap()).unwrap();
    assert!(Model::new(g).unwrap_err().to_string().contains("extra"));
}

#[test]
fn an_unbatched_factor_of_the_result_s_rank_is_one_for_all_rows() {
    for constant_first in [false, true] {
        let mut g = Graph::new();
        let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
        let weights = Tensor::new(if constant_first { vec![1, 3, 2] } else { vec![1, 2, 3] }, vec![0.5; 6]).unwrap();
        let weights = g.constant(weights).unwrap();
        let product = if constant_first {
            let column = g.reshape(x, Shape::batched(&[2, 1]).unwrap()).unwrap();
            g.matmul(weights, column).unwrap()
        } else {
            let line = g.reshape(x, Shape::batched(&[1, 2]).unwrap()).unwrap();
            g.matmul(line, weights).unwrap()
        };
        let hidden = g.reshape(product, Shape::batched(&[3]).unwrap()).unwrap();
        let square = g.mul(hidden, hidden).unwrap();
        let energy = g.sum_keep(square, &[1]).unwrap();
        g.set_output(ENERGY, energy);
        let model = Model::new(g).unwrap();
        let marks = separability::marks(model.graph(), 1).unwrap();
        assert!(marks[model.graph().output(ENERGY).unwrap().index()].is_some());
        assert!(!separability(&model).unwrap().is_separable());
    }
}

/// H = ½ x², with the outputs `build` adds.
fn with_outputs(build: impl Fn(&mut Graph, NodeId, NodeId)) -> Result<Model, DynamicsError> {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let u = g.input(INPUT, Shape::batched(&[1]).unwrap()).unwrap();
    let square = g.mul(x, x).unwrap();
    let sum = g.sum_keep(square, &[1]).unwrap();
    let energy = g.scale(sum, 0.5).unwrap();
    g.set_output(ENERGY, energy);
    let gain = g.constant(Tensor::new(vec![1, 1], vec![2.0]).unwrap()).unwrap();
    g.set_output(GAIN, gain);
    build(&mut g, x, u);
    Model::new(g)
}

#[test]
fn a_gain_of_p_and_outputs_of_u_are_refused_by_name() {
    let gain_of = |start: usize| {
        with_outputs(|g, x, _| {
            let one = g.slice(x, 1, start, 1).unwrap();
            let gain = g.reshape(one, Shape::batched(&[1, 1]).unwrap()).unwrap();
            g.set_output(GAIN, gain);
        })
    };
    assert!(gain_of(0).is_ok());
    let message = gain_of(1).unwrap_err().to_string();
    assert!(message.contains("`G` depends on p"), "{message}");
    for (name, dims) in [(ENERGY, vec![1]), (DISSIPATION, vec![1]), (GAIN, vec![1, 1])] {
        let refused = with_outputs(|g, _, u| {
            let output = g.reshape(u, Shape::batched(&dims).unwrap()).unwrap();
            g.set_output(name, output);
        });
        let message = refused.unwrap_err().to_string();
        assert!(message.contains(&format!("`{name}` depends on the input `u`")), "{message}");
    }
}

/// T = ½ p² + b p where `linear`, else ½ b p², with a learned b; R = 1 as a number or a matrix.
fn learned(linear: bool, damping: &[usize]) -> Model {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let p = g.slice(x, 1, 1, 1).unwrap();
    let b = g.parameter("b", &[1]).unwrap();
    let square = g.mul(p, p).unwrap();
    let kinetic = g.scale(square, 0.5).unwrap();
    let energy = if linear {
        let term = g.mul(b, p).unwrap();
        g.add_values(kinetic, term).unwrap()
    } else {
        g.mul(b, kinetic).unwrap()
    };
    g.set_output(ENERGY, energy);
    let damping = g.constant(Tensor::new(damping.to_vec(), vec![1.0]).unwrap()).unwrap();
    g.set_output(DISSIPATION, damping);
    Model::new(g).unwrap()
}

#[test]
fn a_learned_linear_term_is_damped_as_a_known_one() {
    let b = Tensor::new(vec![1], vec![2.0]).unwrap();
    let (x, dt) = (row(&[0.0, -2.0]), Tensor::scalar(0.1));
    let free = step(&learned(true, &[1]), Scheme::Leapfrog, StepLength::Scalar).unwrap();
    assert_close(&run(&free, &[(STATE, &x), (STEP_LENGTH, &dt), ("b", &b)]), &[0.0, -2.0], 1e-14);
    let bound = learned(true, &[1]).bind(&|_| Some(b.clone())).unwrap();
    let bound = step(&bound, Scheme::Leapfrog, StepLength::Scalar).unwrap();
    assert_close(&run(&bound, &[(STATE, &x), (STEP_LENGTH, &dt)]), &[0.0, -2.0], 1e-14);
    let quadratic = Separability::Separable { kinetic_quadratic: true, inverse_mass: None };
    assert_eq!(separability(&learned(false, &[1])).unwrap(), quadratic);
}

#[test]
fn one_momentum_decays_exactly_whatever_the_kind_of_dissipation() {
    let b = Tensor::new(vec![1], vec![2.0]).unwrap();
    let p = -2.0f64;
    for damping in [&[1][..], &[1, 1]] {
        let free = learned(false, damping);
        let bound = free.bind(&|_| Some(b.clone())).unwrap();
        for (model, inputs) in [(free, vec![("b", &b)]), (bound, vec![])] {
            let graph = step(&model, Scheme::Leapfrog, StepLength::Scalar).unwrap();
            let (x, dt) = (row(&[0.0, p]), Tensor::scalar(8.0));
            let found = run(&graph, &[vec![(STATE, &x), (STEP_LENGTH, &dt)], inputs].concat());
            assert_close(&found[1..], &[p * (-16.0f64).exp()], 1e-15);
        }
    }
}

#[test]
fn too_many_marks_are_refused() {
    let mut g = Graph::new();
    let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
    let column = g.reshape(x, Shape::batched(&[2, 1]).unwrap()).unwrap();
    let wide = g.broadcast(column, Shape::batched(&[2, MAX_MARKS / 2]).unwrap()).unwrap();
    g.set_output("wide", wide);
    assert!(separability::marks(&g, 1).unwrap_err().to_string().contains(&MAX_MARKS.to_string()));
}
