//! Chance that is the same on every machine: one `ChaCha` stream per named entity, so that adding a
//! partner draws from a stream of its own and leaves everybody else's numbers alone.

use crate::sha256::Sha256;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The stream of one entity. Only additions, multiplications and shifts are used, no library
/// distribution, so that an update of a crate cannot change what is drawn.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of the entity that `names` spell out, under `seed`.
    pub(crate) fn new(seed: u64, names: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        for name in names {
            hash.update([0]);
            hash.update(name.as_bytes());
        }
        Self(ChaCha8Rng::from_seed(hash.finalize()))
    }

    /// Evenly from [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        let bits = self.0.next_u64() >> 11;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let unit = bits as f64 / 9_007_199_254_740_992.0;
        unit
    }

    /// Evenly from 0 .. `count`; 0 when `count` is 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * count as u128;
        usize::try_from(wide >> 64).expect("below a usize count")
    }

    /// Evenly from `low` ..= `high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = usize::try_from(high - low + 1).unwrap_or(1);
        low + i64::try_from(self.below(span)).expect("a span of days, units or minutes is small")
    }

    /// A number from `low` to `high`.
    pub(crate) fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with probability `share`.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// One of `items`, which is never empty here.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}
