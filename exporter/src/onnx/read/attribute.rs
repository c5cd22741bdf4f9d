//! Attributes of a node.

use super::super::OnnxError;
use super::super::proto::AttributeProto;
use super::super::proto::attribute_proto::AttributeType;
use super::tensor::{Decoder, Stored};
use crate::legalize::Attribute;

impl Decoder<'_> {
    /// Reads the attribute called `name`.
    pub(super) fn attribute(&mut self, name: &str, attribute: &AttributeProto) -> Result<Attribute, OnnxError> {
        let refused = || {
            let message =
                "this attribute holds no number, text, tensor or list of numbers; nothing else has a meaning here";
            OnnxError::value(name, message)
        };
        let kind = attribute.r#type.and_then(|kind| AttributeType::try_from(kind).ok()).ok_or_else(refused)?;
        let value = match kind {
            AttributeType::Int => Attribute::Integer(attribute.i.unwrap_or_default()),
            AttributeType::Float => Attribute::Real(f64::from(attribute.f.unwrap_or_default())),
            AttributeType::Ints => Attribute::Integers(attribute.ints.clone()),
            AttributeType::Floats => Attribute::Reals(attribute.floats.iter().map(|value| f64::from(*value)).collect()),
            AttributeType::String => {
                let bytes = attribute.s.clone().unwrap_or_default();
                Attribute::Text(String::from_utf8(bytes).map_err(|_| refused())?)
            }
            AttributeType::Tensor => match self.tensor(name, attribute.t.as_ref().ok_or_else(refused)?)? {
                Stored::Reals(tensor) => Attribute::Tensor(tensor),
                Stored::Integers(integers) => Attribute::IntegerTensor(integers),
            },
            _ => return Err(refused()),
        };
        // A tensor was counted when it was read.
        let tensor = matches!(kind, AttributeType::Tensor);
        self.count(if tensor { 0 } else { elements(&value) })?;
        Ok(value)
    }

    /// A copy of an attribute that a call gave, for a node that refers to it; it counts as one that is read.
    pub(super) fn copied(&mut self, attribute: Option<&Attribute>) -> Result<Option<Attribute>, OnnxError> {
        self.count(attribute.map_or(0, elements))?;
        Ok(attribute.cloned())
    }
}

/// What a copy of an attribute takes, in elements.
fn elements(attribute: &Attribute) -> usize {
    match attribute {
        Attribute::Integer(_) | Attribute::Real(_) => 1,
        Attribute::Integers(values) => values.len(),
        Attribute::Reals(values) => values.len(),
        Attribute::Text(text) => text.len(),
        Attribute::Tensor(tensor) => tensor.data().len(),
        Attribute::IntegerTensor(integers) => integers.shape().len(),
    }
}
