//! Where a finding is to be looked at, and the mail that asks not to hear of it for a while.

use crate::mail::edition::Edition;
use crate::mail::rule::label_line;
use crate::mail::words::Words;
use crate::state::record::Alert;

/// The address of a finding in the report: `mail.report_url` with its places filled in; empty without one.
pub(super) fn link(edition: &Edition<'_>, alert: &Alert) -> String {
    let places = [("{run_id}", &edition.run.run_id), ("{rule}", &alert.rule), ("{finding}", &alert.fingerprint)];
    let filled = |url: String, (place, value): (&str, &String)| url.replace(place, &percent_encoded(value));
    places.into_iter().fold(edition.config.mail.report_url.clone(), filled)
}

/// A mail to whoever lays silences, with the finding as its subject, as `tributary silence add` takes it.
pub(super) fn silence(edition: &Edition<'_>, alert: &Alert, words: &Words) -> String {
    let contact = helper(edition);
    if contact.is_empty() {
        return String::new();
    }
    let subject = format!("{} {}", words.pick("静默", "silence"), label_line(&alert.rule, alert));
    format!("mailto:{contact}?subject={}", percent_encoded(&subject))
}

/// Who answers questions about these mails.
pub(super) fn helper<'a>(edition: &'a Edition<'_>) -> &'a str {
    edition.helper().unwrap_or_default()
}

/// A text as part of a web address (RFC 3986): letters, digits and `-._~` as they are.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
