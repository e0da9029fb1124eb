//! Puts a view into the templates. The HTML template escapes everything; the text one has nothing to escape.

use crate::error::{Error, Result};
use crate::mail::view::View;
use crate::mail::words::Words;

const HTML: &str = include_str!("templates/digest.html");
const TEXT: &str = include_str!("templates/digest.txt");

/// The HTML part.
pub(crate) fn html(view: &View, words: &Words) -> Result<String> {
    write("digest.html", HTML, view, words)
}

/// The plain text part, without blank lines that empty sections leave behind.
pub(crate) fn text(view: &View, words: &Words) -> Result<String> {
    let text = write("digest.txt", TEXT, view, words)?;
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    Ok(format!("{}\n", lines.join("\n").trim_end()))
}

fn write(name: &'static str, source: &'static str, view: &View, words: &Words) -> Result<String> {
    let mut env = words.environment();
    env.set_trim_blocks(true);
    env.set_lstrip_blocks(true);
    let broken = |err: minijinja::Error| Error::bug("mail template cannot be written").at(name).because(err);
    env.add_template(name, source).map_err(broken)?;
    env.get_template(name).and_then(|template| template.render(view)).map_err(broken)
}
