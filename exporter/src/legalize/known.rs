//! Operators whose inputs are all known while a file is read: they run at once, on arrays of integers and truth values.
//!
//! Shapes, axes, indices and masks are computed by the same operators as numbers. Where every input that is there is known
//! to the last element, the batch counting as an element, the result is known as well, and no node of the graph is made.
//! An operator that gives numbers (a Cast to float, say) is not one of these; nor is a use whose result depends on how
//! many rows there are, which is refused.

mod arithmetic;
mod arrange;
mod axes;
mod generate;
mod reduce;

use super::{Attribute, Element, Integers, LegalizeError, Operator, Result, Value, is_integer_type, is_number_type};

type Rule = fn(&Operator<'_>, &[Option<&Integers>]) -> Result<Vec<Integers>>;

/// One operator: its name, the least and most inputs, the attributes it may have, its rule.
struct Row(&'static str, usize, usize, &'static [&'static str], Rule);

/// The rows of every module.
const TABLES: &[&[Row]] = &[arithmetic::ROWS, arrange::ROWS, axes::ROWS, generate::ROWS, reduce::ROWS];

/// The results of an operator on known arrays, `None` where it is no such operator or gives numbers.
pub(super) fn interpret(operator: &Operator<'_>) -> Option<Result<Vec<Value>>> {
    let mut inputs = Vec::with_capacity(operator.inputs.len());
    for input in &operator.inputs {
        inputs.push(match input {
            Some(Value::Integers(integers)) => Some(integers),
            Some(Value::Node(_)) => return None,
            None => None,
        });
    }
    if inputs.iter().all(Option::is_none) || gives_numbers(operator) {
        return None;
    }
    let row = TABLES.iter().copied().flatten().find(|row| row.0 == operator.kind)?;
    Some(run(row, operator, &inputs))
}

fn run(
    Row(_, least, most, attributes, rule): &Row,
    operator: &Operator<'_>,
    inputs: &[Option<&Integers>],
) -> Result<Vec<Value>> {
    operator.check(*least, *most, attributes)?;
    let results: Vec<Value> = rule(operator, inputs)?.into_iter().map(Value::Integers).collect();
    operator.counted(results)
}

/// Whether an attribute says that the result is made of numbers.
fn gives_numbers(operator: &Operator<'_>) -> bool {
    let numbers =
        |name: &str| matches!(operator.attributes.get(name), Some(Attribute::Integer(to)) if is_number_type(*to));
    let filled = operator.kind == "ConstantOfShape"
        && matches!(operator.attributes.get("value"), None | Some(Attribute::Tensor(_)));
    numbers("to") || numbers("dtype") || filled
}

/// The input at `position`, which must be there.
fn given<'a>(inputs: &[Option<&'a Integers>], position: usize) -> Result<&'a Integers> {
    let input = inputs.get(position).copied().flatten();
    input.ok_or_else(|| LegalizeError::refused(format!("input {position} is left out")))
}

/// A length, an index or a count that must not be negative.
fn natural(value: i64, what: &str) -> Result<usize> {
    usize::try_from(value).map_err(|_| LegalizeError::refused(format!("{what} of {value}")))
}

/// The elements that the attribute `to` or `dtype` asks for; `otherwise` where it asks for none.
fn element_of(operator: &Operator<'_>, attribute: &str, otherwise: Element) -> Result<Element> {
    match operator.attributes.get(attribute) {
        None => Ok(otherwise),
        Some(Attribute::Integer(super::BOOL)) => Ok(Element::Truth),
        Some(Attribute::Integer(to)) if is_integer_type(*to) => Ok(Element::Integer),
        Some(other) => {
            Err(LegalizeError::refused(format!("`{attribute}` is {other:?}, expected a number, integer or truth type")))
        }
    }
}

#[cfg(test)]
mod tests;
