//! BG/NBD (Fader, Hardie and Lee, 2005): a customer buys at random with a rate of their own, and after each purchase
//! may leave for good with a chance of their own. Rates are gamma (r, alpha) distributed over customers, chances beta
//! (a, b).

use super::likelihood::{Likelihood, Maximum, maximum};

/// How often and when a kind of customer bought, and how many there are of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Buying {
    /// Purchase days after the first.
    pub(super) purchases: f64,
    /// Days from the first purchase to the last.
    pub(super) recency_days: usize,
    /// Days from the first purchase to now.
    pub(super) age_days: usize,
    /// Customers who are alike in all three.
    pub(super) customers: f64,
}

/// The parameters; time in weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BgNbd {
    pub(super) r: f64,
    pub(super) alpha: f64,
    pub(super) a: f64,
    pub(super) b: f64,
}

/// A fitted model.
pub(super) struct Fitted {
    pub(super) maximum: Maximum,
    /// Whether anybody is seen to leave; if not, a is 0 and b says nothing.
    pub(super) dropout: bool,
}

/// Names of the parameters, in order.
pub(super) const PARAMETERS: [&str; 4] = ["r", "alpha", "a", "b"];
/// The model with dropout must be better by so much log-likelihood than the one without, or nobody is seen to leave.
const DROPOUT_GAIN_MIN: f64 = 0.01;
const DAYS_A_WEEK: f64 = 7.0;

/// Fits the model to kinds of customers sorted by purchases. With buyers who are not seen to leave, the largest
/// likelihood lies at a = 0, where no search ends; so the model without dropout (NBD) is fitted too.
pub(super) fn fit(rows: &[Buying]) -> Option<Fitted> {
    let sum = |value: fn(&Buying) -> f64| rows.iter().map(|row| value(row) * row.customers).sum::<f64>();
    let purchases = sum(|row| row.purchases);
    if purchases <= 0.0 {
        return None;
    }
    let weeks = sum(|row| weeks(row.age_days)) / purchases;
    let staying = maximum(&Rows::new(rows, false), &[1.0, weeks.max(1.0 / DAYS_A_WEEK)])?;
    let start = [staying.values[0], staying.values[1], 0.5, 2.0];
    let leaving = maximum(&Rows::new(rows, true), &start);
    if let Some(leaving) = leaving.filter(|fit| fit.log_likelihood >= staying.log_likelihood + DROPOUT_GAIN_MIN) {
        return Some(Fitted { maximum: leaving, dropout: true });
    }
    Some(Fitted { maximum: staying, dropout: false })
}

/// The log-likelihood with dropout and its slopes.
#[cfg(test)]
pub(super) fn slope_at(rows: &[Buying], parameters: &[f64]) -> (f64, Vec<f64>) {
    Rows::new(rows, true).at(parameters)
}

#[expect(clippy::cast_precision_loss, reason = "days of a calendar are few")]
fn weeks(days: usize) -> f64 {
    days as f64 / DAYS_A_WEEK
}

/// The rows to be likely, with or without dropout.
struct Rows<'a> {
    rows: &'a [Buying],
    customers: f64,
    days_max: usize,
    dropout: bool,
}

impl<'a> Rows<'a> {
    fn new(rows: &'a [Buying], dropout: bool) -> Self {
        let customers = rows.iter().map(|row| row.customers).sum();
        let days_max = rows.iter().map(|row| row.age_days.max(row.recency_days)).max().unwrap_or(0);
        Self { rows, customers, days_max, dropout }
    }
}

/// What of the likelihood depends on the number of purchases alone, with its derivatives by r, a and b.
///
/// Γ(r + x) / Γ(r) and B(a, b + x) / B(a, b) are products over the purchases before, so their logarithms are sums that
/// grow with the rows. Differences of ln Γ would lose all digits where b is large, and the search would climb the
/// noise.
struct Count {
    purchases: f64,
    value: f64,
    by_r: f64,
    by_a: f64,
    by_b: f64,
    /// ln a − ln (b + x − 1)
    leave: f64,
}

impl Count {
    fn new(model: &BgNbd) -> Self {
        let log_alpha = libm::log(model.alpha);
        let value = model.r * log_alpha;
        Self { purchases: 0.0, value, by_r: log_alpha, by_a: 0.0, by_b: 0.0, leave: f64::NEG_INFINITY }
    }

    fn grow(&mut self, model: &BgNbd, purchases: f64, dropout: bool) {
        let BgNbd { r, a, b, .. } = *model;
        while self.purchases < purchases {
            let before = self.purchases;
            self.value += libm::log(r + before);
            self.by_r += 1.0 / (r + before);
            if dropout {
                self.value -= libm::log1p(a / (b + before));
                self.by_a -= 1.0 / (a + b + before);
                self.by_b += a / ((b + before) * (a + b + before));
                self.leave = libm::log(a) - libm::log(b + before);
            }
            self.purchases += 1.0;
        }
    }
}

impl Likelihood for Rows<'_> {
    fn customers(&self) -> f64 {
        self.customers
    }

    fn at(&self, parameters: &[f64]) -> (f64, Vec<f64>) {
        let get = |at: usize| parameters.get(at).copied().unwrap_or(1.0);
        let model = BgNbd { r: get(0), alpha: get(1), a: get(2), b: get(3) };
        let BgNbd { r, alpha, a, b } = model;
        // Days repeat far more often than customers are alike.
        let logs: Vec<f64> = (0..=self.days_max).map(|days| libm::log(alpha + weeks(days))).collect();
        let (mut value, mut by_r, mut by_alpha, mut by_a, mut by_b) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let mut count = Count::new(&model);
        for row in self.rows {
            let x = row.purchases;
            count.grow(&model, x, self.dropout);
            let (log_age, log_recency) = (logs[row.age_days], logs[row.recency_days]);
            // Still a customer, or gone right after the last purchase.
            let stay = -(r + x) * log_age;
            let gone = count.leave - (r + x) * log_recency;
            let (both, gone_share) = if gone == f64::NEG_INFINITY {
                (stay, 0.0)
            } else if gone > stay {
                let less = libm::exp(stay - gone);
                (gone + libm::log1p(less), 1.0 / (1.0 + less))
            } else {
                let less = libm::exp(gone - stay);
                (stay + libm::log1p(less), less / (1.0 + less))
            };
            let stay_share = 1.0 - gone_share;
            let weight = row.customers;
            value += weight * (count.value + both);
            by_r += weight * (count.by_r - stay_share * log_age - gone_share * log_recency);
            let inverse = stay_share / (alpha + weeks(row.age_days)) + gone_share / (alpha + weeks(row.recency_days));
            by_alpha += weight * (r / alpha - (r + x) * inverse);
            by_a += weight * (count.by_a + gone_share / a);
            if gone_share > 0.0 {
                by_b += weight * (count.by_b - gone_share / (b + x - 1.0));
            } else {
                by_b += weight * count.by_b;
            }
        }
        let slope = [by_r * r, by_alpha * alpha, by_a * a, by_b * b];
        (value, slope[..parameters.len().min(4)].to_vec())
    }
}

impl BgNbd {
    /// The chance that a customer has not left.
    pub(super) fn alive(&self, purchases: f64, recency_days: f64, age_days: f64) -> f64 {
        let Self { r, alpha, a, b } = *self;
        if purchases <= 0.0 {
            return 1.0;
        }
        let silence = libm::log((alpha + age_days / DAYS_A_WEEK) / (alpha + recency_days / DAYS_A_WEEK));
        // As one exponent: without dropout ln a is −∞, and a long silence would overflow beside it.
        1.0 / (1.0 + libm::exp(libm::log(a) - libm::log(b + purchases - 1.0) + (r + purchases) * silence))
    }

    /// Purchases expected over the next `weeks`, each counted less by `yearly` for every year until it comes.
    ///
    /// With e^(−δt) for the discount and E(t) for the purchases up to t, ∫ e^(−δt) dE = e^(−δw) E(w) + δ ∫ e^(−δt) E
    /// dt; five points of Gauss and Legendre are exact to many digits, as E is smooth and δ small.
    pub(super) fn purchases(&self, purchases: f64, recency_days: f64, age_days: f64, weeks: f64, yearly: f64) -> f64 {
        const POINTS: [(f64, f64); 5] = [
            (0.046_910_077_030_668, 0.118_463_442_528_094_5),
            (0.230_765_344_947_158_45, 0.239_314_335_249_683_23),
            (0.5, 0.284_444_444_444_444_4),
            (0.769_234_655_052_841_6, 0.239_314_335_249_683_23),
            (0.953_089_922_969_332, 0.118_463_442_528_094_5),
        ];
        let age = age_days / DAYS_A_WEEK;
        let delta = libm::log1p(yearly) * DAYS_A_WEEK / 365.0;
        let early: f64 = if delta > 0.0 {
            POINTS
                .iter()
                .map(|(at, share)| share * libm::exp(-delta * at * weeks) * self.bought(purchases, age, at * weeks))
                .sum()
        } else {
            0.0
        };
        let discounted = libm::exp(-delta * weeks) * self.bought(purchases, age, weeks) + delta * weeks * early;
        self.alive(purchases, recency_days, age_days) * discounted
    }

    /// Purchases within `ahead` weeks of a customer who is still there.
    ///
    /// The published formula with ₂F₁ is a difference of numbers that may be huge or infinite; the same value is a sum
    /// of chances, each between 0 and 1, whatever the parameters. A customer who never leaves buys N times, N negative
    /// binomial with shape r + x and chance z = t / (α + T + t); the purchase number k + 1 comes if N > k and none of
    /// the k before it was the last: Σ P(N > k) Π (b + x + j) / (a + b + x + j) over j < k. With a = 0 all products are
    /// 1 and the sum is the mean of N.
    fn bought(&self, x: f64, age: f64, ahead: f64) -> f64 {
        const TERMS_MAX: u32 = 2_000_000;
        /// What is left of the sum may be so much of it.
        const REST: f64 = 1e-13;
        let Self { r, alpha, a, b } = *self;
        let (shape, stay) = (r + x, b + x);
        let z = ahead / (alpha + age + ahead);
        let log_z = libm::log(z);
        // The weight of N = k, by its logarithm: of a heavy buyer the first ones are below the smallest number.
        let mut log_weight = -shape * libm::log1p(ahead / (alpha + age));
        let mut more = -libm::expm1(log_weight);
        let (mut there, mut sum) = (1.0, 0.0);
        for k in 0..TERMS_MAX {
            let k = f64::from(k);
            sum += more * there;
            // From N = k + 1 on weights fall by this at most, so this bounds all that is to come.
            let fall = z * ((shape + k + 1.0) / (k + 2.0)).max(1.0);
            log_weight += log_z + libm::log((shape + k) / (k + 1.0));
            let weight = libm::exp(log_weight);
            more = (more - weight).max(0.0);
            there /= 1.0 + a / (stay + k);
            if fall < 1.0 && there * weight <= REST * sum * (1.0 - fall) * (1.0 - fall) {
                return sum;
            }
        }
        f64::NAN
    }
}
