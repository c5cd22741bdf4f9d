//! One number for a whole trajectory: if two deployments agree on it, they agreed on every bit of every state.

use super::{AnyState, State};

/// FNV-1a, 64 bits, over the f32 bits of q and then p, and of their copies, of every state it is shown, initial state included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrajectoryHash {
    value: u64,
}

impl Default for TrajectoryHash {
    fn default() -> Self {
        Self::new()
    }
}

impl TrajectoryHash {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    /// The hash of no state.
    #[must_use]
    pub const fn new() -> Self {
        Self { value: Self::OFFSET_BASIS }
    }

    /// Takes in the next state.
    pub fn update<const N: usize>(&mut self, state: &State<f32, N>) {
        self.take_in(state.coordinates());
    }

    /// Takes in the next state of any kind; of a doubled one the copy after the motion.
    pub fn update_any<const N: usize>(&mut self, state: &AnyState<N>) {
        self.take_in(state.coordinates());
    }

    fn take_in(&mut self, values: impl Iterator<Item = f32>) {
        for value in values {
            for byte in value.to_bits().to_le_bytes() {
                self.value = (self.value ^ u64::from(byte)).wrapping_mul(Self::PRIME);
            }
        }
    }

    /// The hash of all states so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.value
    }
}
