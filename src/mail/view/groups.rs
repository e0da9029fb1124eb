//! What takes one place in a digest: a finding, or one rule's many findings as the worst of them with a small table.

use crate::mail::edition::Edition;
use crate::state::record::Alert;

/// Findings that are told together; the worst first.
pub(super) type Group<'a> = Vec<&'a Alert>;

/// The due findings, worst first, in the places that they take.
pub(super) fn groups<'a>(edition: &Edition<'_>, due: &[&'a Alert]) -> Vec<Group<'a>> {
    let most = edition.config.mail.findings_per_rule_max.max(1);
    let mut groups: Vec<Group<'a>> = Vec::new();
    for alert in due {
        let many = due.iter().filter(|other| other.rule == alert.rule).count() > most;
        match groups.iter_mut().find(|group| many && group[0].rule == alert.rule) {
            Some(group) => group.push(alert),
            None => groups.push(vec![alert]),
        }
    }
    groups
}
