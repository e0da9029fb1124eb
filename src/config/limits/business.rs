//! From what to what each number of `[settings]` may go: by its own name where one is special, else by how its name ends.
//! The ranges are wide: they keep out what nobody can mean (a share of 1,500 %, a span of a thousand years, a sum that
//! overflows), not what is unusual.

use super::{DAYS, Range};

/// Beyond this nothing is counted: numbers of rows, of products, of units.
const COUNT: f64 = 1e9;
/// A sum of money or units; settings have twelve digits before the point.
const AMOUNT: f64 = 1e11;

/// Whole names first, then endings; the first that fits holds.
const RANGES: &[Range] = &[
    Range("demand_window_days", 1.0, 31.0),
    Range("stale_count_days", 1.0, 31.0),
    Range("price_war_median_days", 1.0, 92.0),
    Range("overstock_limit", 0.0, 1000.0),
    Range("bcg_growth_cut", -1.0, 1000.0),
    Range("bcg_relative_cut", 0.0, 1000.0),
    Range("clv_discount_rate", 0.0, 10.0),
    Range("points_per_unit", 0.0, 1e6),
    Range("referral_bonus", 0.0, AMOUNT),
    Range("referral_reward_max", 0.0, AMOUNT),
    Range("rebate_decimals", 0.0, 4.0),
    Range("business_hours_start", 0.0, 23.0),
    Range("business_hours_end", 1.0, 24.0),
    Range("scorecard_weight_min", 0.0, 100.0),
    Range("dissatisfied_score_max", 0.0, 100.0),
    Range("anomaly_dispersion", 1.0, 1e6),
    Range("high_frequency_orders", 1.0, COUNT),
    Range("gap_size_min", 0.0, 1e6),
    Range("gap_size_max", 0.0, 1e6),
    Range("basket_lift_min", 0.0, 1e6),
    Range("pace_gap_max", 0.0, 1.0),
    Range("spill_share_max", 0.0, 1.0),
    Range("spill_deviation_max", 0.0, 1.0),
    Range("conflict_deduction_min", 0.0, 1.0),
    Range("chasing_edge_gap", 0.0, 1.0),
    Range("anomaly_gap_min", 0.0, 100.0),
    Range("outlier_line_times", 1.0, 1e9),
    Range("rejected_rows_per_file", 0.0, 1e9),
    Range("usual_files", 1.0, 1000.0),
    Range("malicious_months", 1.0, 1200.0),
    Range("calendar_years_ahead", 0.0, 50.0),
    // Endings.
    Range("_days", 0.0, DAYS),
    Range("_days_min", 0.0, DAYS),
    Range("_days_max", 0.0, DAYS),
    Range("_days_drawn", 0.0, 1000.0),
    Range("_hours", 0.0, 8760.0),
    Range("_weeks", 1.0, 5200.0),
    Range("_months", 1.0, 1200.0),
    Range("_months_min", 0.0, 1200.0),
    Range("_quarters", 1.0, 400.0),
    Range("_quarters_min", 1.0, 4.0),
    Range("_periods", 1.0, 400.0),
    Range("_years_min", 0.0, 100.0),
    Range("_grade_a", 0.0, 100.0),
    Range("_grade_b", 0.0, 100.0),
    Range("_grade_c", 0.0, 100.0),
    Range("_share", 0.0, 1.0),
    Range("_share_min", 0.0, 1.0),
    Range("_rate", 0.0, 1.0),
    Range("_rate_default", 0.0, 1.0),
    Range("_discount_default", 0.0, 1.0),
    Range("_deviation_min", 0.0, 1.0),
    Range("_trend_min", 0.0, 100.0),
    Range("_noise", 0.0, 100.0),
    Range("_noise_min", 0.0, 100.0),
    Range("_drop", 0.0, 1.0),
    Range("_band", 0.0, 1e6),
    Range("_spreads", 0.0, 1e6),
    Range("_factor", 0.0, 1e6),
    Range("_ratio", 0.0, 1e6),
    Range("_reach", 1.0, 1e6),
    Range("_units", 0.0, AMOUNT),
    Range("_units_min", 0.0, AMOUNT),
    Range("_value_min", 0.0, AMOUNT),
    Range("_capital_min", 0.0, AMOUNT),
    Range("_min", 0.0, COUNT),
    Range("_max", 0.0, COUNT),
];

/// What the number of that name of the reference may be.
pub(super) fn range(name: &str) -> (f64, f64) {
    let (endings, names): (Vec<_>, Vec<_>) = RANGES.iter().partition(|range| range.0.starts_with('_'));
    let named = names.into_iter().find(|range| range.0 == name);
    match named.or_else(|| endings.into_iter().find(|range| name.ends_with(range.0))) {
        Some(Range(_, from, to)) => (*from, *to),
        None => OWN,
    }
}

/// What a company's own setting with a fraction may be.
pub(super) const OWN: (f64, f64) = (-AMOUNT, AMOUNT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_number_has_a_range_of_its_own() {
        let reference: toml::Table = toml::from_str(crate::config::REFERENCE).expect("TOML");
        for (name, value) in reference["settings"].as_table().expect("a section") {
            let Ok(number) = value.to_string().parse::<f64>() else { continue };
            let (from, to) = range(name);
            assert_ne!((from, to), OWN, "{name} may be anything");
            assert!((from..=to).contains(&number), "{name} = {number} is not from {from} to {to}");
        }
    }
}
