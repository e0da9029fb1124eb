//! Puts a view into the templates. The HTML templates escape everything; the text ones have nothing to escape.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::mail::view::{Review, View};
use crate::mail::words::Words;

/// The digest's HTML part.
pub(crate) fn html(view: &View, words: &Words) -> Result<String> {
    Ok(unparted(&page("digest.html", include_str!("templates/digest.html"), view, words)?))
}

/// The digest's plain text part.
pub(crate) fn text(view: &View, words: &Words) -> Result<String> {
    plain("digest.txt", include_str!("templates/digest.txt"), view, words)
}

/// A figure never parts from its scale at the end of a line.
fn unparted(page: &str) -> String {
    ["万", "亿", "个百分点"]
        .iter()
        .fold(page.to_string(), |page, scale| page.replace(&format!(" {scale}"), &format!("&nbsp;{scale}")))
}

/// The HTML part of the month's review.
pub(crate) fn review_html(view: &Review, words: &Words) -> Result<String> {
    Ok(unparted(&page("review.html", include_str!("templates/review.html"), view, words)?))
}

/// Its plain text part.
pub(crate) fn review_text(view: &Review, words: &Words) -> Result<String> {
    plain("review.txt", include_str!("templates/review.txt"), view, words)
}

/// A text, without blank lines that empty sections leave behind.
pub(crate) fn plain(name: &'static str, source: &'static str, view: &impl Serialize, words: &Words) -> Result<String> {
    let text = page(name, source, view, words)?;
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    Ok(format!("{}\n", lines.join("\n").trim_end()))
}

/// A template filled in; its name says whether it is HTML.
pub(crate) fn page(name: &'static str, source: &'static str, view: &impl Serialize, words: &Words) -> Result<String> {
    let mut env = words.environment();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    let broken = |err: minijinja::Error| Error::bug("mail template cannot be written").at(name).because(err);
    env.add_template("parts.html", include_str!("templates/parts.html")).map_err(broken)?;
    env.add_template(name, source).map_err(broken)?;
    env.get_template(name).and_then(|template| template.render(view)).map_err(broken)
}
