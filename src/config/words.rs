//! Settings that are one of a few words, or a name that the world gives.

use toml::Table;

use super::recipients::WEEKDAYS;
use crate::error::{Error, closest};
use crate::zone::{self, Tz};

const WORDS: &[(&str, &[&str])] = &[
    ("company.locale", &["zh", "en"]),
    ("engine.compression", &["snappy", "zstd"]),
    ("mail.transport", &["file", "smtp"]),
    ("mail.smtp_security", &["starttls", "tls", "none"]),
    ("mail.rising_colour", &["locale", "red", "green"]),
    ("mail.replies", &["off", "refusals", "all"]),
    ("mail.weekly_on", WEEKDAYS),
    ("settings.inventory_averaging", &["daily", "two_point", "month_end"]),
    ("settings.transfer_scope", &["adjacent", "same", "anywhere"]),
    ("settings.bcg_growth_rule", &["fixed", "weighted_average"]),
    ("settings.bcg_channel_share_rule", SHARE_RULES),
    ("settings.bcg_region_share_rule", SHARE_RULES),
    ("settings.bcg_partner_share_rule", SHARE_RULES),
    ("settings.bcg_category_share_rule", SHARE_RULES),
    ("settings.score_method", &["quantile", "quantile_plus_one", "fixed", "ntile"]),
    ("settings.membership_basis", &["spend", "points"]),
    ("settings.sla_clock", &["always", "business_hours"]),
];

const SHARE_RULES: &[&str] = &["mean_share", "relative", "off"];

/// Every text that is none of the words that its setting can be, with its key.
pub(super) fn unknown(settings: &Table) -> Vec<(String, Error)> {
    let text = |key: &str| {
        let (section, name) = key.split_once('.')?;
        settings.get(section)?.as_table()?.get(name)?.as_str()
    };
    let mut faults: Vec<(String, Error)> = Vec::new();
    for (key, allowed) in WORDS {
        let Some(value) = text(key).filter(|value| !allowed.contains(value)) else { continue };
        let error = Error::config(format!("{key} is \"{value}\"; expected one of: {}", allowed.join(", ")));
        faults.push((key.to_string(), suggesting(error, value, allowed.iter().copied())));
    }
    let key = "company.time_zone";
    if let Some(named) = text(key).filter(|name| Tz::named(name).is_none()) {
        let error = Error::config(format!("{key} is \"{named}\"; expected a zone by name, as Asia/Shanghai or UTC"));
        let error = suggesting(error, named, zone::names());
        faults.push((key.to_string(), error.hint("the names are those of the IANA time zone database")));
    }
    faults
}

fn suggesting<'a>(error: Error, word: &str, known: impl Iterator<Item = &'a str>) -> Error {
    match closest(word, known) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;
    use crate::config::REFERENCE;

    /// A word of the reference that is not listed would let every slip through until a night falls over it.
    #[test]
    fn every_word_of_the_reference_is_one_of_a_list() {
        let reference: Table = toml::from_str(REFERENCE).expect("TOML");
        assert!(unknown(&reference).is_empty());
        let business = reference["settings"].as_table().expect("a section");
        for (name, _) in business.iter().filter(|(_, value)| matches!(value, Value::String(_))) {
            assert!(WORDS.iter().any(|(key, _)| *key == format!("settings.{name}")), "{name} takes any word");
        }
    }
}
