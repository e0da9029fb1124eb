//! How two values are compared, and how much chance leaves between them.

/// How days are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Sales, units, orders: by the power of two thirds of their ratio, on which counts scatter as a bell does.
    Amount,
    /// Prices: by ratios.
    Price,
    /// Shares of a whole: by differences.
    Rate,
}

/// Largest variance of a residual: beyond it a series is nothing but chance.
const VARIANCE_MAX: f64 = 1.0;

/// The variance of a day's residual: what chance leaves to its events, and what the series is unsteady beyond that.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variance {
    pub(super) chance: f64,
    pub(super) unsteady: f64,
}

impl Variance {
    pub(super) fn total(self) -> f64 {
        self.chance + self.unsteady
    }

    fn capped(self) -> f64 {
        self.total().min(VARIANCE_MAX)
    }

    fn half(self) -> f64 {
        self.capped() / 2.0
    }

    /// The power on which days scatter as a bell does: two thirds for counts, 0 (logarithms) for what is unsteady.
    fn power(self) -> f64 {
        let total = self.total();
        if total > 0.0 { 2.0 / 3.0 * self.chance / total } else { 0.0 }
    }

    /// The mean of counts and shares lies above their middle.
    fn centre(self) -> f64 {
        (1.0 - self.power()) * self.half()
    }
}

impl Scale {
    /// How far `value` lies off `expected` where days have this variance; 0 where it is as expected.
    ///
    /// Of amounts it is a share. With variance 1 / (n + ½), that of a count around n, half an event is added to both
    /// sides of the ratio (Anscombe 1948): then even no event at all lies as many standard deviations off as it should.
    pub(super) fn residual(self, value: f64, expected: f64, variance: Variance) -> Option<f64> {
        match self {
            Self::Rate => Some(value - expected),
            _ if expected <= 0.0 => None,
            Self::Price => Some(value / expected - 1.0),
            Self::Amount => {
                let ratio = value / expected;
                let (ratio, power) = (ratio + (1.0 - ratio) * variance.half(), variance.power());
                let below = ratio.min(0.0);
                let ratio = ratio.max(variance.half().min(0.001));
                let off = if power < 0.001 { libm::log(ratio) } else { (libm::pow(ratio, power) - 1.0) / power };
                Some(off + below + variance.centre())
            }
        }
    }

    /// The value that lies so far off.
    pub(super) fn value(self, residual: f64, expected: f64, variance: Variance) -> f64 {
        match self {
            Self::Rate => expected + residual,
            Self::Price => expected * (1.0 + residual),
            Self::Amount => {
                let (off, power) = (residual - variance.centre(), variance.power());
                let base = (1.0 + power * off).max(0.0);
                let ratio = if power < 0.001 { libm::exp(off) } else { libm::pow(base, 1.0 / power) };
                expected * (ratio - variance.half()) / (1.0 - variance.half())
            }
        }
    }

    /// The variance of a residual that chance alone leaves to so many events.
    pub(super) fn chance(self, events: Option<f64>) -> f64 {
        let Some(events) = events.map(|events| events.max(0.0) + 0.5) else { return 0.0 };
        match self {
            Self::Amount | Self::Price => (1.0 / events).min(VARIANCE_MAX),
            Self::Rate => 0.0,
        }
    }
}
