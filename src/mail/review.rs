//! The month's review: one mail a person once a month is over, beside the nightly one. It looks back and asks for nothing
//! at once: sales with their trend, rebates that are owed, and with the month that closes a quarter who moved in the BCG
//! matrix and the partners' scorecards. A month without anything says so.

use super::digest::{Digest, Digests, Parts};
use super::edition::Status;
use super::month::Issue;
use super::render;
use super::view::Review;
use super::wishes::allow;
use super::words::Words;
use crate::address::{recipient_hash, validate_address};
use crate::error::Result;

/// What tells a review apart from the nightly mail to the same person.
pub(crate) fn review_hash(address: &str) -> String {
    recipient_hash(&format!("{} review", address.trim()))
}

/// Writes the reviews of a month: to everybody who did not decline it and to whom mails may go. Whoever has no usable
/// address is told of by the nightly mails.
pub fn reviews(issue: &Issue<'_>) -> Digests {
    let mut all = Digests::default();
    for address in issue.people {
        let wants = issue.config.recipient(address).is_none_or(|wish| wish.review);
        if !wants || validate_address(address).and_then(|()| allow(issue.config, address)).is_err() {
            continue;
        }
        match review(issue, address) {
            Ok(digest) => all.written.push(digest),
            Err(err) => drop(all.unwritten.insert(address.clone(), err.one_line())),
        }
    }
    all
}

fn review(issue: &Issue<'_>, address: &str) -> Result<Digest> {
    let words = Words::new(issue.config.locale_of(address), &issue.config.company.base_currency)
        .read_on(issue.run.logical_date);
    let view = Review::new(issue, address, &words);
    let html = render::review_html(&view, &words)?;
    let text = render::review_text(&view, &words)?;
    let Review { subject, preview, pictures, .. } = view;
    let (status, code, hash) = (Status::Ok, "review", review_hash(address));
    let parts = Parts { status, code, hash, subject, preview, text, html, pictures, attachments: Vec::new() };
    parts.composed(address, issue.config, issue.run, issue.now)
}

#[cfg(test)]
mod tests;
