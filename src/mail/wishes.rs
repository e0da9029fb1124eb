//! To whom mails may go at all, on which day those who want one a week get it, and who answers questions about them.

use chrono::{Datelike as _, NaiveDate};

use crate::config::{Config, WEEKDAYS};
use crate::error::{Error, Result};

/// Whether weekly mails go out for this day.
pub(crate) fn is_weekly_day(config: &Config, date: NaiveDate) -> bool {
    WEEKDAYS[date.weekday().num_days_from_monday() as usize] == config.mail.weekly_on
}

/// Who answers questions about mails: who is named for it, else the first of head office.
pub(crate) fn helper(config: &Config) -> Option<&str> {
    let named = Some(&config.mail.help_contact).filter(|contact| !contact.is_empty());
    named.or(config.company.head_office.first()).map(String::as_str)
}

/// Refuses an address outside of `mail.allowed_domains`, if any are named.
pub(crate) fn allow(config: &Config, address: &str) -> Result<()> {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let allowed = &config.mail.allowed_domains;
    if allowed.is_empty() || allowed.iter().any(|one| one.eq_ignore_ascii_case(domain)) {
        return Ok(());
    }
    Err(Error::config(format!("mails may not go to {address}: its domain is not in mail.allowed_domains"))
        .hint(format!("domains there are: {}", allowed.join(", "))))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn only_named_domains_are_written_to() {
        let parse = |text: &str| Config::parse(text, Path::new("/x")).unwrap();
        assert!(allow(&parse(""), "a@anywhere.example").is_ok());
        let config = parse("[mail]\nallowed_domains = [\"demo.example\"]");
        assert!(allow(&config, "a@DEMO.example").is_ok());
        for foreign in ["a@other.example", "a@demo.example.evil", "a@sub.demo.example"] {
            assert!(allow(&config, foreign).is_err(), "{foreign}");
        }
        assert!(is_weekly_day(&config, "2026-11-22".parse().unwrap()), "a Sunday");
        assert!(!is_weekly_day(&config, "2026-11-23".parse().unwrap()));
    }
}
