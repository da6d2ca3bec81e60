//! Random numbers that follow from a seed.

use crate::backoff::mix;

/// The generator splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: i64) -> Self {
        Self(mix(seed as u64))
    }

    /// A number below `count`, which is at least 1 and at most 2³².
    pub fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (((mix(self.0) >> 32) * count as u64) >> 32) as usize
    }
}
