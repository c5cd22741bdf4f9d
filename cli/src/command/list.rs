//! `hnn systems`, `hnn models`, `hnn schemes`: what can be named, one line each.

use hnn_exporter::dynamics::Scheme;
use hnn_trainer::architecture::Kind;
use hnn_trainer::preset;
use hnn_trainer::system::SYSTEMS;

use crate::Verdict;
use crate::console;

/// Lists the named systems.
pub(crate) fn systems() -> anyhow::Result<Verdict> {
    let rows: Vec<Vec<String>> = SYSTEMS
        .iter()
        .map(|system| {
            let settings = system.settings.iter().map(|setting| format!("{}={}", setting.name, setting.value));
            let settings = settings.collect::<Vec<_>>().join(" ");
            [system.name, &system.dof.to_string(), system.expression, &settings, system.description]
                .map(str::to_owned)
                .to_vec()
        })
        .collect();
    console::table(&["system", "dof", "H(q, p)", "settings", ""], &rows);
    Ok(Verdict::Good)
}

/// Lists the models with what each assumes and guarantees, and the recipes they are trained with.
pub(crate) fn models() -> anyhow::Result<Verdict> {
    let row = |kind: Kind| vec![kind.to_string(), kind.assumes().to_owned(), kind.guarantees().to_owned()];
    let rows: Vec<Vec<String>> = Kind::all().map(row).collect();
    console::table(&["model", "assumes", "guarantees"], &rows);
    console::say("");
    let presets: Vec<Vec<String>> = preset::all()
        .iter()
        .map(|preset| [preset.name, &preset.model.kind.to_string(), preset.description].map(str::to_owned).to_vec())
        .collect();
    console::table(&["preset", "model", "for"], &presets);
    Ok(Verdict::Good)
}

/// Lists the schemes with order, claims and source.
pub(crate) fn schemes() -> anyhow::Result<Verdict> {
    let rows: Vec<Vec<String>> = Scheme::ALL.iter().map(|scheme| claims(*scheme)).collect();
    console::table(&["scheme", "order", "needs", "conservative", "damped", "driven", "source"], &rows);
    Ok(Verdict::Good)
}

fn claims(scheme: Scheme) -> Vec<String> {
    let (order, needs, conservative, source) = match (scheme.splitting(), scheme.rattle()) {
        (None, Some(rattle)) => (
            if rattle.stages().len() == 1 { 2 } else { 4 },
            "constraints g(q) = 0, H = ½pᵀAp + V(q)",
            "symplectic on g = 0 and reversible up to its residual; g to rounding",
            "H. C. Andersen, J. Comput. Phys. 52 (1983) 24; E. Hairer et al., (VII.1.26)",
        ),
        (Some(table), _) => (
            table.order,
            if table.needs_quadratic { "H = ½pᵀAp + V(q)" } else { "H = T(p) + V(q)" },
            if table.is_symmetric() { "symplectic, reversible" } else { "symplectic, not reversible" },
            table.source,
        ),
        (None, None) if matches!(scheme, Scheme::StormerVerlet { .. }) => (
            2,
            "no constraints",
            "symplectic and reversible up to its residual",
            "E. Hairer et al., Geometric Numerical Integration, 2nd ed., theorem VI.3.4",
        ),
        (None, None) => (
            2,
            "no constraints",
            "symplectic and reversible up to its residual",
            "E. Hairer et al., Geometric Numerical Integration, 2nd ed., (II.1.10)",
        ),
    };
    let damped = if scheme == Scheme::SymplecticEuler {
        "order 1"
    } else if scheme.keeps_constraints() {
        "order 1 in R, order 2 where R = r·A⁻¹; g and its rate to rounding"
    } else {
        "exact decay and order 2 where R does not depend on p and T is quadratic; else approximate"
    };
    [
        scheme.to_string(),
        order.to_string(),
        needs.into(),
        conservative.into(),
        damped.into(),
        "input held".into(),
        source.into(),
    ]
    .to_vec()
}
