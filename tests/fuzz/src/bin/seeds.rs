//! Writes the first inputs of every fuzz target below a directory: the conformance cases in each form that is read, and the
//! committed corpus of foreign ONNX files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use hnn_exporter::dynamics::{self, Scheme, StepLength};
use hnn_exporter::emit::{blob, blob_bytes, function_blob};
use hnn_exporter::graph::Graph;
use hnn_exporter::lower::{lower, lower_as, lower_graph};
use hnn_exporter::manifest::Samples;
use hnn_exporter::onnx::{self, WriteOptions};
use hnn_exporter::optimize::optimize;
use hnn_exporter::quantize::quantize;
use hnn_exporter::weights::{Weights, rounded};

#[path = "../../../src"]
mod conformance {
    #[allow(dead_code, reason = "some cases are for other tests")]
    pub mod cases;
}

/// Formulas that use every part of the language.
const FORMULAS: [&str; 4] = [
    "p^2/(2*m*l^2) + m*g*l*(1 - cos(q))",
    "(p1^2 + p2^2)/2 - 1/sqrt(q1^2 + q2^2)",
    "sqrt(1 + p^2) + log(1 + exp(q)) + tanh(q)^2 + abs(-q) - 2^3^0.5",
    "p^2/2 + tan(q/4) + sin(q)*exp(-q^2) + (2 + q)^k + pi*1.5e-3",
];
/// Folders of the targets that read ONNX files.
const ONNX_TARGETS: [&str; 2] = ["onnx_read", "onnx_roundtrip"];
/// Folders of the targets that read graphs as text.
const TEXT_TARGETS: [&str; 2] = ["graph_text", "interpreter"];
/// Largest foreign file that is a seed: mutations of longer ones are slow and rarely reach far.
const MAX_SEED_BYTES: u64 = 1 << 14;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let out = arguments.next().context("usage: seeds OUT [ONNX-FILES]")?;
    let seeds = Seeds { out: Path::new(&out) };
    for (index, formula) in FORMULAS.iter().enumerate() {
        seeds.write("expression", &format!("formula_{index}"), formula.as_bytes())?;
    }
    for case in conformance::cases::all()? {
        let scheme = match (case.model.constraints() > 0, case.separable) {
            (true, _) => Scheme::Rattle { iterations: 2 },
            (false, true) => Scheme::Leapfrog,
            (false, false) => Scheme::Midpoint { iterations: 2 },
        };
        seeds.write("blob", case.name, &blob_bytes(&blob(&lower(&case.model)?, scheme, 0.01)))?;
        for weights in [Weights::F16, Weights::Int8] {
            let plan = lower_as(&rounded(&case.model, weights)?, weights)?;
            let name = format!("{}_{}", case.name, weights.name());
            seeds.write("blob", &name, &blob_bytes(&blob(&plan, scheme, 0.01)))?;
        }
        let states = case.states()?;
        let x = states.data().chunks(2 * case.model.dof()).map(<[f64]>::to_vec).collect();
        // Most cases have no network that could run in fixed point.
        if let Ok(quantized) = quantize(&case.model, scheme, 0.01, &Samples { x, ..Samples::default() }) {
            seeds.write("blob", &format!("{}_q15", case.name), &blob_bytes(&quantized.words))?;
        }
        let graphs = [
            ("energy", dynamics::hamiltonian(&case.model)?),
            ("field", dynamics::field(&case.model)?),
            ("step", dynamics::step(&case.model, scheme, StepLength::Scalar)?),
        ];
        for (what, graph) in graphs {
            let graph = optimize(&graph)?;
            seeds.graph(&format!("{}_{what}", case.name), &graph)?;
            seeds.write(
                "blob",
                &format!("{}_{what}", case.name),
                &blob_bytes(&function_blob(&lower_graph(&graph)?)),
            )?;
        }
    }
    match arguments.next() {
        Some(corpus) => seeds.corpus(Path::new(&corpus)),
        None => Ok(()),
    }
}

struct Seeds<'a> {
    out: &'a Path,
}

impl Seeds<'_> {
    fn write(&self, target: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let directory = self.out.join(target);
        fs::create_dir_all(&directory)?;
        Ok(fs::write(directory.join(name), bytes)?)
    }

    fn graph(&self, name: &str, graph: &Graph) -> Result<()> {
        TEXT_TARGETS.iter().try_for_each(|target| self.write(target, name, graph.to_string().as_bytes()))?;
        let options = WriteOptions { metadata: BTreeMap::new(), ..WriteOptions::default() };
        let file = onnx::write(graph, &options)?;
        ONNX_TARGETS.iter().try_for_each(|target| self.write(target, name, &file))
    }

    /// Files another program wrote, where there are any.
    fn corpus(&self, directory: &Path) -> Result<()> {
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".onnx") && entry.metadata()?.len() <= MAX_SEED_BYTES {
                let file = fs::read(entry.path())?;
                ONNX_TARGETS.iter().try_for_each(|target| self.write(target, &name, &file))?;
            }
        }
        Ok(())
    }
}
