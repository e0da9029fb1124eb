//! Gamma-gamma (Fader, Hardie and Lee, 2005): what a customer spends on a purchase day varies around a mean of their
//! own (gamma with shape p); the means vary over customers (inverse gamma with shape q and scale v).

use super::likelihood::{Likelihood, Maximum, maximum};

/// A customer's repeat purchases.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spending {
    /// Purchase days after the first.
    pub(super) purchases: f64,
    /// Money spent on all of them.
    pub(super) spend: f64,
}

/// Names of the parameters, in order.
pub(super) const PARAMETERS: [&str; 3] = ["p", "q", "v"];

/// Fits the model to customers sorted by purchases. Money is measured by its mean, so that the search is the same in
/// every currency.
pub(super) fn fit(rows: &[Spending]) -> Option<Maximum> {
    let rows: Vec<Spending> = rows.iter().copied().filter(|row| row.purchases > 0.0 && row.spend > 0.0).collect();
    let purchases: f64 = rows.iter().map(|row| row.purchases).sum();
    let unit = rows.iter().map(|row| row.spend).sum::<f64>() / purchases;
    if !unit.is_finite() || unit <= 0.0 {
        return None;
    }
    let scaled: Vec<Spending> = rows.iter().map(|row| Spending { spend: row.spend / unit, ..*row }).collect();
    let mut fit = maximum(&Rows { rows: &scaled }, &[1.0, 2.0, 1.0])?;
    fit.values[2] *= unit;
    if let Some(errors) = &mut fit.errors {
        errors[2] *= unit;
    }
    // A density of money changes with its unit, by one factor a customer.
    fit.log_likelihood -= count(&scaled) * libm::log(unit);
    Some(fit)
}

#[expect(clippy::cast_precision_loss, reason = "customers are fewer than 2^53")]
fn count(rows: &[Spending]) -> f64 {
    rows.len() as f64
}

struct Rows<'a> {
    rows: &'a [Spending],
}

impl Likelihood for Rows<'_> {
    fn customers(&self) -> f64 {
        count(self.rows)
    }

    fn at(&self, parameters: &[f64]) -> (f64, Vec<f64>) {
        let (p, q, v) = (parameters[0], parameters[1], parameters[2]);
        let (log_v, digamma_q, lgamma_q) = (libm::log(v), digamma(q), libm::lgamma(q));
        let (mut value, mut by_p, mut by_q, mut by_v) = (0.0, 0.0, 0.0, 0.0);
        let mut known = (f64::NAN, 0.0, 0.0, 0.0);
        for row in self.rows {
            let x = row.purchases;
            if known.0.to_bits() != x.to_bits() {
                let with_q = digamma(p * x + q);
                known = (x, libm::lgamma(p * x + q) - libm::lgamma(p * x) - lgamma_q, with_q - digamma(p * x), with_q);
            }
            let (_, constant, digammas, digamma_both) = known;
            let (log_spend, log_sum) = (libm::log(row.spend), libm::log(v + row.spend));
            let log_mean = libm::log(row.spend / x);
            value += constant + q * log_v + p * x * log_spend - log_mean - (p * x + q) * log_sum;
            by_p += x * (digammas + log_spend - log_sum);
            by_q += digamma_both - digamma_q + log_v - log_sum;
            by_v += q / v - (p * x + q) / (v + row.spend);
        }
        (value, vec![by_p * p, by_q * q, by_v * v])
    }
}

/// ψ, the derivative of ln Γ: recurrence up to 10, then the asymptotic series (next term below 1e-16).
fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 10.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = square
        * (1.0 / 12.0
            - square
                * (1.0 / 120.0
                    - square
                        * (1.0 / 252.0
                            - square * (1.0 / 240.0 - square * (1.0 / 132.0 - square * (691.0 / 32760.0))))));
    libm::log(x) - 0.5 / x - series - below
}
