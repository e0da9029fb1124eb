//! `map_file`: a sender's own codes and what they are here, as a CSV beside the sender's file. Lists of a
//! thousand skus belong in a sheet that people can keep, not in TOML.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};

/// Header of the sender's codes, and of ours. Other columns are for people.
const THEIRS: &str = "theirs";
const OURS: &str = "ours";
/// Longest field that is read.
const FIELD_MAX: usize = 4096;

/// Reads `file` of `folder` and adds what the mapping itself lists.
pub(super) fn read(folder: &Path, file: &str, listed: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let path = folder.join(file);
    let text = crate::text_file::read(&path).map_err(|err| {
        Error::config(format!("map_file \"{file}\" cannot be read as UTF-8 text"))
            .hint("put the table beside the sender's file in jobs/senders, saved as CSV UTF-8")
            .because(err)
    })?;
    let mut map = listed;
    let wrong = |line: usize, what: String| Error::config(format!("map_file \"{file}\", line {line}: {what}"));
    let mut rows = records(&text).into_iter();
    let header = rows.next().map(|(_, fields)| fields).unwrap_or_default();
    let find = |name: &str| header.iter().position(|field| field.trim().eq_ignore_ascii_case(name));
    let (Some(theirs), Some(ours)) = (find(THEIRS), find(OURS)) else {
        return Err(wrong(1, format!("found the columns {}; expected {THEIRS} and {OURS}", header.join(", "))));
    };
    let mut count = 0;
    for (line, fields) in rows {
        let field = |at: usize| fields.get(at).map_or("", |field| field.trim());
        let (theirs, ours) = (field(theirs), field(ours));
        match (theirs.is_empty(), ours.is_empty()) {
            (true, true) => continue,
            (true, false) => return Err(wrong(line, format!("\"{ours}\" stands for no code of theirs"))),
            (false, true) => return Err(wrong(line, format!("\"{theirs}\" has no code of ours"))),
            (false, false) => count += 1,
        }
        if let Some(other) = map.insert(theirs.to_string(), ours.to_string())
            && other != ours
        {
            return Err(wrong(line, format!("\"{theirs}\" stands for \"{ours}\" and for \"{other}\"")));
        }
    }
    if count == 0 {
        return Err(Error::config(format!("map_file \"{file}\" has no rows")));
    }
    Ok(map)
}

/// The records of a CSV text with their lines. Small and strict enough for a table that we ask people to keep.
fn records(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut records = Vec::new();
    let (mut line, mut rest) = (1, text);
    while !rest.is_empty() {
        let (started, mut fields, mut field, mut quoted) = (line, Vec::new(), String::new(), false);
        let mut chars = rest.char_indices().peekable();
        let end = loop {
            let Some((at, char)) = chars.next() else { break rest.len() };
            line += usize::from(char == '\n');
            match char {
                '"' if quoted && chars.next_if(|(_, next)| *next == '"').is_some() => field.push('"'),
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(std::mem::take(&mut field)),
                '\n' if !quoted => break at + 1,
                '\r' if !quoted => {}
                other if field.len() < FIELD_MAX => field.push(other),
                _ => {}
            }
        };
        fields.push(field);
        if fields.iter().any(|field| !field.trim().is_empty()) {
            records.push((started, fields));
        }
        rest = &rest[end..];
    }
    records
}
