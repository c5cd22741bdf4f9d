//! What kind of instruction a Thumb-2 encoding is, as far as its duration on a Cortex-M4F depends on it.
//!
//! Encodings are those of the Armv7-M Architecture Reference Manual, chapters A5 to A7. Knows no durations.

/// What an instruction does to the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One load, of one word or less, or of two.
    Load { words: u8 },
    /// One store, of one word or less, or of two.
    Store { words: u8 },
    /// Several registers at once; whether the program counter is among those loaded.
    Multiple { words: u8, jumps: bool },
    /// A branch that is always taken.
    Branch,
    /// A branch through a table of offsets.
    TableBranch,
    /// A branch that may be taken.
    ConditionalBranch,
    /// Integer division.
    Divide,
    /// Floating-point load of one or two words.
    FloatLoad { words: u8 },
    /// Floating-point store of one or two words.
    FloatStore { words: u8 },
    /// Several floating-point registers at once.
    FloatMultiple { words: u8 },
    /// Product and sum in one instruction, fused or not.
    FloatMultiplyAdd,
    /// Division or square root.
    FloatDivide,
    /// Sum, difference, product, conversion.
    FloatArithmetic,
    /// Any other floating-point instruction: moves, comparisons, signs.
    FloatOther,
    /// Everything else.
    Other,
}

/// An instruction, decoded as far as needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) kind: Kind,
    /// Single-precision register that is written.
    pub(crate) writes: Option<u8>,
    /// Single-precision registers that are read.
    pub(crate) reads: [Option<u8>; 3],
}

impl Instruction {
    fn plain(kind: Kind) -> Self {
        Self { kind, writes: None, reads: [None; 3] }
    }

    /// Whether it runs in the floating-point unit.
    pub(crate) fn is_float(self) -> bool {
        use Kind::{FloatArithmetic, FloatDivide, FloatLoad, FloatMultiple, FloatMultiplyAdd, FloatOther, FloatStore};
        matches!(
            self.kind,
            FloatLoad { .. }
                | FloatStore { .. }
                | FloatMultiple { .. }
                | FloatMultiplyAdd
                | FloatDivide
                | FloatArithmetic
                | FloatOther
        )
    }

    /// Whether its result is computed, so that the next instruction waits for it.
    pub(crate) fn is_arithmetic(self) -> bool {
        matches!(self.kind, Kind::FloatArithmetic | Kind::FloatMultiplyAdd | Kind::FloatDivide)
    }
}

/// Decodes the instruction whose half-words are `first` and, where it is long, `second`.
pub(crate) fn decode(first: u16, second: u16) -> Instruction {
    if first >> 11 < 0b11101 {
        return Instruction::plain(short(first));
    }
    if first & 0xec00 == 0xec00 && second & 0x0e00 == 0x0a00 {
        return float(first, second);
    }
    Instruction::plain(long(first, second))
}

fn ones(value: u16) -> u8 {
    // At most 16.
    value.count_ones() as u8
}

fn short(word: u16) -> Kind {
    match word {
        0x4687 | 0x4700..=0x47ff => Kind::Branch,
        0x4800..=0x4fff | 0x5600..=0x5fff | 0x6800..=0x6fff | 0x7800..=0x7fff => Kind::Load { words: 1 },
        0x8800..=0x8fff | 0x9800..=0x9fff => Kind::Load { words: 1 },
        0x5000..=0x55ff | 0x6000..=0x67ff | 0x7000..=0x77ff => Kind::Store { words: 1 },
        0x8000..=0x87ff | 0x9000..=0x97ff => Kind::Store { words: 1 },
        0xb400..=0xb5ff => Kind::Multiple { words: ones(word & 0x1ff), jumps: false },
        0xbc00..=0xbdff => Kind::Multiple { words: ones(word & 0x1ff), jumps: word & 0x100 != 0 },
        0xc000..=0xcfff => Kind::Multiple { words: ones(word & 0xff), jumps: false },
        0xd000..=0xddff => Kind::ConditionalBranch,
        0xe000..=0xe7ff => Kind::Branch,
        _ if word & 0xf500 == 0xb100 => Kind::ConditionalBranch,
        _ => Kind::Other,
    }
}

fn long(first: u16, second: u16) -> Kind {
    let is_load = first & 0x10 != 0;
    match first {
        _ if first & 0xfe40 == 0xe800 => Kind::Multiple { words: ones(second), jumps: is_load && second & 0x8000 != 0 },
        _ if first & 0xfff0 == 0xe8d0 && second & 0xffe0 == 0xf000 => Kind::TableBranch,
        _ if first & 0xfe40 == 0xe840 && is_load => Kind::Load { words: 2 },
        _ if first & 0xfe40 == 0xe840 => Kind::Store { words: 2 },
        _ if first & 0xf800 == 0xf000 && second & 0x8000 != 0 => match second & 0xd000 {
            0x8000 if (first >> 6) & 0xf < 0xe => Kind::ConditionalBranch,
            0x8000 => Kind::Other,
            _ => Kind::Branch,
        },
        _ if first & 0xfe00 == 0xf800 && is_load && second >> 12 == 15 => Kind::Branch,
        _ if first & 0xfe00 == 0xf800 && is_load => Kind::Load { words: 1 },
        _ if first & 0xfe00 == 0xf800 => Kind::Store { words: 1 },
        _ if first & 0xffd0 == 0xfb90 => Kind::Divide,
        _ => Kind::Other,
    }
}

/// Single-precision register of four bits and the one below them.
fn register(high: u16, low: u16) -> Option<u8> {
    Some(((high & 0xf) << 1 | low & 1) as u8)
}

fn float(first: u16, second: u16) -> Instruction {
    let (d, n, m) = (register(second >> 12, first >> 6), register(first, second >> 7), register(second, second >> 5));
    let is_load = first & 0x10 != 0;
    let words = if second & 0x100 != 0 { 2 } else { 1 };
    if first & 0xff00 != 0xee00 {
        return match first {
            _ if first & 0xffe0 == 0xec40 => Instruction::plain(Kind::FloatOther),
            _ if first & 0xff20 == 0xed00 && is_load => Instruction::plain(Kind::FloatLoad { words }),
            _ if first & 0xff20 == 0xed00 => {
                Instruction { kind: Kind::FloatStore { words }, writes: None, reads: [d, None, None] }
            }
            _ => Instruction::plain(Kind::FloatMultiple { words: (second & 0xff) as u8 }),
        };
    }
    if second & 0x10 != 0 {
        // Between a core register and a single, or the status.
        let reads = if is_load && first & 0xe0 == 0 { [n, None, None] } else { [None; 3] };
        return Instruction { kind: Kind::FloatOther, writes: None, reads };
    }
    let (kind, reads) = match (first >> 4) & 0b1011 {
        0b0000 | 0b0001 | 0b1001 | 0b1010 => (Kind::FloatMultiplyAdd, [d, n, m]),
        0b0010 | 0b0011 => (Kind::FloatArithmetic, [n, m, None]),
        0b1000 => (Kind::FloatDivide, [n, m, None]),
        _ => return single_operand(first, second, [d, m]),
    };
    Instruction { kind, writes: d, reads }
}

/// Moves, signs, roots, comparisons and conversions.
fn single_operand(first: u16, second: u16, [d, m]: [Option<u8>; 2]) -> Instruction {
    let is_immediate = second & 0x40 == 0;
    match (first & 0xf, second >> 7 & 1) {
        _ if is_immediate => Instruction { kind: Kind::FloatOther, writes: d, reads: [None; 3] },
        (1, 1) => Instruction { kind: Kind::FloatDivide, writes: d, reads: [m, None, None] },
        (4 | 5, _) => Instruction { kind: Kind::FloatOther, writes: None, reads: [d, m, None] },
        (7 | 8 | 12 | 13, _) => Instruction { kind: Kind::FloatArithmetic, writes: d, reads: [m, None, None] },
        _ => Instruction { kind: Kind::FloatOther, writes: d, reads: [m, None, None] },
    }
}

#[cfg(test)]
mod tests {
    use super::{Instruction, Kind, decode};

    /// Encodings and names as the assembler of GNU binutils 2.40 pairs them.
    #[test]
    fn encodings_are_what_an_assembler_makes_of_the_names() {
        let known = [
            ("push {r4-r7, lr}", 0xb5f0, 0, Kind::Multiple { words: 5, jumps: false }),
            ("pop {r4-r7, pc}", 0xbdf0, 0, Kind::Multiple { words: 5, jumps: true }),
            ("ldr r0, [sp, #4]", 0x9801, 0, Kind::Load { words: 1 }),
            ("str r0, [r1]", 0x6008, 0, Kind::Store { words: 1 }),
            ("adds r0, r0, #1", 0x3001, 0, Kind::Other),
            ("beq", 0xd001, 0, Kind::ConditionalBranch),
            ("cbz r0", 0xb108, 0, Kind::ConditionalBranch),
            ("bx lr", 0x4770, 0, Kind::Branch),
            ("it gt", 0xbfc8, 0, Kind::Other),
            ("bl", 0xf000, 0xf801, Kind::Branch),
            ("bne.w", 0xf040, 0x8001, Kind::ConditionalBranch),
            ("stmdb sp!, {r8, r9, sl, fp}", 0xe92d, 0x0f00, Kind::Multiple { words: 4, jumps: false }),
            ("ldrd r0, r1, [r7, #20]", 0xe9d7, 0x0105, Kind::Load { words: 2 }),
            ("ldr.w r2, [r0, #160]", 0xf8d0, 0x20a0, Kind::Load { words: 1 }),
            ("udiv r0, r0, r1", 0xfbb0, 0xf0f1, Kind::Divide),
            ("tbh [pc, r0, lsl #1]", 0xe8df, 0xf010, Kind::TableBranch),
            ("vldr s8, [r1, #-124]", 0xed11, 0x4a1f, Kind::FloatLoad { words: 1 }),
            ("vstr s8, [r2]", 0xed82, 0x4a00, Kind::FloatStore { words: 1 }),
            ("vpush {d8-d15}", 0xed2d, 0x8b10, Kind::FloatMultiple { words: 16 }),
            ("vmul.f32 s8, s6, s8", 0xee23, 0x4a04, Kind::FloatArithmetic),
            ("vmla.f32 s0, s1, s2", 0xee00, 0x0a81, Kind::FloatMultiplyAdd),
            ("vdiv.f32 s9, s9, s15", 0xeec4, 0x4aa7, Kind::FloatDivide),
            ("vcmp.f32 s9, s0", 0xeef4, 0x4a40, Kind::FloatOther),
            ("vmrs APSR_nzcv, fpscr", 0xeef1, 0xfa10, Kind::FloatOther),
        ];
        for (name, first, second, kind) in known {
            assert_eq!(decode(first, second).kind, kind, "{name}");
        }
    }

    #[test]
    fn registers_are_those_of_the_operands() {
        let product = decode(0xee23, 0x4a04);
        assert_eq!((product.writes, product.reads), (Some(8), [Some(6), Some(8), None]));
        let comparison = decode(0xeef4, 0x4a40);
        assert_eq!((comparison.writes, comparison.reads), (None, [Some(9), Some(0), None]));
        assert!(product.is_arithmetic() && product.is_float() && !comparison.is_arithmetic());
        assert_eq!(
            decode(0xee00, 0x0a81),
            Instruction { kind: Kind::FloatMultiplyAdd, writes: Some(0), reads: [Some(0), Some(1), Some(2)] }
        );
    }
}
