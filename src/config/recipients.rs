//! `[recipients]`: what single people want to be told, how often and in which language.

use serde::Deserialize;

use super::Config;
use crate::error::Error;

/// Days of the week as settings name them, Monday first.
pub const WEEKDAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const SEVERITIES: [&str; 3] = ["critical", "warning", "info"];

/// What one person wants. What is left out is as for everybody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipient {
    /// Rules, by name or pattern.
    pub rules: Vec<String>,
    /// The least severity that is told.
    pub severity: String,
    /// `day` or `week`.
    pub every: String,
    /// `zh` or `en`; the company's by default.
    pub locale: Option<String>,
    /// Whether the month's review goes to them.
    pub review: bool,
}

impl Default for Recipient {
    fn default() -> Self {
        Self { rules: vec!["*".into()], severity: "info".into(), every: "day".into(), locale: None, review: true }
    }
}

impl Recipient {
    pub(super) fn faults(&self, address: &str) -> Vec<Error> {
        let named = |text: String| Error::config(format!("recipients.\"{address}\": {text}"));
        let mut faults: Vec<Error> =
            crate::address::validate_address(address).err().map(|fault| named(fault.to_string())).into_iter().collect();
        let locale = self.locale.as_deref().unwrap_or("zh");
        for (key, value, allowed) in [
            ("severity", self.severity.as_str(), &SEVERITIES[..]),
            ("every", self.every.as_str(), &["day", "week"]),
            ("locale", locale, &["zh", "en"]),
        ] {
            if !allowed.contains(&value) {
                faults.push(named(format!("{key} is \"{value}\"; expected one of: {}", allowed.join(", "))));
            }
        }
        faults
    }
}

impl Config {
    /// What this person wants, if anybody said so.
    pub fn recipient(&self, address: &str) -> Option<&Recipient> {
        self.recipients.iter().find(|(known, _)| known.eq_ignore_ascii_case(address)).map(|(_, wish)| wish)
    }

    /// The language of what this person reads.
    pub fn locale_of(&self, address: &str) -> &str {
        let own = self.recipient(address).and_then(|wish| wish.locale.as_deref());
        own.unwrap_or(&self.company.locale)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::error::Result;

    fn parse(text: &str) -> Result<Config> {
        Config::parse(text, Path::new("/x"))
    }

    #[test]
    fn a_wish_leaves_out_what_is_as_for_everybody() {
        let config =
            parse("[recipients]\n\"wang@demo.example\" = { severity = \"critical\", locale = \"en\" }").unwrap();
        let wish = config.recipient("WANG@demo.example").unwrap();
        assert_eq!((wish.severity.as_str(), wish.every.as_str(), wish.rules.len()), ("critical", "day", 1));
        assert!(wish.review);
        assert_eq!((config.locale_of("wang@demo.example"), config.locale_of("li@demo.example")), ("en", "zh"));
        for (wrong, words) in [
            ("\"wang\" = {}", "is not a mail address"),
            ("\"w@x.y\" = { every = \"month\" }", "expected one of: day, week"),
            ("\"w@x.y\" = { severity = \"bad\" }", "expected one of: critical, warning, info"),
            ("\"w@x.y\" = { sevrity = \"info\" }", "sevrity"),
        ] {
            let err = parse(&format!("[recipients]\n{wrong}")).expect_err(wrong).to_string();
            assert!(err.contains(words), "{err}");
        }
    }
}
