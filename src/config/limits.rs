//! From what to what each number of config.toml may go. Zero and absurd values are refused here, once, so that nothing
//! further down divides by them, waits for ever or asks the machine for more than there is.

mod business;

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::error::Error;

/// A number's key, or what its name or the end of it is, and what it may be, both ends included.
struct Range(&'static str, f64, f64);

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;
const TIB: f64 = 1024.0 * 1024.0 * MIB;
/// A century.
const DAYS: f64 = 36_500.0;
const COUNT: f64 = 1e15;

const RANGES: &[Range] = &[
    Range("engine.memory_bytes", 16.0 * MIB, 64.0 * TIB),
    Range("engine.spill_bytes", 0.0, 1024.0 * TIB),
    Range("engine.threads", 0.0, 1024.0),
    Range("intake.line_bytes_max", KIB, 1024.0 * MIB),
    Range("intake.field_bytes_max", 64.0, 1024.0 * MIB),
    Range("intake.columns_max", 2.0, 65_536.0),
    Range("intake.rows_max", 1.0, COUNT),
    Range("intake.file_bytes_max", KIB, 1024.0 * TIB),
    Range("intake.unpacked_bytes_max", KIB, 1024.0 * TIB),
    Range("intake.unpacked_ratio_max", 1.0, 1e6),
    Range("intake.members_max", 1.0, 1e6),
    Range("intake.cells_max", 1.0, COUNT),
    // Less than this, and the program itself does not start.
    Range("intake.reader_memory_bytes", 64.0 * MIB, 64.0 * TIB),
    Range("intake.reader_seconds_max", 1.0, 86_400.0),
    Range("intake.files_per_night_max", 1.0, 1e9),
    Range("intake.files_at_once", 0.0, 1024.0),
    Range("intake.settle_seconds", 0.0, 3600.0),
    Range("intake.settle_looks_max", 1.0, 1000.0),
    Range("intake.reject_limit", 0.0, 1.0),
    Range("intake.few_rows", 0.0, 1e6),
    Range("intake.few_rows_reject_limit", 0.0, 1.0),
    Range("intake.retry_unknown_days", 0.0, DAYS),
    Range("run.deadline_minutes", 1.0, 10_080.0),
    Range("run.catch_up_max", 1.0, 366.0),
    Range("run.retries", 0.0, 100.0),
    Range("run.retry_first_pause_ms", 0.0, 3_600_000.0),
    Range("run.date_ahead_days_max", 0.0, DAYS),
    Range("run.clock_behind_hours_max", 0.0, 8760.0),
    Range("run.lost_rows_share_max", 0.0, 1.0),
    Range("run.lease_seconds", 1.0, 86_400.0),
    Range("aside.trials_max", 0.0, 10_000.0),
    Range("aside.minutes_max", 1.0, 10_080.0),
    Range("aside.rows_max", 0.0, 1000.0),
    Range("state.checkpoint_every", 1.0, 1e6),
    Range("state.keep_orphans_days", 1.0, DAYS),
    Range("state.keep_mails_days", 1.0, DAYS),
    Range("state.deliveries_days", 1.0, DAYS),
    Range("publish.row_group_rows", 1.0, 1e8),
    Range("publish.latest_single_file_bytes", 0.0, 1024.0 * TIB),
    Range("mail.smtp_port", 1.0, 65_535.0),
    Range("mail.smtp_timeout_seconds", 1.0, 3600.0),
    Range("mail.smtp_data_timeout_seconds", 1.0, 3600.0),
    Range("mail.unanswered_max", 1.0, 100.0),
    Range("mail.per_minute_max", 0.0, 1e6),
    Range("mail.retry_hours", 1.0, 8760.0),
    Range("mail.tries_per_run", 1.0, 100.0),
    Range("mail.repeat_hours", 1.0, 8760.0),
    Range("mail.findings_max", 1.0, 1000.0),
    Range("mail.headlines_max", 3.0, 1000.0),
    Range("mail.findings_per_rule_max", 1.0, 1000.0),
    Range("mail.finding_rows_max", 0.0, 1000.0),
    Range("mail.escalate_days", 0.0, DAYS),
    Range("mail.evidence_rows_max", 0.0, 100_000.0),
    Range("mail.comparison_base_min", 0.0, 1.0),
    Range("mail.reply_rows_max", 1.0, 1000.0),
    Range("serve.tick_seconds", 1.0, 3600.0),
];

/// Every number that lies outside of what it may be, with its key.
pub(super) fn beyond(settings: &Table, shipped: &BTreeSet<String>) -> Vec<(String, Error)> {
    let own = RANGES.iter().filter_map(|Range(key, from, to)| {
        let (section, name) = key.split_once('.')?;
        Some((key.to_string(), settings.get(section)?.as_table()?.get(name)?, *from, *to))
    });
    let own =
        own.filter_map(|(key, value, from, to)| Some((key.clone(), advised(&key, fault(&key, value, from, to)?))));
    let business = settings.get("settings").and_then(Value::as_table).into_iter().flatten();
    let business = business.filter_map(|(name, value)| {
        let key = format!("settings.{name}");
        if shipped.contains(name) {
            let (from, to) = business::range(name);
            return Some((key.clone(), advised(&key, fault(&key, value, from, to)?)));
        }
        // An analyst's own whole number is nobody's business; one with a fraction must fit what SQL has for it.
        let (from, to) = business::OWN;
        let error = fault(&key, value, from, to).filter(|_| value.is_float())?;
        Some((key, error.hint("SQL has settings with eleven digits before the point and six after it")))
    });
    own.chain(business).collect()
}

fn fault(key: &str, value: &Value, from: f64, to: f64) -> Option<Error> {
    let written = match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => return None,
    };
    #[expect(clippy::cast_precision_loss, reason = "compared with round numbers")]
    let number = value.as_float().or_else(|| value.as_integer().map(|number| number as f64))?;
    let share = (from, to) == (0.0, 1.0);
    let expected = match value {
        _ if !(from..=to).contains(&number) => match value {
            Value::Float(_) if share => "expected a share from 0 to 1".to_string(),
            Value::Float(_) => format!("expected a number from {from} to {to}"),
            _ if number < from => format!("expected at least {from}"),
            _ => format!("expected at most {to}"),
        },
        // SQL has settings as decimal(18,6).
        Value::Float(number) if decimals(*number) > 6 => "expected at most six digits after the point".to_string(),
        _ => return None,
    };
    Some(Error::config(format!("{key} is {written}; {expected}")))
}

fn decimals(number: f64) -> usize {
    number.to_string().split_once('.').map_or(0, |(_, fraction)| fraction.len())
}

/// What to do, where the range itself does not say it.
fn advised(key: &str, error: Error) -> Error {
    match key {
        "intake.reader_memory_bytes" => {
            error.hint("give the reader of workbooks room to work in; the default is 1 GiB")
        }
        "engine.memory_bytes" => error.hint("give queries room to work in; the default is 4 GiB"),
        _ => {
            error.hint("leave the line out for the default, which stands with its reason in the project's config.toml")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::REFERENCE;

    /// What a number of these sections is allowed to be is said here, or it is forgotten.
    #[test]
    fn every_number_has_a_range() {
        let reference: Table = toml::from_str(REFERENCE).expect("TOML");
        let known: Vec<&str> = RANGES.iter().map(|range| range.0).collect();
        for (section, table) in
            reference.iter().filter(|(section, _)| !["settings", "tables", "recipients"].contains(&section.as_str()))
        {
            for (name, value) in table.as_table().expect("a section") {
                let key = format!("{section}.{name}");
                let number = value.is_integer() || value.is_float();
                assert_eq!(number, known.contains(&key.as_str()), "{key}");
            }
        }
        let shipped = reference["settings"].as_table().expect("a section").keys().cloned().collect();
        assert!(beyond(&reference, &shipped).is_empty());
    }
}
