//! What is trained: the tasks with published data and figures to reach, and the comparison with models that have no energy.

/// One training, but for its seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// What `--only` takes.
    pub name: String,
    /// Named system.
    pub system: &'static str,
    /// Arguments of `hnn train` that say on which data and by which model; all else is what `hnn` chooses by itself.
    pub arguments: Vec<&'static str>,
    /// Points of training data, and who learns from them, in the comparison.
    pub compared: Option<(usize, &'static str)>,
    /// How the reference was trained on the same data.
    pub reference: Option<Reference>,
}

/// Published hyperparameters; Greydanus et al. (2019), as in its experiments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reference {
    /// Steps of Adam at 1e-3.
    pub steps: u32,
    /// Rows per step; all where absent.
    pub batch: Option<u32>,
    /// Weight decay.
    pub weight_decay: f64,
}

const FULL_BATCH: Reference = Reference { steps: 2000, batch: None, weight_decay: 1e-4 };
const TWO_BODY: Reference = Reference { steps: 10_000, batch: Some(200), weight_decay: 0.0 };
const THREE_BODY: Reference = Reference { steps: 10_000, batch: Some(600), weight_decay: 0.0 };

/// Published data: name, system, what is asked for beside the protocol, and the reference.
const PUBLISHED: [(&str, &str, &[&str], Reference); 4] = [
    ("spring", "spring", &[], FULL_BATCH),
    ("pendulum", "pendulum", &[], FULL_BATCH),
    ("two-body", "two_body", &["--preset", "bodies"], TWO_BODY),
    ("three-body", "three_body", &["--preset", "bodies"], THREE_BODY),
];

/// Who is compared: a name for tables, and the model asked for; the energy is what `hnn` suggests.
pub const COMPARED: [(&str, Option<&str>); 4] = [
    ("plain MLP", Some("baseline-mlp")),
    ("LSTM", Some("baseline-lstm")),
    ("neural ODE", Some("baseline-node")),
    ("Hamiltonian", None),
];

/// Points of clean data every 0.1 s: 5 motions of 20 rows, or 100 of 100, and a quarter more to judge by.
const SIZES: [(usize, [&str; 6]); 2] = [
    (100, ["--trajectories", "6", "--horizon", "1.9", "--rate", "10"]),
    (10_000, ["--trajectories", "125", "--horizon", "9.9", "--rate", "10"]),
];

/// Every task, in the order of the tables.
#[must_use]
pub fn all() -> Vec<Task> {
    let published = PUBLISHED.into_iter().map(|(name, system, asked, reference)| Task {
        name: name.to_owned(),
        system,
        arguments: [&["--protocol", "reference"][..], asked].concat(),
        compared: None,
        reference: Some(reference),
    });
    let mut tasks: Vec<Task> = published.collect();
    for system in ["spring", "pendulum"] {
        for (points, data) in SIZES {
            for (who, model) in COMPARED {
                let mut arguments = [&data[..], &["--noise", "0"]].concat();
                arguments.extend(model.iter().flat_map(|model| ["--model", model]));
                let name = format!("{system}-{points}");
                tasks.push(Task { name, system, arguments, compared: Some((points, who)), reference: None });
            }
        }
    }
    tasks
}
