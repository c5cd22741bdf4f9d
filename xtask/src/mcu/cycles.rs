//! How long instructions take on a Cortex-M4F, by its Technical Reference Manual (r0p1, tables 3-1 and 7-1): a model.
//!
//! Follows the instructions in the order of their execution. Memory answers at once; a taken branch refills the pipeline in two
//! cycles; a load directly after a load overlaps with it; floating-point arithmetic keeps the next instruction waiting for a cycle
//! where that needs the result. Divisions of integers, which take 2 to 12 cycles, count 7. Not validated on silicon.

use super::thumb::{Instruction, Kind};

/// Cycles to refill the pipeline.
const REFILL: u64 = 2;
/// Floating-point division and square root.
const FLOAT_DIVIDE: u64 = 14;
/// Floating-point multiply-accumulate.
const FLOAT_MULTIPLY_ADD: u64 = 3;
/// Integer division, in the middle of its range.
const DIVIDE: u64 = 7;

/// What was executed, and how long it takes by the model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Cost {
    pub(crate) instructions: u64,
    pub(crate) cycles: u64,
}

/// The instruction before the one that comes next.
#[derive(Debug, Clone, Copy)]
struct Previous {
    instruction: Instruction,
    /// Address after it.
    end: u32,
}

/// A processor whose instructions are counted.
#[derive(Debug, Default)]
pub(crate) struct Processor {
    pub(crate) cost: Cost,
    previous: Option<Previous>,
}

impl Processor {
    /// Executes one instruction of `bytes` bytes at `address`.
    pub(crate) fn execute(&mut self, address: u32, bytes: u32, instruction: Instruction) {
        let mut cycles = duration(instruction.kind);
        if let Some(Previous { instruction: before, end }) = self.previous {
            if before.kind == Kind::ConditionalBranch && end != address {
                cycles += REFILL;
            }
            if is_load(before.kind) && is_load(instruction.kind) {
                cycles -= 1;
            }
            let waits = before.writes.is_some() && instruction.reads.contains(&before.writes);
            if before.is_arithmetic() && instruction.is_float() && waits {
                cycles += 1;
            }
        }
        self.previous = Some(Previous { instruction, end: address + bytes });
        self.cost.instructions += 1;
        self.cost.cycles += cycles;
    }
}

fn is_load(kind: Kind) -> bool {
    matches!(kind, Kind::Load { .. } | Kind::FloatLoad { .. })
}

/// Cycles of an instruction by itself.
fn duration(kind: Kind) -> u64 {
    match kind {
        Kind::Load { words } | Kind::FloatLoad { words } | Kind::FloatStore { words } => 1 + u64::from(words),
        // A store of one word waits in a buffer.
        Kind::Store { words: 1 } | Kind::FloatArithmetic | Kind::FloatOther | Kind::Other | Kind::ConditionalBranch => {
            1
        }
        Kind::Store { words } | Kind::FloatMultiple { words } => 1 + u64::from(words),
        Kind::Multiple { words, jumps } => 1 + u64::from(words) + if jumps { REFILL } else { 0 },
        Kind::Branch => 1 + REFILL,
        Kind::TableBranch => 2 + REFILL,
        Kind::Divide => DIVIDE,
        Kind::FloatMultiplyAdd => FLOAT_MULTIPLY_ADD,
        Kind::FloatDivide => FLOAT_DIVIDE,
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, Processor};
    use crate::mcu::thumb::decode;

    /// Executes encodings one after the other from address 0.
    fn cost(encodings: &[(u16, u16)]) -> Cost {
        let mut processor = Processor::default();
        let mut address = 0;
        for (first, second) in encodings {
            let bytes = if *second == 0 { 2 } else { 4 };
            processor.execute(address, bytes, decode(*first, *second));
            address += bytes;
        }
        processor.cost
    }

    const LOAD: (u16, u16) = (0xed91, 0x4a00);
    const PRODUCT: (u16, u16) = (0xee23, 0x4a04);
    /// vadd.f32 s0, s0, s8: needs what the product writes.
    const SUM: (u16, u16) = (0xee30, 0x0a04);
    /// vadd.f32 s0, s0, s2: does not.
    const OTHER_SUM: (u16, u16) = (0xee30, 0x0a01);

    #[test]
    fn neighbouring_loads_overlap() {
        assert_eq!(cost(&[LOAD]).cycles, 2);
        assert_eq!(cost(&[LOAD; 4]).cycles, 5);
        assert_eq!(cost(&[LOAD, OTHER_SUM, LOAD]).cycles, 5);
    }

    #[test]
    fn a_sum_waits_for_its_own_product_and_for_no_other() {
        assert_eq!(cost(&[PRODUCT, SUM]).cycles, 3);
        assert_eq!(cost(&[PRODUCT, OTHER_SUM]).cycles, 2);
        assert_eq!(cost(&[PRODUCT, OTHER_SUM, SUM]).cycles, 4, "the second sum waits for the first");
    }

    #[test]
    fn a_branch_costs_its_refill_where_it_is_taken() {
        let branch = decode(0xd001, 0);
        for (next, cycles) in [(2, 2), (6, 4)] {
            let mut processor = Processor::default();
            processor.execute(0, 2, branch);
            processor.execute(next, 2, decode(0x3001, 0));
            assert_eq!(processor.cost, Cost { instructions: 2, cycles });
        }
    }
}
