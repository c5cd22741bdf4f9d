//! `hnn systems`, `hnn models`, `hnn schemes`: what can be named, one line each.

use hnn_exporter::dynamics::claims::{CLAIMS, Cell, NOTES, Numbers, Regime, Row};
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

/// Lists what each scheme claims, for each kind of state, and where it comes from.
pub(crate) fn schemes() -> anyhow::Result<Verdict> {
    let cells = |row: &Row, numbers: Numbers| Regime::ALL.map(|regime| row.cell(numbers, regime).to_string());
    let mut rows = Vec::new();
    for row in &CLAIMS {
        let [single, double, lattice] = Numbers::ALL.map(|numbers| cells(row, numbers));
        let (first, second) = (Numbers::F32, Numbers::F64);
        if single == double {
            rows.push(line(row, &format!("{first}, {second}"), single));
        } else {
            rows.extend([line(row, &first.to_string(), single), line(row, &second.to_string(), double)]);
        }
        rows.push(line(row, &Numbers::Lattice.to_string(), lattice));
    }
    let regimes = Regime::ALL.map(|regime| regime.to_string());
    console::table(&["scheme", "state", &regimes[0], &regimes[1], &regimes[2]], &rows);
    NOTES.iter().for_each(|note| console::say(format!("  {note}")));
    for reason in refusals() {
        console::say(format!("  refused: {reason}"));
    }
    console::say("");
    let sources: Vec<Vec<String>> =
        CLAIMS.iter().map(|row| vec![row.scheme.to_string(), row.needs.to_owned(), row.source.to_owned()]).collect();
    console::table(&["scheme", "needs", "source"], &sources);
    Ok(Verdict::Good)
}

fn line(row: &Row, state: &str, cells: [String; 3]) -> Vec<String> {
    let named = [row.scheme.to_string(), state.to_owned()];
    named.into_iter().chain(cells).collect()
}

/// Every reason there is for an empty cell, once.
fn refusals() -> Vec<String> {
    let mut reasons = Vec::new();
    for (row, numbers) in CLAIMS.iter().flat_map(|row| Numbers::ALL.map(|numbers| (row, numbers))) {
        for cell in Regime::ALL.map(|regime| row.cell(numbers, regime)) {
            if let Cell::Refused(error) = cell {
                reasons.push(error.to_string());
            }
        }
    }
    reasons.sort();
    reasons.dedup();
    reasons
}
