//! The same findings as a short table for people.

use std::fmt;

use crate::lower::Operations;
use crate::manifest::{DeviceRecord, Dimension, FunctionRecord, Integration, Port, ProgramRecord};

use super::{GraphSummary, Inspection};

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} `{}`", self.kind, self.name)?;
        if let Some(dof) = self.dof {
            let inputs = self.inputs.unwrap_or(0);
            writeln!(f, "  degrees of freedom  {dof}, state {}, inputs {inputs}", 2 * dof)?;
        }
        if let Some(found) = &self.separability {
            let verdict = match (found.separable, found.kinetic_quadratic) {
                (true, true) => "yes, H = pᵀAp/2 + V(q)",
                (true, false) => "yes, H = T(p) + V(q)",
                (false, _) => "no",
            };
            let reason = found.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
            writeln!(f, "  separable           {verdict}{reason}")?;
        }
        if let Some(damping) = &self.damping {
            let constant = if damping.constant { ", constant" } else { "" };
            writeln!(f, "  dissipation         {}{constant}", damping.kind)?;
        }
        if let Some(stepped) = &self.integration {
            let iterations = match stepped.iterations {
                0 => String::new(),
                count => format!(", {count} iterations"),
            };
            let iterations = match stepped.omega {
                Some(omega) => format!(", ω = {omega}/s"),
                None => iterations,
            };
            writeln!(f, "  stepped by          {}{iterations}, dt = {} s", stepped.scheme, stepped.dt)?;
        }
        if let Some(learned) = &self.learned_through {
            let Integration { scheme, dt, .. } = learned;
            writeln!(
                f,
                "  learned through     {scheme}, dt = {dt} s: these steps follow the data; H itself and other steps"
            )?;
            writeln!(f, "                      may differ from them by as much as the scheme's own error")?;
        }
        if !self.unknowns.is_empty() {
            let values: Vec<String> =
                self.unknowns.iter().map(|(name, value)| format!("{name} = {value:.6}")).collect();
            writeln!(f, "  learned numbers     {}", values.join(", "))?;
        }
        for graph in &self.graphs {
            write!(f, "{graph}")?;
        }
        if let Some(ratio) = self.field_over_energy {
            writeln!(f, "field over energy     {ratio:.2} times the multiply-adds")?;
        }
        match &self.device {
            Some(DeviceRecord::Program(program)) => write!(f, "{program}")?,
            Some(DeviceRecord::Absent { reason }) => writeln!(f, "no device program: {reason}")?,
            None => {}
        }
        self.functions.iter().try_for_each(|function| write!(f, "{function}"))
    }
}

impl fmt::Display for GraphSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = |ports: &std::collections::BTreeMap<String, String>| {
            ports.iter().map(|(name, shape)| format!("{name} {shape}")).collect::<Vec<_>>().join(", ")
        };
        let operators: Vec<String> = self.operators.iter().map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(f, "graph `{}`: {} -> {}", self.name, ports(&self.inputs), ports(&self.outputs))?;
        writeln!(f, "  operators           {}", operators.join(", "))?;
        writeln!(
            f,
            "  cost                {} weights, {} multiply-adds, {} transcendental calls",
            self.weights, self.multiply_adds, self.transcendental_calls
        )
    }
}

impl fmt::Display for ProgramRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "device program: {} B flash, {} B of it constants", self.flash_bytes, self.constants_bytes)?;
        writeln!(f, "  workspace           {} B, {} elements", self.workspace_bytes, self.workspace_len)?;
        self.entries.iter().try_for_each(|(name, cost)| row(f, name, cost))?;
        row(f, "one step", &self.step)
    }
}

impl fmt::Display for FunctionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = |ports: &[Port]| {
            let elements = |port: &Port| match port.shape[..] {
                [Dimension::Fixed(len)] => format!("{} [{len}]", port.name),
                _ => port.name.clone(),
            };
            ports.iter().map(elements).collect::<Vec<_>>().join(", ")
        };
        let (arguments, results) = (ports(&self.arguments), ports(&self.results));
        writeln!(f, "device function `{}`: {arguments} -> {results}", self.file)?;
        writeln!(f, "  flash               {} B, {} B of it constants", self.flash_bytes, self.constants_bytes)?;
        writeln!(f, "  workspace           {} B, {} elements", self.workspace_bytes, self.workspace_len)?;
        row(f, "one call", &self.call)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, cost: &Operations) -> fmt::Result {
    writeln!(
        f,
        "  {name:<19} {} instructions, {} multiply-adds, {} elementwise, {} transcendental calls",
        cost.instructions, cost.multiply_adds, cost.element_operations, cost.transcendental_calls
    )
}
