//! What people write in TOML, read for them: a slip in a key or a name is answered with the nearest known one.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Value;

use crate::config::place::line_at;
use crate::error::{Error, Result, closest};
use crate::sha256::{Sha256, hex};

/// Parses TOML; a slip in a key is answered with the nearest known one.
pub(crate) fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|err| toml_error(&err, text))
}

/// Reads one section, with did-you-mean.
pub(crate) fn section<T: DeserializeOwned>(value: Value) -> Result<T> {
    value.try_into().map_err(|err: toml::de::Error| toml_error(&err, ""))
}

/// Turns an error of the TOML reader into ours: place, what was found, what to do.
fn toml_error(err: &toml::de::Error, text: &str) -> Error {
    let place = err.span().filter(|_| !text.is_empty()).map(|span| format!("line {}: ", line_at(text, span.start)));
    let message = err.message().trim().to_string();
    let error = Error::config(format!("{}{message}", place.unwrap_or_default()));
    let mut quoted = message.split('`').skip(1).step_by(2);
    match quoted.next() {
        Some(wrong) if message.starts_with("unknown") => match closest(wrong, quoted) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        },
        _ => error,
    }
}

/// Says in which section an error was found.
pub(crate) fn within(place: &str, err: &Error) -> Error {
    let error = Error::new(err.kind(), format!("{place}: {err}"));
    match err.advice() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// Refuses shares outside 0 to 1.
pub(crate) fn check_share(name: &str, share: Option<f64>) -> Result<()> {
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => {
            Err(Error::config(format!("{name} is {share}; expected a share from 0 to 1")))
        }
        _ => Ok(()),
    }
}

/// Every `*.toml` of a folder as (name without extension, path, text), sorted by name. That one cannot be read says
/// nothing of the others.
pub(crate) fn toml_files(folder: &Path) -> Result<Vec<(String, String, Result<String>)>> {
    let entries = std::fs::read_dir(folder)
        .map_err(|err| Error::config("folder cannot be read").at(folder.display()).because(err))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|ext| ext != "toml") {
            continue;
        }
        let Some(stem) = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()) else { continue };
        let text = crate::text_file::text_of(&path);
        files.push((stem, path.display().to_string(), text));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

/// Sixteen hex digits over the JSON of `value`.
pub(crate) fn fingerprint_of<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_vec(value).expect("settings hold only text keys, so they can be written as JSON");
    hex(&Sha256::digest(&json)[..8])
}
