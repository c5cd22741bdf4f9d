//! A model that somebody else made, as something to be learned: its own graph, starting from its own weights.

use hnn_exporter::dynamics::Model;

use super::{Architecture, ArchitectureError, Linear, Parameters, Scaling};

/// Takes `model`, whose parameters start at `values`, to be trained on data of these scales.
///
/// The model takes physical units, as it did where it was made, so no scaling is put around it; `scaling` says only how
/// many positions and inputs the data have. Values of parameters that the energy does not need are left out.
///
/// # Errors
/// [`ArchitectureError::Setting`] where the model and the data differ in size, a parameter has no value, or there is none.
pub fn import(model: Model, values: &Parameters, scaling: &Scaling) -> Result<Architecture, ArchitectureError> {
    let refuse = |message: String| Err(ArchitectureError::Setting(message));
    if model.dof() != scaling.dof() {
        return refuse(format!(
            "the imported H takes a state of {} numbers, {} positions and as many momenta; the data have {} positions",
            2 * model.dof(),
            model.dof(),
            scaling.dof()
        ));
    }
    if scaling.inputs() != model.inputs() {
        let (has, given) = (model.inputs(), scaling.inputs());
        return refuse(format!("the imported H has {has} external inputs, the data have {given}; train without them"));
    }
    let mut initial = Parameters::new();
    for (name, _) in model.graph().parameters() {
        let Some(value) = values.get(name) else { return refuse(format!("weight `{name}` has no value")) };
        if let Some(number) = value.data().iter().find(|number| !number.is_finite()) {
            return refuse(format!("weight `{name}` holds {number}; training starts from finite numbers"));
        }
        initial.insert(name.to_owned(), value.clone());
    }
    if initial.is_empty() {
        return refuse(
            "the imported H has no weights that can be trained: floating-point initializers of rank 1 or more that it \
             depends on"
                .to_owned(),
        );
    }
    Ok(Architecture { model: model.into(), initial, linear: Linear::default() })
}

#[cfg(test)]
mod tests {
    use hnn_exporter::dynamics::{ENERGY, STATE};
    use hnn_exporter::graph::{Graph, Shape, Tensor};

    use super::*;

    /// H = Σ w x² over a state of two numbers.
    fn weighted(trained: bool) -> Model {
        let mut g = Graph::new();
        let x = g.input(STATE, Shape::batched(&[2]).unwrap()).unwrap();
        let value = Tensor::new(vec![2], vec![0.5, 1.5]).unwrap();
        let w = if trained { g.parameter("w", &[2]).unwrap() } else { g.constant(value).unwrap() };
        let squares = g.mul(x, x).unwrap();
        let terms = g.mul(squares, w).unwrap();
        let energy = g.sum_keep(terms, &[1]).unwrap();
        g.set_output(ENERGY, energy);
        Model::new(g).unwrap()
    }

    fn values(first: f64) -> Parameters {
        let tensor = |values: &[f64]| Tensor::new(vec![values.len()], values.to_vec()).unwrap();
        [("w".to_owned(), tensor(&[first, 1.5])), ("unused".to_owned(), tensor(&[1.0]))].into()
    }

    #[test]
    fn it_starts_from_the_values_it_needs() {
        let architecture = import(weighted(true), &values(0.5), &Scaling::unit(1, 0)).unwrap();
        assert_eq!(architecture.initial.keys().collect::<Vec<_>>(), ["w"]);
        assert_eq!(architecture.initial["w"].data(), [0.5, 1.5]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_numbers() {
        let message = |trained, first, scaling| {
            import(weighted(trained), &values(first), &scaling).map(|_| ()).unwrap_err().to_string()
        };
        let wide = message(true, 0.5, Scaling::unit(3, 0));
        assert!(wide.contains("state of 2 numbers") && wide.contains("3 positions"), "{wide}");
        let driven = message(true, 0.5, Scaling::unit(1, 2));
        assert!(driven.contains("0 external inputs") && driven.contains("data have 2"), "{driven}");
        assert!(message(true, f64::NAN, Scaling::unit(1, 0)).contains("`w` holds NaN"));
        assert!(message(false, 0.5, Scaling::unit(1, 0)).contains("no weights"));
        let missing = import(weighted(true), &Parameters::new(), &Scaling::unit(1, 0)).unwrap_err().to_string();
        assert!(missing.contains("`w` has no value"), "{missing}");
    }
}
