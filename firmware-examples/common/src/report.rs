//! Printing without formatting machinery, which would cost more flash than the model and could panic.
//!
//! Every line is a word, then values: floats as the eight hexadecimal digits of their bits, counts in decimal.

/// Where a machine prints.
pub trait Console {
    /// Writes `text` as it is.
    fn write(&mut self, text: &[u8]);
}

/// Digits of the largest `u64` in decimal.
const DECIMAL_DIGITS: usize = 20;

/// A console with one method per kind of value.
#[derive(Debug)]
pub struct Report<'a, C>(pub(crate) &'a mut C);

impl<C: Console> Report<'_, C> {
    /// Begins a line.
    pub fn word(&mut self, word: &str) -> &mut Self {
        self.0.write(word.as_bytes());
        self
    }

    /// The bits of a float, after a space.
    pub fn bits(&mut self, value: f32) -> &mut Self {
        self.hexadecimal(u64::from(value.to_bits()), 8)
    }

    /// The low `digits` hexadecimal digits of `value`, after a space.
    pub fn hexadecimal(&mut self, value: u64, digits: u32) -> &mut Self {
        self.0.write(b" ");
        for index in (0..digits).rev() {
            let digit = (value >> (4 * index)) & 0xf;
            self.0.write(&[if digit < 10 { b'0' + digit as u8 } else { b'a' + (digit - 10) as u8 }]);
        }
        self
    }

    /// A count in decimal, after a space.
    pub fn count(&mut self, mut value: u64) -> &mut Self {
        let mut digits = [b'0'; DECIMAL_DIGITS];
        let mut used = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
            used += 1;
            if value == 0 {
                break;
            }
        }
        self.0.write(b" ");
        self.0.write(digits.get(DECIMAL_DIGITS - used..).unwrap_or_default());
        self
    }

    /// Ends the line.
    pub fn end(&mut self) {
        self.0.write(b"\n");
    }
}
