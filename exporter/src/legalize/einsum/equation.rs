//! The text of an equation, as labels of axes.

use std::fmt;

use super::super::{LegalizeError, Result};

/// Name of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    /// A letter.
    Letter(char),
    /// An axis under `...`, counted from the right.
    Ellipsis(usize),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Letter(letter) => write!(f, "`{letter}`"),
            Self::Ellipsis(_) => f.write_str("`...`"),
        }
    }
}

/// Labels of every operand and of the result.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Equation {
    pub(super) operands: Vec<Vec<Label>>,
    pub(super) result: Vec<Label>,
}

impl Equation {
    /// Reads `ij,jk->ik` for operands of the given ranks. Without `->` the result has the axes under `...`, then every
    /// letter that occurs once, in the order of the alphabet.
    pub(super) fn parse(text: &str, ranks: &[usize]) -> Result<Self> {
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text.as_str(), None),
        };
        let parts: Vec<&str> = left.split(',').collect();
        if parts.len() != ranks.len() {
            let (named, given) = (parts.len(), ranks.len());
            return Err(LegalizeError::refused(format!("`{text}` names {named} operands, there are {given}")));
        }
        let mut operands = Vec::new();
        let mut widest = 0;
        for (part, rank) in parts.into_iter().zip(ranks) {
            let letters = part.replacen("...", "", 1).chars().count();
            let covered = if part.contains("...") { rank.checked_sub(letters) } else { Some(0) };
            let labels = covered.map(|covered| labels(part, covered)).transpose()?;
            let Some(labels) = labels.filter(|labels| labels.len() == *rank) else {
                return Err(LegalizeError::refused(format!("`{part}` does not name the {rank} axes of its operand")));
            };
            widest = widest.max(covered.unwrap_or(0));
            operands.push(labels);
        }
        let result = match right {
            Some(right) => labels(right, widest)?,
            None => implicit(&operands, widest),
        };
        if let Some((at, label)) = result.iter().enumerate().find(|(at, label)| result[..*at].contains(label)) {
            return Err(LegalizeError::refused(format!("label {label} of the result is repeated at place {at}")));
        }
        Ok(Self { operands, result })
    }
}

/// The labels of one operand, `...` standing for `covered` axes.
fn labels(part: &str, covered: usize) -> Result<Vec<Label>> {
    let letters = |text: &str| {
        let label = |letter: char| match letter {
            'a'..='z' | 'A'..='Z' => Ok(Label::Letter(letter)),
            other => Err(LegalizeError::refused(format!("`{other}` is no label; labels are letters"))),
        };
        text.chars().map(label).collect::<Result<Vec<_>>>()
    };
    match part.split_once("...") {
        None => letters(part),
        Some((before, after)) => {
            let mut all = letters(before)?;
            all.extend((0..covered).rev().map(Label::Ellipsis));
            all.extend(letters(after)?);
            Ok(all)
        }
    }
}

fn implicit(operands: &[Vec<Label>], widest: usize) -> Vec<Label> {
    let mut letters: Vec<Label> =
        operands.iter().flatten().copied().filter(|label| matches!(label, Label::Letter(_))).collect();
    letters.sort_unstable();
    let once = letters.iter().filter(|label| letters.iter().filter(|other| other == label).count() == 1);
    (0..widest).rev().map(Label::Ellipsis).chain(once.copied()).collect()
}
