//! Whether a program is stepped as a cell of the table says: exported, loaded and taken for a step.

use hnn_exporter::dynamics::claims::{Numbers, Regime};
use hnn_exporter::dynamics::{CONSTRAINT, DISSIPATION, GAIN, INPUT, Model, STATE, Scheme};
use hnn_exporter::emit::blob;
use hnn_exporter::graph::{Graph, Shape, Tensor};
use hnn_exporter::lower::lower;
use hnn_runtime::{AnyStepper, Compiled, Error, Lattice, Program, State};

/// Takes one step of a spring in two dimensions, or of a pendulum on a rod, in a regime.
///
/// # Errors
/// What the runtime says. In f64 nothing is deployed: there the graph of a step is derived instead.
pub(crate) fn offered(scheme: Scheme, numbers: Numbers, regime: Regime) -> Result<(), Error> {
    let model = model(scheme.keeps_constraints(), regime);
    let inputs = vec![0.1; model.inputs()];
    if numbers == Numbers::F64 {
        let step = hnn_exporter::dynamics::step(&model, scheme, hnn_exporter::dynamics::StepLength::Scalar);
        assert!(step.is_ok(), "{scheme}: {step:?}");
        return Ok(());
    }
    let words = blob(&lower(&model).unwrap(), scheme, 0.01);
    let program = Program::parse(&words)?;
    let stepper = AnyStepper::for_program(&program)?;
    let mut workspace = vec![0.0; program.workspace_len()];
    let mut model = Compiled::bind(&program, &mut workspace)?;
    let start = State::<f32, 2>::new(&[0.6, -0.8], &[0.4, 0.3])?;
    if numbers == Numbers::F32 {
        return stepper.step_any(&mut model, &mut stepper.begin(start), &inputs, program.dt()).map(drop);
    }
    let table = stepper.explicit(&program)?;
    Lattice::new(&start)?.step(table, &mut model.separable()?, &inputs, program.dt())
}

/// H = ½|p|² + ½|q|², with what the regime asks for, and on |q| = 1 if constrained.
fn model(constrained: bool, regime: Regime) -> Model {
    let mut graph = Graph::new();
    let x = graph.input(STATE, Shape::batched(&[4]).unwrap()).unwrap();
    let square = graph.mul(x, x).unwrap();
    let sum = graph.sum_keep(square, &[1]).unwrap();
    let energy = graph.scale(sum, 0.5).unwrap();
    graph.set_output("H", energy);
    if regime == Regime::Driven {
        graph.input(INPUT, Shape::batched(&[1]).unwrap()).unwrap();
        let gain = graph.constant(Tensor::new(vec![2, 1], vec![1.0, 0.0]).unwrap()).unwrap();
        graph.set_output(GAIN, gain);
    }
    if regime == Regime::Damped {
        let friction = graph.constant(Tensor::full(&[2], 0.1).unwrap()).unwrap();
        graph.set_output(DISSIPATION, friction);
    }
    if constrained {
        let q = graph.slice(square, 1, 0, 2).unwrap();
        let sum = graph.sum_keep(q, &[1]).unwrap();
        let one = graph.scalar(1.0).unwrap();
        let surface = graph.sub(sum, one).unwrap();
        graph.set_output(CONSTRAINT, surface);
    }
    Model::new(graph).unwrap()
}
