//! From what to what each number of `[settings]` may go: by its own name where one is special, else by how its name ends.
//! The ranges are wide: they keep out what nobody can mean (a share of 1,500 %, a span of a thousand years, a sum that
//! overflows), not what is unusual.

/// A name, or the end of one, and what its number may be, both ends included.
pub(super) struct Rule(&'static str, f64, f64);

const DAYS: f64 = super::DAYS;
/// Beyond this nothing is counted: numbers of rows, of products, of units.
const COUNT: f64 = 1e9;
/// A sum of money or units; settings have twelve digits before the point.
const AMOUNT: f64 = 1e11;

/// Whole names first, then endings; the first that fits holds.
const RULES: &[Rule] = &[
    Rule("demand_window_days", 1.0, 31.0),
    Rule("stale_count_days", 1.0, 31.0),
    Rule("price_war_median_days", 1.0, 92.0),
    Rule("overstock_limit", 0.0, 1000.0),
    Rule("bcg_growth_cut", -1.0, 1000.0),
    Rule("bcg_relative_cut", 0.0, 1000.0),
    Rule("clv_discount_rate", 0.0, 10.0),
    Rule("points_per_unit", 0.0, 1e6),
    Rule("referral_bonus", 0.0, AMOUNT),
    Rule("referral_reward_max", 0.0, AMOUNT),
    Rule("rebate_decimals", 0.0, 4.0),
    Rule("business_hours_start", 0.0, 23.0),
    Rule("business_hours_end", 1.0, 24.0),
    Rule("scorecard_weight_min", 0.0, 100.0),
    Rule("dissatisfied_score_max", 0.0, 100.0),
    Rule("anomaly_dispersion", 1.0, 1e6),
    Rule("high_frequency_orders", 1.0, COUNT),
    Rule("gap_size_min", 0.0, 1e6),
    Rule("gap_size_max", 0.0, 1e6),
    Rule("basket_lift_min", 0.0, 1e6),
    Rule("pace_gap_max", 0.0, 1.0),
    Rule("spill_share_max", 0.0, 1.0),
    Rule("spill_deviation_max", 0.0, 1.0),
    Rule("conflict_deduction_min", 0.0, 1.0),
    Rule("chasing_edge_gap", 0.0, 1.0),
    Rule("anomaly_gap_min", 0.0, 100.0),
    Rule("outlier_line_times", 1.0, 1e9),
    Rule("rejected_rows_per_file", 0.0, 1e9),
    Rule("usual_files", 1.0, 1000.0),
    Rule("malicious_months", 1.0, 1200.0),
    Rule("calendar_years_ahead", 0.0, 50.0),
    // Endings.
    Rule("_days", 0.0, DAYS),
    Rule("_days_min", 0.0, DAYS),
    Rule("_days_max", 0.0, DAYS),
    Rule("_days_drawn", 0.0, 1000.0),
    Rule("_hours", 0.0, 8760.0),
    Rule("_weeks", 1.0, 5200.0),
    Rule("_months", 1.0, 1200.0),
    Rule("_months_min", 0.0, 1200.0),
    Rule("_quarters", 1.0, 400.0),
    Rule("_quarters_min", 1.0, 4.0),
    Rule("_periods", 1.0, 400.0),
    Rule("_years_min", 0.0, 100.0),
    Rule("_grade_a", 0.0, 100.0),
    Rule("_grade_b", 0.0, 100.0),
    Rule("_grade_c", 0.0, 100.0),
    Rule("_share", 0.0, 1.0),
    Rule("_share_min", 0.0, 1.0),
    Rule("_rate", 0.0, 1.0),
    Rule("_rate_default", 0.0, 1.0),
    Rule("_discount_default", 0.0, 1.0),
    Rule("_deviation_min", 0.0, 1.0),
    Rule("_trend_min", 0.0, 100.0),
    Rule("_noise", 0.0, 100.0),
    Rule("_noise_min", 0.0, 100.0),
    Rule("_drop", 0.0, 1.0),
    Rule("_band", 0.0, 1e6),
    Rule("_spreads", 0.0, 1e6),
    Rule("_factor", 0.0, 1e6),
    Rule("_ratio", 0.0, 1e6),
    Rule("_reach", 1.0, 1e6),
    Rule("_units", 0.0, AMOUNT),
    Rule("_units_min", 0.0, AMOUNT),
    Rule("_value_min", 0.0, AMOUNT),
    Rule("_capital_min", 0.0, AMOUNT),
    Rule("_min", 0.0, COUNT),
    Rule("_max", 0.0, COUNT),
];

/// What the number of that name of the reference may be.
pub(super) fn range(name: &str) -> (f64, f64) {
    let (endings, names): (Vec<_>, Vec<_>) = RULES.iter().partition(|rule| rule.0.starts_with('_'));
    let named = names.into_iter().find(|rule| rule.0 == name);
    match named.or_else(|| endings.into_iter().find(|rule| name.ends_with(rule.0))) {
        Some(Rule(_, from, to)) => (*from, *to),
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
